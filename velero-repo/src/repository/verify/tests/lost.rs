//! Index blobs that can not be read.

use super::*;
use crate::repository::name::BlobId;
use crate::repository::session::{Session, SessionOptions};

/// Two snapshots: the repository, both of them, and the index blobs of the first.
async fn two(bench: &Bench) -> (Repository, [Uploaded; 2], Vec<BlobId>) {
    let repository = bench.create().await;
    let before: BTreeSet<_> = repository.blobs().list("xn").await.unwrap().into_iter().map(|blob| blob.id).collect();
    bench.fill();
    let first = bench.snapshot(&repository).await;
    let listed = repository.blobs().list("xn").await.unwrap();
    let blobs = listed.into_iter().map(|blob| blob.id).filter(|id| !before.contains(id)).collect();
    bench.write("more/late", &noise(9, 400_000));
    let second = bench.snapshot(&repository).await;
    (repository, [first, second], blobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_blob_is_named_with_the_files_that_can_not_be_found_any_more() {
    let bench = Bench::new();
    let (repository, [first, second], indexes) = two(&bench).await;
    let path = bench.path(&indexes[0]);
    let whole = fs::read(&path).unwrap();
    for damaged in [whole[..whole.len() - 1].to_vec(), Vec::new(), vec![7; whole.len()]] {
        fs::write(&path, damaged).unwrap();
        let refused = repository.open_like(bench.blobs().await, bench.options()).await.unwrap_err();
        assert_eq!((refused.kind(), refused.to_string().contains(indexes[0].as_str())), (ErrorKind::Corrupt, true));

        let examined = bench.examine(&repository).await;
        let report = verify(&examined, &VerifyOptions::new(Level::Metadata)).await.unwrap();
        let named: Vec<_> = report.damages.iter().map(|damage| (damage.what.as_str(), damage.kind)).collect();
        assert_eq!(named, [(indexes[0].as_str(), DamageKind::Altered)], "{report:?}");
        assert!(report.damages[0].reason.contains("snapshots included"), "{report:?}");
        let listed: Vec<_> = report.snapshots.iter().map(|snapshot| snapshot.id.as_str()).collect();
        assert_eq!(listed, [first.id.as_str(), second.id.as_str()], "a pack tells of the first");
        assert!(hurt(&report, &first).contains(""), "all of it: {report:?}");
        let hurt = hurt(&report, &second);
        assert!(hurt.contains("small") && hurt.contains("deep/") && !hurt.contains("more/late"), "{hurt:?}");
        assert!(report.snapshots.iter().all(|snapshot| !snapshot.restorable) && report.snapshots[1].damaged > 1);

        let begun = Session::begin(&examined, SessionOptions::default()).await.map(drop);
        assert_eq!(begun.unwrap_err().kind(), ErrorKind::Denied, "nothing is written over what can not be seen");
    }
    // Once the blob is back, the same repository is whole at its next look.
    fs::write(&path, &whole[..9]).unwrap();
    let examined = bench.examine(&repository).await;
    fs::write(&path, &whole).unwrap();
    assert!(everything(&examined).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_damaged_index_blobs_are_named_and_each_may_have_had_what_is_missing() {
    let bench = Bench::new();
    let (repository, [first, second], indexes) = two(&bench).await;
    let all: BTreeSet<_> = repository.blobs().list("xn").await.unwrap().into_iter().map(|blob| blob.id).collect();
    let last = all.iter().filter(|id| !indexes.contains(id)).map(|id| (fs::metadata(bench.path(id)).unwrap(), id));
    let last = last.max_by_key(|(file, _)| (file.modified().unwrap(), file.len())).unwrap().1.clone();
    let mut damaged = all.clone();
    damaged.remove(&last);
    damaged.iter().for_each(|id| flip(&bench.path(id), 40));
    let report = everything(&bench.examine(&repository).await).await;
    let named: Vec<_> = report.damages.iter().map(|damage| damage.what.clone()).collect();
    assert_eq!(named, damaged.iter().map(ToString::to_string).collect::<Vec<_>>());
    for damage in &report.damages {
        let snapshots: BTreeSet<_> = damage.hurts.iter().map(|hurt| hurt.snapshot.as_str()).collect();
        assert_eq!(snapshots, BTreeSet::from([first.id.as_str(), second.id.as_str()]), "{damage:?}");
    }

    flip(&bench.path(&last), 40);
    let report = everything(&bench.examine(&repository).await).await;
    assert_eq!(report.damages.len(), all.len());
    assert_eq!(report.snapshots.len(), 2, "packs know of both");
    assert!(report.snapshots.iter().all(|snapshot| !snapshot.restorable && snapshot.damaged > 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_hurt_even_if_only_its_manifest_is_in_a_damaged_index_blob() {
    let bench = Bench::new();
    let (repository, [first, second], _) = two(&bench).await;
    let indexes = async || repository.blobs().list("xn").await.unwrap().into_iter().map(|blob| blob.id);
    let before: BTreeSet<_> = indexes().await.collect();
    bench.clock.advance(jiff::SignedDuration::from_secs(2));
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    let again = session.put_manifest(first.snapshot.labels(), &first.snapshot).unwrap();
    let doomed = session.put_manifest(second.snapshot.labels(), &second.snapshot).unwrap();
    session.commit().await.unwrap();
    let new = indexes().await.find(|id| !before.contains(id)).unwrap();
    bench.clock.advance(jiff::SignedDuration::from_secs(2));
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    session.delete_manifest(&doomed).unwrap();
    session.commit().await.unwrap();
    let packs: BTreeSet<_> = repository.view().await.unwrap().iter().map(|entry| entry.pack).collect();
    flip(&bench.path(&new), 40);
    let examined = bench.examine(&repository).await;
    let report = verify(&examined, &VerifyOptions::new(Level::Metadata)).await.unwrap();
    assert_eq!(report.damages.len(), 1, "{report:?}");
    let hurt: Vec<_> = report.damages[0].hurts.iter().map(|hurt| hurt.snapshot.as_str()).collect();
    assert_eq!(hurt, [again.as_str()], "the other one is deleted since");
    assert_eq!(report.snapshots.len(), 3, "{report:?}");
    // A trailer that can not be read either is named.
    let unnamed =
        packs.iter().find(|pack| report.warnings.iter().any(|warning| warning.what == pack.as_str())).unwrap();
    let path = bench.path(unnamed);
    let last = fs::metadata(&path).unwrap().len() as usize - 4;
    flip(&path, last);
    let report = verify(&bench.examine(&repository).await, &VerifyOptions::new(Level::Metadata)).await.unwrap();
    let found = report.damages.iter().find(|damage| damage.what == unnamed.as_str()).unwrap();
    assert_eq!(found.kind, DamageKind::Trailer);
}
