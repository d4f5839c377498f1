//! Repositories of which the cache keeps a large index blob, and what goes wrong with such files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::repository::blob::blocking;
use crate::repository::clock::SettableClock;
use crate::repository::index::{encode, sealed_blob};
use crate::repository::manifest::labels;
use crate::repository::open::{CacheOptions, Repository};
use crate::repository::session::Session;
use crate::repository::session::tests::{begin, clock, created, memory, options, plains, snapshot, write};

/// A repository with 40 000 contents, of which the first ones are really there, in one large index blob.
struct Large {
    repository: Repository,
    clock: Arc<SettableClock>,
    cache: tempfile::TempDir,
    ids: Vec<ContentId>,
    index: BlobId,
}

impl Large {
    async fn new() -> Large {
        let (clock, cache) = (clock(), tempfile::tempdir().unwrap());
        let repository = created(&memory(), &clock).await;
        let session = begin(&repository).await;
        let ids = write(&session, None, plains(3)).await.unwrap();
        session.put_manifest(snapshot("one"), &serde_json::json!({"kept": true})).unwrap();
        session.commit().await.unwrap();
        let mut entries: Vec<Entry> = repository.view().await.unwrap().iter().collect();
        let like = entries[0].clone();
        entries.extend((0..40_000_u32).map(|number| {
            let content = repository.seal().content_id(None, &number.to_be_bytes());
            Entry { content, ..like.clone() }
        }));
        let payload = encode(2, &mut entries, &[]).unwrap();
        let (index, sealed) = sealed_blob(&repository.seal(), "xn0_", "s0011223344556677147-c1", &payload).unwrap();
        for blob in repository.blobs().list("xn").await.unwrap() {
            repository.blobs().delete(&blob.id).await.unwrap();
        }
        repository.blobs().put(&index, sealed.into()).await.unwrap();
        Large { repository, clock, cache, ids, index }
    }

    async fn open(&self) -> Repository {
        let cache = CacheOptions { directory: self.cache.path().to_owned(), limit: 64 << 20 };
        let options = options(&self.clock).with_cache(cache);
        self.repository.open_like(self.repository.blobs().clone(), options).await.unwrap()
    }

    /// Opens it and takes the index blob out of the store, so that only the cache can answer.
    async fn open_without_index_blob(&self) -> Repository {
        let repository = self.open().await;
        self.repository.blobs().delete(&self.index).await.unwrap();
        repository
    }

    /// The file of the cache that holds the index blob.
    fn file(&self) -> PathBuf {
        let name = Cache::leaves_of(&self.index);
        let repositories = std::fs::read_dir(self.cache.path()).unwrap();
        let files = repositories.map(|directory| directory.unwrap().path().join(&name));
        files.filter(|file| file.exists()).collect::<Vec<_>>().remove(0)
    }
}

fn flip(file: &Path, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

async fn manifests(repository: &Repository) -> usize {
    repository.manifests(&labels([("type", "snapshot")])).await.unwrap().iter().count()
}

fn is_kept(repository: &Repository) -> bool {
    !repository.index().kept.is_empty()
}

#[tokio::test]
async fn a_content_and_the_manifests_are_found_without_loading_the_index() {
    let large = Large::new().await;
    assert!(!is_kept(&large.open().await), "the first opening reads it from the store");
    let second = large.open_without_index_blob().await;
    assert!(is_kept(&second));
    for (id, plain) in large.ids.iter().zip(plains(3)) {
        assert_eq!(second.read_content(id).await.unwrap(), plain);
        let (reader, id) = (second.clone(), *id);
        assert_eq!(blocking(move || reader.read_content_blocking(&id)).await.unwrap(), plain);
    }
    let unknown = second.seal().content_id(None, b"nobody wrote this");
    assert_eq!(second.entry(&unknown).await.unwrap(), None);
    assert_eq!(manifests(&second).await, manifests(&large.repository).await);
    assert!(is_kept(&second));
}

#[tokio::test]
async fn who_wants_the_whole_index_has_it() {
    let large = Large::new().await;
    let first = large.open().await;
    let second = large.open_without_index_blob().await;
    let (all, again) = (first.view().await.unwrap(), second.view().await.unwrap());
    assert!(all.iter().eq(again.iter()));
    assert!(!is_kept(&second));
    assert!(second.has_loaded(&large.index).await);
}

#[tokio::test]
async fn a_session_knows_what_lies_in_the_cache_only() {
    let large = Large::new().await;
    large.open().await;
    let second = large.open().await;
    assert!(is_kept(&second) && !second.has_loaded(&large.index).await);
    let session: Session = begin(&second).await;
    write(&session, None, plains(3)).await.unwrap();
    session.commit().await.unwrap();
    let packs = second.blobs().list("p").await.unwrap();
    assert_eq!(packs.len(), 1, "nothing was written again");
}

#[tokio::test]
async fn who_asks_often_gets_the_whole_index() {
    let large = Large::new().await;
    large.open().await;
    let second = large.open().await;
    for number in 0..2_000_u32 {
        let id = second.seal().content_id(None, &number.to_be_bytes());
        assert!(second.entry(&id).await.unwrap().is_some());
    }
    assert!(!is_kept(&second));
}

#[tokio::test]
async fn later_entries_of_other_index_blobs_count() {
    let large = Large::new().await;
    large.open().await;
    let session = begin(&large.repository).await;
    let entry = large.repository.entry(&large.ids[3]).await.unwrap().unwrap();
    session.note(vec![Entry { timestamp: entry.timestamp + 1, deleted: true, ..entry }]).unwrap();
    session.commit().await.unwrap();
    let second = large.open().await;
    assert!(is_kept(&second));
    assert!(second.entry(&large.ids[3]).await.unwrap().unwrap().deleted);
    assert!(!second.entry(&large.ids[4]).await.unwrap().unwrap().deleted);
}

#[tokio::test]
async fn every_changed_bit_is_noticed_and_the_store_asked() {
    let large = Large::new().await;
    large.open().await;
    let file = large.file();
    let length = std::fs::metadata(&file).unwrap().len();
    let places: Vec<u64> = (0..64).chain((0..40).map(|n| n * length / 40)).chain([length - 1]).collect();
    for at in places {
        flip(&file, at);
        let repository = large.open().await;
        for (id, plain) in large.ids.iter().zip(plains(3)) {
            assert_eq!(repository.read_content(id).await.unwrap(), plain, "bit at {at}");
        }
        assert_eq!(manifests(&repository).await, 1);
        let whole = large.open().await.view().await.unwrap();
        assert!(whole.iter().eq(large.open().await.view().await.unwrap().iter()), "bit at {at}");
        assert!(whole.ordinals() > 40_000 + large.ids.len());
    }
}

#[tokio::test]
async fn a_file_that_is_cut_gone_or_of_another_blob_is_made_again() {
    let large = Large::new().await;
    large.open().await;
    let file = large.file();
    let whole = std::fs::read(&file).unwrap();
    for length in [0, 4, 8, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&file, &whole[..length]).unwrap();
        assert!(!is_kept(&large.open().await));
        assert_eq!(std::fs::metadata(&file).unwrap().len(), whole.len() as u64, "{length}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(!is_kept(&large.open().await));
    let repository = large.open().await;
    assert!(is_kept(&repository));
    std::fs::write(&file, b"emptied while it was open").unwrap();
    for (id, plain) in large.ids.iter().zip(plains(3)) {
        assert_eq!(repository.read_content(id).await.unwrap(), plain);
    }
    assert!(!is_kept(&repository));
}

#[tokio::test]
async fn what_is_lost_everywhere_is_an_error() {
    let large = Large::new().await;
    large.open().await;
    let repository = large.open_without_index_blob().await;
    std::fs::write(large.file(), b"emptied").unwrap();
    // Nobody replaced the index blob: the listing does not have it any more, and neither has the view.
    let error = repository.read_content(&large.ids[3]).await.unwrap_err();
    assert!(error.to_string().contains(&large.ids[3].to_string()), "{error}");
}
