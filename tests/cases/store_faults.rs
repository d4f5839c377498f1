//! Stores that fail and lie under the drivers, at every single operation in turn: what is said to be stored is stored,
//! what is visible is whole, and what failed can be done again.

#![allow(clippy::unwrap_used)] // a test may panic

use opendal::layers::TimeoutLayer;
use opendal::{Operator, services};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tests::application::{self, state};
use tests::turns::each_turn;
use velero_core::api::{BackupPhase, RestorePhase};
use velero_core::plan::Plan;
use velero_k8s::offline::Offline;
use velero_k8s::{Backup, Restore};
use velero_repo::fault::{Fault, FaultLayer};
use velero_repo::store::{RestoreDocument, Store};
use velero_repo::{BackupName, BackupStore, RestoreName};

type Objects = BTreeMap<String, Value>;

/// What a restore from a healthy store brings back.
struct Expected {
    source: Offline,
    plan: Plan,
    objects: Objects,
}

fn memory() -> Operator {
    Operator::new(services::Memory::default()).expect("a store in memory")
}

fn healthy(operator: &Operator) -> BackupStore {
    BackupStore::new(Store::from_operator(operator.clone(), "test"))
}

fn suffering(operator: &Operator, faults: &FaultLayer) -> BackupStore {
    let limit = Duration::from_millis(200);
    let timeout = TimeoutLayer::new().with_timeout(limit).with_io_timeout(limit);
    healthy(&operator.clone().layer(faults.clone()).layer(timeout))
}

async fn back_up(source: &Offline, store: BackupStore) -> velero_k8s::Result<BackupPhase> {
    let report = Backup::new(Arc::new(source.clone()), store).run(application::backup()).await?;
    assert_eq!(report.problems, [], "the cluster is healthy");
    Ok(report.backup.status.phase.expect("a phase"))
}

/// Plans and restores with a healthy store into a new cluster.
async fn restored(store: BackupStore) -> (Plan, Objects) {
    let target = Offline::seeded(2);
    let driver = Restore::new(Arc::new(target.clone()), store);
    let plan = driver.plan(application::restore().unwrap()).await.unwrap();
    let report = driver.apply(&plan).await.unwrap();
    assert_eq!(report.problems, []);
    (plan, state(&target).await.unwrap())
}

impl Expected {
    async fn new() -> Expected {
        let source = application::cluster().unwrap();
        let store = healthy(&memory());
        assert_eq!(back_up(&source, store.clone()).await.unwrap(), BackupPhase::Completed);
        let (plan, objects) = restored(store).await;
        let original = state(&source).await.unwrap();
        assert_eq!(objects.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
        let widget = "widgets.example.com app-1/first";
        assert_eq!(objects[widget]["status"], original[widget]["status"]);
        assert_eq!(objects[widget]["status"]["phase"], "Ready");
        Expected { source, plan, objects }
    }
}

/// Whether the error, or one of its causes, names an object of the store.
fn names_a_key(error: &velero_k8s::Error) -> bool {
    let text = chain(error);
    text.contains("backups/") || text.contains("restores/")
}

/// The error with its causes.
fn chain(error: &velero_k8s::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Backs up while `faults` strike. Says whether operation `at` came.
async fn check_backup(expected: &Expected, faults: FaultLayer, lasting: bool, at: u64) -> bool {
    let operator = memory();
    let result = back_up(&expected.source, suffering(&operator, &faults)).await;
    let case = format!("{faults:?}: {result:?}");
    let store = healthy(&operator);
    let visible = store.exists(&BackupName::new("web").unwrap()).await.unwrap();
    match &result {
        Ok(phase) => assert!(visible && *phase == BackupPhase::Completed, "said to be stored: {case}"),
        Err(error) => {
            assert!(lasting || !visible, "said to have failed, but there: {case}");
            assert!(names_a_key(error), "no key is named: {case}: {}", chain(error));
        }
    }
    if !visible {
        back_up(&expected.source, store.clone()).await.unwrap_or_else(|e| panic!("again after {case}: {e}"));
    }
    assert_eq!(restored(store).await.1, expected.objects, "{case}");
    faults.operations() > at
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_once_a_visible_backup_restores_and_a_failed_one_can_be_repeated() {
    let expected = Expected::new().await;
    let least =
        each_turn(&Fault::ALL, |fault, at| check_backup(&expected, FaultLayer::once(fault, at), false, at)).await;
    assert!(least > 40, "a fault struck {least} times only");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_backup_could_not_remove_is_part_of_its_error() {
    let expected = Expected::new().await;
    let mut told = Vec::new();
    for at in 0..40 {
        let store = suffering(&memory(), &FaultLayer::from(Fault::Refuse, at));
        told.extend(back_up(&expected.source, store).await.err().map(|error| chain(&error)));
    }
    let driver = "backup web failed, and what was stored of it could not be removed (";
    assert!(told.iter().any(|text| text.contains(driver)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_a_store_is_lost_a_visible_backup_restores_and_a_failed_one_can_be_repeated() {
    let expected = Expected::new().await;
    let least = each_turn(&[Fault::Refuse, Fault::LoseAnswer, Fault::Forget], |fault, at| {
        check_backup(&expected, FaultLayer::from(fault, at), true, at)
    })
    .await;
    assert!(least > 40, "a fault struck {least} times only");
}

/// Plans while a fault strikes. Says whether operation `at` came.
async fn check_plan(expected: &Expected, operator: &Operator, fault: Fault, at: u64) -> bool {
    let faults = FaultLayer::once(fault, at);
    let driver = Restore::new(Arc::new(Offline::seeded(2)), suffering(operator, &faults));
    match driver.plan(application::restore().unwrap()).await {
        Ok(plan) => {
            assert_eq!(plan.steps, expected.plan.steps, "{faults:?}");
            assert_eq!(plan.problems, [], "{faults:?}");
        }
        Err(error) => assert!(names_a_key(&error), "{faults:?}: {}", chain(&error)),
    }
    faults.operations() > at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_the_right_one_or_an_error_that_names_the_object() {
    let (expected, operator) = (Expected::new().await, memory());
    back_up(&expected.source, healthy(&operator)).await.unwrap();
    let least = each_turn(&Fault::ALL, |fault, at| check_plan(&expected, &operator, fault, at)).await;
    assert!(least > 8, "a fault struck {least} times only");
}

/// Whether a healthy reader finds every document of the restore, each one readable.
async fn has_documents(store: &BackupStore) -> bool {
    let name = RestoreName::new("again").unwrap();
    for document in
        [RestoreDocument::Log, RestoreDocument::Results, RestoreDocument::ResourceList, RestoreDocument::Restore]
    {
        let Ok(Some(bytes)) = store.read_restore(&name, document, 1 << 20).await else { return false };
        if document != RestoreDocument::Log && serde_json::from_slice::<Value>(&bytes).is_err() {
            return false;
        }
    }
    true
}

/// Plans and applies while a fault strikes. Says whether operation `at` came.
async fn check_restore(expected: &Expected, fault: Fault, at: u64) -> bool {
    let (operator, target) = (memory(), Offline::seeded(2));
    back_up(&expected.source, healthy(&operator)).await.unwrap();
    let faults = FaultLayer::once(fault, at);
    let driver = |store| Restore::new(Arc::new(target.clone()), store);
    let request = || application::restore().unwrap();
    let case = format!("{faults:?}");
    match driver(suffering(&operator, &faults)).run(request()).await {
        Ok(report) => {
            assert_eq!(state(&target).await.unwrap(), expected.objects, "{case}");
            let completed = report.restore.status.phase == Some(RestorePhase::Completed);
            assert_eq!(completed, report.problems.is_empty(), "{case}: {:?}", report.problems);
            assert!(!completed || has_documents(&healthy(&operator)).await, "documents are missing: {case}");
            let names = |text: String| text.contains("restore again");
            assert!(report.problems.iter().all(|problem| names(problem.to_string())), "{case}: {:?}", report.problems);
        }
        Err(error) => {
            assert!(names_a_key(&error), "no key is named: {case}: {}", chain(&error));
            let report = driver(healthy(&operator)).run(request()).await.unwrap();
            assert_eq!(report.problems, [], "again after {case}");
            assert_eq!(state(&target).await.unwrap(), expected.objects, "again after {case}");
        }
    }
    faults.operations() > at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_brings_everything_back_or_names_what_failed_and_can_be_repeated() {
    let expected = Expected::new().await;
    let least = each_turn(&Fault::ALL, |fault, at| check_restore(&expected, fault, at)).await;
    assert!(least > 15, "a fault struck {least} times only");
}
