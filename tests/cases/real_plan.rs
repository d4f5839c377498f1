//! A plan against a real API server: every write that applying it sends is one that it lists.

#![allow(clippy::unwrap_used)] // a test may panic

use kube::config::{KubeConfigOptions, Kubeconfig};
use opendal::{Operator, services};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tests::{application, proxy};
use velero_core::api::{self, BackupPhase, BackupSpec, RestorePhase, RestoreSpec};
use velero_core::plan::{Method, Plan, PlannedWrite};
use velero_core::{GroupResource, Resource};
use velero_k8s::cluster::Patch;
use velero_k8s::live::Live;
use velero_k8s::{Backup, Cluster, Error, Restore};
use velero_repo::BackupStore;
use velero_repo::store::Store;

const NAMESPACE: &str = "real-plan";

/// The real cluster, directly and through a proxy that notes every write.
struct Scene {
    live: Arc<Live>,
    client: kube::Client,
    store: BackupStore,
}

impl Scene {
    async fn new() -> Scene {
        let file = std::env::var_os("VELERO_TEST_KUBECONFIG").expect("VELERO_TEST_KUBECONFIG is set");
        let kubeconfig = Kubeconfig::read_from(file).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let operator = Operator::new(services::Memory::default()).unwrap();
        Scene {
            live: Arc::new(Live::from_config(config.clone()).unwrap()),
            client: kube::Client::try_from(config).unwrap(),
            store: BackupStore::new(Store::from_operator(operator, "test")),
        }
    }

    async fn row(&self, resource: &str) -> Option<Arc<Resource>> {
        self.live.discover().await.unwrap().table.get(&resource.into()).cloned()
    }

    /// Creates the application, the status of its Widget included; what is not served yet is waited for.
    async fn install(&self) {
        for object in std::iter::once(application::definition()).chain(application::objects(NAMESPACE)) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
            let namespace = text(&object["metadata"]["namespace"]);
            for attempt in 0.. {
                let table = self.live.discover().await.unwrap().table;
                let created = match table.by_kind(&version, &kind) {
                    Some(row) => self.live.create(row, &namespace, &object, None).await.map(drop),
                    None => Err(Error::Cancelled),
                };
                match created {
                    Ok(()) => break,
                    Err(error) => assert!(attempt < 100, "{kind}: {error}"),
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let row = self.row("widgets.example.com").await.unwrap();
        let status = json!({"status": {"phase": "Ready"}});
        self.live.patch(&row, NAMESPACE, "first", Patch::MergeStatus, &status).await.unwrap();
    }

    /// Deletes the application and waits until it is gone.
    async fn remove(&self) {
        for (resource, name) in
            [("namespaces", NAMESPACE), ("customresourcedefinitions.apiextensions.k8s.io", "widgets.example.com")]
        {
            let row = self.row(resource).await.unwrap();
            for _ in 0..600 {
                self.live.delete(&row, "", name).await.ok();
                if self.live.get(&row, "", name).await.unwrap().is_none() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            assert!(self.live.get(&row, "", name).await.unwrap().is_none(), "{resource} {name} does not go away");
        }
    }

    async fn back_up(&self) {
        let spec = BackupSpec { included_namespaces: vec![NAMESPACE.into()], ..BackupSpec::default() };
        let driver = Backup::new(self.live.clone(), self.store.clone());
        let report = driver.run(api::Backup::new("web", spec)).await.unwrap();
        assert_eq!(report.backup.status.phase, Some(BackupPhase::Completed), "{:?}", report.problems);
    }

    /// Plans a restore, applies it through a proxy, and asserts that each write that passed is one of the plan.
    async fn apply_as_planned(&self, name: &str, more: Value) -> (Plan, Vec<(http::Method, String)>) {
        let mut spec: RestoreSpec = serde_json::from_value(more).unwrap();
        spec.backup_name = "web".into();
        let plan =
            Restore::new(self.live.clone(), self.store.clone()).plan(api::Restore::new(name, spec)).await.unwrap();
        let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        let before = self.resource_versions().await;

        let server = proxy::start(self.client.clone()).await.unwrap();
        let driver = Restore::new(Arc::new(server.live().unwrap()), self.store.clone());
        let report = driver.apply(&plan).await.unwrap();
        assert_eq!(report.restore.status.phase, Some(RestorePhase::Completed), "{:?}", report.problems);
        assert!(report.problems.iter().all(|p| plan.problems.contains(p)), "{:?}", report.problems);

        let writes = proxy::writes(&server);
        let planned = paths(&plan, &self.rows().await);
        for write in &writes {
            assert!(planned.contains(write), "{write:?} is not planned: {planned:?}");
        }
        assert!(!writes.is_empty() || self.resource_versions().await == before, "something changed without a write");
        (plan, writes)
    }

    /// Rows of what is served now, by resource and version.
    async fn rows(&self) -> HashMap<(GroupResource, String), Arc<Resource>> {
        let table = self.live.discover().await.unwrap().table;
        table.rows().iter().map(|row| ((row.group_resource(), row.api_version()), row.clone())).collect()
    }

    /// Resource versions of the application's own objects.
    async fn resource_versions(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for object in application::objects(NAMESPACE) {
            let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
            let table = self.live.discover().await.unwrap().table;
            let Some(row) = table.by_kind(object["apiVersion"].as_str().unwrap(), kind) else { continue };
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            let live = self.live.get(row, namespace, name).await.unwrap();
            let live = live.map(|raw| serde_json::from_slice::<Value>(&raw).unwrap()).unwrap_or_default();
            found.push((format!("{kind} {name}"), live["metadata"]["resourceVersion"].clone()));
        }
        found
    }
}

/// The writes of a plan as methods and paths.
fn paths(plan: &Plan, rows: &HashMap<(GroupResource, String), Arc<Resource>>) -> Vec<(http::Method, String)> {
    let path = |write: velero_core::plan::Write<'_>| {
        let row = &rows[&(write.resource.clone(), write.api_version.to_owned())];
        let root = if row.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", write.api_version) };
        let place = match write.namespace {
            "" => String::new(),
            namespace => format!("/namespaces/{namespace}"),
        };
        let collection = format!("{root}{place}/{}", row.plural);
        match write.method {
            Method::Create => (http::Method::POST, collection),
            Method::Patch => (http::Method::PATCH, format!("{collection}/{}", write.name)),
            Method::UpdateStatus => (http::Method::PUT, format!("{collection}/{}/status", write.name)),
        }
    };
    plan.writes().map(path).collect()
}

/// What the plan does with `name` of `resource`.
fn planned(plan: &Plan, resource: &str, name: &str) -> Option<PlannedWrite> {
    let step = plan.steps.iter().find(|step| step.resource.is(resource))?;
    step.items.iter().find(|item| &*item.name == name).map(|item| item.write)
}

async fn plans_hold(scene: &Scene) {
    scene.install().await;
    scene.back_up().await;
    scene.remove().await;

    let status = json!({"restoreStatus": {"includedResources": ["widgets.example.com"]}});
    let (plan, writes) = scene.apply_as_planned("again", status).await;
    assert_eq!(planned(&plan, "widgets.example.com", "first"), Some(PlannedWrite::Create));
    assert_eq!(planned(&plan, "namespaces", NAMESPACE), Some(PlannedWrite::Create));
    let objects = application::objects(NAMESPACE).len() + 1;
    let created = writes.iter().filter(|(method, _)| method == http::Method::POST).count();
    assert!(created >= objects, "{created} of {objects} were created: {writes:?}");
    let row = scene.row("widgets.example.com").await.unwrap();
    let widget = scene.live.get(&row, NAMESPACE, "first").await.unwrap().unwrap();
    let widget: Value = serde_json::from_slice(&widget).unwrap();
    let found = (&widget["spec"]["size"], &widget["status"]["phase"]);
    assert_eq!(found, (&json!(3), &json!("Ready")), "{writes:?}");

    // A controller soon replaces the slices that came from the backup.
    let made = json!(["endpointslices.discovery.k8s.io"]);
    let (_, writes) = scene.apply_as_planned("over", json!({"excludedResources": made})).await;
    assert_eq!(writes, [], "everything is there");

    let row = scene.row("configmaps").await.unwrap();
    let patch = json!({"data": {"n": "changed"}});
    scene.live.patch(&row, NAMESPACE, "config-1", Patch::Merge, &patch).await.unwrap();
    let (plan, writes) =
        scene.apply_as_planned("update", json!({"existingResourcePolicy": "update", "excludedResources": made})).await;
    assert_eq!(planned(&plan, "configmaps", "config-1"), Some(PlannedWrite::Update));
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/config-1");
    assert!(writes.contains(&(http::Method::PATCH, path)), "{writes:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real: needs VELERO_TEST_KUBECONFIG"]
async fn real_writes_of_a_restore_are_those_of_its_plan() {
    let scene = Arc::new(Scene::new().await);
    scene.remove().await;
    let running = scene.clone();
    // In a task of its own, so that a failure still cleans up.
    let outcome = tokio::spawn(async move { plans_hold(&running).await }).await;
    scene.remove().await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}
