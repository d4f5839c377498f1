//! Whole backups at the gate: which listed and related objects are in (the vectors B, S and X of spec 9.4 to 9.6).

use crate::fixture::{engine, item, list, namespaces};
use velero_core::Item;
use velero_core::api::BackupSpec;
use velero_core::selection::{BackupSelection, Reached};
use velero_core::selector;

/// The objects of `cluster`, each `resource ns/name labels`, that listings show and the gate lets in: their names.
fn taken(spec: &BackupSpec, cluster: &[&str]) -> String {
    let selection = engine(spec, &namespaces(["foo", "zoo"]));
    let objects = cluster.iter().map(|text| {
        let parts: Vec<&str> = text.split(' ').collect();
        item(parts[0], parts[1], parts.get(2).unwrap_or(&""))
    });
    let taken =
        objects.filter(|object| shown(&selection, object) && selection.decide(object, Reached::Listed).is_included());
    taken.map(|object| format!("{}:{}", object.resource.plural, object.name)).collect::<Vec<_>>().join(" ")
}

/// Whether a listing of the selection shows the object.
fn shown(selection: &BackupSelection, object: &Item) -> bool {
    let listed = |n: &Option<String>| n.as_ref().is_none_or(|n| *n == object.namespace);
    let matches = |text: &str| selector::matches(&selector::parse(text).unwrap(), &object.labels);
    selection.listings(&object.resource).iter().any(listed)
        && selection.label_selectors().iter().any(|text| text.as_deref().is_none_or(matches))
}

const A: [&str; 6] = [
    "pods foo/p1 a=b",
    "pods zoo/p2",
    "deployments.apps foo/d1",
    "deployments.apps zoo/d2 a=b",
    "persistentvolumes v1 a=b",
    "persistentvolumes v2 a=c",
];

fn old(includes: &str, excludes: &str, cluster: Option<bool>) -> BackupSpec {
    BackupSpec {
        included_resources: list(includes),
        excluded_resources: list(excludes),
        include_cluster_resources: cluster,
        ..BackupSpec::default()
    }
}

fn scoped(namespaced: [&str; 2], cluster: [&str; 2]) -> BackupSpec {
    BackupSpec {
        included_namespace_scoped_resources: list(namespaced[0]),
        excluded_namespace_scoped_resources: list(namespaced[1]),
        included_cluster_scoped_resources: list(cluster[0]),
        excluded_cluster_scoped_resources: list(cluster[1]),
        ..BackupSpec::default()
    }
}

fn within(includes: &str, excludes: &str, spec: BackupSpec) -> BackupSpec {
    BackupSpec { included_namespaces: list(includes), excluded_namespaces: list(excludes), ..spec }
}

#[test]
fn b1_to_b23_the_old_filter() {
    let everything = "pods:p1 pods:p2 deployments:d1 deployments:d2 persistentvolumes:v1 persistentvolumes:v2";
    let namespaced = "pods:p1 pods:p2 deployments:d1 deployments:d2";
    let foo = "pods:p1 deployments:d1";
    let all = || old("*", "", None);
    for (vector, spec, expected) in [
        ("B1", BackupSpec::default(), everything),
        ("B2", old("pods", "", None), "pods:p1 pods:p2"),
        ("B3", old("", "deployments", None), "pods:p1 pods:p2 persistentvolumes:v1 persistentvolumes:v2"),
        ("B4", within("foo", "", all()), foo),
        ("B5", within("", "zoo", all()), foo),
        ("B6", old("", "", Some(false)), namespaced),
        (
            "B12",
            within("foo", "", old("", "", Some(true))),
            "pods:p1 deployments:d1 persistentvolumes:v1 persistentvolumes:v2",
        ),
        ("B13", within("foo", "", old("", "", Some(false))), foo),
        ("B14 restricted namespaces leave cluster resources out", within("foo", "", all()), foo),
        ("B15", old("", "", Some(true)), everything),
        ("B16", old("", "", Some(false)), namespaced),
        ("B17", all(), everything),
        ("B18", old("* pods", "", None), everything),
        ("B19", old("", "*", None), everything),
        ("B20", old("pods unresolvable", "", None), "pods:p1 pods:p2"),
        ("B21", old("unresolvable-1 unresolvable-2", "", None), ""),
        ("B22", old("", "deployments pv unresolvable", None), "pods:p1 pods:p2"),
        ("B23", old("*", "unresolvable-1 unresolvable-2", None), everything),
    ] {
        assert_eq!(taken(&spec, &A), expected, "{vector}");
    }
}

#[test]
fn b7_b8_selectors_hold_for_cluster_scoped_objects_too() {
    let selector = |text: &str| selector::parse(text).unwrap();
    let single = BackupSpec { label_selector: Some(selector("a=b")), ..BackupSpec::default() };
    assert_eq!(taken(&single, &A), "pods:p1 deployments:d2 persistentvolumes:v1", "B7");
    let any_of = BackupSpec { or_label_selectors: vec![selector("a=c"), selector("a=b")], ..BackupSpec::default() };
    assert_eq!(taken(&any_of, &A), "pods:p1 deployments:d2 persistentvolumes:v1 persistentvolumes:v2", "B8");
}

#[test]
fn b9_to_b11_the_exclude_label_counts_only_when_true() {
    let label = |value: &str| format!("pods foo/p1 velero.io/exclude-from-backup={value}");
    for (vector, value, expected) in
        [("B9", "true", ""), ("B11", "false", "pods:p1"), ("B11", "1", "pods:p1"), ("B11", "", "pods:p1")]
    {
        assert_eq!(taken(&BackupSpec::default(), &[&label(value)]), expected, "{vector} {value:?}");
    }
    let matching = selector::parse("velero.io/exclude-from-backup").unwrap();
    let spec = BackupSpec { label_selector: Some(matching), ..BackupSpec::default() };
    assert_eq!(taken(&spec, &[&label("true")]), "", "B10");
}

#[test]
fn b24_terminating_objects_are_out_even_when_needed() {
    let selection = engine(&BackupSpec::default(), &[]);
    let mut object = item("pods", "ns-2/pod-2", "");
    object.terminating = true;
    for reached in [Reached::Listed, Reached::Related, Reached::MustInclude] {
        assert!(!selection.decide(&object, reached).is_included(), "{reached:?}");
    }
}

#[test]
fn s1_to_s19_the_scoped_filter() {
    let cluster = [
        "pods foo/p1",
        "pods zoo/p2",
        "secrets foo/s1",
        "persistentvolumes v1",
        "customresourcedefinitions.apiextensions.k8s.io c1",
    ];
    let volumes = "persistentvolumes:v1";
    let both = "persistentvolumes:v1 customresourcedefinitions:c1";
    let namespaced = "pods:p1 pods:p2 secrets:s1";
    for (vector, spec, expected) in [
        ("S1", scoped(["", "*"], ["pv", ""]), volumes.to_owned()),
        ("S2", scoped(["", "*"], ["*", ""]), both.to_owned()),
        ("S3", within("foo zoo", "", scoped(["", ""], ["", "*"])), namespaced.to_owned()),
        ("S4", scoped(["pods", ""], ["", "*"]), "pods:p1 pods:p2".to_owned()),
        ("S5", within("foo", "", scoped(["pods", ""], ["", "*"])), "pods:p1".to_owned()),
        ("S6", scoped(["", "pods"], ["", "*"]), "secrets:s1".to_owned()),
        (
            "S9",
            within("foo", "", scoped(["", ""], ["crd", ""])),
            "pods:p1 secrets:s1 customresourcedefinitions:c1".to_owned(),
        ),
        ("S11", within("foo", "", scoped(["pods", ""], ["*", "crd"])), format!("pods:p1 {volumes}")),
        ("S12", within("foo", "", scoped(["", ""], ["*", ""])), format!("pods:p1 secrets:s1 {both}")),
        ("S13", scoped(["pods", ""], ["*", ""]), format!("pods:p1 pods:p2 {both}")),
        ("S14", scoped(["", ""], ["", "*"]), namespaced.to_owned()),
        ("S15", scoped(["", ""], ["*", ""]), format!("{namespaced} {both}")),
        ("S16", within("foo", "", scoped(["Secrets", ""], ["", ""])), "secrets:s1".to_owned()),
        ("S17", within("*", "", scoped(["", ""], ["pv", ""])), format!("{namespaced} {volumes}")),
        ("S18", within("*", "", scoped(["*", ""], ["", ""])), format!("{namespaced} {both}")),
        ("S19", within("*", "", scoped(["secrets", ""], ["", ""])), "secrets:s1".to_owned()),
    ] {
        assert_eq!(taken(&spec, &cluster), expected, "{vector}");
    }
}

#[test]
fn x4_to_x8_what_related_objects_must_pass() {
    let pod = || item("pods", "foo/p", "");
    let volume = || item("persistentvolumes", "v", "");
    let labelled = || item("persistentvolumes", "v", "velero.io/exclude-from-backup=true");
    let selective = BackupSpec {
        label_selector: Some(selector::parse("a=b").unwrap()),
        ..within("foo", "", BackupSpec::default())
    };
    for (vector, spec, object, expected) in [
        ("X4", within("foo", "", BackupSpec::default()), item("pods", "zoo/p", ""), false),
        ("X5", within("foo", "", old("", "secrets", None)), volume(), true),
        ("X6", old("pods", "", None), volume(), false),
        ("X7", old("", "", Some(false)), volume(), false),
        ("X8", BackupSpec::default(), labelled(), false),
        (
            "S7 related volumes come with the scoped filter",
            within("foo", "", scoped(["pods", ""], ["", ""])),
            volume(),
            true,
        ),
        ("S21 excluded ones do not", scoped(["", ""], ["", "pv"]), volume(), false),
        ("related objects need no labels", selective, pod(), true),
        ("related resources must be included", scoped(["secrets", ""], ["", ""]), pod(), false),
        ("namespaces always pass", scoped(["", ""], ["", "*"]), item("namespaces", "foo", ""), true),
    ] {
        assert_eq!(
            engine(&spec, &namespaces(["foo", "zoo"])).decide(&object, Reached::Related).is_included(),
            expected,
            "{vector}"
        );
    }
    let strict = within("zoo", "", scoped(["secrets", "pods"], ["", "*"]));
    let strict = engine(&strict, &[]);
    for object in [pod(), volume(), labelled()] {
        assert!(strict.decide(&object, Reached::MustInclude).is_included(), "must-include passes every filter");
    }
}
