//! Pods, jobs, claims, accounts and the definitions around them.

use super::{changed, run, run_with};
use crate::action::{Known, restore_actions};
use crate::api::RestoreSpec;
use crate::resource::ItemId;
use serde_json::{Value, json};

fn mapped() -> RestoreSpec {
    RestoreSpec { namespace_mapping: [("ns".to_owned(), "target".to_owned())].into(), ..RestoreSpec::default() }
}

#[test]
fn a_pod_takes_its_claims_along() {
    let claim = |name: &str| json!({ "name": "v", "persistentVolumeClaim": { "claimName": name } });
    let pod = json!({
        "metadata": { "namespace": "ns" },
        "spec": { "volumes": [claim("a"), { "name": "e", "emptyDir": {} }, claim("b")] },
    });
    let output = run("velero.io/add-pvc-from-pod", &pod);
    assert_eq!(output.additional, ["a", "b"].map(|name| ItemId::new("persistentvolumeclaims", "ns", name)));
    assert_eq!(output.item, None);
}

#[test]
fn webhooks_get_side_effects_that_v1_accepts() {
    let configuration = |version: &str, effects: [Value; 4]| {
        let webhooks: Vec<_> = effects.into_iter().map(|e| json!({ "name": "w", "sideEffects": e })).collect();
        json!({ "apiVersion": format!("admissionregistration.k8s.io/{version}"), "webhooks": webhooks })
    };
    let effects = || [json!("Unknown"), json!("Some"), json!("None"), json!("NoneOnDryRun")];
    let v1 = changed("velero.io/admission-webhook-configuration", &configuration("v1", effects()));
    let valid = [json!("None"), json!("None"), json!("None"), json!("NoneOnDryRun")];
    assert_eq!(v1, configuration("v1", valid));
    let old = configuration("v1beta1", effects());
    assert_eq!(changed("velero.io/admission-webhook-configuration", &old), old);
    let none = json!({ "apiVersion": "admissionregistration.k8s.io/v1" });
    assert_eq!(changed("velero.io/admission-webhook-configuration", &none), none);
}

#[test]
fn objects_of_the_server_and_of_the_data_mover_are_skipped() {
    for name in ["velero.io/apiservice", "velero.io/dataupload"] {
        assert!(run(name, &json!({ "metadata": { "name": "x" } })).skip.is_some(), "{name}");
    }
    let actions = restore_actions();
    let apiservice = actions.iter().find(|action| action.name() == "velero.io/apiservice").unwrap();
    assert_eq!(apiservice.applies_to().label_selector, "kube-aggregator.kubernetes.io/automanaged");
}

#[test]
fn subjects_follow_the_namespace_mapping() {
    let binding = |namespace: &str| {
        json!({ "subjects": [
            { "kind": "ServiceAccount", "name": "a", "namespace": namespace },
            { "kind": "ServiceAccount", "name": "b", "namespace": "other" },
            { "kind": "User", "name": "c" },
        ] })
    };
    for name in ["velero.io/cluster-role-bindings", "velero.io/role-bindings"] {
        let output = run_with(name, &binding("ns"), &json!({}), mapped(), &Known::default()).unwrap();
        assert_eq!(output.item, Some(binding("target")), "{name}");
        assert_eq!(changed(name, &binding("ns")), binding("ns"), "{name} without a mapping");
    }
}

#[test]
fn crds_that_preserve_fields_say_so_in_their_schemas() {
    let crd = |version: &str, preserve: bool, versions: Value| json!({ "apiVersion": format!("apiextensions.k8s.io/{version}"), "spec": { "preserveUnknownFields": preserve, "versions": versions } });
    let schema = json!([{ "name": "v1", "schema": { "openAPIV3Schema": { "type": "object", "properties": {} } } }, { "name": "v2" }]);
    let preserving = json!([
        { "name": "v1", "schema": { "openAPIV3Schema": { "type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": true } } },
        { "name": "v2", "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } },
    ]);
    let name = "velero.io/crd-preserve-fields";
    assert_eq!(changed(name, &crd("v1", true, schema.clone())), crd("v1", false, preserving));
    for same in [crd("v1", false, schema.clone()), crd("v1beta1", true, schema)] {
        assert_eq!(changed(name, &same), same);
    }
}

#[test]
fn a_job_forgets_the_labels_of_its_controller() {
    let uids = json!({ "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u", "app": "a" });
    let job =
        json!({ "spec": { "selector": { "matchLabels": uids }, "template": { "metadata": { "labels": uids } } } });
    let expected = json!({ "spec": { "selector": { "matchLabels": { "app": "a" } }, "template": { "metadata": { "labels": { "app": "a" } } } } });
    assert_eq!(changed("velero.io/job", &job), expected);
    let bare = json!({ "spec": { "template": {} } });
    assert_eq!(changed("velero.io/job", &bare), bare);
}

#[test]
fn a_pod_forgets_node_priority_and_generated_token() {
    let volumes = |names: &[&str]| Value::Array(names.iter().map(|name| json!({ "name": name })).collect());
    let pod = json!({ "spec": {
        "nodeName": "n", "priority": 7, "priorityClassName": "high", "serviceAccountName": "sa",
        "volumes": volumes(&["sa-token-x", "data", "other-token-x"]),
        "containers": [{ "name": "c", "volumeMounts": volumes(&["sa-token-x", "data"]) }, { "name": "d" }],
        "initContainers": [{ "name": "i", "volumeMounts": volumes(&["sa-token-x"]) }],
    } });
    let output = run("velero.io/pod", &pod);
    let expected = json!({ "spec": {
        "priorityClassName": "high", "serviceAccountName": "sa",
        "volumes": volumes(&["data", "other-token-x"]),
        "containers": [{ "name": "c", "volumeMounts": volumes(&["data"]) }, { "name": "d" }],
        "initContainers": [{ "name": "i", "volumeMounts": [] }],
    } });
    assert_eq!(output.item, Some(expected));
    assert_eq!(output.additional, [ItemId::new("priorityclasses.scheduling.k8s.io", "", "high")]);
    assert!(run("velero.io/pod", &json!({ "spec": {} })).additional.is_empty());
}

#[test]
fn a_pod_no_longer_waits_for_an_earlier_restore() {
    let pod = |names: &[&str]| {
        let containers: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "spec": { "initContainers": containers } })
    };
    let name = "velero.io/pod-volume-restore";
    assert_eq!(changed(name, &pod(&["restore-wait", "own", "restic-wait"])), pod(&["own"]));
    assert_eq!(changed(name, &pod(&["restore-wait"])), json!({ "spec": {} }));
}

#[test]
fn pv1_a_claim_forgets_its_binding_and_takes_its_volume_along() {
    let claim = |phase: &str, volume: &str| json!({ "spec": { "volumeName": volume }, "status": { "phase": phase } });
    let item = json!({ "metadata": { "annotations": {
        "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.kubernetes.io/storage-provisioner": "p", "volume.beta.kubernetes.io/storage-provisioner": "p",
        "volume.kubernetes.io/selected-node": "n", "velero.io/volume-snapshot-name": "s", "velero.io/data-upload-name": "d",
        "keep": "x",
    } }, "spec": { "volumeName": "pv" } });
    let expected = json!({ "metadata": { "annotations": { "keep": "x" } }, "spec": { "volumeName": "pv" } });
    for (from_backup, additional) in [
        (claim("Bound", "pv"), vec![ItemId::new("persistentvolumes", "", "pv")]),
        (claim("Pending", "pv"), vec![]),
        (claim("Bound", ""), vec![]),
    ] {
        let output = run_with("velero.io/pvc", &item, &from_backup, RestoreSpec::default(), &Known::default()).unwrap();
        assert_eq!(output.item.as_ref(), Some(&expected));
        assert_eq!(output.additional, additional, "{from_backup}");
    }
}

#[test]
fn generated_tokens_are_skipped_and_requested_ones_renewed() {
    let secret = |name: &str, kind: &str| {
        json!({
            "metadata": { "name": name, "namespace": "ns", "annotations": {
                "kubernetes.io/service-account.uid": "u", "kubernetes.io/service-account.name": "sa",
            } },
            "type": kind, "data": { "token": "t", "ca.crt": "c", "namespace": "n" },
        })
    };
    let mut known = Known::default();
    let account = |namespace: &str, name: &str| json!({ "metadata": { "namespace": namespace, "name": name } });
    known.insert("serviceaccounts".into(), vec![account("target", "sa"), account("ns", "source")]);
    let token = "kubernetes.io/service-account-token";
    let of = |name: &str, kind: &str| {
        run_with("velero.io/secret", &secret(name, kind), &json!({}), mapped(), &known).unwrap()
    };
    assert!(of("sa-token-abc", token).skip.is_some());
    assert!(of("default-token-abc", token).skip.is_some(), "each namespace has the account default");
    for requested in ["source-token-abc", "mine", "sa-tokens"] {
        let mut renewed = secret(requested, token);
        renewed["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "sa" });
        renewed["data"] = json!({ "namespace": "n" });
        let output = of(requested, token);
        assert_eq!((output.skip, output.item), (None, Some(renewed)), "{requested}");
    }
    let opaque = of("sa-token-abc", "Opaque");
    assert_eq!((opaque.skip, opaque.item), (None, None));
}

#[test]
fn a_service_account_loses_its_last_generated_secret_only() {
    let account = |names: &[&str]| {
        let secrets: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "metadata": { "name": "sa" }, "secrets": secrets })
    };
    let cases: [(&[&str], &[&str]); 4] = [
        (&["sa-token-a", "pull", "sa-token-b"], &["sa-token-a", "pull"]),
        (&["sa-token-a", "pull"], &["pull"]),
        (&["other-token-a", "sa-dockercfg-a"], &["other-token-a", "sa-dockercfg-a"]),
        (&[], &[]),
    ];
    for (before, after) in cases {
        assert_eq!(changed("velero.io/service-account", &account(before)), account(after));
    }
}

#[test]
fn init_containers_of_hooks_come_behind_the_one_that_waits() {
    let pod = |names: &[&str]| {
        let containers: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        let annotations = json!({ "init.hook.restore.velero.io/container-image": "image", "init.hook.restore.velero.io/container-name": "hook" });
        json!({ "metadata": { "annotations": annotations }, "spec": { "initContainers": containers } })
    };
    let cases: [(&[&str], &[&str]); 4] = [
        (&["restore-wait", "own"], &["restore-wait", "hook", "own"]),
        (&["own", "restore-wait"], &["hook", "own", "restore-wait"]),
        (&["restore-wait"], &["restore-wait", "hook"]),
        (&[], &["hook"]),
    ];
    for (before, after) in cases {
        let item = changed("velero.io/init-restore-hook", &pod(before));
        let names: Vec<_> =
            item["spec"]["initContainers"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, after);
    }
}
