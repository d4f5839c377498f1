use super::*;
use crate::error::ErrorKind;
use crate::repository::manifest::{ManifestId, TYPE, labels};
use crate::repository::name::Family;
use crate::repository::open::{Identity, Repository};
use crate::repository::session::{Session, SessionOptions};
use crate::repository::verify::tests::bench::{Bench, noise};
use crate::repository::verify::{Report, WarningKind};
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::fs;

mod disk;
mod faults;
mod older;
mod pure;

fn full(safety: Safety) -> MaintenanceOptions {
    MaintenanceOptions { cycle: Some(Cycle::Full), safety, workers: 2, ..MaintenanceOptions::default() }
}

/// Plans and applies.
async fn maintain(
    repository: &Repository,
    options: MaintenanceOptions,
) -> Result<(MaintenancePlan, MaintenanceReport)> {
    let maintenance = Maintenance::new(repository, options);
    let plan = maintenance.plan().await?;
    let report = maintenance.apply(&plan).await?;
    Ok((plan, report))
}

async fn delete(bench: &Bench, repository: &Repository, id: &ManifestId) -> DeletionPlan {
    bench.later(1);
    let plan = DeletionPlan::new(repository, std::slice::from_ref(id), &MaintenanceOptions::default()).await.unwrap();
    plan.apply(repository).await.unwrap();
    plan
}

async fn everything(repository: &Repository) -> Report {
    verify(repository, &VerifyOptions { workers: 2, ..VerifyOptions::new(Level::Everything) }).await.unwrap()
}

async fn packs(repository: &Repository) -> BTreeSet<String> {
    let all = repository.blobs().list("").await.unwrap();
    let packs = all.into_iter().filter(|blob| matches!(blob.id.family(), Family::Pack(_)));
    packs.map(|blob| blob.id.to_string()).collect()
}

fn collected(report: &MaintenanceReport) -> Collected {
    let found = report.steps.iter().find_map(|done| match done.step {
        Step::Collect(collected) => Some(collected),
        _ => None,
    });
    found.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_batches_of_manifests_become_one_and_say_the_same() {
    let bench = Bench::new();
    let repository = bench.create().await;
    let kind = labels([(TYPE, "note")]);
    let mut deleted = None;
    for number in 0..20 {
        let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
        let id = session.put_manifest(kind.clone(), &"word ".repeat(number)).unwrap();
        deleted.get_or_insert(id);
        session.commit().await.unwrap();
    }
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    session.delete_manifest(&deleted.clone().unwrap()).unwrap();
    session.commit().await.unwrap();
    let manifests = async |repository: &Repository| {
        let all = repository.manifests(&kind).await.unwrap();
        all.iter().map(|record| format!("{record:?}")).collect::<Vec<_>>()
    };
    let (before, indexes) = (manifests(&repository).await, repository.blobs().list("xn").await.unwrap().len());
    assert_eq!(
        (before.len(), repository.manifest_batches().await.unwrap().len()),
        (19, 22),
        "one more names the owner"
    );
    bench.clock.advance(SignedDuration::from_secs(5));
    let (plan, report) = maintain(&repository, full(Safety::Full)).await.unwrap();
    let merged = |steps: &[PlannedStep]| {
        let find = |done: &PlannedStep| match done.step {
            Step::CompactManifests(amount) => Some((amount.count, done.skipped.is_some())),
            _ => None,
        };
        steps.iter().find_map(find).unwrap()
    };
    assert_eq!((merged(&plan.steps), merged(&report.steps)), ((22, false), (22, false)));
    assert!(report.verified.unwrap().is_whole());
    let opened = bench.open().await;
    assert_eq!((manifests(&opened).await, opened.manifest_batches().await.unwrap().len()), (before.clone(), 1));
    assert_eq!(opened.blobs().list("xn").await.unwrap().len(), indexes + 1, "both at once");
    // Another program that has not seen the deletion, and writes the manifest anew, does not bring it back.
    let (_, kept) = opened.merged_manifests(&labels([])).await.unwrap();
    assert!(kept.records().any(|record| record.deleted && Some(&record.id) == deleted.as_ref()));
    let (_, report) = maintain(&opened, full(Safety::None)).await.unwrap();
    assert_eq!(merged(&report.steps), (0, true), "one batch is not many");
    assert_eq!(manifests(&bench.open().await).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_safety_nothing_is_too_young_not_even_in_the_second_it_was_written() {
    let bench = Bench::new();
    bench.clock.advance(SignedDuration::from_millis(600));
    let repository = bench.create().await;
    bench.fill();
    let taken = bench.snapshot(&repository).await;
    bench.clock.advance(SignedDuration::from_millis(200));
    let plan = DeletionPlan::new(&repository, &[taken.id], &MaintenanceOptions::default()).await.unwrap();
    plan.apply(&repository).await.unwrap();
    let (_, report) = maintain(&repository, full(Safety::None)).await.unwrap();
    let collected = collected(&report);
    assert_eq!((collected.too_young.count, collected.marked.count > 5), (0, true), "{collected:?}");
}

/// A snapshot and a full cycle each day; the day on which a pack is gone.
async fn two_weeks(bench: &Bench, repository: &Repository, pack: &str) -> Option<u64> {
    let mut gone_on = None;
    for day in 1..=14 {
        bench.later(24);
        bench.write("daily", &noise(100 + day, 30_000));
        bench.snapshot(repository).await;
        let (_, report) = maintain(repository, full(Safety::Full)).await.unwrap();
        let verified = report.verified.unwrap();
        assert!(verified.is_whole() && verified.is_restorable(), "{verified:?}");
        if gone_on.is_none() && !packs(repository).await.contains(pack) {
            gone_on = Some(day);
        }
    }
    gone_on
}

#[tokio::test(flavor = "multi_thread")]
async fn two_weeks_of_cycles_delete_what_nobody_uses_and_keep_all_else() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    bench.write("doomed", &noise(50, 500_000));
    let first = bench.snapshot(&repository).await;
    bench.remove("doomed");
    bench.snapshot(&repository).await;
    let doomed = bench.find(&repository, &first, "doomed").await.object().unwrap();
    let doomed = repository.parts(&doomed).await.unwrap()[0].object.content();
    let doomed_pack = repository.view().await.unwrap().get(&doomed).unwrap().pack;
    let plan = delete(&bench, &repository, &first.id).await;
    assert!(plan.reclaimable.unwrap().bytes > 500_000, "{plan}");
    let gone_on = two_weeks(&bench, &repository, doomed_pack.as_str()).await;
    // Marked on the first day, confirmed on the second, final on the third. What was still used in the pack has moved on
    // the first day; on the third contents move again, so that packs are deleted on the fourth.
    assert_eq!(gone_on, Some(4));
    let fresh = bench.open().await;
    let report = everything(&fresh).await;
    assert!(report.is_whole() && report.snapshots.len() == 15, "{report:?}");
    assert!(report.snapshots.iter().all(|snapshot| snapshot.durable));
    assert!(
        fresh.view().await.unwrap().get(&doomed).is_none(),
        "what only the deleted snapshot used is not in the index any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_safety_all_is_freed_at_once_and_the_plan_says_how_much() {
    let bench = Bench::new();
    let repository = bench.create().await;
    // By itself in a pack: with others it would only be freed if there were a second pack to move them to.
    bench.write("doomed", &noise(50, 500_000));
    let first = bench.snapshot(&repository).await;
    bench.remove("doomed");
    bench.fill();
    bench.snapshot(&repository).await;
    delete(&bench, &repository, &first.id).await;
    bench.later(1);
    let before: u64 = repository.blobs().list("").await.unwrap().iter().map(|blob| blob.length).sum();
    let (plan, report) = maintain(&repository, full(Safety::None)).await.unwrap();
    let deleted = report.steps.iter().find_map(|done| match done.step {
        Step::DeletePacks(deleted) => Some(deleted.packs),
        _ => None,
    });
    assert_eq!(Some(plan.freed), deleted, "{plan}\n{report:?}");
    assert!(plan.freed.bytes > 500_000);
    let after: u64 = repository.blobs().list("").await.unwrap().iter().map(|blob| blob.length).sum();
    assert!(after + 500_000 < before, "{before} > {after}");
    let report = everything(&bench.open().await).await;
    assert!(report.is_whole() && report.snapshots.len() == 1, "{report:?}");
    assert!(report.warnings.is_empty(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_changes_nothing() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    bench.later(30);
    let before = repository.blobs().list("").await.unwrap();
    Maintenance::new(&repository, full(Safety::None)).plan().await.unwrap();
    DeletionPlan::new(&repository, &[first.id], &MaintenanceOptions::default()).await.unwrap();
    assert_eq!(MaintenanceStatus::of(&repository).await.unwrap().due, Some(Cycle::Full));
    assert_eq!(repository.blobs().list("").await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_may_apply() {
    let bench = Bench::new();
    bench.create().await;
    let stranger = bench.options().with_identity(Identity::new("someone", "elsewhere"));
    let repository = Repository::open(bench.blobs().await, stranger).await.unwrap();
    let maintenance = Maintenance::new(&repository, full(Safety::Full));
    let plan = maintenance.plan().await.unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.contains("only the owner")), "{plan}");
    assert!(!MaintenanceStatus::of(&repository).await.unwrap().is_owner);
    let refused = maintenance.apply(&plan).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert!(refused.to_string().contains("default@default"), "{refused}");
    take_ownership(&repository).await.unwrap();
    assert!(maintenance.apply(&plan).await.unwrap().verified.unwrap().is_whole());
    let status = MaintenanceStatus::of(&repository).await.unwrap();
    assert_eq!((status.owner.as_str(), status.is_owner, status.due), ("someone@elsewhere", true, None));
    let before = Maintenance::new(&bench.open().await, full(Safety::Full));
    assert_eq!(before.apply(&plan).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_one_is_refused() {
    let bench = Bench::new();
    let repository = bench.create().await;
    let parameters = Parameters::load(&repository).await.unwrap();
    let first = Exclusive::begin(&repository, Cycle::Full, &parameters).await.unwrap();
    let other = bench.open().await;
    let refused = maintain(&other, full(Safety::Full)).await.unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    first.say_so().await.unwrap();
    first.end(&Ok(())).await.unwrap();
    maintain(&other, full(Safety::Full)).await.unwrap();
    // One whose process died has lost its lock with it.
    drop(Exclusive::begin(&repository, Cycle::Full, &parameters).await.unwrap());
    maintain(&other, full(Safety::Full)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_marked_and_used_again_is_revived_by_the_writer() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    delete(&bench, &repository, &first.id).await;
    bench.later(30);
    let marked = collected(&maintain(&repository, full(Safety::Full)).await.unwrap().1);
    assert!(marked.marked.count > 0);
    bench.snapshot(&repository).await;
    let report = everything(&repository).await;
    assert!(report.is_whole() && report.snapshots[0].durable, "{report:?}");
    for _ in 0..4 {
        bench.later(24);
        maintain(&repository, full(Safety::Full)).await.unwrap();
    }
    assert!(everything(&bench.open().await).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_uses_that_appeared_late_is_revived_by_the_next_collection() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    delete(&bench, &repository, &first.id).await;
    bench.later(30);
    maintain(&repository, full(Safety::Full)).await.unwrap();
    // As a program that saved its manifest without looking again.
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    session.put_manifest(first.snapshot.labels(), &first.snapshot).unwrap();
    session.commit().await.unwrap();
    let report = everything(&repository).await;
    assert!(report.is_whole() && report.is_restorable() && !report.snapshots[0].durable, "{report:?}");
    assert!(report.snapshots[0].pending_deletion > 0);
    assert!(report.warnings.iter().any(|warning| warning.kind == WarningKind::PendingDeletion));
    bench.later(24);
    let (plan, done) = maintain(&repository, full(Safety::Full)).await.unwrap();
    assert_eq!(plan.steps[0].step, done.steps[0].step);
    assert!(collected(&done).revived.count > 0);
    assert!(everything(&bench.open().await).await.snapshots[0].durable);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_marked_when_a_directory_or_a_manifest_can_not_be_read() {
    let bench = Bench::new();
    let repository = bench.create().await;
    bench.fill();
    let first = bench.snapshot(&repository).await;
    bench.write("late", &noise(60, 10_000));
    let second = bench.snapshot(&repository).await;
    delete(&bench, &repository, &first.id).await;
    bench.later(30);
    // Of the present snapshot, a directory.
    let root = second.snapshot.root.as_ref().unwrap().object().unwrap().content();
    let place = repository.view().await.unwrap().get(&root).unwrap();
    let path = bench.path(&place.pack);
    let whole = fs::read(&path).unwrap();
    let mut broken = whole.clone();
    broken[place.offset as usize + 20] ^= 1;
    fs::write(&path, broken).unwrap();
    let refused = Maintenance::new(&repository, full(Safety::Full)).plan().await.unwrap_err();
    assert!(refused.to_string().contains(second.id.as_str()), "{refused}");
    fs::write(&path, &whole).unwrap();
    let plan = Maintenance::new(&repository, full(Safety::Full)).plan().await.unwrap();
    // A manifest that is no snapshot.
    bench.later(1);
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    let bad = session.put_manifest(labels([(TYPE, "snapshot")]), &serde_json::json!({"rootEntry": 7})).unwrap();
    session.commit().await.unwrap();
    let refused = Maintenance::new(&repository, full(Safety::Full)).apply(&plan).await.unwrap_err();
    assert!(refused.to_string().contains(bad.as_str()), "{refused}");
    assert_eq!(repository.view().await.unwrap().rows().filter(|(_, row)| row.deleted).count(), 0);
    bench.later(1);
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    session.delete_manifest(&bad).unwrap();
    session.commit().await.unwrap();
    assert!(collected(&maintain(&repository, full(Safety::Full)).await.unwrap().1).marked.count > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_of_sessions_under_way_stay() {
    let bench = Bench::new();
    let repository = bench.create().await;
    let session = Session::begin(&repository, SessionOptions::default()).await.unwrap();
    let mut writer = session.writer();
    crate::repository::blob::blocking(move || {
        writer.write(None, &noise(70, 100_000), None)?;
        writer.flush()
    })
    .await
    .unwrap();
    std::mem::forget(session);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let before = packs(&repository).await;
    bench.later(90);
    let (plan, _) = maintain(&repository, full(Safety::Full)).await.unwrap();
    assert_eq!(packs(&repository).await.intersection(&before).count(), before.len());
    assert!(plan.later.iter().any(|later| later.reason.contains("sessions under way")), "{plan}");
    bench.later(24);
    let (plan, _) = maintain(&repository, full(Safety::Full)).await.unwrap();
    assert!(plan.freed.count > 0, "{plan}");
    assert!(packs(&repository).await.intersection(&before).count() < before.len());
    assert!(repository.blobs().list("s").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_schedule_is_written_anew_and_tasks_of_others_are_kept() {
    let bench = Bench::new();
    let repository = bench.create().await;
    maintain(&repository, full(Safety::Full)).await.unwrap();
    let id = crate::repository::name::BlobId::new(crate::repository::name::MAINTENANCE).unwrap();
    let (mut schedule, _) = exclusive::load(&repository).await.unwrap();
    schedule.report("brew-coffee", TaskRun { success: true, ..TaskRun::default() });
    let sealed = repository.format().seal_schedule(&schedule.json().unwrap()).unwrap();
    repository.blobs().put(&id, sealed.into()).await.unwrap();
    bench.later(25);
    maintain(&repository, full(Safety::Full)).await.unwrap();
    let (schedule, _) = exclusive::load(&repository).await.unwrap();
    assert_eq!((schedule.runs_of("brew-coffee").len(), schedule.runs_of("snapshot-gc").len()), (1, 2));
    fs::write(bench.path(&id), b"nonsense").unwrap();
    let status = MaintenanceStatus::of(&repository).await.unwrap();
    assert!(status.due.is_none() && status.schedule_damage.is_some());
    let (plan, _) = maintain(&repository, full(Safety::Full)).await.unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.contains("written anew")), "{plan}");
    assert!(everything(&repository).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_cycle_is_due_before_a_full_one() {
    let bench = Bench::new();
    let repository = bench.create().await;
    let due = async |hours| {
        bench.later(hours);
        let plan = Maintenance::new(&repository, MaintenanceOptions::default()).plan().await.unwrap();
        Maintenance::new(&repository, MaintenanceOptions::default()).apply(&plan).await.unwrap();
        (plan.cycle, plan.steps.len())
    };
    assert_eq!(due(0).await, (Some(Cycle::Full), 11));
    assert_eq!(due(0).await, (None, 0));
    assert_eq!(due(2).await, (Some(Cycle::Quick), 2));
    assert_eq!(due(0).await, (None, 0));
    assert_eq!(due(23).await, (Some(Cycle::Full), 11));
}
