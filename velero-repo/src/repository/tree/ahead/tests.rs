//! A source that counts what it is asked, read ahead.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::repository::clock::SettableClock;
use crate::repository::tree::{LocalOptions, LocalSource};

/// A source, and how many of its directories were opened.
struct Counted(LocalSource, AtomicUsize);

impl Source for Counted {
    fn name(&self) -> Vec<u8> {
        self.0.name()
    }

    fn root(&self) -> io::Result<Metadata> {
        self.0.root()
    }

    fn directory(&self, path: &[u8]) -> io::Result<Box<dyn SourceDirectory>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.directory(path)
    }

    fn root_file(&self) -> io::Result<Box<dyn SourceFile>> {
        self.0.root_file()
    }
}

fn counted(path: &Path) -> Arc<Counted> {
    Arc::new(Counted(LocalSource::open(path, LocalOptions::default()).unwrap(), AtomicUsize::new(0)))
}

/// All of it is read ahead.
fn ahead(source: &Arc<Counted>) -> Ahead {
    let ahead = Ahead::start(source.clone(), &SettableClock::at(Timestamp::UNIX_EPOCH));
    ahead.finish();
    ahead
}

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("a/b")).unwrap();
    fs::write(tree.path().join("a/b/file"), b"bytes").unwrap();
    std::os::unix::fs::symlink("b/file", tree.path().join("a/link")).unwrap();
    for number in 0..AT_ONCE + 3 {
        fs::write(tree.path().join(format!("a/{number}")), vec![0; number]).unwrap();
    }
    tree
}

fn names(directory: &mut dyn SourceDirectory) -> Vec<(Vec<u8>, Option<Kind>)> {
    let mut names = Vec::new();
    directory.names(&mut |name, kind| names.push((name.to_vec(), kind))).unwrap();
    names.sort();
    names
}

#[test]
fn what_was_read_ahead_is_what_the_source_says_and_asks_it_nothing() {
    let tree = tree();
    let source = counted(tree.path());
    let ahead = ahead(&source);
    let before = source.1.load(Ordering::SeqCst);
    for path in [&b""[..], b"a", b"a/b"] {
        let (mut read, mut asked) = (ahead.directory(path).unwrap(), source.0.directory(path).unwrap());
        let (mut listed, itself) = (names(&mut *read), read.itself().unwrap());
        assert_eq!((&listed, itself), (&names(&mut *asked), asked.itself().unwrap()));
        for _ in 0..2 {
            let of: Vec<&[u8]> = listed.iter().map(|(name, _)| &**name).collect();
            let metadata = |from: &dyn SourceDirectory| from.metadata(&of).into_iter().map(Result::unwrap).collect();
            let (read, asked): (Vec<_>, Vec<_>) = (metadata(&*read), metadata(&*asked));
            assert_eq!(read, asked);
            listed.reverse(); // in any order
        }
    }
    assert_eq!(source.1.load(Ordering::SeqCst), before);
    assert_eq!(ahead.begun(), Some(Timestamp::UNIX_EPOCH));
}

#[test]
fn bytes_targets_and_names_that_were_not_there_come_from_the_source() {
    let tree = tree();
    let ahead = ahead(&counted(tree.path()));
    fs::write(tree.path().join("a/b/file"), b"other").unwrap();
    fs::write(tree.path().join("a/b/new"), b"new").unwrap();
    fs::remove_file(tree.path().join("a/0")).unwrap();
    let (a, b) = (ahead.directory(b"a").unwrap(), ahead.directory(b"a/b").unwrap());
    let mut bytes = [0; 8];
    let read = b.open(b"file").unwrap().read(&mut bytes).unwrap();
    assert_eq!(&bytes[..read], b"other");
    assert_eq!(a.link(b"link").unwrap(), b"b/file");
    assert!(a.follow(b"link").is_ok() && a.open(b"0").is_err());
    let found = b.metadata(&[b"new", b"none"]);
    assert_eq!(found[0].as_ref().unwrap().size, 3);
    assert_eq!(found[1].as_ref().unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(ahead.directory(b"none").err().unwrap().kind(), io::ErrorKind::NotFound);
}

#[test]
fn nothing_old_is_answered_and_nothing_is_read_once_somebody_asks() {
    let tree = tree();
    let source = counted(tree.path());
    let mut old = ahead(&source);
    let seen = Arc::get_mut(&mut old.seen).unwrap();
    seen.since = seen.since.checked_sub(FRESH).unwrap();
    fs::write(tree.path().join("a/new"), b"").unwrap();
    assert!(names(&mut *old.directory(b"a").unwrap()).contains(&(b"new".to_vec(), Some(Kind::File))));
    assert_eq!(old.begun(), None);
    assert!(old.seen.lock().is_empty());
    let mut room = LARGEST;
    assert!(old.seen.look_into(&*source, b"a", &mut room).unwrap().is_none());
}

#[test]
fn a_directory_beyond_the_room_is_not_held() {
    let tree = tree();
    let source = counted(tree.path());
    let ahead = ahead(&source);
    let mut room = 10 * size_of::<Entry>();
    ahead.seen.enough.store(false, Ordering::Relaxed);
    assert!(ahead.seen.look_into(&*source, b"a", &mut room).unwrap().is_none());
    assert!(ahead.seen.look_into(&*source, b"a/b", &mut LARGEST.clone()).unwrap().is_some());
}

#[test]
fn a_root_that_is_a_file_is_left_alone() {
    let tree = tree();
    let ahead = ahead(&counted(&tree.path().join("a/b/file")));
    assert!(ahead.seen.lock().is_empty());
    assert_eq!(ahead.root().unwrap().size, 5);
    assert!(ahead.root_file().is_ok());
}
