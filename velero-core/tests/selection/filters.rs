//! The primitives: include and exclude lists, and the two resource filters of a backup (spec 9.2).

use crate::fixture::{engine, list, namespaces, table};
use std::sync::Arc;
use velero_core::api::BackupSpec;
use velero_core::policy::ResourcePolicies;
use velero_core::selection::{BackupSelection, IncludeExclude};

#[test]
fn i1_to_i11_excludes_win_and_empty_includes_mean_all() {
    for (vector, includes, excludes, item, expected) in [
        ("I1", "", "", "foo", true),
        ("I2", "*", "", "foo", true),
        ("I3", "foo bar baz", "", "foo", true),
        ("I4", "foo baz", "", "bar", false),
        ("I5", "*", "foo", "foo", false),
        ("I6", "*", "foo", "bar", true),
        ("I7", "foo", "foo", "foo", false),
        ("I8", "*.bar", "", "foo.bar", true),
        ("I9", "*.bar", "", "bar.foo", false),
        ("I10", "*", "*.bar", "foo.bar", false),
        ("I11", "*", "*.bar", "bar.foo", true),
    ] {
        assert_eq!(IncludeExclude::new(&list(includes), &list(excludes)).admits(item), expected, "{vector}");
    }
}

#[test]
fn only_unrestricted_lists_admit_everything() {
    for (includes, excludes, expected) in
        [("", "", true), ("*", "", true), ("* a", "", false), ("a", "", false), ("*", "a", false), ("", "a", false)]
    {
        let lists = IncludeExclude::new(&list(includes), &list(excludes));
        assert_eq!(lists.admits_everything(), expected, "{includes:?} {excludes:?}");
    }
}

fn scoped(cluster_in: &str, cluster_out: &str, spec_namespaces: &str) -> BackupSpec {
    BackupSpec {
        included_namespaces: list(spec_namespaces),
        included_cluster_scoped_resources: list(cluster_in),
        excluded_cluster_scoped_resources: list(cluster_out),
        ..BackupSpec::default()
    }
}

#[test]
fn c1_to_c11_cluster_scoped_resources_of_the_scoped_filter() {
    let pvs = "persistentvolumes";
    for (vector, cluster_in, cluster_out, included_namespaces, resource, expected) in [
        ("C1", "", "", "default", pvs, false),
        ("C2", "", "", "*", pvs, true),
        ("C3", "", pvs, "*", pvs, false),
        ("C4", "*", "", "", pvs, true),
        ("C5", "foo baz", "", "default", pvs, false),
        ("C6", "foo baz", "", "", "namespaces", true),
        ("C7", "*", "namespaces", "", "namespaces", false),
        ("C8", "*spaces", "", "", "namespaces", true),
        ("C9", "", "*", "", "namespaces", false),
        ("C10", "", "*spaces", "", "namespaces", false),
        ("C11", "*", "", "", "unknown.example.com", false),
    ] {
        let selection =
            engine(&scoped(cluster_in, cluster_out, included_namespaces), &namespaces(["default", "other"]));
        assert_eq!(selection.includes_resource(&resource.into()), expected, "{vector}");
    }
}

#[test]
fn c2_naming_each_existing_namespace_counts_as_all() {
    let facts = namespaces(["a", "b"]);
    assert!(engine(&scoped("", "", "b a"), &facts).includes_resource(&"persistentvolumes".into()));
    assert!(engine(&scoped("", "", "?"), &facts).includes_resource(&"persistentvolumes".into()));
    assert!(!engine(&scoped("", "", "a"), &facts).includes_resource(&"persistentvolumes".into()));
}

#[test]
fn should_exclude_asks_what_is_kept_out_although_related() {
    let pv = || list("pv");
    let old = |include_cluster_resources, included_resources| BackupSpec {
        include_cluster_resources,
        included_resources,
        ..BackupSpec::default()
    };
    for (case, spec, expected) in [
        ("old, all of them", old(Some(true), Vec::new()), false),
        ("old, never cluster-scoped ones", old(Some(false), pv()), true),
        ("old, listed", old(None, pv()), false),
        ("old, others listed", old(None, list("pods")), true),
        ("scoped default", BackupSpec::default(), false),
        ("scoped, listed", scoped("pv", "", ""), false),
        ("scoped, others excluded", scoped("", "ns", ""), false),
        ("scoped, excluded", scoped("", "PersistentVolume", ""), true),
    ] {
        assert_eq!(engine(&spec, &[]).excludes_resource(&"persistentvolumes".into()), expected, "{case}");
    }
    assert!(engine(&BackupSpec::default(), &[]).excludes_resource(&"unknown.example.com".into()));
}

fn with_policy(spec: &BackupSpec, policy: &str) -> BackupSelection {
    let policies = ResourcePolicies::parse(&format!("version: v1\nincludeExcludePolicy: {policy}")).unwrap();
    BackupSelection::engine_level(spec, Arc::new(table()), &[], Some(&policies)).unwrap()
}

fn check(selection: &BackupSelection, expected: &[(&str, bool)]) {
    for (resource, included) in expected {
        let resource = table().resolve_name(resource).unwrap();
        assert_eq!(selection.includes_resource(&resource), *included, "{resource}");
    }
}

#[test]
fn a_policy_fills_in_what_the_spec_does_not_mention() {
    let spec = BackupSpec {
        included_namespace_scoped_resources: list("pods"),
        excluded_namespace_scoped_resources: list("configmaps"),
        excluded_cluster_scoped_resources: list("crds"),
        ..BackupSpec::default()
    };
    let policy = "{includedNamespaceScopedResources: [deployments], excludedNamespaceScopedResources: [secrets],
        includedClusterScopedResources: [persistentvolumes]}";
    let expected = [
        ("deployments", true),
        ("secrets", false),
        ("configmaps", false),
        ("pv", true),
        ("crd", false),
        ("pods", true),
    ];
    check(&with_policy(&spec, policy), &expected);
}

#[test]
fn where_policy_and_spec_disagree_the_spec_wins() {
    let spec = BackupSpec {
        included_namespace_scoped_resources: list("pods deployments"),
        excluded_namespace_scoped_resources: list("configmaps"),
        included_cluster_scoped_resources: list("crds"),
        excluded_cluster_scoped_resources: list("pv"),
        ..BackupSpec::default()
    };
    let policy = "{includedNamespaceScopedResources: [configmaps], excludedNamespaceScopedResources: [pods, deployments, secrets],
        includedClusterScopedResources: [pv], excludedClusterScopedResources: [crds]}";
    let expected = [
        ("pods", true),
        ("deployments", true),
        ("configmaps", false),
        ("crd", true),
        ("pv", false),
        ("secrets", false),
    ];
    check(&with_policy(&spec, policy), &expected);
    let everything = BackupSpec { included_namespace_scoped_resources: list("*"), ..BackupSpec::default() };
    let policy = "{excludedNamespaceScopedResources: [configmaps, secrets]}";
    check(&with_policy(&everything, policy), &[("configmaps", true), ("secrets", true)]);
}

#[test]
fn entries_of_the_other_scope_are_ignored_and_reported() {
    let spec = BackupSpec {
        included_namespace_scoped_resources: list("pv"),
        excluded_cluster_scoped_resources: list("pods nosuch [bad"),
        ..BackupSpec::default()
    };
    let selection = engine(&spec, &[]);
    check(&selection, &[("pods", true), ("secrets", true)]);
    let reasons: Vec<String> = selection.problems().into_iter().map(|problem| problem.reason).collect();
    assert_eq!(reasons, ["WrongScope", "UnknownResource", "MalformedPattern", "WrongScope"]);
}

#[test]
fn empty_resource_names_are_ignored() {
    let empty = || vec![String::new()];
    let old = BackupSpec { included_resources: empty(), ..BackupSpec::default() };
    let scoped = BackupSpec { included_namespace_scoped_resources: empty(), ..BackupSpec::default() };
    check(&engine(&old, &[]), &[("pods", true), ("pv", true)]);
    check(&engine(&scoped, &[]), &[("pods", true)]);
    assert_eq!(engine(&old, &[]).problems().len(), 1);
}

#[test]
fn a_name_that_several_groups_serve_is_taken_as_the_first_and_the_others_are_named() {
    let deployments = r#""deploy" means deployments.apps here; deployments.velero.io must be named with its group"#;
    let ingresses =
        r#""Ingress" means ingresses.networking.k8s.io here; ingresses.example.com must be named with its group"#;
    for (name, expected) in [
        ("deploy", Some(deployments)),
        ("Ingress", Some(ingresses)),
        ("ingresses.networking.k8s.io", None),
        ("ingresses.example", None),
        ("events", None),
        ("pods", None),
        ("*", None),
    ] {
        let spec = BackupSpec { included_resources: list(name), ..BackupSpec::default() };
        let problems = engine(&spec, &[]).problems();
        let told: Vec<_> = problems.iter().filter(|p| p.reason == "AmbiguousResource").map(|p| &p.message).collect();
        let expected: Vec<String> = expected.iter().map(|text| format!("includedResources: {text}")).collect();
        assert_eq!(told, expected.iter().collect::<Vec<_>>(), "{name}");
    }
}
