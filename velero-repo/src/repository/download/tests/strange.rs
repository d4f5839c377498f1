//! Directories that no honest writer makes, and those of block volumes.

use std::sync::Mutex;

use super::*;
use crate::repository::browse::resolve;
use crate::repository::content::DIRECTORY;
use crate::repository::directory::{Entry, Kind, Shape, Summary, Writer};
use crate::repository::object::ObjectId;
use crate::repository::session::{Session, SessionOptions};
use crate::repository::tree::{self, Attributes, Refused, SinkFile};

/// Writes one content.
async fn write(repository: &Repository, prefix: Option<u8>, bytes: &[u8]) -> ObjectId {
    let session = Session::begin(repository, SessionOptions::default()).await.unwrap();
    let (mut writer, bytes) = (session.writer(), bytes.to_vec());
    let written = tokio::task::spawn_blocking(move || writer.write(prefix, &bytes, None)).await.unwrap().unwrap();
    session.commit().await.unwrap();
    repository.refresh_index().await.unwrap();
    ObjectId::direct(written)
}

async fn directory(repository: &Repository, entries: &[String]) -> Found {
    let json = format!(r#"{{"stream":"kopia:directory","entries":[{}],"summary":null}}"#, entries.join(","));
    Found::object(write(repository, Some(DIRECTORY), json.as_bytes()).await)
}

fn entry(name: &str, kind: &str, object: ObjectId) -> String {
    format!(r#"{{"name":"{name}","type":"{kind}","size":4,"obj":"{object}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_refused_by_name_and_nothing_is_written_outside() {
    let (repository, outer) = (repository().await, tempfile::tempdir().unwrap());
    let object = write(&repository, None, b"evil").await;
    let target = outer.path().join("target");
    fs::create_dir(&target).unwrap();
    let names = ["..", ".", "", "../evil", "a/../../evil", "/evil", "nul\\u0000", "good", "good"];
    let mut entries: Vec<String> = names.iter().map(|name| entry(name, "f", object)).collect();
    entries.extend([("..", "d"), ("../evil", "s"), ("device", "b")].map(|(name, kind)| entry(name, kind, object)));
    let what = directory(&repository, &entries).await;

    let options = DownloadOptions { ignore_errors: true, ..DownloadOptions::default() };
    let download = Download { options, ..Download::new(what.clone()) };
    let report = download.run(&repository, sink(&target)).await.unwrap();
    assert_eq!((report.files, report.failed.count), (1, 11), "{report:?}");
    assert!(report.failed.named.iter().any(|trouble| trouble.reason.contains("../evil")), "{report:?}");
    assert_eq!(seen(outer.path()).into_keys().collect::<Vec<_>>(), ["", "/target", "/target/good"]);
    assert_eq!(Download::new(what).run(&repository, sink(&target)).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_created_through_a_link() {
    let (repository, outside) = (repository().await, tempfile::tempdir().unwrap());
    let object = write(&repository, None, b"evil").await;
    let link = write(&repository, None, outside.path().to_str().unwrap().as_bytes()).await;
    let inner = directory(&repository, &[entry("f", "f", object)]).await.entry.object().unwrap();
    let target = tempfile::tempdir().unwrap();
    // The reader refuses two entries of one name, so the link is there before.
    for (kind, object, works) in [("s", link, true), ("d", inner, false)] {
        let what = directory(&repository, &[entry("x", kind, object)]).await;
        assert_eq!(Download::new(what).run(&repository, sink(target.path())).await.is_ok(), works);
    }
    assert_eq!(seen(outside.path()).len(), 1);
}

/// The shape of a volume that is saved block by block.
async fn device(repository: &Repository, bytes: &[u8]) -> Found {
    let object = Some(write(repository, None, bytes).await);
    let size = bytes.len() as u64;
    let entry = Entry { name: "/dev/../../x".into(), kind: Kind::File, size, object, ..Entry::default() };
    let mut writer = Writer::new(Vec::new(), Shape::Device);
    writer.push(&entry).unwrap();
    Found::object(write(repository, Some(DIRECTORY), &writer.finish(Summary::default()).unwrap()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_volume_goes_into_a_file_or_device_and_its_name_is_not_used() {
    let (repository, target) = (repository().await, tempfile::tempdir().unwrap());
    let bytes = noise(5, 40_000);
    let what = device(&repository, &bytes).await;
    Download::new(what.clone()).run(&repository, sink(target.path())).await.unwrap();
    assert_eq!(fs::read(target.path().join("device")).unwrap(), bytes);

    let path = target.path().join("image");
    fs::write(&path, vec![1; 70_000]).unwrap();
    let image = || Arc::new(LocalSink::file(&path).unwrap());
    let options = DownloadOptions { overwrite: Overwrite::Never, ..DownloadOptions::default() };
    let refused = Download { options, ..Download::new(what.clone()) }.run(&repository, image()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    Download::new(what.clone()).run(&repository, image()).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    Download::new(what).run(&repository, Arc::new(LocalSink::file(Path::new("/dev/null")).unwrap())).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_one_error_even_when_errors_are_ignored() {
    let repository = repository().await;
    let what = device(&repository, &noise(6, 40_000)).await;
    let options = DownloadOptions { ignore_errors: true, ..DownloadOptions::default() };
    let full = Arc::new(LocalSink::file(Path::new("/dev/full")).unwrap());
    let error = Download { options, ..Download::new(what) }.run(&repository, full).await.unwrap_err();
    let Error::Entry { source, .. } = &error else { panic!("{error:?}") };
    assert!(
        matches!(&**source, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_file_becomes_an_entry_or_the_target_itself() {
    let (repository, tree, target) = (repository().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(tree.path());
    let taken = take(&repository, tree.path()).await;
    for path in ["setuid", "deep/twin", "dangling"] {
        let what = resolve(&repository, &format!("{}/{path}", taken.id)).await.unwrap();
        Download::new(what).run(&repository, sink(target.path())).await.unwrap();
        let name = path.rsplit('/').next().unwrap();
        let of = |path: &Path| fs::symlink_metadata(path).map(|f| (f.mode(), f.len(), f.mtime_nsec())).unwrap();
        assert_eq!(of(&tree.path().join(path)), of(&target.path().join(name)), "{path}");
    }
    let what = resolve(&repository, &format!("{}/deep/twin", taken.id)).await.unwrap();
    let path = target.path().join("file");
    Download::new(what).run(&repository, Arc::new(LocalSink::file(&path).unwrap())).await.unwrap();
    assert!(fs::read(&path).unwrap() == noise(1, 3_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_other_than_the_entrys_is_a_warning() {
    let (repository, target) = (repository().await, tempfile::tempdir().unwrap());
    let object = write(&repository, None, b"fivex").await;
    let what = directory(&repository, &[entry("f", "f", object)]).await;
    let report = Download::new(what).run(&repository, sink(target.path())).await.unwrap();
    assert_eq!((report.files, report.warnings.count), (1, 1), "{report:?}");
    assert!(report.warnings.named[0].reason.contains("4 bytes"), "{:?}", report.warnings);
}

/// A sink that can not set owners, and notes which files get their size before their bytes. Its file system may be full
/// without saying so before a file ends.
struct Witness {
    sink: LocalSink,
    full: bool,
    sized: Mutex<Vec<String>>,
}

impl Witness {
    fn new(target: &Path) -> Arc<Witness> {
        Arc::new(Witness { sink: LocalSink::open(target).unwrap(), full: false, sized: Mutex::default() })
    }

    fn full(target: &Path) -> Arc<Witness> {
        Arc::new(Witness { sink: LocalSink::open(target).unwrap(), full: true, sized: Mutex::default() })
    }
}

struct WitnessFile {
    file: Box<dyn SinkFile>,
    full: bool,
}

fn refuse(attributes: &Attributes, set: impl FnOnce(&Attributes) -> Refused) -> Refused {
    let refused = set(&Attributes { owner: None, ..*attributes });
    Refused { owner: attributes.owner.map(|_| std::io::ErrorKind::PermissionDenied.into()), ..refused }
}

impl SinkFile for WitnessFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn is_blank(&self) -> bool {
        self.file.is_blank()
    }

    fn set_attributes(&self, attributes: &Attributes) -> Refused {
        refuse(attributes, |attributes| self.file.set_attributes(attributes))
    }

    fn flush(&self) -> std::io::Result<()> {
        if self.full { Err(std::io::ErrorKind::StorageFull.into()) } else { self.file.flush() }
    }
}

impl Sink for Witness {
    fn create_directory(&self, path: &[u8]) -> std::io::Result<bool> {
        self.sink.create_directory(path)
    }

    fn create_file(&self, path: &[u8], size: u64) -> std::io::Result<Box<dyn SinkFile>> {
        if size > 0 {
            self.sized.lock().unwrap().push(String::from_utf8_lossy(path).into_owned());
        }
        Ok(Box::new(WitnessFile { file: self.sink.create_file(path, size)?, full: self.full }))
    }

    fn create_link(&self, path: &[u8], target: &[u8]) -> std::io::Result<()> {
        self.sink.create_link(path, target)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> std::io::Result<()> {
        self.sink.rename(from, to)
    }

    fn set_attributes(&self, path: &[u8], kind: tree::Kind, attributes: &Attributes) -> Refused {
        refuse(attributes, |attributes| self.sink.set_attributes(path, kind, attributes))
    }

    fn metadata(&self, path: &[u8]) -> std::io::Result<Option<tree::Metadata>> {
        self.sink.metadata(path)
    }

    fn names(&self, path: &[u8]) -> std::io::Result<Vec<Vec<u8>>> {
        self.sink.names(path)
    }

    fn remove(&self, path: &[u8], kind: tree::Kind) -> std::io::Result<()> {
        self.sink.remove(path, kind)
    }

    fn sync(&self) -> std::io::Result<()> {
        self.sink.sync()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_leaves_no_file_of_full_length_with_half_of_its_bytes() {
    let (repository, target) = (repository().await, tempfile::tempdir().unwrap());
    for length in [20_000, 200_000, 3 << 20] {
        let object = write(&repository, None, &noise(8, length)).await; // one content
        let (what, sink) = (resolve(&repository, &object.to_string()).await.unwrap(), Witness::new(target.path()));
        Download::new(what).run(&repository, sink.clone()).await.unwrap();
        let sized = sink.sized.lock().unwrap();
        assert!(sized.iter().all(|path| path.starts_with(".velero-restore-")), "{sized:?}");
        assert_eq!(sized.len(), usize::from(length > 128 << 10));
        assert!(fs::read(target.path().join("file")).unwrap() == noise(8, length));
        fs::remove_file(target.path().join("file")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_that_can_not_be_set_are_counted_and_named_unless_they_are_not_wanted() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    fs::create_dir(tree.path().join("d")).unwrap();
    fs::write(tree.path().join("d/file"), b"file").unwrap();
    fs::write(tree.path().join("d/large"), noise(7, 500_000)).unwrap();
    std::os::unix::fs::symlink("x", tree.path().join("link")).unwrap();
    let taken = take(&repository, tree.path()).await;
    for (skip_owners, count) in [(false, 5), (true, 0)] {
        let target = tempfile::tempdir().unwrap();
        let sink = Witness::new(target.path());
        let options = DownloadOptions { skip_owners, ..DownloadOptions::default() };
        let report = Download { options, ..Download::new(root(&taken)) }.run(&repository, sink).await.unwrap();
        assert_eq!((report.warnings.count, report.is_complete()), (count, skip_owners), "{report:?}");
        let paths: std::collections::BTreeSet<_> = report.warnings.named.iter().map(|named| &*named.path).collect();
        assert!(skip_owners || paths.into_iter().eq(["", "d", "d/file", "d/large", "link"]), "{report:?}");
        same(tree.path(), target.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_becomes_another_user_by_a_file_whose_owner_was_not_to_be_set() {
    let (repository, tree, target) = (repository().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(tree.path().join("program"), b"program").unwrap();
    set_mode(&tree.path().join("program"), 0o6755);
    let taken = take(&repository, tree.path()).await;
    let options = DownloadOptions { skip_owners: true, ..DownloadOptions::default() };
    let download = Download { options, ..Download::new(root(&taken)) };
    let report = download.run(&repository, sink(target.path())).await.unwrap();
    assert_eq!(fs::metadata(target.path().join("program")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!((report.warnings.count, &*report.warnings.named[0].path), (1, "program"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_that_is_full_only_at_the_end_of_a_file_ends_the_restore() {
    let (repository, target) = (repository().await, tempfile::tempdir().unwrap());
    for length in [20_000, 200_000, 3 << 20] {
        let object = write(&repository, None, &noise(8, length)).await;
        let what = resolve(&repository, &object.to_string()).await.unwrap();
        let error = Download::new(what).run(&repository, Witness::full(target.path())).await.unwrap_err();
        assert!(error.to_string().contains("restoring"), "{error}");
        assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0, "what is not whole is removed");
    }
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("large"), noise(7, 500_000)).unwrap();
    let taken = take(&repository, tree.path()).await;
    Download::new(root(&taken)).run(&repository, Witness::full(target.path())).await.unwrap_err();
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0);
}
