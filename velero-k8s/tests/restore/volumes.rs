//! Vectors PV1 to PV17 as far as they need no snapshotter, and claims that would come back empty.

use crate::archive::Archive;
use crate::scene::{Scene, object, outcome, request, spec, volume, warnings};
use serde_json::{Value, json};
use velero_core::api::RestoreSpec;
use velero_k8s::RestoreOptions;

fn bound(policy: &str) -> [Value; 2] {
    let mut pv = volume("pv-1", policy);
    pv["spec"]["claimRef"] =
        json!({"namespace": "ns", "name": "c", "uid": "u", "apiVersion": "v1", "kind": "PersistentVolumeClaim"});
    let annotations = json!({"pv.kubernetes.io/bind-completed": "yes", "own": "kept"});
    let spec =
        json!({"volumeName": "pv-1", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let more = json!({"metadata": {"annotations": annotations}, "spec": spec, "status": {"phase": "Bound"}});
    [pv, object("v1", "PersistentVolumeClaim", "ns", "c", more)]
}

fn willing() -> RestoreOptions {
    RestoreOptions { allow_empty_volumes: true, ..RestoreOptions::default() }
}

/// Whether the volume is created; the claim must be, and names the volume only if that is restored.
async fn creates(archive: Archive) -> bool {
    let scene = Scene::with(archive, []).await;
    let report = scene.driver(willing()).run(request(RestoreSpec::default())).await.unwrap();
    let created = scene.get("persistentvolumes", "", "pv-1").await != Value::Null;
    let claim = scene.get("persistentvolumeclaims", "ns", "c").await;
    assert_eq!(claim["metadata"]["annotations"], json!({"own": "kept"}), "{:?}", report.problems);
    assert_eq!(claim["spec"].get("volumeName").is_some(), created);
    created
}

fn info(method: &str) -> Value {
    json!({"pvcName": "c", "pvcNamespace": "ns", "pvName": "pv-1", "backupMethod": method, "result": "succeeded",
        "snapshotDataMoved": false, "preserveLocalSnapshot": false, "skipped": false})
}

#[tokio::test]
async fn pv1_pv2_pv10_to_pv14_documents_and_policy_decide() {
    let snapshot = object(
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "ns",
        "vs",
        json!({"spec": {"source": {"persistentVolumeClaimName": "c"}}}),
    )
    .to_string();
    let upload = json!({"apiVersion": "velero.io/v2alpha1", "kind": "DataUpload", "metadata": {"name": "du", "namespace": "velero"},
        "spec": {"sourceNamespace": "ns", "sourcePVC": "c"}}).to_string();
    let plain = |policy: &'static str| async move { Archive::default().with(bound(policy)).await };
    let informed = |policy: &'static str, method: &'static str| async move {
        Archive { volume_infos: Some(vec![info(method)]), ..Archive::default() }.with(bound(policy)).await
    };
    let snapshots = "volumesnapshots.snapshot.storage.k8s.io";
    let cases = [
        ("PV1", plain("Delete").await, false),
        ("PV2", plain("Retain").await, true),
        ("PV10", plain("Retain").await.raw(snapshots, "ns", "vs", &snapshot), false),
        ("PV11", plain("Retain").await.raw("datauploads.velero.io", "velero", "du", &upload), false),
        ("PV13 file system", informed("Retain", "PodVolumeBackup").await, false),
        ("PV13 CSI", informed("Retain", "CSISnapshot").await, false),
        ("PV14 Delete", informed("Delete", "").await, false),
        ("PV14 Retain", informed("Retain", "").await, true),
    ];
    for (vector, archive, expected) in cases {
        assert_eq!(creates(archive).await, expected, "{vector}");
    }
}

#[tokio::test]
async fn pv4_a_volume_with_a_snapshot_that_is_still_there_is_not_touched() {
    let archive = Archive { volume_infos: Some(vec![info("NativeSnapshot")]), ..Archive::default() };
    let scene = Scene::with(archive.with(bound("Retain")).await, [volume("pv-1", "Retain")]).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["PersistentVolume pv-1(skipped)", "PersistentVolumeClaim ns/c(created)"]);
    assert_eq!(report.problems, []);
    assert_eq!(scene.get("persistentvolumeclaims", "ns", "c").await["spec"]["volumeName"], "pv-1");
}

#[tokio::test]
async fn pv7_and_pv8_without_a_snapshot_the_volume_moves_with_its_namespace_unless_it_is_there() {
    for (vector, live, volumes_claim, warned) in
        [("PV7", true, None, "already exists"), ("PV8", false, Some("to"), "claim to/c gets the volume pv-1")]
    {
        let there = live.then(|| volume("pv-1", "Retain"));
        let scene = Scene::with(Archive::default().with(bound("Retain")).await, there).await;
        let report = scene.run(spec(json!({"namespaceMapping": {"ns": "to"}}))).await;
        let pv = scene.get("persistentvolumes", "", "pv-1").await;
        assert_eq!(pv["spec"]["claimRef"]["namespace"].as_str(), volumes_claim, "{vector}");
        assert_eq!(scene.get("persistentvolumeclaims", "to", "c").await["spec"]["volumeName"], "pv-1", "{vector}");
        let warnings = warnings(&report);
        assert!(warnings.len() == 1 && warnings[0].contains(warned), "{vector}: {warnings:?}");
    }
}

#[tokio::test]
async fn a_volume_that_is_created_again_warns_that_its_disk_is_not_seen() {
    let lone = |policy: &str| vec![volume("pv-1", policy)];
    let informed = |method: &str| Archive { volume_infos: Some(vec![info(method)]), ..Archive::default() };
    let claimed =
        "claim ns/c gets the volume pv-1, which is created again as it was; whether its disk still holds the data";
    for (case, archive, objects, live, expected) in [
        ("kept disk", Archive::default(), bound("Retain").to_vec(), vec![], Some(claimed)),
        ("kept disk, told by the volume document", informed(""), bound("Retain").to_vec(), vec![], Some(claimed)),
        ("no claim", Archive::default(), lone("Retain"), vec![], Some("the volume pv-1 is created again")),
        ("volume is there", Archive::default(), bound("Retain").to_vec(), lone("Retain"), None),
        ("provisioned anew", Archive::default(), bound("Delete").to_vec(), vec![], None),
    ] {
        let scene = Scene::with(archive.with(objects).await, live).await;
        let plan = scene.driver(willing()).plan(request(RestoreSpec::default())).await.unwrap();
        let report = scene.driver(willing()).apply(&plan).await.unwrap();
        for problems in [&plan.problems, &report.problems] {
            let seen: Vec<_> = problems.iter().filter(|p| p.reason == "DiskUnseen").map(|p| &p.message).collect();
            assert_eq!(seen.len(), usize::from(expected.is_some()), "{case}: {problems:?}");
            assert!(seen.iter().all(|text| text.contains(expected.unwrap_or_default())), "{case}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_claim_without_its_data_is_shown_by_the_plan_and_refused_unless_allowed() {
    for method in ["PodVolumeBackup", "CSISnapshot", "NativeSnapshot"] {
        let archive = Archive { volume_infos: Some(vec![info(method)]), ..Archive::default() };
        let scene = Scene::with(archive.with(bound("Delete")).await, []).await;
        let plan = scene.driver(RestoreOptions::default()).plan(request(RestoreSpec::default())).await.unwrap();
        assert_eq!(plan.empty_volumes[0].item.to_string(), "persistentvolumeclaims ns/c", "{method}");
        let refused = scene.driver(RestoreOptions::default()).apply(&plan).await.unwrap_err().to_string();
        assert!(refused.contains("persistentvolumeclaims ns/c would come back without the data of pv-1"), "{refused}");
        let refused = scene.driver(RestoreOptions::default()).run(request(RestoreSpec::default())).await;
        assert!(refused.is_err() && scene.cluster.writes().is_empty(), "{method}");
        scene.driver(willing()).apply(&plan).await.unwrap();
        assert_ne!(scene.get("persistentvolumeclaims", "ns", "c").await, Value::Null, "{method}");
    }
}

#[tokio::test]
async fn a_claim_that_is_there_already_does_not_come_back_empty() {
    let [pv, claim] = bound("Delete");
    let scene = Scene::with(Archive::default().with([pv, claim.clone()]).await, [claim]).await;
    let plan = scene.driver(RestoreOptions::default()).plan(request(RestoreSpec::default())).await.unwrap();
    assert_eq!(plan.empty_volumes, []);
}

#[tokio::test]
async fn a_pod_s_own_volume_without_its_data_is_shown_too() {
    let backup = json!({"metadata": {"name": "x"}, "status": {"snapshotID": "s"},
        "spec": {"pod": {"namespace": "ns", "name": "p"}, "volume": "scratch"}});
    let archive = Archive { pod_volume_backups: vec![backup], ..Archive::default() };
    let scene = Scene::with(archive.with([crate::scene::pod("ns", "p")]).await, []).await;
    let plan = scene.driver(RestoreOptions::default()).plan(request(RestoreSpec::default())).await.unwrap();
    assert_eq!(
        (plan.empty_volumes[0].item.to_string().as_str(), plan.empty_volumes[0].volume.as_str()),
        ("pods ns/p", "scratch")
    );
}
