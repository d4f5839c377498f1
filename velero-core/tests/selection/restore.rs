//! The gate of a restore (spec 6.4, 6.6, 6.13; vectors of 9.3, 9.8 and 9.11).

use crate::fixture::{labels, list, table};
use std::sync::Arc;
use velero_core::ItemId;
use velero_core::api::RestoreSpec;
use velero_core::api::restore::RestoreStatusSpec;
use velero_core::selection::RestoreSelection;
use velero_core::selector;

fn gate(spec: &RestoreSpec) -> RestoreSelection {
    RestoreSelection::engine_level(spec, &table(), &list("ns-1 ns-2"))
}

/// Archive R: what is collected of it, as `resource namespace` pairs.
fn collected(spec: &RestoreSpec) -> String {
    let gate = gate(spec);
    let archive = [
        ("pods", "ns-1", "pod1"),
        ("pods", "ns-2", "pod2"),
        ("deployments.apps", "ns-1", "deploy1"),
        ("deployments.apps", "ns-2", "deploy2"),
        ("persistentvolumes", "", "pvs"),
    ];
    let taken =
        archive.iter().filter(|(resource, namespace, _)| gate.collects(&(*resource).into(), namespace).is_included());
    taken.map(|(_, _, short)| *short).collect::<Vec<_>>().join(" ")
}

fn resources(includes: &str, excludes: &str) -> RestoreSpec {
    RestoreSpec { included_resources: list(includes), excluded_resources: list(excludes), ..RestoreSpec::default() }
}

fn namespaces(includes: &str, excludes: &str, cluster: Option<bool>) -> RestoreSpec {
    RestoreSpec {
        included_namespaces: list(includes),
        excluded_namespaces: list(excludes),
        include_cluster_resources: cluster,
        ..RestoreSpec::default()
    }
}

#[test]
fn r1_to_r14_what_is_collected_from_the_archive() {
    let all = "pod1 pod2 deploy1 deploy2 pvs";
    let namespaced = "pod1 pod2 deploy1 deploy2";
    for (vector, spec, expected) in [
        ("R1", RestoreSpec::default(), all),
        ("R2", resources("pods", ""), "pod1 pod2"),
        ("R3", resources("", "persistentvolumes"), namespaced),
        ("R3 short", resources("", "pv"), namespaced),
        ("R4", namespaces("ns-1", "", None), "pod1 deploy1"),
        ("R5", namespaces("", "ns-2", None), "pod1 deploy1"),
        ("R6", namespaces("", "", Some(false)), namespaced),
        ("R9", namespaces("ns-1", "", Some(true)), "pod1 deploy1 pvs"),
        ("R10 false", namespaces("ns-1", "", Some(false)), "pod1 deploy1"),
        ("R10 nil", namespaces("ns-1", "", None), "pod1 deploy1"),
        ("R11", resources("* pods", ""), all),
        ("R12", resources("", "*"), all),
        ("R13", resources("pods unresolvable", ""), "pod1 pod2"),
        ("R14", resources("", "deployments unresolvable"), "pod1 pod2 pvs"),
        ("U*", resources("unresolvable", ""), ""),
    ] {
        assert_eq!(collected(&spec), expected, "{vector}");
    }
}

#[test]
fn w14_w15_patterns_of_a_restore_match_source_namespaces() {
    let spec = namespaces("app-*-prod", "", None);
    let gate = RestoreSelection::engine_level(&spec, &table(), &list("app-a-prod app-b-dev"));
    assert!(gate.collects(&"pods".into(), "app-a-prod").is_included(), "W14");
    assert!(!gate.collects(&"pods".into(), "app-b-dev").is_included(), "W14");
    assert!(gate.problems().is_empty());
    assert_eq!(collected(&namespaces("ns-1 ns-2", "ns-3", None)), "pod1 pod2 deploy1 deploy2", "W15");
}

#[test]
fn a_pattern_without_match_restores_nothing_and_says_so() {
    let spec = namespaces("nothing-*", "", None);
    assert_eq!(collected(&spec), "");
    let gate = gate(&spec);
    assert_eq!(gate.problems().iter().map(|p| p.reason.as_str()).collect::<Vec<_>>(), ["NoMatch"]);
}

#[test]
fn r7_r8_labels_decide_about_collected_objects() {
    let parse = |text: &str| selector::parse(text).unwrap();
    let single = RestoreSpec { label_selector: Some(parse("a=b")), ..RestoreSpec::default() };
    assert!(gate(&single).matches_labels(&labels("a=b,c=d")) && !gate(&single).matches_labels(&labels("a=c")));
    let any_of = RestoreSpec { or_label_selectors: vec![parse("a=b"), parse("!x")], ..RestoreSpec::default() };
    assert!(gate(&any_of).matches_labels(&labels("a=c")) && gate(&any_of).matches_labels(&labels("a=b,x=y")));
    assert!(!gate(&any_of).matches_labels(&labels("a=c,x=y")));
    assert!(gate(&single).selects(&"datauploads.velero.io".into(), &labels("")));
    assert!(!gate(&single).selects(&"pods".into(), &labels("")));
}

#[test]
fn data_uploads_come_whatever_the_lists_say() {
    let spec = RestoreSpec { included_namespaces: list("ns-1"), ..resources("pods", "datauploads.velero.io") };
    assert!(gate(&spec).collects(&"datauploads.velero.io".into(), "velero").is_included());
    assert!(gate(&spec).admits_related(&ItemId::new("datauploads.velero.io", "velero", "d")).is_included());
}

#[test]
fn related_cluster_scoped_objects_pass_unless_forbidden() {
    let id = |resource: &str, namespace: &str| ItemId::new(resource, namespace, "x");
    let one = namespaces("ns-1", "", None);
    assert!(gate(&one).admits_related(&id("persistentvolumes", "")).is_included());
    assert!(!gate(&one).admits_related(&id("secrets", "ns-2")).is_included());
    assert!(gate(&one).admits_related(&id("secrets", "ns-1")).is_included());
    let never = namespaces("ns-1", "", Some(false));
    assert!(!gate(&never).admits_related(&id("persistentvolumes", "")).is_included());
    assert!(!gate(&resources("", "pv")).admits_related(&id("persistentvolumes", "")).is_included());
}

#[test]
fn r16_r17_namespaces_map_after_the_filter() {
    let mut spec = namespaces("ns-1", "", None);
    spec.namespace_mapping = [("ns-1".to_owned(), "m1".to_owned())].into();
    let gate = gate(&spec);
    assert_eq!((gate.target_namespace("ns-1"), gate.target_namespace("ns-3")), ("m1", "ns-3"));
    assert!(gate.collects(&"pods".into(), "ns-1").is_included());
    assert!(!gate.collects(&"pods".into(), "m1").is_included());
}

#[test]
fn t12_to_t14_the_annotation_overrides_the_spec_about_status() {
    let status = |includes: &str, excludes: &str| RestoreSpec {
        restore_status: Some(RestoreStatusSpec {
            included_resources: list(includes),
            excluded_resources: list(excludes),
        }),
        ..RestoreSpec::default()
    };
    let yes = status("po", "");
    let no = status("", "pods");
    let unset = RestoreSpec::default();
    for (vector, spec, annotation, expected) in [
        ("T12", &yes, None, true),
        ("T12", &no, None, false),
        ("T12", &unset, None, false),
        ("T12", &status("", ""), None, true),
        ("T12", &status("deploy", ""), None, false),
        ("T13", &no, Some("true"), true),
        ("T13", &no, Some(" True "), true),
        ("T13", &yes, Some("false"), false),
        ("T13", &yes, Some("FALSE"), false),
        ("T14", &yes, Some("foo"), true),
        ("T14", &no, Some("foo"), false),
        ("T14", &yes, Some(""), true),
        ("T14", &unset, Some(""), false),
    ] {
        assert_eq!(gate(spec).restores_status_of(&"pods".into(), annotation), expected, "{vector} {annotation:?}");
    }
}

#[test]
fn decisions_say_by_which_rule() {
    let spec = RestoreSpec { label_selector: Some(selector::parse("a=b").unwrap()), ..namespaces("ns-1", "", None) };
    let gate =
        RestoreSelection::new(&RestoreSpec { backup_name: "b".into(), ..spec }, Arc::new(table()), &list("ns-1"))
            .unwrap();
    let told = |resource: &str, namespace: &str, text: &str| {
        gate.explain(&ItemId::new(resource, namespace, "x"), &labels(text)).to_string()
    };
    let expected = r#"in: namespace "ns-1" is included and resource pods passes includedResources"#;
    assert_eq!(told("pods", "ns-1", "a=b"), expected);
    assert!(told("pods", "ns-1", "").contains("labels do not match"));
    assert!(told("pods", "ns-2", "a=b").contains("is not in includedNamespaces"));
    assert!(told("nodes", "", "a=b").contains(r#"matches "nodes" of excludedResources"#));
    assert!(told("persistentvolumes", "", "a=b").contains("only some namespaces are included"));
}
