//! Orders of collection and restore, and how names of resources are resolved (spec 3.1, 3.2, 3.8, 6.3).

use crate::fixture::table;
use std::collections::BTreeMap;
use velero_core::order::{Priorities, arrange, backup_order, ordered_items, without_cohabitants};
use velero_core::{GroupResource, ItemId};

#[test]
fn names_resolve_as_velero_resolves_them() {
    let table = table();
    for (name, expected) in [
        ("pods", "pods"),
        ("pod", "pods"),
        ("po", "pods"),
        ("Pods", "pods"),
        ("Secrets", "secrets"),
        ("Deployment", "deployments.apps"),
        ("deploy", "deployments.apps"),
        ("deployments.apps", "deployments.apps"),
        ("deploy.apps", "deployments.apps"),
        ("deployments.extensions", "deployments.extensions"),
        ("volumesnapshot.snapshot", "volumesnapshots.snapshot.storage.k8s.io"),
        ("volumesnapshotclass.snapshot.storage.k8s.io", "volumesnapshotclasses.snapshot.storage.k8s.io"),
        ("storageclass.storage", "storageclasses.storage.k8s.io"),
        ("customresourcedefinitions", "customresourcedefinitions.apiextensions.k8s.io"),
        ("crd", "customresourcedefinitions.apiextensions.k8s.io"),
        ("events", "events"),
        ("events.events.k8s.io", "events.events.k8s.io"),
        ("ingresses", "ingresses.networking.k8s.io"),
        ("ingresses.example", "ingresses.example.com"),
    ] {
        assert_eq!(table.resolve_name(name), Some(expected.into()), "{name}");
    }
    for name in ["PO", "unknown", "pods.apps", "deployments.v1", "bindings", "*.velero.io", ""] {
        assert_eq!(table.resolve_name(name), None, "{name}");
    }
}

#[test]
fn u17_o1_pods_claims_and_volumes_lead_the_core_group() {
    let rows = backup_order(&table());
    let core: Vec<&str> = rows.iter().filter(|r| r.group.is_empty()).map(|r| r.plural.as_str()).collect();
    let rest = ["configmaps", "events", "namespaces", "nodes", "secrets", "serviceaccounts", "services"];
    assert_eq!(core[..3], ["pods", "persistentvolumeclaims", "persistentvolumes"]);
    assert_eq!(core[3..], rest, "the others keep the server's order");
    assert_eq!(rows.last().map(|r| r.group.as_str()), Some("extensions"));
}

#[test]
fn k1_to_k3_of_cohabitants_the_first_is_taken() {
    let names = |keep: &dyn Fn(&str) -> bool| -> Vec<String> {
        let rows = backup_order(&table()).into_iter().filter(|row| keep(&row.group_resource().to_string()));
        without_cohabitants(rows).iter().map(|r| r.group_resource().to_string()).collect()
    };
    let all = names(&|_| true);
    assert!(all.contains(&"deployments.apps".into()) && !all.contains(&"deployments.extensions".into()));
    assert!(all.contains(&"deployments.velero.io".into()));
    assert!(all.contains(&"events".into()) && !all.contains(&"events.events.k8s.io".into()));
    assert!(all.contains(&"ingresses.networking.k8s.io".into()) && all.contains(&"ingresses.example.com".into()));
    assert!(names(&|name| name != "deployments.apps").contains(&"deployments.extensions".into()));
    assert_eq!(names(&|name| name == "events.events.k8s.io"), ["events.events.k8s.io"]);
}

#[test]
fn u18_ordered_items_come_first_and_unknown_ones_are_named() {
    let id = |name: &str| ItemId::new("pods", "ns1", name);
    let order = BTreeMap::from([("pods".to_owned(), "ns1/pod2, ns1/pod1,ns1/gone".to_owned())]);
    let order = ordered_items(&order, &"pods".into());
    let arranged = arrange(vec![id("pod0"), id("pod1"), id("pod2"), id("pod3")], &order, ItemId::clone);
    assert_eq!(arranged.items, [id("pod2"), id("pod1"), id("pod0"), id("pod3")]);
    assert_eq!((arranged.ordered, arranged.missing), (2, vec![id("gone")]));
}

#[test]
fn ordered_resources_count_for_every_group_of_that_plural() {
    let order = BTreeMap::from([("persistentvolumes".to_owned(), "pv-2".to_owned())]);
    let of = |name: &str| ordered_items(&order, &name.into());
    assert_eq!(of("persistentvolumes"), [ItemId::new("persistentvolumes", "", "pv-2")]);
    assert_eq!(of("persistentvolumes.example.com"), [ItemId::new("persistentvolumes.example.com", "", "pv-2")]);
    assert!(of("pods").is_empty());
    assert_eq!(arrange(vec![1, 2], &[], |_| ItemId::new("pods", "", "")).items, [1, 2]);
}

#[test]
fn u10_to_u13_priorities_read_and_print() {
    let lists = |text: &str| Priorities::parse(text).map(|p| (p.high.join(" "), p.low.join(" "))).ok();
    let is = |high: &str, low: &str| Some((high.to_owned(), low.to_owned()));
    for (vector, text, expected) in [
        ("U10", "", is("", "")),
        ("U11a", "p0", is("p0", "")),
        ("U11b", "-,p9", is("", "p9")),
        ("U11c", "-", is("", "")),
        ("U11d", "p0,-", is("p0", "")),
        ("U11e", "p0,p1,p2,-,p9", is("p0 p1 p2", "p9")),
        ("U12", "-,-", None),
    ] {
        assert_eq!(lists(text), expected, "{vector}");
    }
    let printed = Priorities { high: vec!["high".into()], low: vec!["low".into()] };
    assert_eq!(printed.to_string(), "high,-,low", "U13");
    assert_eq!(Priorities::parse(&Priorities::default().to_string()).unwrap(), Priorities::default());
}

#[test]
fn u14_u15_what_has_no_priority_is_sorted_in_the_middle() {
    let archive: Vec<GroupResource> = ["prio-3", "prio-0", "r3", "r2", "r1"].map(Into::into).to_vec();
    let priorities = Priorities::parse("prio-3,prio-2,prio-1,-,prio-0").unwrap();
    assert_eq!(priorities.sequence(&archive), ["prio-3", "prio-2", "prio-1", "r1", "r2", "r3", "prio-0"], "U14");
    let none = Priorities::parse("").unwrap();
    let archive: Vec<GroupResource> = ["r3", "r2", "r1"].map(Into::into).to_vec();
    assert_eq!(none.sequence(&archive), ["r1", "r2", "r3"], "U15");
}

#[test]
fn r18_the_restore_order_resolves_names_and_names_each_resource_once() {
    let archive = [
        "widgets.example.com",
        "services",
        "deployments.apps",
        "clusterroles.rbac.authorization.k8s.io",
        "pods",
        "clusters.cluster.x-k8s.io",
        "namespaces",
        "volumesnapshotclasses.snapshot.storage.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
    ];
    let order = Priorities::default().order(&archive.map(Into::into), &table());
    let order: Vec<String> = order.iter().map(ToString::to_string).collect();
    assert_eq!(
        order,
        [
            "customresourcedefinitions.apiextensions.k8s.io",
            "namespaces",
            "volumesnapshotclasses.snapshot.storage.k8s.io",
            "clusterroles.rbac.authorization.k8s.io",
            "pods",
            "services",
            "deployments.apps",
            "widgets.example.com",
            "clusters.cluster.x-k8s.io",
        ]
    );
}
