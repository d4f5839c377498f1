//! A directory of this machine, read and filled.

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn open(path: &std::path::Path) -> LocalSource {
    LocalSource::open(path, LocalOptions::default()).unwrap()
}

#[test]
fn a_path_through_a_link_leads_nowhere() {
    let (tree, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(outside.path().join("secret")).unwrap();
    fs::write(outside.path().join("file"), b"secret").unwrap();
    std::os::unix::fs::symlink(outside.path(), tree.path().join("way")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("file"), tree.path().join("link")).unwrap();
    let source = open(tree.path());
    for path in [&b"way"[..], b"way/secret", b"..", b"way/../way"] {
        assert!(source.directory(path).is_err(), "{}", String::from_utf8_lossy(path));
    }
    assert!(source.directory(b"").unwrap().open(b"link").is_err());

    let sink = LocalSink::open(tree.path()).unwrap();
    assert!(sink.create_file(b"way/new", 1).is_err());
    assert!(sink.create_file(b"link", 1).is_err());
    assert!(sink.create_directory(b"way/new").is_err());
    assert!(sink.create_directory(b"way").is_err());
    assert!(sink.remove(b"way/file", Kind::File).is_err());
    assert_eq!(fs::read(outside.path().join("file")).unwrap(), b"secret");
}

#[test]
fn a_pipe_is_not_waited_for() {
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let directory = open(tree.path()).directory(b"").unwrap();
    let found = directory.metadata(&[b"pipe"]).pop().unwrap().unwrap();
    assert_eq!(found.kind, Kind::Special(Special::Pipe));
    let read = directory.open(b"pipe").and_then(|mut file| file.read(&mut [0; 8]));
    assert!(read.is_err());
}

#[test]
fn holes_are_told_and_the_bytes_around_them_are_read() {
    use std::os::unix::fs::FileExt;
    let tree = tempfile::tempdir().unwrap();
    let file = fs::File::create(tree.path().join("sparse")).unwrap();
    file.write_all_at(b"island", 1 << 20).unwrap();
    file.set_len(3 << 20).unwrap();
    let directory = open(tree.path()).directory(b"").unwrap();
    let mut file = directory.open(b"sparse").unwrap();
    let (mut bytes, mut skipped, mut buffer) = (Vec::new(), 0, vec![0; 100_000]);
    loop {
        let hole = file.hole();
        if hole > 0 {
            file.skip(hole).unwrap();
            bytes.resize(bytes.len() + hole as usize, 0);
            skipped += hole;
            continue;
        }
        match file.read(&mut buffer).unwrap() {
            0 => break,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    assert_eq!(bytes, fs::read(tree.path().join("sparse")).unwrap());
    // A file system that knows no holes tells none.
    assert!(skipped == 0 || skipped > 2 << 20, "{skipped}");
}

#[test]
fn what_a_sink_creates_has_the_attributes_that_were_set() {
    let tree = tempfile::tempdir().unwrap();
    let sink = LocalSink::open(tree.path()).unwrap();
    sink.create_directory(b"d").unwrap();
    sink.create_directory(b"d").unwrap();
    let file = sink.create_file(b"d/f", 10).unwrap();
    file.write_at(6, b"last").unwrap();
    file.write_at(0, b"f").unwrap();
    sink.create_link(b"d/l", b"to \xff").unwrap();
    let own = fs::metadata(tree.path()).map(|stat| (stat.uid(), stat.gid())).unwrap();
    let attributes = |mode| Attributes { owner: Some(own), mode: Some(mode), modified: Some(-1_500_000_000) };
    assert_eq!(sink.set_attributes(b"d/f", Kind::File, &attributes(0o4700)).named().count(), 0);
    assert_eq!(sink.set_attributes(b"d/l", Kind::Link, &attributes(0o700)).named().count(), 0);
    assert_eq!(sink.set_attributes(b"d", Kind::Directory, &attributes(0o1750)).named().count(), 0);
    sink.sync().unwrap();
    assert_eq!(fs::read(tree.path().join("d/f")).unwrap(), b"f\0\0\0\0\0last");
    for (name, mode) in [("d/f", 0o4700), ("d", 0o1750)] {
        let stat = fs::metadata(tree.path().join(name)).unwrap();
        assert_eq!((stat.permissions().mode() & 0o7777, stat.mtime(), stat.mtime_nsec()), (mode, -2, 500_000_000));
    }
    let link = fs::symlink_metadata(tree.path().join("d/l")).unwrap();
    assert_eq!((link.mtime(), link.mtime_nsec()), (-2, 500_000_000));
    let mut names = sink.names(b"d").unwrap();
    names.sort();
    assert_eq!(names, [b"f", b"l"]);
    assert_eq!(sink.metadata(b"d/l").unwrap().unwrap().kind, Kind::Link);
    assert_eq!(sink.metadata(b"d/none").unwrap(), None);
    for (path, kind) in [(&b"d/f"[..], Kind::File), (b"d/l", Kind::Link), (b"d", Kind::Directory)] {
        sink.remove(path, kind).unwrap();
    }
    assert_eq!(sink.names(b"").unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn bits_that_lend_the_owners_rights_are_left_away_where_the_owner_can_not_be_set() {
    // Whoever is not root may not give a file away; root may, and then the bits are set.
    let tree = tempfile::tempdir().unwrap();
    let sink = LocalSink::open(tree.path()).unwrap();
    let file = sink.create_file(b"f", 1).unwrap();
    let wanted = Attributes { owner: Some((u32::MAX - 1, u32::MAX - 1)), mode: Some(0o6755), modified: None };
    let refused = file.set_attributes(&wanted);
    let mode = fs::metadata(tree.path().join("f")).unwrap().mode() & 0o7777;
    match refused.owner {
        Some(_) => assert!(mode == 0o755 && refused.mode.is_some(), "{mode:o}"),
        None => assert!(mode == 0o6755 && refused.mode.is_none(), "{mode:o}"),
    }
}

#[test]
fn space_is_set_aside_only_for_files_that_will_be_filled() {
    let folder = tempfile::tempdir().unwrap();
    let sink = LocalSink::open(folder.path()).unwrap();
    let blocks = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().blocks();
    for name in ["sparse", "dense"] {
        let file = sink.create_file(name.as_bytes(), 1 << 20).unwrap();
        if name == "dense" {
            file.reserve().unwrap();
        }
        assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), vec![0; 1 << 20], "{name}");
    }
    assert_eq!(blocks("sparse"), 0);
    assert!(blocks("dense") == 0 || blocks("dense") >= 2048, "all of it, or none where the file system can not");
}
