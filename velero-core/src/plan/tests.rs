use super::*;
use crate::api::{Restore, RestoreSpec};

fn id(resource: &str, namespace: &str, name: &str) -> ItemId {
    ItemId::new(resource, namespace, name)
}

fn plan(items: Vec<PlannedItem>) -> Plan {
    Plan {
        version: VERSION,
        restore: Restore::new("r", RestoreSpec::default()),
        backup: PlannedBackup { name: "b".into(), contents_sha256: "00".into(), contents_bytes: 1 },
        cluster: "c".into(),
        modifiers: None,
        actions: Vec::new(),
        versions: Default::default(),
        empty_volumes: Vec::new(),
        problems: Vec::new(),
        steps: vec![Step { resource: "secrets".into(), api_version: "v1".into(), kind: "Secret".into(), items }],
    }
}

#[test]
fn an_item_stays_small_enough_for_a_hundred_thousand_of_them() {
    assert!(std::mem::size_of::<PlannedItem>() <= 64);
}

#[test]
fn a_plan_survives_json_and_says_only_what_differs() {
    let same = id("secrets", "ns", "a");
    let mut item = PlannedItem::new(&id("secrets", "to", "a"), &same, PlannedWrite::Create);
    item.then.managed_fields = true;
    item.live = Some("7".into());
    let plan = plan(vec![PlannedItem::new(&same, &same, PlannedWrite::Skip), item]);
    let text = serde_json::to_value(&plan).unwrap();
    assert_eq!(text["steps"][0]["items"][0], serde_json::json!({"namespace": "ns", "name": "a", "write": "skip"}));
    assert_eq!(
        text["steps"][0]["items"][1],
        serde_json::json!({
            "namespace": "to", "name": "a", "write": "create", "then": {"managedFields": true},
            "live": "7", "source": {"namespace": "ns"},
        })
    );
    assert_eq!(serde_json::from_value::<Plan>(text).unwrap(), plan);
    let step = &plan.steps[0];
    assert_eq!(step.source(&step.items[1]), same);
    assert_eq!(step.target(&step.items[1]), id("secrets", "to", "a"));
}

#[test]
fn each_possible_request_is_listed() {
    use Method::{Create, Patch, UpdateStatus};
    let then = |managed_fields, status, patch_if_exists| Then { managed_fields, status, patch_if_exists };
    let cases: [(PlannedWrite, Then, &[Method]); 7] = [
        (PlannedWrite::Create, then(false, false, false), &[Create]),
        (PlannedWrite::Create, then(true, false, false), &[Create, Patch]),
        (PlannedWrite::Create, then(false, true, true), &[Create, Patch, UpdateStatus]),
        (PlannedWrite::Create, then(false, true, false), &[Create, UpdateStatus]),
        (PlannedWrite::Update, then(false, false, false), &[Patch]),
        (PlannedWrite::Skip, then(true, true, true), &[]),
        (PlannedWrite::Fail, then(true, true, true), &[]),
    ];
    for (write, then, expected) in cases {
        let target = id("secrets", "ns", "a");
        let item = PlannedItem { then, ..PlannedItem::new(&target, &target, write) };
        let plan = plan(vec![item]);
        assert_eq!(plan.writes().map(|w| w.method).collect::<Vec<_>>(), expected, "{write:?} {then:?}");
        assert!(plan.writes().all(|w| w.name == "a" && w.namespace == "ns" && w.api_version == "v1"));
        assert_eq!(plan.counts().total(), 1);
    }
}
