//! Looking into snapshots without restoring them.

use super::*;
use crate::repository::browse::{entries, find, read_to, resolve};
use crate::repository::diff::{self, diff};
use std::ops::ControlFlow;

#[tokio::test(flavor = "multi_thread")]
async fn names_lead_to_snapshots_objects_and_what_is_in_them() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let taken = take(&repository, tree.path()).await;
    let id = taken.id.as_str();
    let whole = resolve(&repository, id).await.unwrap();
    assert_eq!((&whole, &whole.snapshot), (&root(&taken), &Some(taken.id.clone())));
    assert_eq!(resolve(&repository, &id[..12]).await.unwrap().entry, whole.entry);
    let inner = resolve(&repository, &format!("{}/deep//er/", &id[..12])).await.unwrap();
    assert_eq!((inner.path.as_str(), inner.entry.name.as_str(), inner.attributes), ("deep/er", "er", true));
    let object = whole.entry.object().unwrap();
    let found = resolve(&repository, &format!("{object}/deep/twin")).await.unwrap();
    assert_eq!((found.entry.size, found.attributes, found.snapshot), (3_000_000, true, None));
    assert!(!resolve(&repository, &object.to_string()).await.unwrap().attributes);
    let unknown = "00112233445566778899aabbccddeeff";
    for (target, kind) in [
        ("nothing", ErrorKind::NotFound),
        ("", ErrorKind::NotFound),
        (unknown, ErrorKind::NotFound),
        (&format!("{id}/deep/none"), ErrorKind::NotFound),
        (&format!("{id}/none/deep"), ErrorKind::Invalid),
    ] {
        assert_eq!(resolve(&repository, target).await.unwrap_err().kind(), kind, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_listed_found_and_read() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let taken = take(&repository, tree.path()).await;
    let root = root(&taken).entry;
    let names = entries(&repository, &root.object().unwrap()).await.unwrap();
    assert_eq!(names.len(), fs::read_dir(tree.path()).unwrap().count());
    let mut paths = vec![String::new()];
    let all = |path: &str, _: &_| {
        paths.push(format!("/{path}"));
        ControlFlow::Continue(())
    };
    find(&repository, &root, all).await.unwrap();
    paths.sort();
    assert_eq!(paths, seen(tree.path()).into_keys().collect::<Vec<_>>());
    let mut count = 0;
    let few = |_: &str, _: &_| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    find(&repository, &root, few).await.unwrap();
    assert_eq!(count, 3);

    let twin = resolve(&repository, &format!("{}/deep/twin", taken.id)).await.unwrap().entry;
    let mut bytes = Vec::new();
    assert_eq!(read_to(&repository, &twin, &mut bytes).await.unwrap(), 3_000_000);
    assert!(bytes == noise(1, 3_000_000));
    assert_eq!(read_to(&repository, &root, &mut bytes).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_what_was_added_removed_or_changed() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let path = tree.path();
    for name in ["same/x", "old/x/y", "turned"] {
        fs::create_dir_all(path.join(name)).unwrap();
        fs::write(path.join(name).join("file"), name).unwrap();
    }
    fs::write(path.join("mode"), b"mode").unwrap();
    let before = root(&take(&repository, path).await).entry;
    fs::remove_dir_all(path.join("old")).unwrap();
    fs::remove_dir_all(path.join("turned")).unwrap();
    fs::write(path.join("turned"), b"a file").unwrap();
    fs::write(path.join("same/x/file"), b"other").unwrap();
    set_mode(&path.join("mode"), 0o611);
    fs::create_dir(path.join("new")).unwrap();
    let after = root(&take(&repository, path).await).entry;
    let mut found = Vec::new();
    diff(&repository, &before, &after, |difference| found.push((difference.path, difference.change))).await.unwrap();
    found.sort();
    let expected = [
        ("mode", diff::Change::Changed),
        ("new", diff::Change::Added),
        ("old", diff::Change::Removed),
        ("old/x", diff::Change::Removed),
        ("old/x/y", diff::Change::Removed),
        ("old/x/y/file", diff::Change::Removed),
        ("same/x/file", diff::Change::Changed),
        ("turned", diff::Change::Changed),
        ("turned/file", diff::Change::Removed),
    ];
    assert_eq!(found, expected.map(|(path, change)| (path.to_owned(), change)));
    let mut none = 0;
    diff(&repository, &after, &after, |_| none += 1).await.unwrap();
    assert_eq!(none, 0);
}
