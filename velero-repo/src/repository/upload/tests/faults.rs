//! Uploads that end early, and trees that fail.

use super::*;
use crate::ErrorKind;
use std::io;
use watched::watched;

/// A tree in which what has this name can not be opened, and files take a while.
fn faulty(path: &Path, broken: &'static str, slow: Duration) -> Arc<dyn Source> {
    let refuse = move |name: &[u8]| match name == broken.as_bytes() {
        true => Err(io::ErrorKind::PermissionDenied.into()),
        false => Ok(()),
    };
    watched(path, refuse, move |name| {
        std::thread::sleep(slow);
        refuse(name)
    })
}

async fn snapshots(repository: &Repository) -> Vec<Snapshot> {
    let all = repository.manifests(&crate::repository::manifest::labels([("type", SNAPSHOT)])).await.unwrap();
    all.iter().map(|record| Snapshot::from_record(record).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_can_not_be_read_are_failures_or_ignored_as_the_policy_says() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    for (broken, files, directories) in [("file-9", 703, 7), ("deep/er", 703, 4)] {
        for ignore in [false, true] {
            let mut policy = Policy::kopia_default();
            policy.error_handling.ignore_file_errors = Some(ignore);
            policy.error_handling.ignore_directory_errors = Some(ignore);
            let upload = Upload { policy, ..upload() };
            let taken = upload.run(&repository, faulty(tree.path(), broken, Duration::ZERO)).await.unwrap();
            let summary = taken.snapshot.root.unwrap().summary.unwrap();
            assert_eq!((summary.files, summary.dirs), (files, directories), "{broken}");
            assert_eq!((summary.failed, summary.ignored_errors), (u64::from(!ignore), u64::from(ignore)));
            assert!(summary.errors[0].path.ends_with(broken), "{:?}", summary.errors);
            let troubles = if ignore { &taken.report.ignored } else { &taken.report.failed };
            assert_eq!((troubles.count, troubles.named.len()), (1, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fail_fast_the_first_unreadable_entry_ends_the_upload_and_nothing_is_visible() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let upload = Upload { fail_fast: true, ..upload() };
    let error = upload.run(&repository, faulty(tree.path(), "file-9", Duration::ZERO)).await.unwrap_err();
    assert!(error.to_string().contains("many/file-9"), "{error}");
    assert_eq!(snapshots(&repository).await, []);
    assert_eq!(repository.blobs().list("s").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_can_not_be_listed_is_no_snapshot() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let error = upload().run(&repository, faulty(tree.path(), "", Duration::ZERO)).await.unwrap_err();
    assert!(error.to_string().contains("root"), "{error}");
    assert_eq!(snapshots(&repository).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_leaves_no_visible_snapshot_and_no_marker() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let upload = upload();
    let (cancel, progress) = (upload.cancel.clone(), upload.progress.clone());
    let running = upload.run(&repository, faulty(tree.path(), "-", Duration::from_millis(5)));
    let stop = async {
        while progress.status().files < 10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(running, stop);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    repository.refresh().await.unwrap();
    assert_eq!(snapshots(&repository).await, []);
    assert_eq!(repository.blobs().list("s").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_may_keep_what_there_is_and_the_next_one_goes_on_from_there() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let stopped = Upload { keep_cancelled: true, ..upload() };
    let (cancel, progress) = (stopped.cancel.clone(), stopped.progress.clone());
    let running = stopped.run(&repository, faulty(tree.path(), "-", Duration::from_millis(3)));
    let stop = async {
        while progress.status().files < 400 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(running, stop);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    let kept = snapshots(&repository).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].incomplete, snapshot::CANCELED);
    assert_eq!(kept[0].root.as_ref().unwrap().summary.as_ref().unwrap().incomplete, snapshot::CANCELED);
    let upload = Upload { parents: kept, ..upload() };
    let taken = take(&repository, upload, tree.path()).await;
    assert!(taken.report.cached_files >= 256, "{}", taken.report.cached_files);
    assert_eq!(read_back(&repository, &taken.snapshot.root.unwrap()).await, expected(tree.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_incomplete_snapshots_that_the_final_one_replaces() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let upload = Upload { checkpoint_interval: Duration::from_millis(300), ..upload() };
    let seen = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let found = snapshots(&repository).await;
            if !found.is_empty() {
                return found;
            }
        }
    };
    let running = upload.run(&repository, faulty(tree.path(), "-", Duration::from_millis(4)));
    let (taken, seen) = tokio::join!(running, seen);
    let taken = taken.unwrap();
    assert_eq!(seen[0].incomplete, snapshot::CHECKPOINT);
    assert!(seen[0].tags.is_empty() && seen[0].pins.is_empty());
    let partial = read_back(&repository, seen[0].root.as_ref().unwrap()).await;
    let whole = expected(tree.path());
    for (path, found) in partial.iter().filter(|(path, _)| !path.contains(".checkpointed.")) {
        assert_eq!(found.3, whole[path].3, "{path}");
    }
    assert_eq!(snapshots(&repository).await, std::slice::from_ref(&taken.snapshot));
    assert_eq!(read_back(&repository, &taken.snapshot.root.unwrap()).await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_panics_ends_the_upload_and_nothing_is_visible() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let falls = |name: &[u8]| match name {
        b"file-333" => panic!("a test lets this worker fall"),
        _ => Ok(()),
    };
    let upload = Upload { workers: 4, ..upload() };
    let run = upload.run(&repository, watched(tree.path(), |_| Ok(()), falls));
    let error = tokio::time::timeout(Duration::from_secs(60), run).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(snapshots(&repository).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lay_in_packs_that_are_lost_or_cut_short_is_written_again() {
    let tree = tempfile::tempdir().unwrap();
    fill(tree.path());
    for (cut, parent) in [(false, false), (false, true), (true, false), (true, true)] {
        let repository = repository().await;
        let first = take(&repository, upload(), tree.path()).await;
        for pack in repository.blobs().list("p").await.unwrap() {
            let short = repository.blobs().get_range(&pack.id, 0, pack.length / 2).await.unwrap().unwrap();
            repository.blobs().delete(&pack.id).await.unwrap();
            if cut {
                repository.blobs().put(&pack.id, short).await.unwrap();
            }
        }
        let parents = if parent { vec![first.snapshot] } else { Vec::new() };
        let second = take(&repository, Upload { parents, ..upload() }, tree.path()).await;
        assert_eq!(second.report.repaired > 0, parent, "{:?}", second.report);
        let root = second.snapshot.root.unwrap();
        assert_eq!(read_back(&repository, &root).await, expected(tree.path()), "cut {cut}, parent {parent}");
        let third = take(&repository, upload(), tree.path()).await;
        assert_eq!(third.written.contents, 1, "nothing is lost any more, so nothing is new but the manifest");
    }
}
