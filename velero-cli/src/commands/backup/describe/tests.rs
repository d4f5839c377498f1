//! The page as a person reads it.

use super::*;
use crate::output::Style;
use serde_json::json;

fn facts() -> Facts {
    let backup = serde_json::from_value(json!({
        "apiVersion": "velero.io/v1",
        "kind": "Backup",
        "metadata": {
            "name": "web", "namespace": "velero",
            "labels": {"team": "shop", "velero.io/storage-location": "default"},
        },
        "spec": {
            "includedNamespaces": ["shop"], "storageLocation": "default", "ttl": "720h0m0s",
            "labelSelector": null, "orderedResources": {"pods": "shop/a,shop/b"},
        },
        "status": {
            "phase": "PartiallyFailed", "formatVersion": "1.1.0", "warnings": 1, "errors": 1,
            "startTimestamp": "not a time", "progress": {"totalItems": 3, "itemsBackedUp": 2},
        },
    }))
    .unwrap();
    let results = serde_json::from_value(json!({
        "warnings": {"namespaces": {"shop": ["persistentvolumeclaims shop/data: its data is not in the backup"]}},
        "errors": {"cluster": ["nodes a: malformed object"]},
    }))
    .unwrap();
    let skipped = BackupVolumeInfo {
        pvc_namespace: "shop".into(),
        pvc_name: "data".into(),
        skipped: true,
        skipped_reason: "any: not there yet;".into(),
        ..BackupVolumeInfo::default()
    };
    Facts {
        backup,
        results: Some(results),
        resource_list: Some(BTreeMap::from([("v1/Pod".into(), vec!["shop/a".into(), "shop/b".into()])])),
        volumes: vec![skipped],
        snapshots: vec![],
        pod_volumes: vec![json!({"spec": {"volume": "cache", "pod": {"namespace": "shop", "name": "a"}}})],
    }
}

#[test]
fn the_page_reads_as_veleros() {
    let page = facts().page(Page::new(Style::plain()), true);
    insta::assert_snapshot!(page.render());
}

#[test]
fn the_json_form_carries_the_same_facts() {
    let page: Value = serde_json::from_str(&json::page(&facts(), true).unwrap()).unwrap();
    assert_eq!(page["phase"], "PartiallyFailed");
    assert_eq!(page["errors"]["cluster"][0], "nodes a: malformed object");
    assert_eq!(page["spec"]["namespaces"]["included"], "shop");
    assert_eq!(page["status"]["resourceList"]["v1/Pod"][0], "shop/a");
}
