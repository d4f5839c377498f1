//! Uploads that build upon contents which another program's maintenance deletes meanwhile.

use super::*;
use crate::repository::maintenance::{Cycle, DeletionPlan, Maintenance, MaintenanceOptions, Safety};
use crate::repository::verify::tests::bench::Bench;
use crate::repository::verify::{Level, VerifyOptions, verify};
use jiff::SignedDuration;
use std::sync::Mutex;
use watched::watched;

async fn collect(repository: &Repository) {
    repository.refresh().await.unwrap();
    let options = MaintenanceOptions { cycle: Some(Cycle::Full), safety: Safety::Full, ..Default::default() };
    let maintenance = Maintenance::new(repository, options);
    let plan = maintenance.plan().await.unwrap();
    maintenance.apply(&plan).await.unwrap();
}

/// A snapshot is deleted; while its tree is saved again, another program runs so many cycles of maintenance, a day and
/// a half apart. What became of the upload, and whether everything that is visible can be restored and stays.
async fn saved_while_collected(cycles: usize, parents: bool) -> (Result<Uploaded>, u64) {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    bench.write("zz/last", b"opened after all others");
    let first = bench.snapshot(&repository).await;
    bench.later(30);
    let options = MaintenanceOptions::default();
    let plan = DeletionPlan::new(&repository, std::slice::from_ref(&first.id), &options).await.unwrap();
    plan.apply(&repository).await.unwrap();
    bench.write("zz/last", b"and not the same any more");
    let other = repository.open_like(bench.blobs().await, bench.options()).await.unwrap();
    let clock = bench.clock.clone();
    let meanwhile = move || {
        for _ in 0..cycles {
            clock.advance(SignedDuration::from_hours(36));
            other.blobs().wait(collect(&other));
        }
    };
    let meanwhile = Mutex::new(Some(meanwhile));
    let begin = move |name: &[u8]| {
        if name == b"last"
            && let Some(meanwhile) = meanwhile.lock().unwrap().take()
        {
            meanwhile();
        }
        Ok(())
    };
    let source = watched(bench.tree.path(), |_| Ok(()), begin);
    let parents = if parents { vec![first.snapshot] } else { Vec::new() };
    let saved = Upload { workers: 1, parents, ..upload() }.run(&repository, source).await;

    let reading = repository.open_like(bench.blobs().await, bench.options()).await.unwrap();
    let found = verify(&reading, &VerifyOptions::new(Level::Everything)).await.unwrap();
    assert!(found.is_whole(), "after {cycles} cycles: {found:?}");
    assert!(found.snapshots.iter().all(|snapshot| snapshot.restorable && snapshot.durable), "{found:?}");
    assert_eq!(found.snapshots.len(), usize::from(saved.is_ok()), "{saved:?}");
    let again = Upload { workers: 1, ..upload() }.run(&reading, super::source(bench.tree.path())).await.unwrap();
    assert_eq!(again.report.read_files, 6, "the next one succeeds");
    let written = saved.as_ref().map_or(0, |saved| saved.written.contents);
    (saved, written)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_never_names_contents_that_maintenance_deletes_meanwhile() {
    for (parents, all) in [(true, &[0, 1, 3, 5][..]), (false, &[0, 3])] {
        let mut alone = 0;
        for &cycles in all {
            let (saved, written) = saved_while_collected(cycles, parents).await;
            match (cycles, saved) {
                (0, saved) => {
                    saved.unwrap();
                    alone = written;
                }
                (_, Ok(_)) => assert!(written > alone + 3, "{cycles}: {written} and {alone}"),
                (1, Err(error)) => panic!("nothing is gone yet: {error}"),
                (_, Err(error)) => assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{cycles}: {error}"),
            }
        }
    }
}
