//! Namespace patterns (spec 9.3) and which Namespace objects a backup takes (spec 9.6).

use crate::fixture::{controller, engine, faults, list, namespaces, table};
use std::sync::Arc;
use velero_core::api::BackupSpec;
use velero_core::selection::{BackupSelection, NamespaceFacts, NamespaceTracker};
use velero_core::selector;

fn spec(includes: &str, excludes: &str) -> BackupSpec {
    BackupSpec { included_namespaces: list(includes), excluded_namespaces: list(excludes), ..BackupSpec::default() }
}

fn facts(names: &str) -> Vec<NamespaceFacts> {
    list(names).into_iter().map(|name| NamespaceFacts { name, active: true, ..NamespaceFacts::default() }).collect()
}

/// What is listed: namespaces, or `all`.
fn listed(selection: &BackupSelection) -> String {
    let pods = table().resolve("pods").unwrap().clone();
    let listings = selection.listings(&pods);
    listings.into_iter().map(|namespace| namespace.unwrap_or("all".into())).collect::<Vec<_>>().join(" ")
}

#[test]
fn w1_to_w12_patterns_expand_against_what_exists() {
    let kube = "default kube-system kube-public test";
    for (vector, includes, excludes, universe, listing, selected) in [
        ("W1", "*", "ns1", "ns1 ns2", "all", "ns2"),
        ("W2", "ns* *", "", "ns1 other", "all", "ns1 other"),
        ("W3", "", "ns*", "ns1 other", "all", "other"),
        ("W5", "kube-*", "", kube, "kube-public kube-system", "kube-system kube-public"),
        ("W6", "default", "*-test", "default kube-test app-test prod", "default", "default"),
        ("W7", "app-*", "*-test", "app-prod app-dev app-test default", "app-dev app-prod", "app-prod app-dev"),
        ("W8", "default kube-*", "", kube, "default kube-public kube-system", "default kube-system kube-public"),
        ("W9", "test-?", "", "test-1 test-2 test-10", "test-1 test-2", "test-1 test-2"),
        ("W10", "nonexistent-*", "", "default kube-system", "", ""),
        ("W12", "default nonexistent", "", "default test", "default nonexistent", "default"),
    ] {
        let selection = engine(&spec(includes, excludes), &facts(universe));
        let found: Vec<String> = list(universe).into_iter().filter(|name| selection.includes_namespace(name)).collect();
        assert_eq!((listed(&selection), found), (listing.to_owned(), list(selected)), "{vector}");
    }
}

#[test]
fn w4_w11_braces_and_double_stars_are_refused() {
    for (vector, pattern) in [("W4", "ns{prod,staging}"), ("W11", "kube-**")] {
        let result = BackupSelection::new(&spec(pattern, ""), Arc::new(table()), &facts("default"), None);
        assert_eq!(faults(result).len(), 1, "{vector}");
    }
}

#[test]
fn w10_w12_what_matches_nothing_is_reported() {
    let pattern = engine(&spec("nonexistent-*", ""), &facts("default"));
    assert_eq!(pattern.problems()[0].reason, "NoMatch");
    assert!(pattern.missing_namespaces().is_empty(), "a pattern is no missing namespace");
    let literal = engine(&spec("default nonexistent", ""), &facts("default"));
    assert_eq!((literal.missing_namespaces(), literal.problems().len()), (&list("nonexistent")[..], 0));
}

#[test]
fn cluster_scoped_resources_are_listed_once_and_others_not_at_all() {
    let selection = controller(&spec("web", ""), &facts("web"));
    let listings = |name: &str| selection.listings(table().resolve(name).unwrap());
    assert_eq!(listings("namespaces"), [None]);
    assert_eq!(listings("pods"), [Some("web".to_owned())]);
    for name in ["pv", "volumesnapshots", "deployments.extensions", "events.events.k8s.io"] {
        assert!(listings(name).is_empty(), "{name}");
    }
    let alone = BackupSpec { included_resources: list("events.events.k8s.io"), ..BackupSpec::default() };
    assert_eq!(engine(&alone, &[]).listings(table().resolve("events.events.k8s.io").unwrap()), [None]);
}

struct Case {
    vector: &'static str,
    spec: BackupSpec,
    facts: Vec<NamespaceFacts>,
    tracked: &'static str,
}

fn labelled(mut spec: BackupSpec, single: &str, any_of: &[&str]) -> BackupSpec {
    spec.label_selector = Some(single).filter(|text| !text.is_empty()).map(|text| selector::parse(text).unwrap());
    spec.or_label_selectors = any_of.iter().map(|text| selector::parse(text).unwrap()).collect();
    spec
}

#[test]
fn n7_to_n11_namespaces_tracked_for_their_own_sake() {
    let named = || namespaces(["ns1:name=ns1", "ns2:name=ns2", "ns3"]);
    let terminating = || {
        let mut facts = named();
        facts[0].active = false;
        facts
    };
    let cases = [
        Case { vector: "N7", spec: spec("ns1", ""), facts: named(), tracked: "ns1" },
        Case { vector: "N8", spec: labelled(spec("*", ""), "name=ns1", &[]), facts: named(), tracked: "ns1" },
        Case { vector: "N8 or", spec: labelled(spec("*", ""), "", &["name=ns1"]), facts: named(), tracked: "ns1" },
        Case {
            vector: "N9",
            spec: labelled(spec("", "ns1 ns2"), "", &["name=ns1"]),
            facts: named(),
            tracked: "ns1 ns3",
        },
        Case { vector: "N10", spec: spec("ns1 invalid *", ""), facts: named(), tracked: "ns1 ns2 ns3" },
        Case { vector: "N11", spec: spec("ns1 ns2", ""), facts: terminating(), tracked: "ns2" },
        Case { vector: "N6", spec: spec("", ""), facts: named(), tracked: "ns1 ns2 ns3" },
        Case { vector: "N5", spec: spec("invalid*", ""), facts: named(), tracked: "" },
        Case { vector: "N4", spec: labelled(spec("", "ns1 ns2"), "name=ns1", &[]), facts: named(), tracked: "ns1 ns3" },
    ];
    for Case { vector, spec, facts, tracked } in cases {
        let selection = engine(&spec, &facts);
        let tracker = NamespaceTracker::new(&selection, &facts);
        assert_eq!(tracker.tracked().into_iter().collect::<Vec<_>>(), list(tracked), "{vector}");
    }
    assert_eq!(engine(&spec("ns1 invalid *", ""), &named()).missing_namespaces(), ["invalid"], "N10");
}

#[test]
fn n1_n3_a_namespace_is_taken_because_it_holds_a_collected_object() {
    let facts = namespaces(["ns-1", "ns-2", "ns-3"]);
    for includes in ["", "ns-1"] {
        let selection = engine(&labelled(spec(includes, ""), "a=b", &[]), &facts);
        let mut tracker = NamespaceTracker::new(&selection, &facts);
        tracker.saw("ns-1", &selection);
        assert_eq!(tracker.tracked().into_iter().collect::<Vec<_>>(), ["ns-1"]);
        assert!(tracker.decide("ns-1").is_included() && !tracker.decide("ns-2").is_included());
    }
}

#[test]
fn excluded_namespaces_do_not_leak_through_their_objects() {
    let facts = namespaces(["ns-1", "ns-2"]);
    let selection = engine(&labelled(spec("", "ns-1"), "a=b", &[]), &facts);
    let mut tracker = NamespaceTracker::new(&selection, &facts);
    tracker.saw("ns-1", &selection);
    tracker.saw("", &selection);
    assert!(!tracker.decide("ns-1").is_included());
}

#[test]
fn without_namespaces_in_the_filter_none_is_tracked_for_its_own_sake() {
    let facts = namespaces(["ns-1"]);
    let pods = BackupSpec { included_resources: list("pods"), ..BackupSpec::default() };
    assert!(!engine(&pods, &facts).tracks_namespace(&facts[0]));
    let both = BackupSpec { included_resources: list("pods namespaces"), ..BackupSpec::default() };
    assert!(engine(&both, &facts).tracks_namespace(&facts[0]));
}
