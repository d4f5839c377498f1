//! A directory whose object is many times as long as one of its contents is restored, verified, listed and compared
//! within a few contents of memory.

#![allow(clippy::unwrap_used)] // a test may panic

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use velero_repo::repository::blob::BlobStore;
use velero_repo::repository::browse::{Found, Listing, find};
use velero_repo::repository::diff::diff;
use velero_repo::repository::download::Download;
use velero_repo::repository::format::{CreateOptions, KeyDerivation, Password};
use velero_repo::repository::open::{OpenOptions, Repository};
use velero_repo::repository::policy::Policy;
use velero_repo::repository::snapshot;
use velero_repo::repository::tree::{
    Attributes, Kind, Metadata, Refused, Sink, SinkFile, Source, SourceDirectory, SourceFile,
};
use velero_repo::repository::upload::{Upload, Uploaded};
use velero_repo::repository::verify::{Level, VerifyOptions, verify};
use velero_repo::{Store, StoreOptions};

/// Entries of the directory; each takes some 160 bytes of its object.
const ENTRIES: usize = 100_000;
/// What may be held beside what was before, bytes: a few contents of at most 256 KiB, 16 bytes for each name, a batch of
/// planned files. The object has 16 MB, and its entries would take 30 MB.
const BOUND: usize = 9 << 20;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator behind a counter.
struct Counting;

// Every call goes to the system's allocator with the same arguments.
#[allow(unsafe_code, reason = "there is no other way to count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes that are held at once while `work` is done, beside those that were held before.
async fn peak<T>(work: impl Future<Output = T>) -> (T, usize) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work.await;
    (result, PEAK.load(Relaxed) - before)
}

/// One directory of empty files; the last of them is of this time.
#[derive(Clone, Copy)]
struct Many(i64);

impl Many {
    fn time(&self, of: &[u8]) -> i64 {
        if of == name(ENTRIES - 1) { self.0 } else { 1_700_000_000_123_456_789 }
    }
}

fn name(number: usize) -> Vec<u8> {
    format!("file-{number:08}").into_bytes()
}

fn metadata(kind: Kind, modified: i64) -> Metadata {
    let (uid, gid, size, device, links, allocated) = (1000, 1000, 0, 1, 1, 0);
    Metadata {
        kind,
        mode: 0o644,
        uid,
        gid,
        size,
        modified,
        time_clamped: false,
        device,
        links,
        allocated,
        extended: false,
    }
}

impl Source for Many {
    fn name(&self) -> Vec<u8> {
        b"many".to_vec()
    }

    fn root(&self) -> io::Result<Metadata> {
        Ok(metadata(Kind::Directory, 1_700_000_000_000_000_000))
    }

    fn directory(&self, _: &[u8]) -> io::Result<Box<dyn SourceDirectory>> {
        Ok(Box::new(*self))
    }

    fn root_file(&self) -> io::Result<Box<dyn SourceFile>> {
        Err(io::ErrorKind::IsADirectory.into())
    }
}

impl SourceDirectory for Many {
    fn itself(&self) -> io::Result<Metadata> {
        self.root()
    }

    fn names(&mut self, each: &mut dyn FnMut(&[u8], Option<Kind>)) -> io::Result<()> {
        (0..ENTRIES).for_each(|number| each(&name(number), Some(Kind::File)));
        Ok(())
    }

    fn metadata(&self, names: &[&[u8]]) -> Vec<io::Result<Metadata>> {
        names.iter().map(|name| Ok(metadata(Kind::File, self.time(name)))).collect()
    }

    fn open(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        Ok(Box::new(Empty(self.time(name))))
    }

    fn link(&self, _: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// An empty file of this time.
struct Empty(i64);

impl SourceFile for Empty {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn seek(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(metadata(Kind::File, self.0))
    }
}

/// Counts what is created, and keeps nothing.
#[derive(Default)]
struct Nowhere(AtomicUsize);

impl Sink for Nowhere {
    fn create_directory(&self, _: &[u8]) -> io::Result<bool> {
        Ok(true)
    }

    fn create_file(&self, _: &[u8], _: u64) -> io::Result<Box<dyn SinkFile>> {
        self.0.fetch_add(1, Relaxed);
        Ok(Box::new(Blank))
    }

    fn create_link(&self, _: &[u8], _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, _: &[u8], _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn set_attributes(&self, _: &[u8], _: Kind, _: &Attributes) -> Refused {
        Refused::default()
    }

    fn metadata(&self, path: &[u8]) -> io::Result<Option<Metadata>> {
        Ok(path.is_empty().then(|| metadata(Kind::Directory, 0)))
    }

    fn names(&self, _: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    fn remove(&self, _: &[u8], _: Kind) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

struct Blank;

impl SinkFile for Blank {
    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn is_blank(&self) -> bool {
        true
    }

    fn set_attributes(&self, _: &Attributes) -> Refused {
        Refused::default()
    }
}

async fn saved(repository: &Repository, time: i64) -> Uploaded {
    let source = snapshot::Source::new("host", "user", "/many");
    let upload = Upload { workers: 1, ..Upload::new(source, Policy::kopia_default()) };
    upload.run(repository, Arc::new(Many(time))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_directory_takes_the_memory_of_a_few_contents() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::open(place.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    let password = Password::new("a password for tests");
    let create = CreateOptions {
        key_derivation: KeyDerivation::Pbkdf2,
        splitter: "DYNAMIC-128K-BUZHASH".into(),
        ..CreateOptions::new(password.clone())
    };
    let blobs = BlobStore::open(&store).await.unwrap();
    let repository = Repository::create(blobs, create, OpenOptions::new(password)).await.unwrap();
    let first = saved(&repository, 1).await;
    let second = saved(&repository, 2).await;
    let root = |taken: &Uploaded| taken.snapshot.root.clone().unwrap();
    let object = root(&first).object().unwrap();
    let length = repository.parts(&object).await.unwrap().last().map(|last| last.start + last.length).unwrap();
    assert!(length > 14_000_000, "{length} bytes");

    let listed = async {
        let mut listing = Listing::open(&repository, &object).await.unwrap();
        let mut count = 0;
        while listing.next().await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    let (count, listed) = peak(listed).await;
    assert_eq!(count, ENTRIES);

    let mut found = 0;
    let each = |_: &str, _: &_| {
        found += 1;
        ControlFlow::Continue(())
    };
    let (result, searched) = peak(find(&repository, &root(&first), each)).await;
    result.unwrap();
    assert_eq!(found, ENTRIES);

    let mut differences = 0;
    let (result, compared) = peak(diff(&repository, &root(&first), &root(&second), |_| differences += 1)).await;
    result.unwrap();
    assert_eq!(differences, 1);

    let options = VerifyOptions { workers: 1, ..VerifyOptions::new(Level::Metadata) };
    let (report, verified) = peak(verify(&repository, &options)).await;
    let report = report.unwrap();
    assert!(report.is_whole() && report.checked.files == 2 * ENTRIES as u64, "{report:?}");

    let sink = Arc::new(Nowhere::default());
    let what = Found::root(first.id.clone(), first.snapshot.clone()).unwrap();
    let download = Download { workers: 1, ..Download::new(what) };
    let (report, restored) = peak(download.run(&repository, sink.clone())).await;
    assert_eq!((report.unwrap().files, sink.0.load(Relaxed)), (ENTRIES as u64, ENTRIES));

    let peaks = [listed, searched, compared, verified, restored];
    assert!(peaks.iter().all(|peak| *peak < BOUND), "{peaks:?}");
}
