//! A directory on a disk that fails at every single call in turn.

use super::faults::Prepared;
use super::*;
use crate::repository::blob::BlobStore;
use crate::repository::blob::disk::Call;
use crate::repository::blob::disk::trouble::{BROKEN, FORBIDDEN, FULL, Kind, Trouble};
use crate::repository::direct::tests::place;
use crate::repository::name::BlobId;
use crate::repository::verify::tests::bench::noise;
use crate::store::{Store, StoreOptions};
use bytes::Bytes;
use tempfile::TempDir;

const KINDS: [Kind; 5] =
    [Kind::Refuse(FULL), Kind::Refuse(BROKEN), Kind::Refuse(FORBIDDEN), Kind::Half, Kind::LoseAnswer];

async fn directory(place: &TempDir, clock: &Arc<SettableClock>) -> BlobStore {
    let store = Store::open(place.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    BlobStore::open(&store).await.unwrap().with_clock(clock.clone())
}

/// Backs up with this trouble. Says whether it struck.
async fn check(prepared: &Prepared, trouble: &Arc<Trouble>) -> bool {
    let place = place();
    let healthy = directory(&place, &prepared.clock).await;
    healthy.prepare(true).await.unwrap();
    for (key, bytes) in &prepared.blobs {
        let name = key.rsplit('/').next().unwrap();
        healthy.put(&BlobId::new(name).unwrap(), bytes.clone()).await.unwrap();
    }
    let result = prepared.back_up(healthy.clone().with_trouble(trouble)).await;
    let calls = trouble.calls();
    let case = format!("{:?} at {} of {}: {result:?}", trouble.kind, trouble.at, calls.len());
    let told = result.as_ref().err().map(crate::Error::kind);
    assert_ne!(told, Some(ErrorKind::Cancelled), "nobody has cancelled: {case}");
    let visible = prepared.look(healthy.clone(), &case).await;
    assert!(visible || result.is_err(), "reported as saved, but not there: {case}");
    assert!(trouble.lasting || result.is_ok() || !visible, "reported as failed, but there: {case}");
    if !visible {
        let again = prepared.back_up(healthy.clone()).await;
        again.unwrap_or_else(|error| panic!("the next run fails after {case}: {error}"));
        assert!(prepared.look(healthy, &case).await);
    }
    calls.len() > trouble.at
}

/// A pack that is written past the page cache.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_a_direct_write_fails_nothing_is_reported_saved_that_is_not() {
    check_calls(vec![noise(7, (1 << 20) + 300_000)]).await;
}

/// A pack that is written while it is filled.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_for_a_growing_pack_fails_nothing_is_reported_saved_that_is_not() {
    check_calls(vec![noise(7, (2 << 20) + 300_000), noise(8, 9_000), noise(9, 2 << 20)]).await;
}

async fn check_calls(contents: Vec<Vec<u8>>) {
    let prepared = Prepared::with(contents).await;
    let counted = Trouble::new(Kind::Half, usize::MAX, false);
    check(&prepared, &counted).await;
    let calls = counted.calls();
    let end = calls.iter().position(|call| *call == Call::SetLength).unwrap();
    // Calls of several packs come in any order, so some before and after are taken along; at full scale all.
    let near = end - 8..(end + 4).min(calls.len());
    for kind in [Kind::Refuse(FULL), Kind::Half, Kind::LoseAnswer] {
        for at in (0..calls.len()).filter(|at| step() == 1 || near.contains(at)) {
            check(&prepared, &Trouble::new(kind, at, at % 2 == 0)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_pack_has_its_name_when_it_is_whole_and_leaves_nothing_when_it_is_given_up() {
    let (place, clock) = (place(), clock());
    let blobs = directory(&place, &clock).await;
    let repository = Repository::create(blobs, choices(), options(&clock)).await.unwrap();
    for is_kept in [false, true] {
        let session = begin(&repository).await;
        let contents = write(&session, None, (1..6).map(|seed| noise(seed, 3 << 20)).collect()).await.unwrap();
        let (packs, drafts) = files(place.path());
        assert_eq!(packs, 0);
        assert!(drafts <= 1, "one pack is being filled");
        if !is_kept {
            session.abandon().await;
            assert_eq!(files(place.path()), (0, 0));
            continue;
        }
        assert_eq!(session.commit().await.unwrap().packs, 1);
        assert_eq!(files(place.path()), (1, 0));
        for (seed, content) in (1..6).zip(&contents) {
            assert!(repository.read_content(content).await.unwrap() == noise(seed, 3 << 20));
        }
    }
}

/// How many packs of file data there are, and how many files that may become one.
fn files(place: &std::path::Path) -> (usize, usize) {
    let mut found = (0, 0);
    let mut ahead = vec![place.join("p")];
    while let Some(entries) = ahead.pop().map(std::fs::read_dir) {
        for path in entries.into_iter().flatten().map(|entry| entry.unwrap().path()) {
            match path.to_string_lossy() {
                _ if path.is_dir() => ahead.push(path),
                name if name.ends_with(".f") => found.0 += 1,
                _ => found.1 += 1,
            }
        }
    }
    found
}

/// At full scale every call, else one of four; other ones for each kind of trouble.
fn step() -> usize {
    if std::env::var("VELERO_TEST_SCALE").is_ok_and(|scale| scale == "full") { 1 } else { 4 }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_a_disk_fails_nothing_is_reported_saved_that_is_not() {
    let prepared = Prepared::new().await;
    for (number, kind) in KINDS.into_iter().enumerate() {
        let mut at = number % step();
        while check(&prepared, &Trouble::new(kind, at, false)).await {
            at += step();
        }
        assert!(at > 50, "{kind:?} struck up to {at} only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_a_disk_is_lost_or_full_for_good_earlier_snapshots_stay_whole() {
    let prepared = Prepared::new().await;
    for (number, kind) in [Kind::Refuse(BROKEN), Kind::Half, Kind::LoseAnswer].into_iter().enumerate() {
        let mut at = number % step();
        while check(&prepared, &Trouble::new(kind, at, true)).await {
            at += step();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_has_its_name_only_when_it_is_durable_and_the_name_is_durable_then() {
    let (place, clock) = (place(), clock());
    let trouble = Trouble::new(Kind::LoseAnswer, usize::MAX, false);
    let blobs = directory(&place, &clock).await;
    blobs.prepare(true).await.unwrap();
    blobs.put(&BlobId::new("kopia.repository").unwrap(), Bytes::from_static(b"{}")).await.unwrap();
    let blobs = blobs.with_trouble(&trouble);
    blobs.put(&BlobId::new("kopia.repository").unwrap(), Bytes::from_static(b"{}")).await.unwrap();
    let wanted = [Call::MakeDirectory, Call::Write, Call::SetTime, Call::Sync, Call::Rename, Call::Sync];
    assert_eq!(trouble.calls(), wanted);
    let pack = BlobId::new("p0123456789abcdef0123456789abcdef-s1").unwrap();
    blobs.put(&pack, Bytes::from_static(b"pack")).await.unwrap();
    let made = trouble.calls().iter().filter(|call| **call == Call::MakeDirectory).count();
    let synced = trouble.calls().iter().filter(|call| **call == Call::Sync).count();
    assert!(made > 3 && synced == 2 + 4, "each new directory is made durable in the one above: {:?}", trouble.calls());

    let before = trouble.calls().len();
    let full = directory(&place, &clock).await.with_trouble(&Trouble::new(Kind::Half, 2, false));
    let error = full.put(&BlobId::new("xn0_aa-s1-c1").unwrap(), Bytes::from(vec![1; 100])).await.unwrap_err();
    assert!(error.to_string().contains("writing"), "{error}");
    assert!(before > 0 && blobs.list("x").await.unwrap().is_empty(), "half a file has no name");
}
