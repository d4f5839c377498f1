//! Targets that are not empty.

use super::*;

async fn small(repository: &Repository) -> (tempfile::TempDir, Uploaded) {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("d/empty")).unwrap();
    fs::write(tree.path().join("d/one"), b"one").unwrap();
    fs::write(tree.path().join("large"), noise(3, 700_000)).unwrap();
    std::os::unix::fs::symlink("d/one", tree.path().join("link")).unwrap();
    let taken = take(repository, tree.path()).await;
    (tree, taken)
}

async fn restore(
    repository: &Repository,
    taken: &Uploaded,
    path: &Path,
    overwrite: Overwrite,
) -> Result<DownloadReport> {
    let options = DownloadOptions { overwrite, ..DownloadOptions::default() };
    Download { options, ..Download::new(root(taken)) }.run(repository, sink(path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_entries_are_refused_kept_or_replaced_as_asked() {
    let repository = repository().await;
    let (tree, taken) = small(&repository).await;
    let target = tempfile::tempdir().unwrap();
    let path = target.path();
    fs::write(path.join("large"), b"old").unwrap();

    let refused = restore(&repository, &taken, path, Overwrite::Never).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    assert_eq!(seen(path).len(), 2, "nothing was created");

    let report = restore(&repository, &taken, path, Overwrite::Keep).await.unwrap();
    assert_eq!((report.kept, report.files, fs::read(path.join("large")).unwrap()), (1, 1, b"old".to_vec()));
    assert_eq!((report.warnings.count, report.warnings.named[0].path.as_str()), (1, "large"), "what differs is named");
    let report = restore(&repository, &taken, path, Overwrite::Keep).await.unwrap();
    assert_eq!((report.kept, report.warnings.count), (3, 1), "what a restore has made does not");

    fs::write(path.join("d/one"), b"another").unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::remove_file(path.join("large")).unwrap();
    std::os::unix::fs::symlink(outside.path(), path.join("large")).unwrap();
    fs::remove_file(path.join("link")).unwrap();
    fs::write(path.join("link"), b"a file").unwrap();
    let report = restore(&repository, &taken, path, Overwrite::Files).await.unwrap();
    assert_eq!((report.kept, report.files, report.links), (0, 2, 1));
    same(tree.path(), path);
    assert_eq!(fs::read(outside.path()).unwrap(), b"", "nothing is written through a link");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_directories_give_way_to_each_other_only_when_asked_and_never_with_contents() {
    let repository = repository().await;
    let (tree, taken) = small(&repository).await;
    let target = tempfile::tempdir().unwrap();
    let path = target.path();
    fs::write(path.join("d"), b"in the way").unwrap();
    fs::create_dir(path.join("large")).unwrap();
    fs::create_dir(path.join("link")).unwrap();
    let refused = restore(&repository, &taken, path, Overwrite::Files).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    restore(&repository, &taken, path, Overwrite::All).await.unwrap();
    same(tree.path(), path);

    fs::remove_file(path.join("large")).unwrap();
    fs::create_dir(path.join("large")).unwrap();
    fs::write(path.join("large/precious"), b"precious").unwrap();
    let refused = restore(&repository, &taken, path, Overwrite::All).await.unwrap_err();
    assert!(matches!(&refused, Error::Entry { path, .. } if path == "large"), "{refused:?}");
    assert_eq!(fs::read(path.join("large/precious")).unwrap(), b"precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_lists_all_changes_and_its_application_leaves_exactly_the_snapshot() {
    use std::os::unix::ffi::OsStrExt;
    let repository = repository().await;
    let (tree, taken) = small(&repository).await;
    let target = tempfile::tempdir().unwrap();
    let path = target.path();
    fs::create_dir_all(path.join("d/extra/deep")).unwrap();
    fs::write(path.join("d/extra/deep/file"), b"x").unwrap();
    fs::create_dir(path.join("large")).unwrap();
    fs::write(path.join("large/inside"), b"x").unwrap();
    fs::write(path.join("link"), b"a file").unwrap();
    fs::write(path.join(std::ffi::OsStr::from_bytes(b"bad-\xff")), b"x").unwrap();

    let download = Download::new(root(&taken));
    let plan = download.plan(&repository, sink(path)).await.unwrap();
    let names = |changes: &[Change]| changes.iter().map(|change| change.path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&plan.created), ["large", "d/empty", "d/one"]);
    assert_eq!(names(&plan.overwritten), ["link"]);
    let deleted = ["large/inside", "large", "bad-\\xff", "d/extra/deep/file", "d/extra/deep", "d/extra"];
    assert_eq!(names(&plan.deleted), deleted);
    assert!(plan.to_string().ends_with("6 deleted, 1 overwritten, 3 created"), "{plan}");
    let plan: DownloadPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();

    fs::write(path.join("late"), b"x").unwrap();
    let refused = download.clone().apply(&plan, &repository, sink(path)).await.unwrap_err();
    assert!(refused.to_string().contains("late") && refused.kind() == ErrorKind::Invalid, "{refused}");
    assert!(path.join("d/extra/deep/file").exists(), "nothing was deleted");
    fs::remove_file(path.join("late")).unwrap();

    let report = download.apply(&plan, &repository, sink(path)).await.unwrap();
    assert_eq!((report.deleted, report.files), (6, 2));
    same(tree.path(), path);
}
