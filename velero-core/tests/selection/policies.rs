//! Resource policies: which documents are refused and which volumes match (spec 4.8, 9.11).

use crate::fixture::{faults, labels};
use serde_json::json;
use velero_core::policy::{ActionType, ResourcePolicies, VolumeFacts};

fn parse(text: &str) -> Result<ResourcePolicies, velero_core::Error> {
    ResourcePolicies::parse(text)
}

fn skip(conditions: &str) -> ResourcePolicies {
    parse(&format!("version: v1\nvolumePolicies:\n- conditions: {conditions}\n  action: {{type: skip}}\n")).unwrap()
}

fn matches(conditions: &str, facts: &VolumeFacts) -> bool {
    skip(conditions).match_volume(facts).is_some_and(|action| action.kind == ActionType::Skip)
}

fn sized(size: &str) -> VolumeFacts {
    let volume = json!({"spec": {"capacity": {"storage": size}, "csi": {"driver": "d"}}});
    VolumeFacts::of_persistent_volume(&volume, None)
}

#[test]
fn q1_q2_capacities_are_inclusive_and_may_be_open() {
    for (vector, capacity, size, expected) in [
        ("Q1", "10Gi,20Gi", "15Gi", true),
        ("Q1", "10Gi,20Gi", "10Gi", true),
        ("Q1", "10Gi,20Gi", "20Gi", true),
        ("Q1", "10Gi,20Gi", "5Gi", false),
        ("Q1", "10Gi,20Gi", "25Gi", false),
        ("Q2", ",10Gi", "10Gi", true),
        ("Q2", ",10Gi", "11Gi", false),
        ("Q2", "20Gi,", "20Gi", true),
        ("Q2", "20Gi,", "19Gi", false),
        ("Q2", ",", "1Ti", true),
        ("Q2", "", "1Ti", true),
        ("Q2", " 1Gi , 2Gi ", "1536Mi", true),
    ] {
        assert_eq!(
            matches(&format!("{{capacity: \"{capacity}\"}}"), &sized(size)),
            expected,
            "{vector} {capacity} {size}"
        );
    }
    assert!(matches("{capacity: \",10Gi\"}", &VolumeFacts::default()), "a pod volume has size 0");
    assert!(!matches("{capacity: \"1,10Gi\"}", &VolumeFacts::default()));
}

#[test]
fn q3_nfs_conditions_compare_what_they_name() {
    let nfs = VolumeFacts::of_pod_volume(&json!({"name": "v", "nfs": {"server": "s", "path": "/p"}}), None);
    for (condition, expected) in [
        ("{}", true),
        ("{server: s}", true),
        ("{server: t}", false),
        ("{path: /p}", true),
        ("{path: /q}", false),
        ("{server: s, path: /p}", true),
        ("{server: t, path: /p}", false),
    ] {
        assert_eq!(matches(&format!("{{nfs: {condition}}}"), &nfs), expected, "{condition}");
    }
    assert!(!matches("{nfs: {}}", &sized("1Gi")));
}

#[test]
fn q4_csi_conditions_compare_driver_and_attributes() {
    let volume = json!({"spec": {"csi": {"driver": "d", "volumeAttributes": {"a": "1", "b": "2"}}}});
    let csi = VolumeFacts::of_persistent_volume(&volume, None);
    for (condition, expected) in [
        ("{}", true),
        ("{driver: d}", true),
        ("{driver: e}", false),
        ("{driver: d, volumeAttributes: {a: \"1\"}}", true),
        ("{driver: d, volumeAttributes: {a: \"1\", b: \"2\"}}", true),
        ("{driver: d, volumeAttributes: {a: \"2\"}}", false),
        ("{driver: d, volumeAttributes: {c: \"1\"}}", false),
    ] {
        assert_eq!(matches(&format!("{{csi: {condition}}}"), &csi), expected, "{condition}");
    }
    assert!(!matches("{csi: {}}", &VolumeFacts::default()));
}

#[test]
fn q5_a_volume_without_class_matches_no_class() {
    let classed = |class: &str| VolumeFacts { storage_class: class.into(), ..VolumeFacts::default() };
    assert!(matches("{storageClass: [gp2, ebs]}", &classed("gp2")));
    assert!(!matches("{storageClass: [gp2]}", &classed("gp3")));
    assert!(!matches("{storageClass: [gp2]}", &classed("")));
    assert!(!matches("{storageClass: [\"\"]}", &classed("")));
    assert!(matches("{storageClass: []}", &classed("")));
}

#[test]
fn claims_are_looked_at_by_labels_phase_and_modes() {
    let claim = json!({"metadata": {"labels": {"app": "db", "x": "y"}}, "status": {"phase": "Bound"},
        "spec": {"volumeMode": "Filesystem", "accessModes": ["ReadWriteOnce", "ReadOnlyMany"]}});
    let facts = VolumeFacts::of_claim(&claim);
    assert_eq!(facts.pvc_labels, labels("app=db,x=y"));
    for (conditions, expected) in [
        ("{pvcLabels: {app: db}}", true),
        ("{pvcLabels: {app: db, x: y}}", true),
        ("{pvcLabels: {app: web}}", false),
        ("{pvcPhase: [Pending, Bound]}", true),
        ("{pvcPhase: [Lost]}", false),
        ("{pvcVolumeMode: Filesystem}", true),
        ("{pvcVolumeMode: Block}", false),
        ("{pvcAccessModes: [ReadOnlyMany, ReadWriteOnce]}", true),
        ("{pvcAccessModes: [ReadWriteOnce]}", false),
        ("{pvcLabels: {app: db}, pvcPhase: [Lost]}", false),
        ("{}", true),
        ("", true),
    ] {
        assert_eq!(matches(conditions, &facts), expected, "{conditions}");
    }
    assert!(!matches("{pvcLabels: {app: db}}", &VolumeFacts::default()));
    assert!(!matches("{pvcPhase: [Bound]}", &VolumeFacts::default()));
}

#[test]
fn volume_types_are_named_by_their_source() {
    for (volume, expected) in [
        (json!({"emptyDir": {}}), "emptyDir"),
        (json!({"configMap": {"name": "c"}}), "configMap"),
        (json!({"ephemeral": {}}), "ephemeral"),
        (json!({"storageos": {}}), "storageOS"),
        (json!({"hostPath": {"path": "/"}}), "hostPath"),
        (json!({"persistentVolumeClaim": {"claimName": "c"}}), ""),
    ] {
        let facts = VolumeFacts::of_pod_volume(&volume, None);
        assert_eq!(facts.volume_type, expected);
        assert_eq!(
            matches("{volumeTypes: [emptyDir, configMap, ephemeral, storageOS, hostPath]}", &facts),
            !expected.is_empty()
        );
    }
}

#[test]
fn the_first_matching_policy_wins() {
    let policies = parse(
        "version: v1
volumePolicies:
- conditions: {capacity: \"0,10Gi\"}
  action: {type: fs-backup}
- conditions: {}
  action: {type: custom, parameters: {by: other, deep: {a: [1, true, null]}}}
",
    )
    .unwrap();
    assert_eq!(policies.match_volume(&sized("1Gi")).unwrap().kind, ActionType::FsBackup);
    let custom = policies.match_volume(&sized("1Ti")).unwrap();
    assert_eq!(custom.kind, ActionType::Custom);
    assert_eq!(custom.parameters["deep"], json!({"a": [1, true, null]}));
    assert!(ResourcePolicies::default().match_volume(&sized("1Gi")).is_none());
}

#[test]
fn plain_numbers_and_booleans_are_text_where_text_is_meant() {
    let facts = VolumeFacts { pvc_labels: labels("a=true,b=1"), ..VolumeFacts::default() };
    assert!(matches("{pvcLabels: {a: true, b: 1}}", &facts));
}

#[test]
fn m12_documents_with_unknown_or_impossible_parts_are_refused() {
    let policy = |conditions: &str, action: &str| {
        format!("version: v1\nvolumePolicies:\n- conditions: {conditions}\n  action: {action}\n")
    };
    let lists = |lists: &str| format!("version: v1\nincludeExcludePolicy: {{{lists}}}\n");
    for text in [
        String::new(),
        "version: v2\n".into(),
        "volumePolicies: []\n".into(),
        "version: v1\nunknown: 1\n".into(),
        policy("{unknown: 1}", "{type: skip}"),
        policy("{capacity: \"10Gi\"}", "{type: skip}"),
        policy("{capacity: \"20Gi,10Gi\"}", "{type: skip}"),
        policy("{capacity: \"a,b\"}", "{type: skip}"),
        policy("{capacity: \"1,2,3\"}", "{type: skip}"),
        policy("{csi: {volumeAttributes: {a: b}}}", "{type: skip}"),
        policy("{nfs: {host: s}}", "{type: skip}"),
        policy("{pvcLabels: [a]}", "{type: skip}"),
        policy("{volumeTypes: [floppy]}", "{type: skip}"),
        policy("{pvcPhase: [bound]}", "{type: skip}"),
        policy("{}", "{type: delete}"),
        policy("{}", "{type: skip, unknown: 1}"),
        policy("{}", "{}"),
        lists("includedClusterScopedResources: [\"*\"]"),
        lists("includedNamespaceScopedResources: [a], excludedNamespaceScopedResources: [a]"),
        "version: v1\nclusterScopedFilterPolicy: {resourceFilters: []}\n".into(),
        "version: v1\nversion: v1\n".into(),
    ] {
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn all_faults_of_a_policies_document_come_at_once() {
    let text = "version: v2
volumePolicies:
- {conditions: {capacity: \"2,1\", volumeTypes: [floppy]}, action: {type: skip}}
- {conditions: {csi: {volumeAttributes: {a: b}}}, action: {type: skip}}
includeExcludePolicy: {excludedClusterScopedResources: [\"*\"]}
";
    assert_eq!(faults(parse(text)).len(), 5, "{:?}", faults(parse(text)));
}
