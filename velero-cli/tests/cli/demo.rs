//! `velero demo` needs nothing and shows the whole way.

use crate::{velero, velero_in};

#[test]
fn the_demo_completes_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let outcome = velero_in(directory.path(), "demo").expect(0);
    assert!(started.elapsed().as_secs() < 10);
    for part in ["Back up the namespace", "Lose the namespace", "Look before restoring", "uploads", "back and equal"] {
        assert!(outcome.stdout.contains(part), "{part}:\n{}", outcome.stdout);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_the_demo_keeps_can_be_worked_with() {
    let directory = tempfile::tempdir().unwrap();
    velero_in(directory.path(), "demo --dir kept").expect(0);
    let page = velero_in(directory.path(), "backup describe shop-1 --details --store kept/bucket").expect(0).stdout;
    assert!(page.contains("shop/payment-token"), "{page}");
    let line =
        "restore plan --from-backup shop-1 --namespace-mappings shop:copy --store kept/bucket --offline kept/cluster";
    velero_in(directory.path(), line).expect(0);
    assert!(velero_in(directory.path(), "demo --dir kept").expect(1).fault().contains("not empty"));
}

#[test]
fn the_demo_names_a_directory_that_can_not_be_written() {
    assert!(velero("demo --dir /proc/nowhere").expect(1).fault().contains("/proc/nowhere"));
}
