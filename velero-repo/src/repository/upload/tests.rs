//! Trees that become snapshots, and are read back through the repository.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use opendal::{Operator, services};

use super::*;
use crate::repository::blob::BlobStore;
use crate::repository::clock::SettableClock;
use crate::repository::directory::{Kind, Reader, Shape};
use crate::repository::format::{CreateOptions, KeyDerivation, Password};
use crate::repository::open::{Identity, OpenOptions};
use crate::repository::snapshot::SNAPSHOT;
use crate::repository::tree::{Ahead, LocalOptions, LocalSource};
use crate::store::{Store, StoreOptions};

mod collected;
mod faults;
mod hard;
mod incremental;
mod made;
mod rests;
mod watched;

/// A repository with small chunks in memory.
async fn repository() -> Repository {
    repository_in(&Store::from_operator(Operator::new(services::Memory::default()).unwrap(), "memory")).await
}

async fn repository_in(store: &Store) -> Repository {
    let password = Password::new("a password for tests");
    let create = CreateOptions {
        key_derivation: KeyDerivation::Scrypt,
        splitter: "DYNAMIC-128K-BUZHASH".into(),
        ..CreateOptions::new(password.clone())
    };
    let open = OpenOptions::new(password).with_identity(Identity::velero());
    Repository::create(BlobStore::open(store).await.unwrap(), create, open).await.unwrap()
}

fn upload() -> Upload {
    let identity = snapshot::Source::new("h", "u", "/data");
    Upload { workers: 2, ..Upload::new(identity, Policy::kopia_default()) }
}

fn source(path: &Path) -> Arc<dyn Source> {
    Arc::new(LocalSource::open(path, LocalOptions::default()).unwrap())
}

async fn take(repository: &Repository, upload: Upload, path: &Path) -> Uploaded {
    upload.run(repository, source(path)).await.unwrap()
}

/// Bytes that nothing compresses; the same for the same seed.
pub(in crate::repository) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// Files of many sizes in directories of many shapes.
fn fill(root: &Path) {
    fs::create_dir_all(root.join("deep/er/and/deeper")).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("many")).unwrap();
    fs::write(root.join("none"), b"").unwrap();
    fs::write(root.join("some <&> text"), b"hello\n").unwrap();
    fs::write(root.join("deep/er/and/deeper/large"), noise(1, 3_000_000)).unwrap();
    fs::write(root.join("deep/zeros"), vec![0; 1_500_000]).unwrap();
    for number in 0..700 {
        fs::write(root.join(format!("many/file-{number}")), noise(number, number as usize * 7)).unwrap();
    }
    std::os::unix::fs::symlink("deep/../some <&> text", root.join("link")).unwrap();
}

/// What a snapshot holds, by path: kind, mode, time, size and bytes.
async fn read_back(repository: &Repository, root: &Entry) -> BTreeMap<String, (Kind, u32, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![(String::new(), root.clone())];
    while let Some((path, entry)) = waiting.pop() {
        let bytes = repository.read_object(&entry.object().unwrap(), 1 << 30).await.unwrap();
        if entry.is_directory() {
            let mut reader = Reader::new(&path, &bytes, Shape::Tree).unwrap();
            for child in reader.by_ref() {
                let child = child.unwrap();
                waiting.push((format!("{path}/{}", child.name), child));
            }
            assert_eq!(reader.finish().unwrap().summary, entry.summary, "{path}");
        } else {
            assert_eq!(bytes.len() as u64, entry.size, "{path}");
        }
        let bytes = if entry.is_directory() { Vec::new() } else { bytes.to_vec() };
        found.insert(path, (entry.kind.clone(), entry.mode.posix(), entry.mtime.nanos(), bytes));
    }
    found
}

/// The same of a directory of this machine.
fn expected(root: &Path) -> BTreeMap<String, (Kind, u32, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![(String::new(), root.to_owned())];
    while let Some((path, place)) = waiting.pop() {
        let stat = fs::symlink_metadata(&place).unwrap();
        let (kind, bytes) = if stat.is_dir() {
            for entry in fs::read_dir(&place).unwrap().map(Result::unwrap) {
                waiting.push((format!("{path}/{}", entry.file_name().to_str().unwrap()), entry.path()));
            }
            (Kind::Directory, Vec::new())
        } else if stat.is_symlink() {
            (Kind::Symlink, fs::read_link(&place).unwrap().into_os_string().into_encoded_bytes())
        } else {
            (Kind::File, fs::read(&place).unwrap())
        };
        found.insert(path, (kind, stat.mode() & 0o7777, stat.mtime() * 1_000_000_000 + stat.mtime_nsec(), bytes));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_read_back_as_it_was_from_memory_and_from_a_directory() {
    let tree = tempfile::tempdir().unwrap();
    fill(tree.path());
    let place = tempfile::tempdir().unwrap();
    let on_disk = Store::open(place.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    for repository in [repository().await, repository_in(&on_disk).await] {
        let taken = take(&repository, upload(), tree.path()).await;
        let root = taken.snapshot.root.as_ref().unwrap();
        assert_eq!(read_back(&repository, root).await, expected(tree.path()));
        let summary = root.summary.as_ref().unwrap();
        assert_eq!((summary.files, summary.dirs, summary.symlinks, summary.failed), (704, 7, 1, 0));
        assert_eq!((taken.report.directories, taken.report.read_files, taken.report.read_links), (7, 704, 1));
        assert!(taken.report.failed.named.is_empty() && taken.report.lost.is_empty(), "{:?}", taken.report);
        let record = repository.manifest(taken.id.as_str()).await.unwrap();
        assert_eq!(Snapshot::from_record(&record).unwrap(), taken.snapshot);
        assert_eq!(record.label("type"), Some(SNAPSHOT));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_object_is_the_same_whatever_the_number_of_workers_and_the_order_of_listing() {
    let repository = repository().await;
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(one.path());
    fill(other.path());
    let mut names: Vec<_> = fs::read_dir(other.path().join("many")).unwrap().map(|e| e.unwrap().path()).collect();
    names.reverse();
    for name in names {
        let bytes = fs::read(&name).unwrap();
        fs::remove_file(&name).unwrap();
        fs::write(&name, bytes).unwrap();
    }
    same_times(one.path());
    same_times(other.path());
    let mut roots = std::collections::BTreeSet::new();
    for path in [one.path(), other.path()] {
        for workers in [1, 2, 8] {
            let taken = take(&repository, Upload { workers, ..upload() }, path).await;
            roots.insert(taken.snapshot.root.unwrap().object.unwrap());
        }
    }
    assert_eq!(roots.len(), 1, "{roots:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_much_smaller_than_a_file_are_hashed_by_all_workers_and_change_nothing() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    fs::write(tree.path().join("huge"), noise(11, 5_000_000)).unwrap();
    fs::write(tree.path().join("deep/huge"), noise(12, 2_000_000)).unwrap();
    let roomy = take(&repository, upload(), tree.path()).await.snapshot.root;
    for (workers, mebibytes) in [(1, 82), (4, 170)] {
        let tight = Upload { workers, memory: Some(mebibytes << 20), ..upload() };
        let settings = tight.settings(&repository).unwrap();
        let plan = tight.plan(&repository, &settings).unwrap();
        assert!(plan.workers == workers && plan.window <= 2 << 20, "{plan:?}");
        let taken = take(&repository, tight, tree.path()).await;
        assert_eq!((&taken.snapshot.root, taken.written.contents), (&roomy, 1));
        let root = taken.snapshot.root.unwrap();
        assert_eq!(read_back(&repository, &root).await, expected(tree.path()));
    }
}

/// Gives everything below the same time.
fn same_times(root: &Path) {
    let times = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 1_700_000_000, tv_nsec: 0 },
        last_modification: rustix::fs::Timespec { tv_sec: 1_700_000_000, tv_nsec: 123_456_789 },
    };
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() && !path.is_symlink() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(rustix::fs::CWD, &path, &times, flags).unwrap();
    }
}

/// Contents without prefix, and with it, that a view has.
fn contents(repository: &Repository) -> (usize, usize) {
    let view = repository.view_blocking().unwrap();
    let data = view.with_prefix(0).count();
    (data, view.rows().count() - data)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
