//! How a plan is made.

use super::census::{Census, Known};
use super::delete::Candidates;
use super::epochs::superseded;
use super::mark::{mark, roots, snapshots};
use super::parameters::Parameters;
use super::plan::{Amount, Cycle, MaintenancePlan, PlannedStep, Step};
use super::schedule::Schedule;
use super::status::{due, load_lenient};
use super::{MaintenanceOptions, compactions, identity, locks, logs, manifests};
use crate::error::Result;
use crate::repository::blob::blocking;
use crate::repository::open::Repository;

/// Plans what the options ask for, or what is due.
pub(super) async fn plan(repository: &Repository, options: &MaintenanceOptions) -> Result<MaintenancePlan> {
    repository.refresh().await?;
    let parameters = Parameters::load(repository).await?;
    let (schedule, damage) = load_lenient(repository).await?;
    let now = repository.now();
    let cycle = options.cycle.or_else(|| due(&schedule, &parameters, now));
    let mut plan = MaintenancePlan {
        repository: identity(repository),
        address: repository.blobs().address().to_owned(),
        owner: parameters.owner.clone(),
        made: now,
        cycle,
        safety: options.safety,
        steps: Vec::new(),
        freed: Amount::default(),
        later: Vec::new(),
        warnings: Vec::new(),
    };
    warn(&mut plan, repository, damage);
    match cycle {
        None => {}
        Some(Cycle::Quick) => index_steps(&mut plan, repository, Cycle::Quick).await?,
        Some(Cycle::Full) => {
            let census = count(repository, options, schedule).await?;
            content_steps(&mut plan, census, manifests::look(repository).await?);
            if locks::is_wanted(repository, &parameters) {
                push(&mut plan, Step::ExtendLocks(Amount::of(&locks::list(repository).await?)), None);
            }
            index_steps(&mut plan, repository, Cycle::Full).await?;
            let excess = logs::list(repository, &parameters.log_retention, now).await?;
            push(&mut plan, Step::CleanLogs(Amount::of(&excess)), None);
        }
    }
    Ok(plan)
}

fn warn(plan: &mut MaintenancePlan, repository: &Repository, damage: Option<String>) {
    let us = repository.identity().to_string();
    if plan.owner != us {
        plan.warnings.push(format!("we are {us}, and only the owner may apply this"));
    }
    if plan.safety == super::Safety::None {
        plan.warnings.push("without safety, data is lost if anybody else uses the repository meanwhile".to_owned());
    }
    plan.warnings.extend(damage.map(|damage| format!("the schedule will be written anew: {damage}")));
}

fn push(plan: &mut MaintenancePlan, step: Step, skipped: Option<String>) {
    plan.steps.push(PlannedStep { step, skipped });
}

/// Counts what a full cycle would do about contents and packs.
async fn count(repository: &Repository, options: &MaintenanceOptions, schedule: Schedule) -> Result<Census> {
    let candidates = Candidates::list(repository).await?;
    repository.refresh().await?;
    let roots = roots(snapshots(repository).await?)?;
    let in_use =
        mark(repository, repository.view().await?, roots, &options.walking(options.limits(repository)?)).await?;
    let (now, safety) = (repository.now(), options.safety);
    let (pack_size, epochs) =
        (repository.format().parameters.max_pack_size, repository.format().parameters.epochs.enabled);
    let watermark = in_use.view.watermark();
    blocking(move || {
        let known =
            Known { in_use: &in_use, candidates: &candidates, schedule: &schedule, watermark, pack_size, safety, now };
        let mut census = known.count();
        // Without epochs it takes a new index to make deletions final, which is not made for nothing.
        census.until = census.until.filter(|_| epochs || census.dropped.count > 0);
        Ok(census)
    })
    .await
}

fn content_steps(plan: &mut MaintenancePlan, census: Census, (batches, few): (Amount, Option<String>)) {
    push(plan, Step::Collect(census.collected), None);
    push(plan, Step::CompactManifests(batches), few);
    push(plan, Step::Rewrite(census.rewritten), census.no_rewrite);
    let none = census.until.is_none().then(|| "no deletion is confirmed by a second collection yet".to_owned());
    push(plan, Step::DropDeleted { until: census.until, contents: census.dropped }, none);
    plan.freed = if census.no_delete.is_some() { Amount::default() } else { census.deleted.packs };
    push(plan, Step::DeletePacks(census.deleted), census.no_delete);
    plan.later = census.later;
}

/// What would be done about index blobs.
async fn index_steps(plan: &mut MaintenancePlan, repository: &Repository, cycle: Cycle) -> Result<()> {
    if !repository.format().parameters.epochs.enabled {
        let (small, age) = (compactions::small(repository).await?, plan.safety.margins().merged_age);
        push(plan, Step::CompactIndexes(Amount::of(&small)), None);
        let merged = compactions::superseded(repository, plan.made, age).await?;
        push(plan, Step::DeleteMerged(Amount::of(&merged)), None);
        return Ok(());
    }
    let (listing, state) = repository.list_epochs().await?;
    let inputs = |compaction: Option<crate::repository::epoch::Compaction>| {
        compaction.map_or_else(Amount::default, |compaction| Amount::of(&compaction.inputs))
    };
    push(plan, Step::CompactEpoch(inputs(state.single_compaction())), None);
    push(plan, Step::AdvanceEpoch(state.advance().map(|_| state.epoch() + 1)), None); // epochs are below 2^32
    if cycle == Cycle::Full {
        push(plan, Step::CompactRange(inputs(state.range_compaction())), None);
        push(plan, Step::CleanMarkers(Amount::of(&superseded(&listing, &state, false))), None);
        push(plan, Step::DeleteSuperseded(Amount::of(&superseded(&listing, &state, true))), None);
    }
    Ok(())
}
