use super::*;

fn volume(reclaim_policy: &str) -> Value {
    json!({
        "kind": "PersistentVolume",
        "metadata": { "name": "pv", "annotations": {
            "pv.kubernetes.io/bound-by-controller": "yes", "pv.kubernetes.io/bind-completed": "yes", "keep": "x",
        } },
        "spec": {
            "persistentVolumeReclaimPolicy": reclaim_policy,
            "claimRef": { "namespace": "ns-1", "name": "claim", "uid": "u", "resourceVersion": "1" },
        },
    })
}

#[test]
fn pv1_pv2_pv10_to_pv14_what_the_backup_knows_decides() {
    use PvDecision::{Provision, RestoreAsIs, UnsupportedSnapshot};
    let info = |method: &str| BackupVolumeInfo { backup_method: method.into(), ..Default::default() };
    let (native, files, csi, none) = (info("NativeSnapshot"), info("PodVolumeBackup"), info("CSISnapshot"), info(""));
    let moved = BackupVolumeInfo { snapshot_data_moved: true, ..info("CSISnapshot") };
    let known = |volume_info| PvFacts { volume_info: Some(volume_info), ..Default::default() };
    let old = PvFacts::default();
    let cases = [
        ("PV1", "Delete", old, Provision),
        ("PV2", "Retain", old, RestoreAsIs),
        ("PV3 without the snapshotter", "Retain", PvFacts { native_snapshot: true, ..old }, UnsupportedSnapshot),
        ("PV3 without the snapshotter", "Delete", PvFacts { native_snapshot: true, ..old }, UnsupportedSnapshot),
        ("PV10", "Retain", PvFacts { volume_snapshot: true, ..old }, Provision),
        ("PV11", "Retain", PvFacts { data_upload_results: 1, ..old }, Provision),
        ("PV11, two results", "Retain", PvFacts { data_upload_results: 2, ..old }, RestoreAsIs),
        ("file-system backup", "Retain", PvFacts { pod_volume_backup: true, ..old }, Provision),
        ("PV12 without the snapshotter", "Retain", known(&native), UnsupportedSnapshot),
        ("PV13", "Retain", known(&files), Provision),
        ("PV13", "Retain", known(&csi), Provision),
        ("PV13", "Retain", known(&moved), Provision),
        ("PV14", "Delete", known(&none), Provision),
        ("PV14", "Retain", known(&none), RestoreAsIs),
        ("PV14, the document overrules", "Retain", PvFacts { native_snapshot: true, ..known(&none) }, RestoreAsIs),
    ];
    for (vector, reclaim_policy, facts, expected) in cases {
        assert_eq!(decide(&volume(reclaim_policy), facts), expected, "{vector} with {reclaim_policy}");
    }
    assert_eq!(decide(&json!([]), old), RestoreAsIs);
}

#[test]
fn pv2_pv6_pv7_pv8_a_restored_volume_waits_for_the_claim_of_the_target_namespace() {
    let mapping = BTreeMap::from([("ns-1".to_owned(), "target".to_owned())]);
    for (mapping, namespace) in [(mapping, "target"), (BTreeMap::new(), "ns-1")] {
        let mut pv = volume("Retain");
        release_volume(&mut pv, &mapping);
        assert_eq!(pv["spec"]["claimRef"], json!({ "namespace": namespace, "name": "claim" }));
        assert_eq!(pv["metadata"]["annotations"], json!({ "keep": "x" }));
        assert_eq!(claim_of(&pv), Some((namespace, "claim")));
    }
    for mut odd in [json!(null), json!({ "spec": { "claimRef": "x" }, "metadata": { "annotations": [] } })] {
        release_volume(&mut odd, &BTreeMap::new());
        assert_eq!(claim_of(&odd), None);
    }
}

#[test]
fn pv1_a_claim_of_a_provisioned_volume_forgets_it() {
    let claim = || {
        json!({
            "metadata": { "annotations": {
                "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes", "keep": "x",
            } },
            "spec": { "volumeName": "pv", "storageClassName": "s" },
        })
    };
    let mut forgets = claim();
    release_claim(&mut forgets, |volume| volume == "pv");
    assert_eq!(forgets, json!({ "metadata": { "annotations": { "keep": "x" } }, "spec": { "storageClassName": "s" } }));
    let mut keeps = claim();
    release_claim(&mut keeps, |_| false);
    assert_eq!(keeps["spec"]["volumeName"], "pv");
    assert_eq!(keeps["metadata"]["annotations"], json!({ "keep": "x" }));
    let mut unbound = claim();
    unbound["spec"] = json!({});
    let before = unbound.clone();
    release_claim(&mut unbound, |_| true);
    assert_eq!(unbound, before);
    release_claim(&mut json!("odd"), |_| true);
}

#[test]
fn data_of_a_claim_is_found_in_file_system_backups_and_snapshots() {
    let backup = |namespace: &str, claim: &str, id: &str| json!({ "metadata": { "annotations": { "velero.io/pvc-name": claim } }, "spec": { "pod": { "namespace": namespace } }, "status": { "snapshotID": id } });
    let found = |backup| has_pod_volume_backup(&[backup], "ns", "claim");
    assert!(found(backup("ns", "claim", "1")));
    assert!(
        !found(backup("other", "claim", "1"))
            && !found(backup("ns", "other", "1"))
            && !found(backup("ns", "claim", ""))
    );
    let snapshots =
        [json!({ "metadata": { "namespace": "ns" }, "spec": { "source": { "persistentVolumeClaimName": "claim" } } })];
    assert!(has_volume_snapshot(&snapshots, "ns", "claim"));
    assert!(!has_volume_snapshot(&snapshots, "ns", "other") && !has_volume_snapshot(&snapshots, "other", "claim"));
}
