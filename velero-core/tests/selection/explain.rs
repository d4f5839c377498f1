//! Decisions tell by which rule.

use crate::fixture::{controller, item, list, namespaces};
use velero_core::api::BackupSpec;
use velero_core::selection::Reached;
use velero_core::selector;

#[test]
fn decisions_name_the_rule_that_decided() {
    let spec = BackupSpec {
        included_namespaces: list("web"),
        excluded_namespace_scoped_resources: list("secrets"),
        excluded_cluster_scoped_resources: list("pv"),
        label_selector: Some(selector::parse("app=web").unwrap()),
        ..BackupSpec::default()
    };
    let selection = controller(&spec, &namespaces(["web", "db", "shop:app=web"]));
    let explained =
        |resource: &str, name: &str, labels: &str| selection.explain(&item(resource, name, labels)).to_string();
    for (resource, name, labels, expected) in [
        (
            "pods",
            "web/p",
            "app=web",
            r#"in: namespace "web" is included and resource pods passes includedNamespaceScopedResources"#,
        ),
        ("pods", "web/p", "", "excluded: its labels do not match the selector app=web"),
        ("pods", "db/p", "app=web", r#"excluded: namespace "db" is not in includedNamespaces"#),
        (
            "secrets",
            "web/s",
            "app=web",
            r#"excluded: resource secrets matches "secrets" of excludedNamespaceScopedResources"#,
        ),
        (
            "pods",
            "web/p",
            "app=web,velero.io/exclude-from-backup=true",
            "excluded: label velero.io/exclude-from-backup=true",
        ),
        (
            "persistentvolumes",
            "v",
            "app=web",
            r#"excluded: resource persistentvolumes matches "persistentvolumes" of excludedClusterScopedResources"#,
        ),
        (
            "storageclasses.storage.k8s.io",
            "s",
            "app=web",
            "excluded: resource storageclasses.storage.k8s.io is cluster-scoped and not in \
             includedClusterScopedResources; related objects are taken along",
        ),
        ("namespaces", "web", "", r#"in: namespace "web" is included"#),
        ("namespaces", "shop", "", r#"in: the labels of namespace "shop" match labelSelector"#),
        ("namespaces", "db", "", "excluded: it is not selected itself; it is taken if it holds a collected object"),
        (
            "deployments.extensions",
            "web/d",
            "app=web",
            "excluded: resource deployments.apps shows the same objects as deployments.extensions",
        ),
    ] {
        assert_eq!(explained(resource, name, labels), expected);
    }
}

#[test]
fn a_listed_cluster_scoped_object_must_be_collected_and_a_related_one_need_not() {
    let selection = controller(&BackupSpec::default(), &[]);
    let volume = item("persistentvolumes", "v", "");
    assert!(!selection.decide(&volume, Reached::Listed).is_included());
    let related = selection.decide(&volume, Reached::Related);
    assert_eq!(related.to_string(), "in: resource persistentvolumes is cluster-scoped and not excluded");
}
