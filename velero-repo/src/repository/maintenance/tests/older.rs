//! Repositories of format version 1: index blobs without epochs.

use super::*;
use crate::repository::epoch::v0::CompactionLog;
use crate::repository::format::CreateOptions;
use crate::repository::index::sealed_blob;

async fn create(bench: &Bench) -> Repository {
    let choices = CreateOptions { version: 1, ..crate::repository::verify::tests::bench::choices() };
    Repository::create(bench.blobs().await, choices, bench.options()).await.unwrap()
}

fn quick(safety: Safety) -> MaintenanceOptions {
    MaintenanceOptions { cycle: Some(Cycle::Quick), ..full(safety) }
}

async fn notes(repository: &Repository, count: usize) {
    for number in 0..count {
        let session = Session::begin(repository, SessionOptions::default()).await.unwrap();
        session.put_manifest(labels([(TYPE, "note")]), &number).unwrap();
        session.commit().await.unwrap();
    }
}

/// How many index blobs, logs of compactions and of clean-ups there are.
async fn blobs(repository: &Repository) -> [usize; 3] {
    let mut counts = [0; 3];
    for (count, prefix) in counts.iter_mut().zip(["n", "m", "l"]) {
        *count = repository.blobs().list(prefix).await.unwrap().len();
    }
    counts
}

fn merged(report: &[PlannedStep]) -> (u64, u64) {
    let mut found = (0, 0);
    for done in report {
        match done.step {
            Step::CompactIndexes(amount) => found.0 = amount.count,
            Step::DeleteMerged(amount) => found.1 = amount.count,
            _ => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_index_blobs_become_one_and_go_after_an_hour_their_logs_after_another() {
    let bench = Bench::new();
    let repository = create(&bench).await;
    notes(&repository, 5).await;
    let few = blobs(&repository).await[0];
    let run = async || {
        let (plan, report) = maintain(&bench.open().await, quick(Safety::Full)).await.unwrap();
        (merged(&plan.steps), merged(&report.steps))
    };
    assert_eq!((few, run().await), (6, ((0, 0), (0, 0))), "fewer than eight stay");
    notes(&repository, 3).await;
    bench.later(1);
    assert_eq!(run().await, ((9, 0), (9, 0)));
    assert_eq!(blobs(&repository).await, [10, 1, 0]);
    let opened = bench.open().await;
    assert_eq!(opened.list_without_epochs().await.unwrap().active().len(), 1);
    assert_eq!(opened.manifests(&labels([(TYPE, "note")])).await.unwrap().len(), 8);
    bench.clock.advance(SignedDuration::from_mins(59));
    assert_eq!(run().await, ((0, 0), (0, 0)));
    bench.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(run().await, ((0, 9), (0, 9)));
    assert_eq!(blobs(&repository).await, [1, 1, 1], "the log waits");
    bench.clock.advance(SignedDuration::from_mins(59));
    assert_eq!(run().await, ((0, 0), (0, 0)));
    bench.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(run().await.1, (0, 2), "both logs");
    assert_eq!(blobs(&repository).await, [1, 0, 0]);
    assert!(everything(&bench.open().await).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_merged_stays_while_the_result_is_not_there() {
    let bench = Bench::new();
    let repository = create(&bench).await;
    notes(&repository, 3).await;
    let inputs = repository.list_without_epochs().await.unwrap().active();
    let mut lost = inputs[0].clone();
    lost.id = crate::repository::name::BlobId::new("n0123456789abcdef0123456789abcdef").unwrap();
    let log = CompactionLog::new(&inputs, &[lost]).unwrap().json().unwrap();
    let (id, sealed) = sealed_blob(&repository.seal(), "m", "", &log).unwrap();
    repository.blobs().put(&id, sealed.into()).await.unwrap();
    bench.later(2);
    maintain(&repository, quick(Safety::Full)).await.unwrap();
    assert_eq!(repository.list_without_epochs().await.unwrap().active(), inputs);
    assert_eq!(bench.open().await.manifests(&labels([(TYPE, "note")])).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_weeks_of_cycles_delete_what_nobody_uses_and_keep_all_else() {
    let bench = Bench::new();
    let repository = create(&bench).await;
    bench.fill();
    bench.write("doomed", &noise(50, 500_000));
    let first = bench.snapshot(&repository).await;
    bench.remove("doomed");
    bench.snapshot(&repository).await;
    let doomed = bench.find(&repository, &first, "doomed").await.object().unwrap();
    let doomed = repository.parts(&doomed).await.unwrap()[0].object.content();
    let doomed_pack = repository.view().await.unwrap().get(&doomed).unwrap().pack;
    delete(&bench, &repository, &first.id).await;
    let gone_on = two_weeks(&bench, &repository, doomed_pack.as_str()).await;
    assert_eq!(gone_on, Some(4), "as with epochs");
    let fresh = bench.open().await;
    let report = everything(&fresh).await;
    assert!(report.is_whole() && report.snapshots.len() == 15, "{report:?}");
    assert!(report.snapshots.iter().all(|snapshot| snapshot.durable));
    assert!(
        fresh.view().await.unwrap().get(&doomed).is_none()
            && !fresh.view().await.unwrap().iter().any(|entry| entry.content == doomed)
    );
    assert!(
        fresh.view().await.unwrap().tombstones().all(|row| row.pack != doomed_pack.as_str()),
        "the index has forgotten it"
    );
    assert!(blobs(&fresh).await[0] < 20, "{:?}", blobs(&fresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_safety_all_is_freed_at_once() {
    let bench = Bench::new();
    let repository = create(&bench).await;
    bench.write("doomed", &noise(50, 500_000));
    let first = bench.snapshot(&repository).await;
    bench.remove("doomed");
    bench.fill();
    bench.snapshot(&repository).await;
    delete(&bench, &repository, &first.id).await;
    bench.later(1);
    let size = async || repository.blobs().list("").await.unwrap().iter().map(|blob| blob.length).sum::<u64>();
    let before = size().await;
    let (plan, report) = maintain(&repository, full(Safety::None)).await.unwrap();
    assert!(plan.freed.bytes > 500_000, "{plan}\n{report:?}");
    assert!(size().await + 500_000 < before);
    assert_eq!(blobs(&repository).await[1..], [0, 0], "no log is left");
    assert_eq!(repository.list_without_epochs().await.unwrap().active().len(), blobs(&repository).await[0]);
    let report = everything(&bench.open().await).await;
    assert!(report.is_whole() && report.snapshots.len() == 1 && report.warnings.is_empty(), "{report:?}");
}
