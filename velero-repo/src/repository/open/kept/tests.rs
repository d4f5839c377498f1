//! Repositories of which the cache keeps a large index blob, and what goes wrong with such files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::repository::blob::blocking;
use crate::repository::clock::SettableClock;
use crate::repository::manifest::labels;
use crate::repository::open::large::merge_index;
use crate::repository::open::{CacheOptions, Repository};
use crate::repository::session::tests::{begin, clock, created, memory, options, plains, snapshot, write};
use crate::repository::session::{Session, SessionOptions};

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
        let index = merge_index(&repository, 40_000).await;
        Large { repository, clock, cache, ids, index }
    }

    fn cache_options(&self) -> CacheOptions {
        CacheOptions { directory: self.cache.path().to_owned(), limit: 64 << 20 }
    }

    async fn open(&self) -> Repository {
        let options = options(&self.clock).with_cache(self.cache_options());
        self.repository.open_like(self.repository.blobs().clone(), options).await.unwrap()
    }

    /// The entries that the cache has of the index blob, if it is whole there.
    fn in_the_cache(&self) -> Option<Vec<Entry>> {
        let cache = Cache::open(&self.cache_options(), &self.repository.format().unique_id).unwrap();
        let kept = Kept::open(&cache, &self.repository.seal(), &self.index)?;
        Some(kept.table().ok()?.iter().collect())
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
    let expected: Vec<Entry> = large.repository.view().await.unwrap().iter().collect();
    for at in places {
        flip(&file, at);
        assert!(large.in_the_cache().is_none(), "bit at {at}");
        let repository = large.open().await;
        for (id, plain) in large.ids.iter().zip(plains(3)) {
            assert_eq!(repository.read_content(id).await.unwrap(), plain, "bit at {at}");
        }
        assert_eq!(manifests(&repository).await, 1);
        assert!(large.open().await.view().await.unwrap().iter().eq(expected.iter().cloned()), "bit at {at}");
        assert_eq!(large.in_the_cache().unwrap(), expected, "it was mended");
    }
}

#[tokio::test]
async fn the_file_of_another_index_blob_is_not_taken_for_this_one() {
    let large = Large::new().await;
    large.open().await;
    let cache = Cache::open(&large.cache_options(), &large.repository.format().unique_id).unwrap();
    let seal = large.repository.seal();
    let other = BlobId::new("xn0_00112233445566778899aabbccddeeff-s0011223344556677147-c1").unwrap();
    let Some(Ok(table)) = Kept::open(&cache, &seal, &large.index).map(|kept| kept.table()) else {
        panic!("it is kept")
    };
    Kept::write(&cache, &seal, &other, &table);
    assert!(Kept::open(&cache, &seal, &other).is_some());
    std::fs::copy(large.file(), large.file().with_file_name(Cache::leaves_of(&other))).unwrap();
    assert!(Kept::open(&cache, &seal, &other).is_none());
}

#[tokio::test]
async fn leaves_that_changed_places_do_not_open() {
    let large = Large::new().await;
    large.open().await;
    let cache = Cache::open(&large.cache_options(), &large.repository.format().unique_id).unwrap();
    let kept = Kept::open(&cache, &large.repository.seal(), &large.index).unwrap();
    let place = |number: usize| kept.places[number] as usize..kept.places[number + 1] as usize;
    assert_eq!(place(0).len(), place(1).len());
    let mut bytes = std::fs::read(large.file()).unwrap();
    let first = bytes[place(0)].to_vec();
    bytes.copy_within(place(1), place(0).start);
    bytes[place(1)].copy_from_slice(&first);
    std::fs::write(large.file(), bytes).unwrap();
    assert!(kept.table().is_err() && large.in_the_cache().is_none());
}

#[tokio::test]
async fn a_session_that_can_not_begin_leaves_no_marker() {
    let large = Large::new().await;
    large.open().await;
    let repository = large.open().await;
    assert!(is_kept(&repository));
    std::fs::write(large.file(), b"emptied").unwrap();
    let garbage = bytes::Bytes::from_static(b"this is not what the index blob was");
    repository.blobs().put(&large.index, garbage).await.unwrap();
    let begun = Session::begin(&repository, SessionOptions::default()).await;
    let error = begun.map(drop).unwrap_err();
    assert!(error.to_string().contains(large.index.as_str()), "{error}");
    assert_eq!(repository.blobs().list("s").await.unwrap(), [], "collections would wait for it for days");
}

#[tokio::test]
async fn a_file_that_is_cut_or_gone_is_made_again() {
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
