//! Requests that are refused, with every fault (spec 7.5, 9.2, 9.12).

use crate::fixture::{faults, list, namespaces, table};
use std::sync::Arc;
use velero_core::Error;
use velero_core::api::{BackupSpec, LabelSelector, Requirement, RestoreSpec};
use velero_core::policy::ResourcePolicies;
use velero_core::selection::{BackupSelection, RestoreSelection};

fn backup(spec: &BackupSpec) -> Result<BackupSelection, Error> {
    BackupSelection::new(spec, Arc::new(table()), &namespaces(["web", "db"]), None)
}

fn restore(spec: &RestoreSpec) -> Result<RestoreSelection, Error> {
    RestoreSelection::new(spec, Arc::new(table()), &[])
}

#[test]
fn l1_rule_ie_for_old_resource_lists() {
    let prefix = "Invalid included/excluded resource lists: ";
    for (includes, excludes, count) in
        [("* foo", "", 1), ("", "*", 1), ("foo", "foo", 1), ("* foo", "* foo", 4), ("foo", "bar", 0), ("*", "foo", 0)]
    {
        let spec = BackupSpec {
            included_resources: list(includes),
            excluded_resources: list(excludes),
            ..BackupSpec::default()
        };
        let found = faults(backup(&spec));
        assert_eq!(found.len(), count, "{includes:?} {excludes:?}: {found:?}");
        assert!(found.iter().all(|fault| fault.starts_with(prefix)), "{found:?}");
    }
}

#[test]
fn rule_s_for_each_scope() {
    for (includes, excludes, count) in
        [("* a", "", 1), ("", "* a", 1), ("a", "*", 1), ("", "*", 0), ("a", "a", 1), ("*", "a", 0), ("*", "*", 2)]
    {
        let cluster = BackupSpec {
            included_cluster_scoped_resources: list(includes),
            excluded_cluster_scoped_resources: list(excludes),
            ..BackupSpec::default()
        };
        let namespaced = BackupSpec {
            included_namespace_scoped_resources: list(includes),
            excluded_namespace_scoped_resources: list(excludes),
            ..BackupSpec::default()
        };
        for (spec, scope) in [(cluster, "cluster"), (namespaced, "namespace")] {
            let found = faults(backup(&spec));
            let prefix = format!("Invalid {scope}-scoped included/excluded resource lists: ");
            assert_eq!(found.len(), count, "{includes:?} {excludes:?}: {found:?}");
            assert!(found.iter().all(|fault| fault.starts_with(&prefix)), "{found:?}");
        }
    }
}

#[test]
fn namespace_names_are_labels_or_patterns_of_labels() {
    for name in
        ["-foo", "Foo", "a.b", "a|b", "a**", "{a,b}", "ns[", "ns[]", "a(b)", "!a", "ns]", "n[a]s]", "a-", "ns-[a-z0-9]"]
    {
        let excluded = BackupSpec { excluded_namespaces: list(name), ..BackupSpec::default() };
        let included = BackupSpec { included_namespaces: list(name), ..BackupSpec::default() };
        for spec in [excluded, included] {
            let found = faults(backup(&spec));
            assert!(found.len() == 1 && found[0].starts_with("Invalid included/excluded namespace lists: "), "{name}");
        }
    }
    for name in ["foo", "*", "kube-*", "ns-?", "ns-[ab]", "missing"] {
        let spec = BackupSpec { included_namespaces: list(name), ..BackupSpec::default() };
        assert!(backup(&spec).is_ok(), "{name}");
    }
    let empty = BackupSpec { included_namespaces: vec![String::new()], ..BackupSpec::default() };
    assert!(backup(&empty).is_ok());
}

#[test]
fn an_included_namespace_with_the_exclude_label_is_refused() {
    let facts = namespaces(["web:velero.io/exclude-from-backup=true", "db:velero.io/exclude-from-backup=false"]);
    let named = |name: &str| BackupSpec { included_namespaces: list(name), ..BackupSpec::default() };
    let new = |spec: &BackupSpec| BackupSelection::new(spec, Arc::new(table()), &facts, None);
    assert!(faults(new(&named("web"))).iter().any(|fault| fault.contains("exclude-from-backup")));
    assert!(new(&named("db")).is_ok());
    let by_pattern = new(&named("w*")).unwrap();
    assert!(!by_pattern.includes_namespace("web"), "a pattern reaches it silently");
}

#[test]
fn l3_selectors_and_filters_that_exclude_each_other() {
    let mixed = BackupSpec {
        include_cluster_resources: Some(true),
        included_namespace_scoped_resources: list("pods"),
        label_selector: Some(LabelSelector::default()),
        or_label_selectors: vec![LabelSelector::default()],
        ..BackupSpec::default()
    };
    assert_eq!(faults(backup(&mixed)).len(), 2);
    let old = BackupSpec { included_resources: list("pods"), ..BackupSpec::default() };
    let policies = ResourcePolicies::parse("version: v1\nincludeExcludePolicy: {}").unwrap();
    let combined = BackupSelection::new(&old, Arc::new(table()), &[], Some(&policies));
    assert_eq!(faults(combined).len(), 1);
}

#[test]
fn selectors_that_the_server_would_refuse_are_refused() {
    let requirement = Requirement { key: "a".into(), operator: "Like".into(), values: list("b") };
    let selector = LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() };
    let spec = BackupSpec { label_selector: Some(selector), ..BackupSpec::default() };
    assert_eq!(faults(backup(&spec)).len(), 1);
}

#[test]
fn all_faults_come_at_once() {
    let spec = BackupSpec {
        included_namespaces: list("* Web"),
        included_resources: list("pods"),
        excluded_resources: list("pods"),
        excluded_cluster_scoped_resources: list("pv"),
        ..BackupSpec::default()
    };
    assert_eq!(faults(backup(&spec)).len(), 4, "{:?}", faults(backup(&spec)));
}

#[test]
fn the_controller_excludes_snapshots_and_includes_all_namespaces() {
    let stored = |spec: &BackupSpec| backup(spec).unwrap().spec().clone();
    let snapshots = "volumesnapshots.snapshot.storage.k8s.io";
    let contents = "volumesnapshotcontents.snapshot.storage.k8s.io";
    let default = stored(&BackupSpec::default());
    assert_eq!(default.included_namespaces, ["*"]);
    assert_eq!(default.excluded_namespace_scoped_resources, [snapshots]);
    assert_eq!(default.excluded_cluster_scoped_resources, [contents]);
    let old = stored(&BackupSpec {
        included_resources: list(&format!("pods {snapshots}")),
        excluded_resources: list("secrets"),
        ..BackupSpec::default()
    });
    assert_eq!(old.included_resources, ["pods"]);
    assert_eq!(old.excluded_resources, ["secrets", snapshots, contents]);
    assert!(old.excluded_cluster_scoped_resources.is_empty());
}

fn source() -> RestoreSpec {
    RestoreSpec { backup_name: "b".into(), ..RestoreSpec::default() }
}

#[test]
fn l4_a_restore_has_one_source() {
    let both = RestoreSpec { schedule_name: "s".into(), ..source() };
    let scheduled = RestoreSpec { schedule_name: "s".into(), ..RestoreSpec::default() };
    assert_eq!(faults(restore(&RestoreSpec::default())).len(), 1);
    assert_eq!(faults(restore(&both)).len(), 1);
    assert!(restore(&scheduled).is_ok() && restore(&source()).is_ok());
}

#[test]
fn l5_non_restorable_resources_are_two_faults_each() {
    for resource in ["nodes", "events", "events.events.k8s.io", "backups.velero.io", "restores.velero.io"] {
        let spec = RestoreSpec { included_resources: list(resource), ..source() };
        let found = faults(restore(&spec));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], format!("{resource} are non-restorable resources"));
    }
    let stored = restore(&source()).unwrap();
    assert_eq!(stored.spec().excluded_resources.len(), 9);
    assert!(!stored.collects(&"nodes".into(), "").is_included());
}

#[test]
fn l6_unknown_policies_for_existing_objects_are_refused() {
    for (policy, good) in [("", true), ("none", true), ("update", true), ("invalid", false), ("Update", false)] {
        let spec = RestoreSpec { existing_resource_policy: policy.into(), ..source() };
        assert_eq!(restore(&spec).is_ok(), good, "{policy}");
    }
}

#[test]
fn restore_lists_follow_rule_ie_and_namespace_names_may_be_anything() {
    let spec = |includes: &str, excludes: &str| RestoreSpec {
        included_namespaces: list(includes),
        excluded_namespaces: list(excludes),
        ..source()
    };
    for (includes, excludes, count) in
        [("* a", "", 1), ("", "*", 1), ("a", "a", 1), ("Foo a.b {a,b}", "", 0), ("ns[", "", 1), ("test*", "*", 1)]
    {
        let found = faults(restore(&spec(includes, excludes)));
        assert_eq!(found.len(), count, "{includes:?} {excludes:?}: {found:?}");
    }
    let selectors = RestoreSpec {
        label_selector: Some(LabelSelector::default()),
        or_label_selectors: vec![LabelSelector::default()],
        ..source()
    };
    assert_eq!(faults(restore(&selectors)).len(), 1);
}

#[test]
fn a_restore_with_a_resource_policy_is_refused_rather_than_restored_without() {
    let spec = |policy: serde_json::Value| {
        serde_json::from_value(serde_json::json!({"backupName": "b", "resourcePolicy": policy})).unwrap()
    };
    let found = |spec: &RestoreSpec| faults(RestoreSelection::new(spec, Arc::new(table()), &[]));
    let refused = found(&spec(serde_json::json!({"kind": "configmap", "name": "p"})));
    assert!(refused.len() == 1 && refused[0].contains("spec.resourcePolicy"), "{refused:?}");
    assert!(found(&spec(serde_json::Value::Null)).is_empty());
}
