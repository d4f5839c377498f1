//! Spooling an archive needs memory for its index only. A program of its own, because the peak is the process's.

#![allow(clippy::unwrap_used)] // a test
use std::io::Read;
use velero_core::ItemId;
use velero_core::archive::{DEFAULT_LEVEL, Limits, Spool, Writer, WriterOptions};

/// Peak resident memory in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn spooling_keeps_bodies_out_of_memory() {
    const OBJECTS: usize = 20_000;
    let body = vec![b' '; 2000];
    let options = WriterOptions { threads: 1, level: DEFAULT_LEVEL, modified: 0 };
    let mut writer = Writer::new(tempfile::tempfile().unwrap(), options).unwrap();
    for i in 0..OBJECTS {
        let id = ItemId::new("configmaps", format!("ns-{}", i % 100), format!("a-map-with-a-usual-name-{i}"));
        writer.add(&id, "v1", true, &body).unwrap();
    }
    let (mut file, _) = writer.finish().unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let before = peak();
    let spool = Spool::read(file.by_ref(), &Limits::default()).unwrap();
    assert_eq!(spool.len(), OBJECTS);
    let grown = peak() - before;
    assert!(grown < 6 << 10, "the index of {OBJECTS} objects took {grown} KiB");
}
