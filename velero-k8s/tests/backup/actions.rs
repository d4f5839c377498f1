//! Vectors X: what actions change, and what they bring along.

use crate::fake::{Fake, ROWS, resource};
use crate::kit::{engine, request, run_on};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use velero_core::action::{ActionError, ActionSelector, BackupAction, BackupOutput, Known};
use velero_core::{ItemId, api};
use velero_k8s::{Backup, BackupOptions};

/// Resources and names of objects.
type Named = [(&'static str, &'static str)];
type Answer = Box<dyn Fn(&Value) -> Result<BackupOutput, String> + Send + Sync>;

/// An action made of a function; it notes which objects it saw.
struct Custom {
    selector: ActionSelector,
    answer: Answer,
    saw: Arc<Mutex<Vec<String>>>,
}

impl BackupAction for Custom {
    fn name(&self) -> &str {
        "example.com/custom"
    }

    fn applies_to(&self) -> ActionSelector {
        self.selector.clone()
    }

    fn execute(&self, item: &Value, _: &api::Backup, _: &Known) -> Result<BackupOutput, ActionError> {
        let text = |field: &str| item["metadata"][field].as_str().unwrap_or("").to_owned();
        self.saw.lock().unwrap().push(format!("{}/{}", text("namespace"), text("name")));
        (self.answer)(item).map_err(ActionError)
    }
}

fn with(selector: ActionSelector, answer: Answer) -> (BackupOptions, Arc<Mutex<Vec<String>>>) {
    let saw = Arc::new(Mutex::new(Vec::new()));
    let action = Custom { selector, answer, saw: saw.clone() };
    (BackupOptions { actions: vec![Box::new(action)], ..engine() }, saw)
}

fn pods() -> ActionSelector {
    ActionSelector::resources(["pods"])
}

/// An action that edits the object at `pointer`'s parent.
fn edits(edit: impl Fn(&mut Value) + Send + Sync + 'static) -> BackupOptions {
    let answer = move |item: &Value| {
        let mut item = item.clone();
        edit(&mut item);
        Ok(BackupOutput { item: Some(item), ..BackupOutput::default() })
    };
    with(pods(), Box::new(answer)).0
}

/// An action that brings `additional` along.
fn brings(additional: &Named, must_include: bool) -> BackupOptions {
    let ids: Vec<ItemId> = additional
        .iter()
        .map(|(kind, name)| {
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            ItemId::new(resource(kind), namespace, name)
        })
        .collect();
    let answer = move |_: &Value| {
        let output =
            BackupOutput { additional: ids.clone(), must_include_additional: must_include, ..Default::default() };
        Ok(output)
    };
    with(pods(), Box::new(answer)).0
}

#[tokio::test]
async fn x1_changes_of_an_action_are_archived() {
    let options = edits(|pod| {
        pod["metadata"]["labels"] = json!({"added": "x"});
        pod["spec"]["nodeName"] = json!("n");
    });
    let stored = run_on(Fake::new(ROWS, &["pods a/1 old=y"]), json!({}), options).await.unwrap();
    let pod = &stored.bodies["pods a/1"];
    assert_eq!((&pod["metadata"]["labels"], &pod["spec"]["nodeName"]), (&json!({"added": "x"}), &json!("n")));
}

#[tokio::test]
async fn x2_an_action_moves_and_renames_json_and_path() {
    let options = edits(|pod| pod["metadata"] = json!({"name": "new", "namespace": "other"}));
    let stored = run_on(Fake::new(ROWS, &["pods a/1"]), json!({}), options).await.unwrap();
    assert_eq!(stored.items(), ["pods other/new"]);
    assert_eq!(stored.bodies["pods other/new"]["metadata"]["namespace"], "other");
    let list = stored.json(velero_repo::Document::ResourceList).await;
    assert_eq!(list, json!({"v1/Pod": ["other/new"]}));
}

#[tokio::test]
async fn two_objects_moved_to_one_place_are_an_error_and_the_first_stays() {
    let options = edits(|pod| pod["metadata"]["name"] = json!("same"));
    let stored = run_on(Fake::new(ROWS, &["pods a/1", "pods a/2"]), json!({}), options).await.unwrap();
    assert_eq!(stored.items(), ["pods a/same"]);
    assert!(stored.problems()[0].starts_with("error Collision: pods a/2:"), "{:?}", stored.problems());
}

#[tokio::test]
async fn x3_to_x8_additional_items_pass_the_filters() {
    let objects = [
        "pods ns-1/pod-1",
        "pods ns-2/pod-2",
        "pods ns-3/pod-3 velero.io/exclude-from-backup=true",
        "persistentvolumes pv-1",
        "persistentvolumes pv-2",
    ];
    let three: &[_] = &[("pods", "ns-1/pod-1"), ("pods", "ns-2/pod-2"), ("pods", "ns-3/pod-3")];
    let volumes: &[_] = &[("persistentvolumes", "pv-1"), ("persistentvolumes", "pv-2")];
    let all = ["persistentvolumes pv-1", "persistentvolumes pv-2", "pods ns-1/pod-1", "pods ns-2/pod-2"];
    let table: [(&str, Value, &Named, &[&str]); 5] = [
        ("X3 X8", json!({}), three, &all),
        ("X4", json!({"includedNamespaces": ["ns-1"]}), three, &all[2..3]),
        ("X5", json!({"includedNamespaces": ["ns-1"]}), volumes, &all[..3]),
        ("X6", json!({"includedResources": ["pods"]}), volumes, &all[2..]),
        ("X7", json!({"includeClusterResources": false}), volumes, &all[2..]),
    ];
    for (id, spec, additional, expected) in table {
        let stored = run_on(Fake::new(ROWS, &objects), spec, brings(additional, false)).await.unwrap();
        assert_eq!(stored.items(), expected, "{id}");
    }
}

#[tokio::test]
async fn must_include_overrides_every_filter() {
    let objects = ["pods ns-1/pod-1", "secrets ns-2/s velero.io/exclude-from-backup=true", "persistentvolumes pv"];
    let spec = json!({"includedNamespaces": ["ns-1"], "includedResources": ["pods"], "includeClusterResources": false});
    let options = brings(&[("secrets", "ns-2/s"), ("persistentvolumes", "pv")], true);
    let stored = run_on(Fake::new(ROWS, &objects), spec, options).await.unwrap();
    assert_eq!(stored.items(), ["persistentvolumes pv", "pods ns-1/pod-1", "secrets ns-2/s"]);
}

#[tokio::test]
async fn x9_missing_additional_items_are_warnings() {
    let options = brings(&[("persistentvolumes", "gone")], false);
    let stored = run_on(Fake::new(ROWS, &["pods a/1"]), json!({}), options).await.unwrap();
    assert_eq!(stored.items(), ["pods a/1"]);
    assert!(stored.problems()[0].starts_with("warning NotFound: persistentvolumes gone:"), "{:?}", stored.problems());
    assert_eq!(stored.report.backup.status.phase, Some(api::BackupPhase::Completed));
}

#[tokio::test]
async fn related_objects_that_arrive_by_themselves_are_not_fetched() {
    let pod = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": {"priorityClassName": "high",
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}});
    let fake = Arc::new(
        Fake::new(ROWS, &["persistentvolumeclaims a/c", "priorityclasses.scheduling.k8s.io high"]).with("pods", pod),
    );
    let driver = Backup::new(fake.clone(), crate::kit::memory()).with_options(engine());
    let included = driver.dry_run(request(json!({"includedNamespaces": ["a"]}))).await.unwrap().included;
    assert_eq!(included.len(), 3);
    let gets = fake.gets.lock().unwrap().clone();
    let of_objects: Vec<_> = gets.iter().filter(|get| !get.starts_with("customresourcedefinitions")).collect();
    assert_eq!(of_objects, ["priorityclasses.scheduling.k8s.io high"]);
}

#[tokio::test]
async fn x11_x12_actions_see_what_their_selector_names() {
    let objects = ["pods a/1", "pods b/2 k=v", "persistentvolumes pv", "deployments.apps a/d"];
    let named = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let resources = |list| ActionSelector { included_resources: named(list), ..Default::default() };
    let in_a = ActionSelector { included_namespaces: named(&["a"]), ..Default::default() };
    let labelled = ActionSelector { label_selector: "k=v".into(), ..pods() };
    let table: [(&str, ActionSelector, &[&str]); 7] = [
        ("X11 none", ActionSelector::default(), &["/pv", "a/1", "a/d", "b/2"]),
        ("X11 namespaced", resources(&["pods"]), &["a/1", "b/2"]),
        ("X11 cluster", resources(&["persistentvolumes"]), &["/pv"]),
        ("X11 namespace", in_a, &["a/1", "a/d"]),
        ("X11 short names", resources(&["po", "deploy"]), &["a/1", "a/d", "b/2"]),
        ("X11 labels", labelled, &["b/2"]),
        ("X12", resources(&["unresolvable"]), &[]),
    ];
    for (id, selector, expected) in table {
        let (options, saw) = with(selector, Box::new(|_| Ok(BackupOutput::default())));
        run_on(Fake::new(ROWS, &objects), json!({}), options).await.unwrap();
        let mut saw = saw.lock().unwrap().clone();
        saw.sort();
        assert_eq!(saw, expected, "{id}");
    }
}

#[tokio::test]
async fn x13_an_action_with_a_malformed_selector_stops_the_backup() {
    let selector = ActionSelector { label_selector: "a in (".into(), ..pods() };
    let (options, _) = with(selector, Box::new(|_| Ok(BackupOutput::default())));
    let Err(error) = run_on(Fake::new(ROWS, &["pods a/1"]), json!({}), options).await else { panic!("it ran") };
    assert!(matches!(error, velero_k8s::Error::Core(velero_core::Error::Invalid { .. })), "{error:?}");
}

#[tokio::test]
async fn x14_the_resource_list_names_exactly_what_the_archive_holds() {
    let objects = ["pods a-b/x", "pods a/x", "deployments.apps a/d", "persistentvolumes pv", "pods a/bad"];
    let answer = |item: &Value| match item["metadata"]["name"] == "bad" {
        true => Err("bad pod".to_owned()),
        false => Ok(BackupOutput::default()),
    };
    let stored = run_on(Fake::new(ROWS, &objects), json!({}), with(pods(), Box::new(answer)).0).await.unwrap();
    let list = stored.json(velero_repo::Document::ResourceList).await;
    let expected = json!({"apps/v1/Deployment": ["a/d"], "v1/PersistentVolume": ["pv"], "v1/Pod": ["a-b/x", "a/x"]});
    assert_eq!(list, expected);
    assert_eq!(stored.items().len(), 4);
    let error = stored.problems().into_iter().find(|p| p.starts_with("error")).unwrap();
    assert!(error.contains("pods a/bad") && error.contains("bad pod"), "{error}");
}

#[tokio::test]
async fn an_action_leaves_an_object_out_by_annotation() {
    let options = edits(|pod| pod["metadata"]["annotations"] = json!({"velero.io/skip-from-backup": ""}));
    let stored = run_on(Fake::new(ROWS, &["pods a/1", "secrets a/s"]), json!({}), options).await.unwrap();
    assert_eq!(stored.items(), ["secrets a/s"]);
}

#[tokio::test]
async fn service_accounts_bring_their_cluster_roles() {
    let binding = |name: &str, account: &str| {
        json!({"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": format!("role-{name}")},
            "subjects": [{"kind": "ServiceAccount", "namespace": "a", "name": account}]})
    };
    let roles =
        ["clusterroles.rbac.authorization.k8s.io role-mine", "clusterroles.rbac.authorization.k8s.io role-other"];
    let fake = Fake::new(ROWS, &[&["namespaces b", "serviceaccounts a/sa"], &roles[..]].concat())
        .with("clusterrolebindings.rbac.authorization.k8s.io", binding("mine", "sa"))
        .with("clusterrolebindings.rbac.authorization.k8s.io", binding("other", "else"));
    let stored = run_on(fake, json!({"includedNamespaces": ["a"]}), BackupOptions::default()).await.unwrap();
    let expected = ["clusterrolebindings.rbac.authorization.k8s.io mine", roles[0], "serviceaccounts a/sa"];
    assert_eq!(stored.items(), expected);
}
