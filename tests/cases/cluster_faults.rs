//! The drivers before an API server whose every request goes wrong in turn: Completed means that everything is there, and
//! what is not there is named.

#![allow(clippy::unwrap_used)] // a test may panic

use opendal::{Operator, services};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tests::api::{self, Trouble};
use tests::application::{self, state};
use tests::server::Server;
use tests::turns::each_turn;
use velero_core::api::{BackupPhase, RestorePhase};
use velero_core::{Problem, Severity};
use velero_k8s::offline::Offline;
use velero_k8s::{Backup, BackupOptions, Restore, RestoreOptions};
use velero_repo::BackupStore;
use velero_repo::store::Store;

type Objects = BTreeMap<String, Value>;

/// Troubles that pass when the request is repeated.
const PASSING: [Trouble; 5] =
    [Trouble::Overloaded, Trouble::Failing, Trouble::Expired, Trouble::Dropped, Trouble::LostAnswer];

fn memory() -> BackupStore {
    let operator = Operator::new(services::Memory::default()).expect("a store in memory");
    BackupStore::new(Store::from_operator(operator, "test"))
}

/// One request after the other, so that each number stands for the same request each time.
fn restore(cluster: Arc<dyn velero_k8s::Cluster>, store: &BackupStore) -> Restore {
    let options = RestoreOptions { concurrency: 1, keep_out_of_store: true, ..RestoreOptions::default() };
    Restore::new(cluster, store.clone()).with_options(options)
}

fn backup(cluster: Arc<dyn velero_k8s::Cluster>, store: &BackupStore) -> Backup {
    let options = BackupOptions { concurrency: 1, page_size: 2, ..BackupOptions::default() };
    Backup::new(cluster, store.clone()).with_options(options)
}

/// What a healthy restore of what `store` has brings into a new cluster.
async fn restored(store: &BackupStore) -> Objects {
    let target = Offline::seeded(2);
    restore(Arc::new(target.clone()), store).run(application::restore().unwrap()).await.unwrap();
    state(&target).await.unwrap()
}

/// Asserts that everything of `expected` that is not in `found`, or is different there, is named by a problem: the
/// object, the whole resource, or a namespace that could not even be told by its name.
fn assert_named(expected: &Objects, found: &Objects, problems: &[Problem], case: &str) {
    let texts: Vec<String> =
        problems.iter().filter(|p| p.severity == Severity::Error).map(ToString::to_string).collect();
    for (id, object) in expected.iter().filter(|(id, object)| found.get(*id) != Some(*object)) {
        let (resource, name) = id.split_once(' ').unwrap();
        let names = [name.trim_start_matches('/'), resource, "malformed object of namespaces"];
        let named = |text: &String| names.iter().any(|name| text.contains(name));
        assert!(texts.iter().any(named), "{case}: {id} is lost and not named: {texts:?}; was {object}");
    }
    assert!(found.keys().all(|id| expected.contains_key(id)), "{case}: there is more than there was");
}

/// Backs up while request `at` goes wrong. Says whether it came.
async fn check_backup(source: &Offline, whole: &Objects, trouble: Trouble, at: u64) -> bool {
    let server = api::start(source.clone(), trouble, at).await.unwrap();
    let store = memory();
    let result = backup(Arc::new(server.live().unwrap()), &store).run(application::backup()).await;
    let case = case(&server, trouble, at);
    match result {
        Ok(report) => {
            let found = restored(&store).await;
            let completed = report.backup.status.phase == Some(BackupPhase::Completed);
            let trace = format!("{case}: {:?}", report.problems);
            assert!(!completed || found == *whole, "Completed, but not whole: {trace}");
            assert!(completed || !PASSING.contains(&trouble), "it passes and should be survived: {trace}");
            assert_named(whole, &found, &report.problems, &case);
        }
        Err(error) => {
            assert!(!PASSING.contains(&trouble), "it passes and should be survived: {case}: {error}");
            assert!(error.to_string().contains('/'), "{case}: {error}");
            assert!(store.list().await.unwrap().is_empty(), "{case}");
            backup(Arc::new(source.clone()), &store).run(application::backup()).await.unwrap();
            assert_eq!(restored(&store).await, *whole, "again after {case}");
        }
    }
    server.seen().len() as u64 > at
}

/// The case, with the request that went wrong.
fn case(server: &Server, trouble: Trouble, at: u64) -> String {
    let request = server.seen().get(at as usize).map(|seen| format!("{} {}", seen.method, seen.uri));
    format!("{trouble:?} at request {at} ({})", request.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_whole_or_says_what_is_missing() {
    let source = application::cluster().unwrap();
    let store = memory();
    backup(Arc::new(source.clone()), &store).run(application::backup()).await.unwrap();
    let whole = restored(&store).await;
    assert_eq!(whole.keys().collect::<Vec<_>>(), state(&source).await.unwrap().keys().collect::<Vec<_>>());
    let least = each_turn(&Trouble::ALL, |trouble, at| check_backup(&source, &whole, trouble, at)).await;
    assert!(least > 15, "a trouble struck {least} times only");
}

/// Restores while request `at` goes wrong. Says whether it came.
async fn check_restore(store: &BackupStore, whole: &Objects, trouble: Trouble, at: u64) -> bool {
    let target = Offline::seeded(2);
    let server = api::start(target.clone(), trouble, at).await.unwrap();
    let result = restore(Arc::new(server.live().unwrap()), store).run(application::restore().unwrap()).await;
    let case = case(&server, trouble, at);
    let found = state(&target).await.unwrap();
    match result {
        Ok(report) => {
            let completed = report.restore.status.phase == Some(RestorePhase::Completed);
            let trace = format!("{case}: {:?}", report.problems);
            assert!(!completed || found == *whole, "Completed, but not whole: {trace}");
            assert!(completed || !PASSING.contains(&trouble), "it passes and should be survived: {trace}");
            assert_named(whole, &found, &report.problems, &case);
            let failed: Vec<_> = report.resource_list.values().flatten().filter(|e| e.ends_with("(failed)")).collect();
            assert!(failed.is_empty() || found != *whole, "{trace}: there, but said to have failed: {failed:?}");
        }
        Err(error) => {
            assert!(!PASSING.contains(&trouble), "it passes and should be survived: {case}: {error}");
            let report = restore(Arc::new(target.clone()), store).run(application::restore().unwrap()).await.unwrap();
            assert_eq!(report.restore.status.phase, Some(RestorePhase::Completed), "again after {case}");
            assert_eq!(state(&target).await.unwrap(), *whole, "again after {case}");
        }
    }
    server.seen().len() as u64 > at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_whole_or_says_what_is_missing() {
    let source = application::cluster().unwrap();
    let store = memory();
    backup(Arc::new(source), &store).run(application::backup()).await.unwrap();
    let whole = restored(&store).await;
    let least = each_turn(&Trouble::ALL, |trouble, at| check_restore(&store, &whole, trouble, at)).await;
    assert!(least > 30, "a trouble struck {least} times only");
}
