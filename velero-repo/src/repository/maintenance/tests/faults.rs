//! Maintenance that is interrupted at every single operation of the store.

use super::*;
use crate::fault::{Fault, FaultLayer};
use crate::repository::blob::BlobStore;
use crate::repository::name::BlobId;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};
use opendal::{Operator, services};

/// Rounds at once.
const AT_ONCE: usize = 8;

fn memory() -> Operator {
    Operator::new(services::Memory::default()).unwrap()
}

async fn copy(from: &Operator) -> Operator {
    let to = memory();
    let mut names = from.lister_with("").recursive(true).await.unwrap();
    while let Some(entry) = names.try_next().await.unwrap() {
        if entry.metadata().is_file() {
            let bytes = from.read(entry.path()).await.unwrap();
            to.write(entry.path(), bytes).await.unwrap();
        }
    }
    to
}

async fn open(bench: &Bench, operator: Operator) -> Result<Repository> {
    Repository::open(bench.blobs_in(operator).await, bench.options()).await
}

async fn ripe(bench: &Bench) -> Operator {
    let operator = memory();
    ripen(bench, bench.blobs_in(operator.clone()).await).await;
    operator
}

/// Makes a repository in which every step that does not hang on the store's times has something to do.
pub(super) async fn ripen(bench: &Bench, blobs: BlobStore) -> Repository {
    let choices = crate::repository::verify::tests::bench::choices();
    let repository = Repository::create(blobs, choices, bench.options()).await.unwrap();
    bench.write("kept", &noise(1, 20_000));
    bench.write("directory/doomed", &noise(2, 40_000));
    let first = bench.snapshot(&repository).await;
    for epoch in 1..=10 {
        repository.blobs().put(&BlobId::epoch_marker(epoch), Bytes::from_static(b"epoch-marker")).await.unwrap();
        if epoch % 3 == 0 {
            bench.write("changed", &noise(10 + epoch, 3_000));
            bench.snapshot(&repository).await;
        }
    }
    for number in 0..10 {
        let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
        session.put_manifest(labels([(TYPE, "note")]), &number).unwrap();
        session.commit().await.unwrap();
    }
    bench.remove("directory/doomed");
    bench.snapshot(&repository).await;
    delete(bench, &repository, &first.id).await;
    bench.later(1);
    repository
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_is_interrupted_the_snapshots_stay_whole_and_the_next_run_succeeds() {
    let bench = Bench::new();
    let operator = ripe(&bench).await;
    // How many operations there are.
    let counter = FaultLayer::from(Fault::Refuse, u64::MAX);
    let repository = open(&bench, copy(&operator).await.layer(counter.clone())).await.unwrap();
    let opening = counter.operations();
    let (_, done) = maintain(&repository, full(Safety::None)).await.unwrap();
    let idle: Vec<_> = done.steps.iter().filter(|done| done.skipped.is_some()).collect();
    assert!(idle.is_empty(), "{idle:?}");
    let operations = counter.operations();
    let rounds = (opening..operations).flat_map(|at| {
        let faults = [FaultLayer::from(Fault::Refuse, at), FaultLayer::once(Fault::LoseAnswer, at)];
        let more = [FaultLayer::once(Fault::Forget, at), FaultLayer::once(Fault::Truncate, at)];
        faults.into_iter().chain(more).enumerate().map(move |(kind, fault)| (at, kind, fault))
    });
    // At full scale one fault at each operation, else at some, others for each fault.
    let stride = if std::env::var("VELERO_TEST_SCALE").is_ok_and(|scale| scale == "full") { 4 } else { 160 };
    let rounds = rounds.filter(|(at, kind, _)| (at + 41 * *kind as u64).is_multiple_of(stride));
    stream::iter(rounds)
        .for_each_concurrent(AT_ONCE, |(at, kind, fault)| {
            let (bench, operator) = (&bench, &operator);
            async move {
                let hurt = copy(operator).await;
                if let Ok(repository) = open(bench, hurt.clone().layer(fault)).await {
                    let _ = maintain(&repository, full(Safety::None)).await; // it may fail in any way
                }
                let name = format!("operation {at} of {operations}, fault {kind}");
                check(bench, hurt, &name).await;
            }
        })
        .await;
}

/// All snapshots are whole, and the next run does what the one before it did not.
async fn check(bench: &Bench, operator: Operator, name: &str) {
    let repository = open(bench, operator.clone()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    check_snapshots(&repository, name).await;
    // What an interrupted run left says for six hours that it is under way; the next does not wait here.
    let id = BlobId::new(crate::repository::name::MAINTENANCE).unwrap();
    repository.blobs().delete(&id).await.unwrap();
    check_next(&repository, name).await;
}

/// All snapshots that [`ripen`] left are whole.
pub(super) async fn check_snapshots(repository: &Repository, name: &str) {
    let report = everything(repository).await;
    let hurt: Vec<_> = report.damages.iter().filter(|d| d.what != crate::repository::name::MAINTENANCE).collect();
    assert!(hurt.is_empty() && report.snapshots.len() == 4, "{name}: {report:?}");
}

/// The next run does what the one before it did not.
pub(super) async fn check_next(repository: &Repository, name: &str) {
    let (_, report) = maintain(repository, full(Safety::None)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let verified = report.verified.unwrap();
    assert!(verified.is_whole() && verified.snapshots.iter().all(|one| one.durable), "{name}: {verified:?}");
    let doomed = noise(2, 40_000).len() as u64;
    let size: u64 = repository.blobs().list("p").await.unwrap().iter().map(|blob| blob.length).sum();
    assert!(size < doomed + 40_000, "{name}: {size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_is_seen_in_any_store_until_it_is_silent_for_long() {
    let bench = Bench::new();
    let operator = ripe(&bench).await;
    let (one, other) = (open(&bench, operator.clone()).await.unwrap(), open(&bench, operator.clone()).await.unwrap());
    let parameters = Parameters::load(&one).await.unwrap();
    let first = Exclusive::begin(&one, Cycle::Full, &parameters).await.unwrap();
    let refused = maintain(&other, full(Safety::Full)).await.unwrap_err();
    assert!(refused.to_string().contains("under way"), "{refused}");
    bench.later(5);
    first.say_so().await.unwrap();
    bench.later(5);
    assert!(maintain(&other, full(Safety::Full)).await.is_err());
    bench.later(2);
    maintain(&other, full(Safety::Full)).await.unwrap();
    // The first one notices that it has been given up.
    assert!(matches!(first.say_so().await.unwrap_err(), Error::Locked { .. }));
}
