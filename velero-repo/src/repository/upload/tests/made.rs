//! Trees that no file system shows on demand: devices, files that change while they are read, other file systems.

use super::*;
use crate::repository::tree::{Kind as Real, Metadata, SourceDirectory, SourceFile};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

/// A root with one entry.
#[derive(Clone)]
struct Made {
    name: &'static [u8],
    entry: Metadata,
    bytes: Vec<u8>,
    /// How often the entry was read from its start, and how often it changes before it holds still.
    reads: Arc<AtomicU32>,
    changes: u32,
}

pub(super) fn metadata(kind: Real, size: usize) -> Metadata {
    Metadata {
        kind,
        mode: 0o777,
        uid: 0,
        gid: 0,
        size: size as u64,
        modified: 1_700_000_000_000_000_000,
        time_clamped: false,
        device: 1,
        links: 1,
        allocated: size as u64,
        extended: false,
    }
}

fn made(name: &'static [u8], kind: Real, length: usize) -> Made {
    Made { name, entry: metadata(kind, length), bytes: noise(8, length), reads: Arc::default(), changes: 0 }
}

impl Source for Made {
    fn name(&self) -> Vec<u8> {
        b"root-\xfe".to_vec()
    }

    fn root(&self) -> io::Result<Metadata> {
        Ok(Metadata { modified: Time::GO_ZERO.nanos(), ..metadata(Real::Directory, 0) })
    }

    fn directory(&self, path: &[u8]) -> io::Result<Box<dyn SourceDirectory>> {
        assert_eq!(path, b"");
        Ok(Box::new(self.clone()))
    }

    fn root_file(&self) -> io::Result<Box<dyn SourceFile>> {
        Err(io::ErrorKind::IsADirectory.into())
    }
}

impl SourceDirectory for Made {
    fn itself(&self) -> io::Result<Metadata> {
        self.root()
    }

    fn names(&mut self, each: &mut dyn FnMut(&[u8], Option<Real>)) -> io::Result<()> {
        each(self.name, Some(self.entry.kind));
        Ok(())
    }

    fn metadata(&self, names: &[&[u8]]) -> Vec<io::Result<Metadata>> {
        names.iter().map(|_| Ok(self.entry.clone())).collect()
    }

    fn open(&self, _: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(MadeFile { made: self.clone(), at: 0 }))
    }

    fn link(&self, _: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

struct MadeFile {
    made: Made,
    at: usize,
}

impl SourceFile for MadeFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.made.bytes[self.at..];
        let length = rest.len().min(buffer.len()).min(70_000);
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.made.reads.fetch_add(1, Ordering::Relaxed);
        self.at = offset as usize;
        Ok(())
    }

    fn metadata(&self) -> io::Result<Metadata> {
        let changed = self.made.reads.load(Ordering::Relaxed).min(self.made.changes);
        Ok(Metadata { modified: self.made.entry.modified + i64::from(changed), ..self.made.entry.clone() })
    }
}

async fn take_made(repository: &Repository, made: &Made) -> (Uploaded, Vec<Entry>) {
    take_in_parts(repository, made, 500_000).await
}

async fn take_in_parts(repository: &Repository, made: &Made, above: i64) -> (Uploaded, Vec<Entry>) {
    let mut policy = Policy::kopia_default();
    policy.upload.parallel_upload_above_size = Some(above);
    let taken = Upload { policy, ..upload() }.run(repository, Arc::new(made.clone())).await.unwrap();
    let root = taken.snapshot.root.clone().unwrap();
    let bytes = repository.read_object(&root.object.unwrap(), 1 << 20).await.unwrap();
    let shape = if made.entry.kind == Real::Stream { Shape::Device } else { Shape::Tree };
    let entries = Reader::new("root", &bytes, shape).unwrap().map(Result::unwrap).collect();
    (taken, entries)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_one_directory_with_one_file_named_by_its_path() {
    let repository = repository().await;
    let device = made(b"/dev/block/x", Real::Stream, 900_000);
    let (taken, entries) = take_made(&repository, &device).await;
    let root = taken.snapshot.root.unwrap();
    assert_eq!((root.mtime, root.mode.posix(), root.name.as_str()), (Time::GO_ZERO, 0o777, "root-\u{fffd}"));
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].name.as_str(), entries[0].size), ("/dev/block/x", 900_000));
    let bytes = repository.read_object(&entries[0].object.unwrap(), 1 << 20).await.unwrap();
    assert_eq!(bytes, device.bytes);
    let parts = repository.parts(&entries[0].object.unwrap()).await.unwrap();
    assert!(parts.iter().all(|part| part.start != 500_000), "a stream is never written in parts");
    assert_eq!(taken.report.lost.into_keys().collect::<Vec<_>>(), [Lost::RootName]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_read_is_read_once_more_and_then_reported() {
    let repository = repository().await;
    for (changes, reads, reported) in [(0, 1, 0), (1, 2, 0), (5, 2, 1)] {
        let file = Made { changes, ..made(b"log", Real::File, 300_000) };
        let (taken, entries) = take_made(&repository, &file).await;
        assert_eq!((file.reads.load(Ordering::Relaxed), taken.report.changed.count), (reads, reported), "{changes}");
        let bytes = repository.read_object(&entries[0].object.unwrap(), 1 << 20).await.unwrap();
        assert_eq!(bytes, file.bytes);
        assert_eq!(taken.report.failed.count, 0);
        // The time is that of before the last reading, so that the next snapshot sees a change.
        assert!(entries[0].mtime.nanos() - file.entry.modified <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_other_file_systems_are_left_out_where_the_policy_says_so() {
    let repository = repository().await;
    let mut mounted = made(b"mounted", Real::File, 10);
    mounted.entry.device = 2;
    let mut policy = Policy::kopia_default();
    policy.files.one_file_system = Some(true);
    let taken = Upload { policy, ..upload() }.run(&repository, Arc::new(mounted.clone())).await.unwrap();
    assert_eq!((taken.report.excluded_files, taken.report.read_files), (1, 0));
    let (taken, _) = take_made(&repository, &mounted).await;
    assert_eq!((taken.report.excluded_files, taken.report.read_files), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_slashes_are_failed_entries() {
    let (repository, evil) = (repository().await, made(b"../../etc/passwd", Real::File, 10));
    let (taken, entries) = take_made(&repository, &evil).await;
    assert_eq!((taken.report.failed.count, entries.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_ahead_gives_the_progress_its_total() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fill(tree.path());
    let upload = Upload { estimate: true, ..upload() };
    let progress = upload.progress.clone();
    let taken = take(&repository, upload, tree.path()).await;
    let status = progress.status();
    assert_eq!((status.files, status.errors), (705, 0));
    assert_eq!(status.hashed + status.cached, taken.report.read_bytes);
    if status.estimated {
        assert_eq!((status.estimated_files, status.estimated_bytes), (705, taken.report.read_bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_no_bytes_are_no_parts() {
    let (repository, file) = (repository().await, made(b"file", Real::File, 300_000));
    for above in [0, -1, i64::MIN] {
        let (_, entries) = take_in_parts(&repository, &file, above).await;
        let bytes = repository.read_object(&entries[0].object.unwrap(), 1 << 20).await.unwrap();
        assert_eq!(bytes, file.bytes);
    }
}
