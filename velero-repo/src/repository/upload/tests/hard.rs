//! Trees that are unkind.

use super::*;
use crate::repository::tree::Special;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_format_can_not_carry_is_counted_and_named() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let root = tree.path();
    fs::write(root.join("plain"), b"plain").unwrap();
    fs::hard_link(root.join("plain"), root.join("twin")).unwrap();
    fs::write(root.join(OsStr::from_bytes(b"bad-\xff")), b"bad").unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let marked = rustix::fs::setxattr(root.join("plain"), "user.note", b"x", rustix::fs::XattrFlags::empty()).is_ok();

    let taken = take(&repository, upload(), root).await;
    let report = &taken.report;
    assert_eq!(report.failed.count, 1);
    assert_eq!(report.failed.named[0].path, "bad-\u{fffd}");
    assert!(report.failed.named[0].reason.contains("UTF-8"), "{:?}", report.failed);
    assert_eq!(report.lost[&Lost::HardLink].count, 2);
    assert_eq!(report.lost[&Lost::Special(Special::Pipe)].named[0].path, "pipe");
    assert_eq!(report.lost[&Lost::Special(Special::Socket)].named[0].path, "socket");
    assert_eq!(report.lost.get(&Lost::Extended).map_or(0, |troubles| troubles.count), if marked { 2 } else { 0 });
    let root = taken.snapshot.root.unwrap();
    let summary = root.summary.clone().unwrap();
    assert_eq!((summary.files, summary.failed, summary.ignored_errors), (2, 1, 0));
    assert_eq!(taken.snapshot.stats.error_count, 1);
    let names: Vec<_> = read_back(&repository, &root).await.into_keys().collect();
    assert_eq!(names, ["", "/plain", "/twin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_modes_times_names_and_holes_are_kept() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let root = tree.path();
    for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2750), ("none", 0o000), ("all", 0o777)] {
        fs::write(root.join(name), name).unwrap();
        set_mode(&root.join(name), mode);
    }
    fs::create_dir(root.join("sticky")).unwrap();
    set_mode(&root.join("sticky"), 0o1777);
    fs::write(root.join("n".repeat(255)), b"long").unwrap();
    fs::write(root.join("line\nbreak \u{2028} \u{7f} \"quoted\" <tag> ä"), b"odd").unwrap();
    std::os::unix::fs::symlink(OsStr::from_bytes(b"to \xff nowhere"), root.join("dangling")).unwrap();
    let sparse = fs::File::create(root.join("sparse")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"island", 2_000_000).unwrap();
    sparse.set_len(5_000_000).unwrap();
    let old = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: rustix::fs::Timespec { tv_sec: -3601, tv_nsec: 500_000_000 },
    };
    for name in ["all", "dangling", "sticky"] {
        rustix::fs::utimensat(rustix::fs::CWD, root.join(name), &old, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    let readable = rustix::process::geteuid().is_root();
    let taken = take(&repository, upload(), root).await;
    assert_eq!(taken.report.failed.count, u64::from(!readable), "{:?}", taken.report.failed);
    let found = read_back(&repository, &taken.snapshot.root.unwrap()).await;
    if readable {
        assert_eq!(found, expected(root));
    }
    assert_eq!(found["/all"].2, -3_600_500_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_longer_than_the_system_s_limit_is_saved() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
    let mut at = rustix::fs::open(tree.path(), flags, rustix::fs::Mode::empty()).unwrap();
    let name = "d".repeat(200);
    for _ in 0..30 {
        rustix::fs::mkdirat(&at, name.as_str(), rustix::fs::Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, name.as_str(), flags, rustix::fs::Mode::empty()).unwrap();
    }
    let file = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    let file = rustix::fs::openat(&at, "leaf", file, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    rustix::io::write(&file, b"here").unwrap();
    let taken = take(&repository, upload(), tree.path()).await;
    let summary = taken.snapshot.root.unwrap().summary.unwrap();
    assert_eq!((summary.dirs, summary.files, summary.size, summary.failed), (31, 1, 4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_file_is_a_snapshot_too() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let path = tree.path().join("only");
    fs::write(&path, noise(3, 1_000_000)).unwrap();
    let taken = take(&repository, upload(), &path).await;
    let root = taken.snapshot.root.unwrap();
    assert_eq!((root.name.as_str(), &root.kind, root.size), ("only", &Kind::File, 1_000_000));
    let summary = root.summary.clone().unwrap();
    assert_eq!((summary.files, summary.dirs, summary.size, summary.max_time), (1, 0, 1_000_000, root.mtime));
    let bytes = repository.read_object(&root.object.unwrap(), 1 << 20).await.unwrap();
    assert_eq!(bytes, fs::read(&path).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_the_policy_and_of_dot_files_leave_out_what_they_name() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let root = tree.path();
    fill(root);
    fs::write(root.join(".kopiaignore"), "*.tmp\n/many\n").unwrap();
    fs::write(root.join("deep/a.tmp"), b"out").unwrap();
    fs::write(root.join("deep/keep"), b"in").unwrap();
    fs::create_dir(root.join("cache")).unwrap();
    fs::write(root.join("cache/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n").unwrap();
    fs::write(root.join("cache/thing"), b"out").unwrap();
    let mut policy = Policy::kopia_default();
    policy.files.max_file_size = 2_000_000;
    let taken = take(&repository, Upload { policy, ..upload() }, root).await;
    let names: Vec<_> = read_back(&repository, &taken.snapshot.root.unwrap()).await.into_keys().collect();
    let kept = ["/none", "/some <&> text", "/link", "/.kopiaignore", "/deep/keep", "/deep/zeros", "/cache"];
    for name in kept {
        assert!(names.iter().any(|known| known == name), "{name} is missing: {names:?}");
    }
    assert_eq!(names.len(), kept.len() + 6, "{names:?}"); // the root, deep and three below it, empty
    assert_eq!((taken.report.excluded_directories, taken.report.excluded_files), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_below_the_root_count_for_their_directories_and_files() {
    let (repository, tree) = (repository().await, tempfile::tempdir().unwrap());
    let root = tree.path();
    fs::create_dir_all(root.join("strict/deeper")).unwrap();
    for file in ["a.tmp", "a.log", "text", "strict/a.tmp", "strict/a.log", "strict/deeper/a.log", "strict/deeper/text"]
    {
        fs::write(root.join(file), file.repeat(2_000)).unwrap();
    }
    fs::write(root.join(".kopiaignore"), "*.tmp\n").unwrap();
    fs::write(root.join("strict/.kopiaignore"), "!a.tmp\n").unwrap();
    let (mut policy, mut strict, mut text) = (Policy::kopia_default(), Policy::default(), Policy::default());
    policy.compression.compressor_name = "zstd-fastest".into();
    strict.files.ignore = vec!["*.log".into()];
    text.compression.compressor_name = "none".into();
    let below = vec![("strict".to_owned(), strict), ("text".to_owned(), text)];
    let taken = take(&repository, Upload { policy, below, ..upload() }, root).await;
    let names: Vec<_> = read_back(&repository, &taken.snapshot.root.clone().unwrap()).await.into_keys().collect();
    // What the policy of `strict` says of dot files is nothing: those in it are no longer looked at, as in Kopia.
    let kept = ["/.kopiaignore", "/a.log", "/strict", "/strict/.kopiaignore", "/strict/deeper", "/strict/deeper/text"];
    let kept: Vec<_> = kept.into_iter().chain(["/text"]).map(str::to_owned).collect();
    assert_eq!(names.into_iter().filter(|name| name.len() > 1).collect::<Vec<_>>(), kept);
    for (path, expected) in [("a.log", true), ("text", false), ("strict/deeper/text", false)] {
        let mut at = taken.snapshot.root.clone().unwrap();
        for name in path.split('/') {
            let bytes = repository.read_object(&at.object().unwrap(), 1 << 20).await.unwrap();
            let mut reader = Reader::new(path, &bytes, Shape::Tree).unwrap();
            at = reader.by_ref().map(Result::unwrap).find(|entry| entry.name == name).unwrap();
        }
        let stored = repository.view().await.unwrap().get(&at.object().unwrap().content()).unwrap();
        assert_eq!(stored.compression != 0, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_behind_a_link_count_and_a_link_to_no_file_fails_its_directory() {
    let (repository, tree, elsewhere) =
        (repository().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = tree.path();
    fs::write(elsewhere.path().join("rules"), "*.tmp\n").unwrap();
    for (folder, target) in
        [("followed", elsewhere.path().join("rules")), ("dangling", "nowhere".into()), ("folder", "..".into())]
    {
        fs::create_dir(root.join(folder)).unwrap();
        fs::write(root.join(folder).join("a.tmp"), b"out").unwrap();
        std::os::unix::fs::symlink(target, root.join(folder).join(".kopiaignore")).unwrap();
    }
    let taken = take(&repository, upload(), root).await;
    let names: Vec<_> = read_back(&repository, &taken.snapshot.root.unwrap()).await.into_keys().collect();
    assert_eq!(
        names.into_iter().filter(|name| name.len() > 1).collect::<Vec<_>>(),
        ["/followed", "/followed/.kopiaignore"]
    );
    let failed = format!("{:?}", taken.report.failed);
    assert_eq!(taken.report.failed.count, 2, "{failed}");
    assert!(failed.contains("dangling") && failed.contains("folder") && failed.contains(".kopiaignore"), "{failed}");
}
