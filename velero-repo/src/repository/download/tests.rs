//! Trees that were uploaded come back as they were.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use opendal::{Operator, services};

use super::*;
use crate::{Error, ErrorKind};

mod damage;
mod existing;
mod look;
mod strange;
use crate::repository::blob::BlobStore;
use crate::repository::format::{CreateOptions, Password};
use crate::repository::open::{Identity, OpenOptions};
use crate::repository::policy::Policy;
use crate::repository::snapshot;
use crate::repository::tree::{LocalOptions, LocalSink, LocalSource};
use crate::repository::upload::tests::noise;
use crate::repository::upload::{Upload, Uploaded};
use crate::store::{Store, StoreOptions};

/// A repository with small chunks in memory.
async fn repository() -> Repository {
    repository_in(&Store::from_operator(Operator::new(services::Memory::default()).unwrap(), "memory")).await
}

async fn on_disk(path: &Path) -> Repository {
    repository_in(&Store::open(path.to_str().unwrap(), &StoreOptions::default()).unwrap()).await
}

async fn repository_in(store: &Store) -> Repository {
    let password = Password::new("a password for tests");
    let create = CreateOptions { splitter: "DYNAMIC-128K-BUZHASH".into(), ..CreateOptions::new(password.clone()) };
    let open = OpenOptions::new(password).with_identity(Identity::velero());
    Repository::create(BlobStore::open(store).await.unwrap(), create, open).await.unwrap()
}

async fn take(repository: &Repository, path: &Path) -> Uploaded {
    let identity = snapshot::Source::new("h", "u", "/data");
    let source = Arc::new(LocalSource::open(path, LocalOptions::default()).unwrap());
    let upload = Upload { workers: 2, ..Upload::new(identity, Policy::kopia_default()) };
    upload.run(repository, source).await.unwrap()
}

fn root(taken: &Uploaded) -> Found {
    Found::root(taken.id.clone(), taken.snapshot.clone()).unwrap()
}

fn sink(path: &Path) -> Arc<dyn Sink> {
    Arc::new(LocalSink::open(path).unwrap())
}

/// Files of many sizes, links and odd attributes.
fn fill(root: &Path) {
    fs::create_dir_all(root.join("deep/er/and/deeper")).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("many")).unwrap();
    fs::write(root.join("none"), b"").unwrap();
    fs::write(root.join("line\nbreak \u{2028} <&> \"ä\""), b"hello\n").unwrap();
    fs::write(root.join("n".repeat(255)), b"long").unwrap();
    fs::write(root.join("deep/er/and/deeper/large"), noise(1, 3_000_000)).unwrap();
    fs::write(root.join("deep/twin"), noise(1, 3_000_000)).unwrap();
    fs::write(root.join("deep/zeros"), vec![0; 1_500_000]).unwrap();
    for number in 0..250 {
        fs::write(root.join(format!("many/file-{number}")), noise(number % 200, number as usize % 200 * 21)).unwrap();
    }
    std::os::unix::fs::symlink("deep/../none", root.join("link")).unwrap();
    std::os::unix::fs::symlink("/nowhere at all", root.join("dangling")).unwrap();
    for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2750), ("closed", 0o000)] {
        fs::write(root.join(name), name).unwrap();
        set_mode(&root.join(name), mode);
    }
    let old = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: rustix::fs::Timespec { tv_sec: -3601, tv_nsec: 500_000_000 },
    };
    set_mode(&root.join("empty"), 0o1777);
    set_mode(&root.join("deep/er"), 0o555);
    for name in ["none", "dangling", "empty", "deep/er", "deep"] {
        rustix::fs::utimensat(rustix::fs::CWD, root.join(name), &old, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

type Seen = (u32, u32, u32, i64, i64, Vec<u8>);

/// Everything below a directory by path: mode with type, owner, time, bytes.
fn seen(root: &Path) -> BTreeMap<String, Seen> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![(String::new(), root.to_owned())];
    while let Some((path, place)) = waiting.pop() {
        let stat = fs::symlink_metadata(&place).unwrap();
        let bytes = if stat.is_dir() {
            for entry in fs::read_dir(&place).unwrap().map(Result::unwrap) {
                waiting.push((format!("{path}/{}", entry.file_name().to_str().unwrap()), entry.path()));
            }
            Vec::new()
        } else if stat.is_symlink() {
            fs::read_link(&place).unwrap().into_os_string().into_encoded_bytes()
        } else if stat.mode() & 0o400 == 0 && !rustix::process::geteuid().is_root() {
            Vec::new()
        } else {
            fs::read(&place).unwrap()
        };
        found.insert(path, (stat.mode(), stat.uid(), stat.gid(), stat.mtime(), stat.mtime_nsec(), bytes));
    }
    found
}

/// Asserts without printing megabytes.
fn same(a: &Path, b: &Path) {
    let (a, b) = (seen(a), seen(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (path, before) in &a {
        let after = &b[path];
        assert_eq!(
            (before.0, before.1, before.2, before.3, before.4),
            (after.0, after.1, after.2, after.3, after.4),
            "{path}"
        );
        assert!(before.5 == after.5, "bytes of {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_comes_back_as_it_was_from_memory_and_from_a_directory_with_any_number_of_workers() {
    let (tree, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(tree.path());
    for repository in [repository().await, on_disk(place.path()).await] {
        let taken = take(&repository, tree.path()).await;
        for (workers, sparse) in [(1, false), (2, true), (8, false)] {
            let target = tempfile::tempdir().unwrap();
            let options = DownloadOptions { sparse, sync: sparse, overwrite: Overwrite::Never, ..Default::default() };
            let download = Download { workers, options, ..Download::new(root(&taken)) };
            let progress = download.progress.clone();
            let report = download.run(&repository, sink(target.path())).await.unwrap();
            same(tree.path(), target.path());
            assert!(report.is_complete(), "{report:?}");
            assert_eq!((report.directories, report.files, report.links), (7, 259, 2));
            let status = progress.status();
            assert_eq!((status.files, status.bytes), (status.total_files, status.total_bytes));
            let occupied = fs::metadata(target.path().join("deep/zeros")).unwrap().blocks() * 512;
            assert_eq!(occupied < 1_500_000, sparse, "{occupied}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_left_alone_where_that_is_asked_for() {
    let (repository, tree, target) = (repository().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(tree.path());
    let taken = take(&repository, tree.path()).await;
    let options =
        DownloadOptions { skip_owners: true, skip_permissions: true, skip_times: true, ..DownloadOptions::default() };
    let download = Download { options, ..Download::new(root(&taken)) };
    download.run(&repository, sink(target.path())).await.unwrap();
    let found = seen(target.path());
    assert_eq!((found["/setuid"].0 & 0o7777, found["/empty"].0 & 0o7777), (0o600, 0o700));
    assert!(found["/none"].3 > 1_600_000_000 && found["/deep"].3 > 1_600_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_restore_says_so_and_leaves_no_unfinished_file() {
    let (repository, tree, target) = (repository().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(tree.path());
    let taken = take(&repository, tree.path()).await;
    for early in [true, false] {
        let download = Download { workers: 1, ..Download::new(root(&taken)) };
        let (cancel, progress) = (download.cancel.clone(), download.progress.clone());
        let watch = tokio::spawn(async move {
            while !early && progress.status().bytes < 100_000 {
                tokio::task::yield_now().await;
            }
            cancel.cancel();
        });
        if early {
            watch.await.unwrap();
        }
        let done = download.run(&repository, sink(target.path())).await;
        match done {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}"),
            Ok(report) => assert!(!early && report.is_complete()),
        }
        assert!(seen(target.path()).keys().all(|path| !path.contains(".velero-restore")));
    }
}
