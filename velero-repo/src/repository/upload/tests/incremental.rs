//! What a second snapshot reads, writes and takes over.

use super::*;
use crate::repository::content::DIRECTORY;
use crate::repository::index::{encode, sealed_blob};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_tree_again_reads_no_file_and_adds_no_data() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let first = take(&repository, upload(), tree.path()).await;
    let before = contents(&repository);
    let again = Upload { parents: vec![first.snapshot.clone()], ..upload() };
    let second = take(&repository, again, tree.path()).await;
    let after = contents(&repository);
    assert_eq!(after.0, before.0);
    assert_eq!(after.1, before.1 + 1, "only the manifest is new");
    assert_eq!((second.report.read_files, second.report.read_links, second.report.cached_files), (0, 0, 705));
    assert_eq!((first.written.contents, second.written.contents), ((before.0 + before.1 - 1) as u64, 1));
    assert_eq!(second.snapshot.root, first.snapshot.root);
    assert_eq!(second.snapshot.stats.cached_files, 705);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_the_only_one_that_is_read() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let first = take(&repository, upload(), tree.path()).await;
    fs::write(tree.path().join("many/file-77"), b"other").unwrap();
    fs::write(tree.path().join("many/file-new"), b"new").unwrap();
    fs::remove_file(tree.path().join("many/file-5")).unwrap();
    set_mode(&tree.path().join("none"), 0o640);
    let again = Upload { parents: vec![first.snapshot], ..upload() };
    let second = take(&repository, again, tree.path()).await;
    assert_eq!((second.report.read_files, second.report.read_bytes), (3, 8));
    assert_eq!(read_back(&repository, &second.snapshot.root.unwrap()).await, expected(tree.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_uploads_at_once_share_their_contents() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let alone = take(&repository, upload(), tree.path()).await;
    let before = contents(&repository).0;
    fs::write(tree.path().join("more"), noise(99, 2_000_000)).unwrap();
    let (one, other) = tokio::join!(take(&repository, upload(), tree.path()), take(&repository, upload(), tree.path()));
    assert_eq!(one.snapshot.root, other.snapshot.root);
    assert_ne!(one.snapshot.root, alone.snapshot.root);
    repository.refresh().await.unwrap();
    let added = contents(&repository).0 - before;
    let third = take(&repository, upload(), tree.path()).await;
    assert_eq!(contents(&repository).0 - before, added);
    assert_eq!(read_back(&repository, &third.snapshot.root.unwrap()).await, expected(tree.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_many_chunks_is_taken_over_entry_by_entry() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    for number in 0..6000 {
        fs::write(tree.path().join(format!("{number:06}-{}", "long name ".repeat(5))), number.to_string()).unwrap();
    }
    let first = take(&repository, upload(), tree.path()).await;
    let root = first.snapshot.root.clone().unwrap();
    assert!(root.object.unwrap().indirection() > 0, "it is long enough to be cut");
    let again = Upload { parents: vec![first.snapshot], ..upload() };
    let second = take(&repository, again, tree.path()).await;
    assert_eq!((second.report.read_files, second.report.cached_files), (0, 6000));
    assert_eq!(second.snapshot.root.unwrap(), root);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_whose_contents_are_missing_are_read_again() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let first = take(&repository, upload(), tree.path()).await;
    // A parent that names contents which the repository never had.
    let other = super::repository().await;
    let again = Upload { parents: vec![first.snapshot.clone()], ..upload() };
    let moved = take(&other, again, tree.path()).await;
    assert_eq!((moved.report.read_files, moved.report.cached_files), (704, 0));
    let expected = expected(tree.path());
    assert_eq!(read_back(&other, &moved.snapshot.root.unwrap()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_parts_are_cut_anew_in_each_part_and_may_end_in_an_empty_one() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let part = 400_000;
    fs::write(tree.path().join("even"), noise(5, 3 * part)).unwrap();
    fs::write(tree.path().join("odd"), noise(6, 2 * part + 1)).unwrap();
    fs::write(tree.path().join("one"), noise(7, part)).unwrap();
    let mut policy = Policy::kopia_default();
    policy.upload.parallel_upload_above_size = Some(part as i64);
    let taken = take(&repository, Upload { policy, ..upload() }, tree.path()).await;
    let root = taken.snapshot.root.unwrap();
    assert_eq!(read_back(&repository, &root).await, expected(tree.path()));
    let bytes = repository.read_object(&root.object.unwrap(), 1 << 20).await.unwrap();
    let entries: Vec<_> = Reader::new("root", &bytes, Shape::Tree).unwrap().map(Result::unwrap).collect();
    for (entry, last) in entries.iter().zip([0, 1]) {
        let parts = repository.parts(&entry.object.unwrap()).await.unwrap();
        for boundary in [part as u64, 2 * part as u64] {
            assert!(parts.iter().any(|chunk| chunk.start == boundary), "{} is not cut at {boundary}", entry.name);
        }
        assert_eq!(parts.last().unwrap().length, last, "{}", entry.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_after_a_tree_was_read_ahead_changed_while_it_was_saved() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    fs::write(tree.path().join("many/file-7"), b"longer than it will be").unwrap();
    let first = take(&repository, upload(), tree.path()).await;
    fs::write(tree.path().join("many/file-8"), noise(8, 1000)).unwrap(); // so it will be read
    let begun = repository.now() - jiff::SignedDuration::from_secs(60);
    let ahead = Ahead::start(source(tree.path()), &SettableClock::at(begun));
    ahead.finish();
    fs::write(tree.path().join("many/file-7"), b"short").unwrap();
    fs::write(tree.path().join("many/file-8"), noise(9, 3000)).unwrap();
    fs::write(tree.path().join("none"), b"no more").unwrap();
    let again = Upload { parents: vec![first.snapshot.clone()], ..upload() };
    let second = again.run(&repository, Arc::new(ahead)).await.unwrap();
    // Who was seen unchanged is stored as it was then; who was read is stored as it is.
    assert_eq!((second.report.read_files, second.report.read_bytes), (1, 3000));
    let found = read_back(&repository, &second.snapshot.root.unwrap()).await;
    let mut expected = expected(tree.path());
    let before = read_back(&repository, &first.snapshot.root.unwrap()).await;
    for name in ["/many/file-7", "/none"] {
        expected.insert(name.to_owned(), before[name].clone());
    }
    assert_eq!(found, expected);
    assert_eq!(second.snapshot.start_time.nanos(), begun.as_nanosecond() as i64);
}

/// Marks directories as deleted as a collection of another program does.
async fn mark_directories(repository: &Repository) {
    let of_directory = |entry: &crate::repository::index::Entry| entry.content.prefix() == Some(DIRECTORY);
    let mut entries: Vec<_> = repository.view().await.unwrap().iter().filter(of_directory).collect();
    for entry in &mut entries {
        entry.deleted = true;
        entry.timestamp += 1;
    }
    let payload = encode(2, &mut entries, &[]).unwrap();
    let (id, sealed) = sealed_blob(&repository.seal(), "xn0_", "s0123456789abcdef147-c1", &payload).unwrap();
    repository.blobs().put(&id, sealed.into()).await.unwrap();
    repository.refresh().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_are_marked_as_deleted_are_written_again_although_nothing_has_changed() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let first = take(&repository, upload(), tree.path()).await;
    mark_directories(&repository).await;
    let root = first.snapshot.root.clone().unwrap();
    assert!(!repository.view().await.unwrap().has(&root.object.unwrap().content()));
    let again = Upload { parents: vec![first.snapshot], ..upload() };
    let second = take(&repository, again, tree.path()).await;
    assert_eq!((second.report.read_files, second.report.cached_files), (0, 705));
    assert_eq!(second.snapshot.root.unwrap(), root);
    assert!(repository.view().await.unwrap().iter().all(|entry| !entry.deleted));
    assert_eq!(read_back(&repository, &root).await, expected(tree.path()));
}
