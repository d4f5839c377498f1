//! A directory on a disk that fails at every single call in turn.

use super::faults::Prepared;
use super::*;
use crate::repository::blob::BlobStore;
use crate::repository::blob::disk::Call;
use crate::repository::blob::disk::trouble::{BROKEN, FORBIDDEN, FULL, Kind, Trouble};
use crate::repository::name::BlobId;
use crate::store::{Store, StoreOptions};
use bytes::Bytes;
use tempfile::TempDir;

const KINDS: [Kind; 5] =
    [Kind::Refuse(FULL), Kind::Refuse(BROKEN), Kind::Refuse(FORBIDDEN), Kind::Half, Kind::LoseAnswer];

/// A directory in memory where there is one: what is tested is not the disk.
fn place() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

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
    let large = crate::repository::verify::tests::bench::noise(7, (1 << 20) + 300_000);
    let prepared = Prepared::with(vec![large]).await;
    let counted = Trouble::new(Kind::Half, usize::MAX, false);
    check(&prepared, &counted).await;
    let calls = counted.calls();
    let Some(end) = calls.iter().position(|call| *call == Call::SetLength) else {
        return println!("this file system has no direct writes");
    };
    // Calls of several packs come in any order, so some before and after are taken along; at full scale all.
    let near = end - 8..(end + 4).min(calls.len());
    for kind in [Kind::Refuse(FULL), Kind::Half, Kind::LoseAnswer] {
        for at in (0..calls.len()).filter(|at| step() == 1 || near.contains(at)) {
            check(&prepared, &Trouble::new(kind, at, at % 2 == 0)).await;
        }
    }
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
