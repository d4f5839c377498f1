//! Fine-grained filter policies: which documents are refused, and what is in (Velero 1.18.3).

use crate::fixture::{faults, item, list, namespaces, table};
use std::sync::Arc;
use velero_core::api::BackupSpec;
use velero_core::policy::ResourcePolicies;
use velero_core::selection::{BackupSelection, NamespaceTracker, Reached};
use velero_core::{Error, selector};

fn document(sections: &str) -> Result<ResourcePolicies, Error> {
    ResourcePolicies::parse(&format!("version: v1\n{sections}\n"))
}

fn gate(spec: &BackupSpec, sections: &str) -> BackupSelection {
    let policies = document(sections).unwrap();
    let facts = namespaces(["web", "web-2", "db"]);
    BackupSelection::new(spec, Arc::new(table()), &facts, Some(&policies)).unwrap()
}

/// Whether the object is in, as listed by its labels and then by the gate.
fn is_in(selection: &BackupSelection, resource: &str, name: &str, labels: &str) -> bool {
    let object = item(resource, name, labels);
    selection.judge_labels(&object, "").is_included() && selection.decide(&object, Reached::Listed).is_included()
}

#[test]
fn a_namespace_with_a_policy_has_only_the_kinds_that_it_names() {
    let sections = "namespacedFilterPolicies:
- namespaces: [web]
  resourceFilters:
  - {kinds: [Pod, cm], labelSelector: {matchLabels: {app: a}}}
  - {kinds: [secrets], orLabelSelectors: [{matchLabels: {x: y}}, {matchExpressions: [{key: keep, operator: Exists}]}]}
  - {kinds: [deployments.apps], names: ['front-*', back], excludedNames: [front-old]}
";
    let selection = gate(&BackupSpec::default(), sections);
    for (resource, name, labels, expected) in [
        ("pods", "web/p", "app=a", true),
        ("pods", "web/p", "app=b", false),
        ("configmaps", "web/c", "app=a", true),
        ("configmaps", "web/c", "", false),
        ("secrets", "web/s", "x=y", true),
        ("secrets", "web/s", "keep=1", true),
        ("secrets", "web/s", "app=a", false),
        ("deployments.apps", "web/front-new", "", true),
        ("deployments.apps", "web/front-old", "", false),
        ("deployments.apps", "web/back", "", true),
        ("deployments.apps", "web/backend", "", false),
        ("services", "web/s", "app=a", false),
        ("services", "db/s", "", true),
        ("pods", "web-2/p", "", true),
    ] {
        assert_eq!(is_in(&selection, resource, name, labels), expected, "{resource} {name} {labels}");
    }
}

#[test]
fn a_filter_of_all_kinds_is_for_those_that_no_other_names() {
    for all in ["[]", "['*']", ""] {
        let sections = format!(
            "namespacedFilterPolicies: [{{namespaces: [web], resourceFilters: [
            {{kinds: [pods]}}, {{kinds: {all}, labelSelector: {{matchLabels: {{app: a}}}}}}]}}]"
        );
        let selection = gate(&BackupSpec::default(), &sections);
        assert!(is_in(&selection, "pods", "web/p", ""), "{all}");
        assert!(is_in(&selection, "services", "web/s", "app=a"), "{all}");
        assert!(!is_in(&selection, "services", "web/s", ""), "{all}");
    }
}

#[test]
fn an_exact_namespace_wins_and_of_patterns_the_first() {
    let policy = |namespaces: &str, kind: &str| {
        format!("- {{namespaces: {namespaces}, resourceFilters: [{{kinds: [{kind}]}}]}}\n")
    };
    let all = [policy("['web*']", "pods"), policy("['w*', d?]", "secrets"), policy("[web-2]", "services")].concat();
    let selection = gate(&BackupSpec::default(), &format!("namespacedFilterPolicies:\n{all}"));
    for (namespace, kind) in [("web", "pods"), ("web-2", "services"), ("db", "secrets")] {
        for tried in ["pods", "secrets", "services"] {
            assert_eq!(is_in(&selection, tried, &format!("{namespace}/x"), ""), tried == kind, "{namespace} {tried}");
        }
    }
}

#[test]
fn objects_that_others_bring_along_must_pass_the_names_alone() {
    let sections = "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pv], labelSelector: {matchLabels: {a: b}}, excludedNames: [old]}]}
namespacedFilterPolicies: [{namespaces: [web], resourceFilters: [{kinds: [pvc], labelSelector: {matchLabels: {a: b}}, names: [data]}]}]
";
    let selection = gate(&BackupSpec::default(), sections);
    for (resource, name, related, must) in [
        ("persistentvolumeclaims", "web/data", true, true),
        ("persistentvolumeclaims", "web/other", false, true),
        ("serviceaccounts", "web/any", true, true),
        ("persistentvolumes", "new", true, true),
        ("persistentvolumes", "old", false, true),
    ] {
        let decide = |reached| selection.decide(&item(resource, name, ""), reached).is_included();
        assert_eq!((decide(Reached::Related), decide(Reached::MustInclude)), (related, must), "{resource} {name}");
    }
}

#[test]
fn cluster_scoped_kinds_without_a_filter_follow_the_request() {
    let spec = BackupSpec {
        included_cluster_scoped_resources: list("*"),
        label_selector: Some(selector::parse("app=a").unwrap()),
        ..BackupSpec::default()
    };
    let sections = "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [sc], labelSelector: {matchLabels: {x: y}}, names: [fast]}]}";
    let selection = gate(&spec, sections);
    for (resource, name, labels, expected) in [
        ("storageclasses.storage.k8s.io", "fast", "x=y", true),
        ("storageclasses.storage.k8s.io", "fast", "app=a", false),
        ("storageclasses.storage.k8s.io", "slow", "x=y", false),
        ("clusterroles.rbac.authorization.k8s.io", "r", "app=a", true),
        ("clusterroles.rbac.authorization.k8s.io", "r", "x=y", false),
    ] {
        assert_eq!(is_in(&selection, resource, name, labels), expected, "{resource} {name} {labels}");
    }
}

#[test]
fn a_filter_replaces_the_selectors_of_the_request_where_its_namespace_is_listed_by_itself() {
    let sections = "namespacedFilterPolicies:
- {namespaces: [web], resourceFilters: [{kinds: [pods], labelSelector: {matchLabels: {x: y}}}]}
- {namespaces: [db], resourceFilters: [{kinds: [pods], orLabelSelectors: [{matchLabels: {a: b}}, {matchLabels: {c: d}}]}]}
";
    let single = Some(selector::parse("app=a").unwrap());
    let pods = table().resolve("pods").unwrap().clone();
    let texts = |selection: &BackupSelection, place| {
        selection.selectors_for(&pods, place).into_iter().flatten().collect::<Vec<_>>()
    };
    let some = BackupSpec {
        included_namespaces: list("web web-2 db"),
        label_selector: single.clone(),
        ..BackupSpec::default()
    };
    let selection = gate(&some, sections);
    assert_eq!(texts(&selection, Some("web")), ["x=y"]);
    assert_eq!(texts(&selection, Some("web-2")), ["app=a"]);
    assert_eq!(texts(&selection, Some("db")), ["a=b", "c=d"]);
    assert!(is_in(&selection, "pods", "web/p", "x=y") && !is_in(&selection, "pods", "web/p", "app=a"));
    assert!(selection.selectors_for(table().resolve("secrets").unwrap(), Some("web")).is_empty());
    // One listing over all namespaces uses the request's selectors, as in Velero; the filter comes on top.
    let selection = gate(&BackupSpec { label_selector: single, ..BackupSpec::default() }, sections);
    assert_eq!(texts(&selection, None), ["app=a"]);
    assert!(is_in(&selection, "pods", "web/p", "x=y,app=a") && !is_in(&selection, "pods", "web/p", "x=y"));
}

#[test]
fn a_pattern_that_matches_all_namespaces_holds_for_cluster_scoped_kinds_too() {
    let all = BackupSpec { included_cluster_scoped_resources: list("*"), ..BackupSpec::default() };
    let sections = "namespacedFilterPolicies: [{namespaces: ['*'], resourceFilters: [{kinds: [pods]}]}]";
    assert!(!is_in(&gate(&all, sections), "storageclasses.storage.k8s.io", "fast", ""));
    let sections = "namespacedFilterPolicies: [{namespaces: ['w*'], resourceFilters: [{kinds: [pods]}]}]";
    assert!(is_in(&gate(&all, sections), "storageclasses.storage.k8s.io", "fast", ""));
}

#[test]
fn a_namespace_whose_objects_a_filter_leaves_out_is_not_taken_for_their_sake() {
    let spec = BackupSpec { label_selector: Some(selector::parse("app=a").unwrap()), ..BackupSpec::default() };
    let sections = "namespacedFilterPolicies: [{namespaces: [web], resourceFilters: [{kinds: [pods], labelSelector: {matchLabels: {x: y}}}]}]";
    let selection = gate(&spec, sections);
    let mut tracker = NamespaceTracker::new(&selection, &namespaces(["web", "web-2", "db"]));
    for object in ["web", "db"].map(|namespace| item("pods", &format!("{namespace}/p"), "app=a")) {
        tracker.saw_item(&object, &selection);
    }
    assert!(!tracker.decide("web").is_included() && tracker.decide("db").is_included());
}

#[test]
fn explain_names_the_policy_that_decides() {
    let sections = "namespacedFilterPolicies: [{namespaces: [web], resourceFilters: [
        {kinds: [pods], labelSelector: {matchLabels: {x: y}}}, {kinds: [cm], names: [a]}, {kinds: [svc], excludedNames: ['b*']}]}]";
    let selection = gate(&BackupSpec::default(), sections);
    let explained = |resource: &str, name: &str| selection.explain(&item(resource, name, "")).to_string();
    for (resource, name, expected) in [
        ("secrets", "web/s", "excluded: namespacedFilterPolicies[0] names no filter for resource secrets"),
        ("pods", "web/p", "excluded: its labels do not match the selector x=y of namespacedFilterPolicies[0]"),
        ("configmaps", "web/b", r#"excluded: the name "b" is not in names of namespacedFilterPolicies[0]"#),
        (
            "services",
            "web/bb",
            r#"excluded: the name "bb" matches "b*" of excludedNames of namespacedFilterPolicies[0]"#,
        ),
        (
            "configmaps",
            "web/a",
            r#"in: namespace "web" is included and resource configmaps passes includedNamespaceScopedResources"#,
        ),
    ] {
        assert_eq!(explained(resource, name), expected);
    }
}

#[test]
fn kinds_and_namespaces_that_mean_nothing_are_warned_about() {
    let spec = BackupSpec { excluded_namespace_scoped_resources: list("secrets"), ..BackupSpec::default() };
    let sections = "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pods, pv]}]}
namespacedFilterPolicies: [{namespaces: [web, 'gone-*'], resourceFilters: [{kinds: [unicorns, sc, secrets, pods, Pod, deploy.apps]}]}]";
    let problems = gate(&spec, sections).problems();
    let told: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    for expected in [
        "clusterScopedFilterPolicy: kind \"pods\" has the other scope",
        "\"unicorns\"",
        "kind \"sc\" has the other scope",
        "the filter for secrets has no effect",
        "kind \"Pod\" means pods, which another filter names",
        "\"deploy.apps\"",
        "no namespace matches \"gone-*\"",
    ] {
        assert!(told.iter().any(|text| text.contains(expected)), "{expected}: {told:?}");
    }
    assert_eq!(told.len(), 7, "{told:?}");
}

#[test]
fn filter_policies_that_velero_refuses_are_refused() {
    let namespaced = |text: &str| format!("namespacedFilterPolicies: [{text}]");
    let filters = |text: &str| namespaced(&format!("{{namespaces: [a], resourceFilters: [{text}]}}"));
    for sections in [
        "clusterScopedFilterPolicy: {}".to_owned(),
        "clusterScopedFilterPolicy: {resourceFilters: []}".into(),
        "clusterScopedFilterPolicy: {resourceFilters: [{labelSelector: {matchLabels: {a: b}}}]}".into(),
        "clusterScopedFilterPolicy: {resourceFilters: [{kinds: ['*']}]}".into(),
        "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pv]}, {kinds: [pv]}]}".into(),
        "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pv], names: ['[']}]}".into(),
        namespaced("{namespaces: [], resourceFilters: [{kinds: [pods]}]}"),
        namespaced("{namespaces: [a], resourceFilters: []}"),
        namespaced("{namespaces: ['a{b}'], resourceFilters: [{kinds: [pods]}]}"),
        namespaced("{namespaces: ['**'], resourceFilters: [{kinds: [pods]}]}"),
        namespaced("{namespaces: [a, a], resourceFilters: [{kinds: [pods]}]}"),
        namespaced("{namespaces: [a], resourceFilters: [{}]}, {namespaces: [a], resourceFilters: [{}]}"),
        filters("{kinds: []}, {kinds: ['*']}"),
        filters("{names: [a]}"),
        filters("{kinds: [pods]}, {kinds: [secrets, pods]}"),
        filters("{kinds: [pods], labelSelector: {matchLabels: {a: b}}, orLabelSelectors: [{matchLabels: {a: b}}]}"),
        filters("{kinds: [pods], labelSelector: {matchExpressions: [{key: a, operator: Near}]}}"),
        filters("{kinds: [pods], orLabelSelectors: [{matchLabels: {'a b': c}}]}"),
        filters("{kinds: [pods], excludedNames: ['a[]']}"),
        filters("{kinds: [pods], name: [a]}"),
    ] {
        assert!(document(&sections).is_err(), "{sections}");
    }
    let both = document(
        "namespacedFilterPolicies: [{namespaces: [a], resourceFilters: [{labelSelector: {}, orLabelSelectors: [{matchLabels: {a: b}}]}]}]",
    );
    assert!(both.is_ok(), "an empty selector is as good as none: {:?}", both.err());
}

#[test]
fn filter_policies_need_the_scoped_filter() {
    let policies = document("clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pv]}]}").unwrap();
    let old = BackupSpec { included_resources: list("pods"), ..BackupSpec::default() };
    let refused = faults(BackupSelection::new(&old, Arc::new(table()), &[], Some(&policies)));
    assert!(refused.len() == 1 && refused[0].contains("fine-grained"), "{refused:?}");
}
