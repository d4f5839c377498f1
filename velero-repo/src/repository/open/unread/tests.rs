//! A large index blob that is left in the store: what is found through it, and what happens when it lies.

use super::*;
use crate::error::ErrorKind;
use crate::repository::browse::resolve;
use crate::repository::clock::SettableClock;
use crate::repository::content::MANIFEST;
use crate::repository::manifest::{Labels, TYPE, labels};
use crate::repository::name::BlobId;
use crate::repository::open::large::merge_index;
use crate::repository::open::{CacheOptions, Repository};
use crate::repository::session::tests::{begin, clock, created, memory, options, plains, snapshot, write};
use std::sync::Arc;

/// Entries in the index that lead nowhere.
const MANY: u32 = 60_000;

/// A repository in memory with all of its index in one large blob.
struct Large {
    repository: Repository,
    clock: Arc<SettableClock>,
    ids: Vec<ContentId>,
    manifest: String,
    index: BlobId,
}

impl Large {
    async fn new() -> Large {
        let clock = clock();
        let repository = created(&memory(), &clock).await;
        let session = begin(&repository).await;
        let ids = write(&session, None, plains(3)).await.unwrap();
        write(&session, Some(b'k'), plains(4)).await.unwrap();
        let manifest = session.put_manifest(snapshot("one"), &serde_json::json!({"kept": true})).unwrap();
        session.commit().await.unwrap();
        let index = merge_index(&repository, MANY).await;
        Large { repository, clock, ids, manifest: manifest.as_str().to_owned(), index }
    }

    async fn open(&self) -> Repository {
        self.open_with(None).await
    }

    async fn open_with(&self, cache: Option<CacheOptions>) -> Repository {
        let options = options(&self.clock).read_only();
        let options = cache.into_iter().fold(options, |options, cache| options.with_cache(cache));
        self.repository.open_like(self.repository.blobs().clone(), options).await.unwrap()
    }

    /// Changes a bit of the index blob.
    async fn flip(&self, at: usize) {
        let mut bytes = self.repository.blobs().get(&self.index, 1 << 30).await.unwrap().unwrap().to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 1;
        self.repository.blobs().put(&self.index, bytes.into()).await.unwrap();
    }

    fn labels() -> Labels {
        labels([(TYPE, "snapshot")])
    }
}

fn is_unread(repository: &Repository) -> bool {
    !repository.index().unread.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_and_a_manifest_are_found_in_pieces_of_the_index() {
    let large = Large::new().await;
    let opened = large.open().await;
    for (id, plain) in large.ids.iter().zip(plains(3)) {
        assert_eq!(opened.read_content(id).await.unwrap(), plain);
        let (reader, id) = (opened.clone(), *id);
        let read = tokio::task::spawn_blocking(move || reader.read_content_blocking(&id));
        assert_eq!(read.await.unwrap().unwrap(), plain);
    }
    let record = opened.glimpse_manifest(&large.manifest, &Large::labels()).await.unwrap();
    assert_eq!(record.id.as_str(), large.manifest);
    let read = opened.index().unread[0].recent.read();
    assert!(is_unread(&opened) && read < 20, "{read} leaves");
    assert!(!opened.has_loaded(&large.index).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_content_of_a_table_is_found_where_a_search_finds_it() {
    let large = Large::new().await;
    let opened = large.open().await;
    let view = large.repository.view().await.unwrap();
    for (_, row) in view.rows().step_by(997) {
        let (entry, unread) = (row.entry().unwrap(), large.open().await.index().unread[0].clone());
        let found =
            tokio::task::spawn_blocking(move || (unread.get(&entry.content).unwrap(), unread.recent.read(), entry));
        let (found, read, entry) = found.await.unwrap();
        assert_eq!(found, Some(entry));
        assert!(read <= 6, "{read} leaves");
    }
    for prefix in [b'k', MANIFEST, b'g', b'z'] {
        let unread = opened.index().unread[0].clone();
        let found = tokio::task::spawn_blocking(move || unread.with_prefix(prefix)).await.unwrap().unwrap();
        let expected: Vec<Entry> = view.with_prefix(prefix).map(|(_, row)| row.entry().unwrap()).collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn that_something_is_not_there_is_said_only_of_the_whole_index() {
    let large = Large::new().await;
    for question in 0..4 {
        let opened = large.open().await;
        let unknown = opened.seal().content_id(None, b"nobody wrote this");
        match question {
            0 => assert_eq!(opened.entry(&unknown).await.unwrap(), None),
            1 => assert_eq!(opened.read_content(&unknown).await.unwrap_err().kind(), ErrorKind::NotFound),
            2 => assert_eq!(opened.manifests(&Large::labels()).await.unwrap().len(), 1),
            _ => assert_eq!(
                resolve(&opened, "00112233445566778899aabbccddeeff").await.unwrap_err().kind(),
                ErrorKind::NotFound
            ),
        }
        assert!(!is_unread(&opened) && opened.has_loaded(&large.index).await, "{question}");
    }
    let (opened, all) = (large.open().await, large.repository.view().await.unwrap());
    assert!(opened.view().await.unwrap().iter().eq(all.iter()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_often_gets_the_whole_index() {
    let large = Large::new().await;
    let opened = large.open().await;
    for number in 0..200_u32 {
        opened.glimpse(&opened.seal().content_id(None, &number.to_be_bytes())).await;
    }
    assert!(opened.index().unread[0].is_worn());
    assert_eq!(opened.read_content(&large.ids[3]).await.unwrap(), plains(3)[3]);
    assert!(!is_unread(&opened));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_bit_leads_to_the_right_bytes_or_to_an_error_that_names_the_index_blob() {
    let large = Large::new().await;
    let length = large.repository.blobs().stat(&large.index).await.unwrap().unwrap().length as usize;
    let places =
        (0..64).chain((0..24).map(|n| n * length / 24)).chain(length - 3_000..length - 2_950).chain([length - 1]);
    let mut told = 0;
    for at in places {
        large.flip(at).await;
        for wanted in 0..2 {
            let read = async {
                let options = options(&large.clock).read_only();
                let opened = large.repository.open_like(large.repository.blobs().clone(), options).await?;
                match wanted {
                    0 => opened.read_content(&large.ids[3]).await.map(|bytes| assert_eq!(bytes, plains(3)[3])),
                    _ => match opened.glimpse_manifest(&large.manifest, &Large::labels()).await {
                        Some(record) => record.document().map(|kept: serde_json::Value| assert_eq!(kept["kept"], true)),
                        None => opened.manifest(&large.manifest).await.map(drop),
                    },
                }
            };
            if let Err(error) = read.await {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "bit at {at}: {error}");
                assert!(error.to_string().contains(large.index.as_str()), "bit at {at}: {error}");
                told += 1;
            }
        }
        large.flip(at).await;
    }
    assert!(told > 10, "{told}");
}

/// A data content that looks like a batch of manifests, which somebody who can change bits of the index turns into one.
#[tokio::test(flavor = "multi_thread")]
async fn a_content_of_another_kind_is_not_taken_for_a_batch_of_manifests() {
    let large = Large::new().await;
    let view = large.repository.view().await.unwrap();
    let batch = view.with_prefix(MANIFEST).map(|(_, row)| row.entry().unwrap()).last().unwrap();
    let bytes = large.repository.read_content(&batch.content).await.unwrap();
    let session = begin(&large.repository).await;
    let planted = write(&session, None, vec![bytes.to_vec()]).await.unwrap()[0];
    session.commit().await.unwrap();
    large.repository.refresh_index().await.unwrap();
    let planted = large.repository.entry(&planted).await.unwrap().unwrap();
    assert!(large.repository.is_confirmed(&batch).await && large.repository.is_confirmed(&planted).await);
    let forged = Entry { content: batch.content, ..planted };
    assert_eq!(large.repository.read_entry(&forged).await.unwrap().unwrap(), bytes, "it opens under that name");
    assert!(!large.repository.is_confirmed(&forged).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_from_a_remote_store_are_kept_in_the_cache_and_not_trusted_there() {
    let (large, place) = (Large::new().await, tempfile::tempdir().unwrap());
    let cache = CacheOptions { directory: place.path().to_owned(), limit: 64 << 20 };
    let first = large.open_with(Some(cache.clone())).await;
    assert_eq!(first.read_content(&large.ids[3]).await.unwrap(), plains(3)[3]);
    let kept = first.cache_status().await.unwrap().unwrap();
    assert!(kept.files >= 4 && kept.bytes < 1 << 20, "{kept:?}");
    let second = large.open_with(Some(cache.clone())).await;
    let blob = large.repository.blobs().get(&large.index, 1 << 30).await.unwrap().unwrap();
    large.repository.blobs().delete(&large.index).await.unwrap();
    assert_eq!(second.read_content(&large.ids[3]).await.unwrap(), plains(3)[3]);
    large.repository.blobs().put(&large.index, blob).await.unwrap();
    for file in std::fs::read_dir(&kept.directory).unwrap() {
        let file = file.unwrap().path();
        let bytes: Vec<u8> = std::fs::read(&file).unwrap().iter().map(|byte| byte ^ 4).collect();
        std::fs::write(&file, bytes).unwrap();
    }
    let third = large.open_with(Some(cache)).await;
    assert_eq!(third.read_content(&large.ids[3]).await.unwrap(), plains(3)[3]);
    assert!(!is_unread(&third));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_blob_that_another_program_has_replaced_is_looked_for_again() {
    let large = Large::new().await;
    let opened = large.open().await;
    let bytes = large.repository.blobs().get(&large.index, 1 << 30).await.unwrap().unwrap();
    let name = large.index.as_str().replace("s0011223344556677147", "s0011223344556677148");
    large.repository.blobs().put(&BlobId::new(name).unwrap(), bytes).await.unwrap();
    large.repository.blobs().delete(&large.index).await.unwrap();
    opened.load_unread().await.unwrap();
    assert!(!is_unread(&opened), "what has replaced it is loaded");
    assert_eq!(opened.read_content(&large.ids[3]).await.unwrap(), plains(3)[3]);
    let all = large.repository.view().await.unwrap();
    assert!(opened.view().await.unwrap().iter().eq(all.iter()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_after_a_failure_is_not_told_that_nothing_is_there() {
    let large = Large::new().await;
    let opened = large.open().await;
    let blobs = large.repository.blobs();
    let bytes = blobs.get(&large.index, 1 << 30).await.unwrap().unwrap();
    let name = large.index.as_str().replace("s0011223344556677147", "s0011223344556677148");
    let replaced = BlobId::new(name).unwrap();
    blobs.put(&replaced, vec![0; bytes.len()].into()).await.unwrap();
    blobs.delete(&large.index).await.unwrap();
    for _ in 0..2 {
        assert_eq!(opened.manifests(&Large::labels()).await.unwrap_err().kind(), ErrorKind::Corrupt);
    }
    blobs.put(&replaced, bytes).await.unwrap();
    assert_eq!(opened.manifests(&Large::labels()).await.unwrap().len(), 1);
    assert!(!is_unread(&opened));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_or_verifies_reads_all_of_it() {
    let large = Large::new().await;
    let writing = large.repository.open_like(large.repository.blobs().clone(), options(&large.clock)).await.unwrap();
    let options = options(&large.clock).for_verification();
    let verifying = large.repository.open_like(large.repository.blobs().clone(), options).await.unwrap();
    assert!(!is_unread(&writing) && !is_unread(&verifying));
}
