//! A repository in a directory and a tree to take snapshots of, under a clock that is moved by hand.

use crate::repository::blob::BlobStore;
use crate::repository::clock::SettableClock;
use crate::repository::directory::{Entry, Reader, Shape};
use crate::repository::format::{CreateOptions, KeyDerivation, Password};
use crate::repository::name::BlobId;
use crate::repository::open::{Identity, OpenOptions, Repository};
use crate::repository::policy::Policy;
use crate::repository::session::{Session, SessionOptions};
use crate::repository::snapshot::Source;
use crate::repository::tree::{LocalOptions, LocalSource};
use crate::repository::upload::{Upload, Uploaded};
use crate::store::{Store, StoreOptions};
use jiff::SignedDuration;
use opendal::Operator;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct Bench {
    pub(crate) store: TempDir,
    pub(crate) tree: TempDir,
    pub(crate) clock: Arc<SettableClock>,
}

pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}

pub(crate) fn password() -> Password {
    Password::new("a password for tests")
}

pub(crate) fn choices() -> CreateOptions {
    CreateOptions {
        key_derivation: KeyDerivation::Pbkdf2,
        splitter: "DYNAMIC-128K-BUZHASH".into(),
        ..CreateOptions::new(password())
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = SettableClock::at("2026-11-21T12:00:00Z".parse().unwrap());
        Bench { store: tempfile::tempdir().unwrap(), tree: tempfile::tempdir().unwrap(), clock: Arc::new(clock) }
    }

    pub(crate) fn later(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    pub(crate) async fn blobs(&self) -> BlobStore {
        let store = Store::open(self.store.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        BlobStore::open(&store).await.unwrap().with_clock(self.clock.clone())
    }

    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions::new(password()).with_identity(Identity::velero()).with_clock(self.clock.clone())
    }

    pub(crate) async fn create(&self) -> Repository {
        Repository::create(self.blobs().await, choices(), self.options()).await.unwrap()
    }

    pub(crate) async fn create_for_velero(&self) -> Repository {
        let repository = self.create().await;
        repository.initialise_for_velero().await.unwrap();
        repository
    }

    /// A store in memory, which keeps no times.
    pub(crate) async fn blobs_in(&self, operator: Operator) -> BlobStore {
        BlobStore::open(&Store::from_operator(operator, "memory")).await.unwrap().with_clock(self.clock.clone())
    }

    pub(crate) async fn open(&self) -> Repository {
        Repository::open(self.blobs().await, self.options()).await.unwrap()
    }

    /// Opens it for verification.
    pub(crate) async fn examine(&self, like: &Repository) -> Repository {
        like.open_like(self.blobs().await, self.options().for_verification()).await.unwrap()
    }

    /// A small tree.
    pub(crate) fn fill(&self) {
        self.write("small", b"hello");
        self.write("deep/large", &noise(1, 300_000));
        self.write("deep/er/none", b"");
        self.write("deep/er/some", &noise(2, 5_000));
        self.write("more/text", &b"some words ".repeat(2_000));
        std::os::unix::fs::symlink("small", self.tree.path().join("link")).unwrap();
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.tree.path().join(path)).unwrap();
    }

    pub(crate) async fn snapshot(&self, repository: &Repository) -> Uploaded {
        let identity = Source::new("default", "default", "/data");
        let upload = Upload { workers: 1, ..Upload::new(identity, Policy::kopia_default()) };
        let source = Arc::new(LocalSource::open(self.tree.path(), LocalOptions::default()).unwrap());
        self.clock.advance(SignedDuration::from_secs(2));
        upload.run(repository, source).await.unwrap()
    }

    /// Leaves the marker of a session that never ends.
    pub(crate) async fn leave_marker(&self, repository: &Repository) {
        std::mem::forget(Session::begin(repository, SessionOptions::default()).await.unwrap());
    }

    /// The file of a blob.
    pub(crate) fn path(&self, id: &BlobId) -> PathBuf {
        let name = format!("{id}.f");
        let mut ahead = vec![(self.store.path().to_owned(), String::new())];
        while let Some((directory, above)) = ahead.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let whole = format!("{above}{}", entry.file_name().to_str().unwrap());
                if whole == name {
                    return entry.path();
                } else if entry.path().is_dir() {
                    ahead.push((entry.path(), whole));
                }
            }
        }
        panic!("there is no blob {id}");
    }

    /// An entry of a snapshot by its path.
    pub(crate) async fn find(&self, repository: &Repository, snapshot: &Uploaded, path: &str) -> Entry {
        let mut at = snapshot.snapshot.root.clone().unwrap();
        for name in path.split('/') {
            let bytes = repository.read_object(&at.object().unwrap(), 1 << 30).await.unwrap();
            let mut reader = Reader::new(path, &bytes, Shape::Tree).unwrap();
            at = reader.by_ref().map(Result::unwrap).find(|entry| entry.name == name).unwrap();
        }
        at
    }
}
