use super::*;
use crate::error::ErrorKind;
use crate::repository::content::{ContentId, INDIRECT};
use crate::repository::format::{CreateOptions, UpgradeLock};
use crate::repository::name::{BlobId, Family, PackKind};
use crate::repository::object::{IndirectEntry, ObjectId, encode_list};
use crate::repository::seal::compression::Compressor;
use crate::repository::session::tests::{
    begin, blobs, choices, clock, created, memory, opened, options, password, plains, write,
};
use futures::TryStreamExt;

/// Writes one content and makes it visible.
async fn put(repository: &Repository, prefix: Option<u8>, plain: &[u8]) -> ContentId {
    let session = begin(repository).await;
    let ids = write(&session, prefix, vec![plain.to_vec()]).await.unwrap();
    session.commit().await.unwrap();
    ids[0]
}

/// The list of objects that follow each other.
fn list(parts: &[(ContentId, usize)]) -> Vec<u8> {
    let mut start = 0;
    let entry = |(content, length): &(ContentId, usize)| {
        let entry = IndirectEntry { start, length: *length as u64, object: ObjectId::direct(*content) };
        start += entry.length;
        entry
    };
    encode_list(&parts.iter().map(entry).collect::<Vec<_>>()).unwrap()
}

fn indirect(content: ContentId, levels: usize) -> ObjectId {
    (0..levels).fold(ObjectId::direct(content), |object, _| ObjectId::indirect(object).unwrap())
}

#[tokio::test]
async fn objects_are_read_through_lists_and_lists_of_lists() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let whole: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let mut parts = Vec::new();
    for chunk in whole.chunks(4_000) {
        parts.push((put(&repository, None, chunk).await, chunk.len()));
    }
    parts.push((put(&repository, None, b"").await, 0));
    let document = list(&parts);
    let once = indirect(put(&repository, Some(INDIRECT), &document).await, 1);
    let (front, back) = document.split_at(50);
    let halves = [
        (put(&repository, Some(INDIRECT), front).await, 50),
        (put(&repository, Some(INDIRECT), back).await, back.len()),
    ];
    let twice = indirect(put(&repository, Some(INDIRECT), &list(&halves)).await, 2);

    for object in [once, twice] {
        assert_eq!(repository.read_object(&object, 10_000).await.unwrap(), whole);
        assert_eq!(repository.parts(&object).await.unwrap().len(), 4);
        let pieces: Vec<_> = repository.stream_object(&object).await.unwrap().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), whole);
        assert_eq!(repository.read_object(&object, 9_999).await.unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let direct = ObjectId::direct(parts[0].0);
    assert_eq!(repository.read_object(&direct, 4_000).await.unwrap(), &whole[..4_000]);
    assert_eq!(repository.read_object(&direct, 3_999).await.unwrap_err().kind(), ErrorKind::Corrupt);

    parts[1].1 = 3_999;
    let lying = indirect(put(&repository, Some(INDIRECT), &list(&parts)).await, 1);
    let error = repository.read_object(&lying, 10_000).await.unwrap_err();
    assert!(error.to_string().contains(&parts[1].0.to_string()), "{error}");
}

#[tokio::test]
async fn objects_that_are_compressed_as_a_whole_are_read_in_repositories_of_version_1() {
    let (operator, clock) = (memory(), clock());
    let choices = CreateOptions { version: 1, ..choices() };
    let repository = Repository::create(blobs(operator, &clock).await, choices, options(&clock)).await.unwrap();
    let plain = vec![7; 100_000];
    let compressor = Compressor::by_name("s2-default").unwrap();
    let stored = [&compressor.id().to_be_bytes()[..], &compressor.compress(&plain).unwrap()].concat();
    let object = ObjectId::parse(&format!("Z{}", put(&repository, None, &stored).await)).unwrap();
    assert_eq!(repository.read_object(&object, 100_000).await.unwrap(), plain);
    assert_eq!(repository.read_object(&object, 99_999).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// The only blob of a family, and its bytes.
async fn only(repository: &Repository, family: Family) -> (BlobId, Bytes) {
    let all = repository.blobs().list("").await.unwrap();
    let mut found = all.into_iter().filter(|blob| blob.id.family() == family);
    let id = found.next().unwrap().id;
    let bytes = repository.blobs().get(&id, 1 << 30).await.unwrap().unwrap();
    (id, bytes)
}

#[tokio::test]
async fn a_damaged_pack_is_named_together_with_the_content() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let id = put(&repository, None, &plains(3)[3]).await;
    let (pack, bytes) = only(&repository, Family::Pack(PackKind::Data)).await;
    let entry = repository.view().await.unwrap().get(&id).unwrap();
    let mut altered = bytes.to_vec();
    altered[entry.offset as usize + 1_000] ^= 1;
    for (damaged, why) in
        [(Bytes::from(altered), "one bit"), (bytes.slice(..2_000), "cut off"), (Bytes::new(), "empty")]
    {
        repository.blobs().put(&pack, damaged).await.unwrap();
        let error = repository.read_content(&id).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains(pack.as_str())),
            (ErrorKind::Corrupt, true),
            "{why}: {error}"
        );
    }
}

#[tokio::test]
async fn a_damaged_index_blob_is_named_and_nothing_is_opened() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let (index, bytes) = only(&repository, Family::Uncompacted(0)).await;
    let mut altered = bytes.to_vec();
    altered[20] ^= 1;
    for damaged in [Bytes::from(altered), bytes.slice(..bytes.len() - 1), Bytes::new()] {
        repository.blobs().put(&index, damaged).await.unwrap();
        let error = repository.open_like(repository.blobs().clone(), options(&clock)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains(index.as_str())), (ErrorKind::Corrupt, true), "{error}");
    }
}

#[tokio::test]
async fn only_new_index_blobs_are_read_by_a_refresh() {
    let (operator, clock) = (memory(), clock());
    let writing = created(&operator, &clock).await;
    let reading = opened(&operator, &clock).await;
    let (index, bytes) = only(&writing, Family::Uncompacted(0)).await;
    writing.blobs().put(&index, Bytes::new()).await.unwrap();
    let id = put(&writing, None, b"new").await;
    reading.refresh().await.unwrap();
    assert_eq!(reading.read_content(&id).await.unwrap(), "new");
    writing.blobs().put(&index, bytes).await.unwrap();
}

#[tokio::test]
async fn index_blobs_are_written_under_the_epoch_that_is_current() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let session = begin(&repository).await;
    write(&session, None, plains(1)).await.unwrap();
    repository.blobs().put(&BlobId::epoch_marker(1), Bytes::from_static(b"epoch-marker")).await.unwrap();
    session.commit().await.unwrap();
    only(&repository, Family::Uncompacted(1)).await;
    let again = opened(&operator, &clock).await;
    assert!(again.view().await.unwrap().has(&again.seal().content_id(None, &plains(1)[3])));
}

#[tokio::test]
async fn a_lock_for_an_upgrade_is_noticed_within_15_minutes() {
    let (operator, clock) = (memory(), clock());
    let repository = created(&operator, &clock).await;
    let mut format = (*repository.format()).clone();
    format.parameters.upgrade_lock = Some(UpgradeLock {
        owner_id: "somebody".to_owned(),
        creation_time: clock.now(),
        advance_notice: std::time::Duration::ZERO,
        io_drain_timeout: std::time::Duration::ZERO,
        status_poll_interval: std::time::Duration::ZERO,
        message: "wait".to_owned(),
        max_permitted_clock_drift: std::time::Duration::ZERO,
        unknown: serde_json::Map::new(),
    });
    let (document, _) = format.documents(&password()).unwrap();
    repository.blobs().put(&BlobId::new(FORMAT).unwrap(), document.into()).await.unwrap();
    repository.refresh().await.unwrap();
    clock.advance(REFRESH_INTERVAL);
    let error = repository.refresh().await.unwrap_err();
    assert!(error.to_string().contains("somebody"), "{error}");
    let error = repository.open_like(repository.blobs().clone(), options(&clock)).await.unwrap_err();
    assert!(error.to_string().contains("somebody"), "{error}");
}

#[tokio::test]
async fn where_there_is_no_repository_it_is_said_so() {
    let (operator, clock) = (memory(), clock());
    let error = Repository::open(blobs(operator.clone(), &clock).await, options(&clock)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("test/kopia/web"), "{error}");

    let repository = created(&operator, &clock).await;
    repository.blobs().delete(&BlobId::new(FORMAT).unwrap()).await.unwrap();
    let error = Repository::open(repository.blobs().clone(), options(&clock)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "there is one that has lost its format");
    assert!(error.to_string().contains(FORMAT), "{error}");
}

/// Files of the cache below a directory.
fn cached(place: &std::path::Path) -> Vec<std::path::PathBuf> {
    let inside = |path: &std::path::Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    inside(place).flat_map(|path| inside(&path).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn a_cache_answers_for_the_store_and_is_not_trusted() {
    let (operator, clock, place) = (memory(), clock(), tempfile::tempdir().unwrap());
    let repository = created(&operator, &clock).await;
    let id = put(&repository, Some(b'k'), &plains(3)[3]).await;
    let cache = CacheOptions { directory: place.path().to_owned(), limit: 1 << 20 };
    let open = || repository.open_like(repository.blobs().clone(), options(&clock).with_cache(cache.clone()));
    let first = open().await.unwrap();
    assert_eq!(first.read_content(&id).await.unwrap(), plains(3)[3]);
    let kept = cached(place.path());
    assert_eq!(kept.len(), 3, "two index blobs and a content");

    let entry = repository.view().await.unwrap().get(&id).unwrap();
    let pack = repository.blobs().get(&entry.pack, 1 << 30).await.unwrap().unwrap();
    repository.blobs().delete(&entry.pack).await.unwrap();
    assert_eq!(open().await.unwrap().read_content(&id).await.unwrap(), plains(3)[3]);
    assert_eq!(first.read_entry(&entry).await.unwrap(), None, "who asks for the store gets the store");

    repository.blobs().put(&entry.pack, pack).await.unwrap();
    for file in &kept {
        let mut bytes = std::fs::read(file).unwrap();
        bytes[30] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    let last = open().await.unwrap();
    assert_eq!(blocking(move || last.read_content_blocking(&id)).await.unwrap(), plains(3)[3]);
    assert_eq!(cached(place.path()).len(), 3);
}

#[tokio::test]
async fn a_cache_stays_within_its_limit() {
    let (operator, clock, place) = (memory(), clock(), tempfile::tempdir().unwrap());
    let repository = created(&operator, &clock).await;
    let mut ids = Vec::new();
    for seed in 1..9 {
        ids.push(put(&repository, Some(b'k'), &plains(seed)[3]).await);
    }
    let cache = CacheOptions { directory: place.path().to_owned(), limit: 20_000 };
    let opened = repository.open_like(repository.blobs().clone(), options(&clock).with_cache(cache));
    let opened = opened.await.unwrap();
    for id in &ids {
        opened.read_content(id).await.unwrap();
        let held: u64 = cached(place.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
        assert!(held <= 20_000, "{held}");
    }
    assert!(!cached(place.path()).is_empty());
}
