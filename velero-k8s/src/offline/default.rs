//! The defaults of built-in resources: the fields that a server adds to what was sent.
//!
//! A documented minimum (`docs/offline-cluster.md`), chosen so that an object that goes through a backup and a restore
//! compares equal: workloads with their pod templates, Services, claims, volumes, storage classes, bindings, Secrets.

mod pod;

use crate::offline::admit;
use serde_json::{Value, json};
use velero_core::Resource;

/// Sets a field that is missing or null.
pub fn or(value: &mut Value, field: &str, default: Value) {
    if value.is_null() {
        *value = json!({});
    }
    if value.is_object() && value[field].is_null() {
        value[field] = default;
    }
}

/// Runs `change` on each element of the list `field`, if there is one.
fn each_of(value: &mut Value, field: &str, change: impl FnMut(&mut Value)) {
    value.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
}

/// Fills in the specification (everything but the status) of an object of `row`.
pub fn complete(row: &Resource, object: &mut Value) {
    match (row.group.as_str(), row.plural.as_str()) {
        ("", "pods") => pod::pod(object),
        ("", "services") => service(object),
        ("", "secrets") => secret(object),
        ("", "persistentvolumeclaims") => claim(object),
        ("", "persistentvolumes") => volume(object),
        ("", "replicationcontrollers") => replicas(object),
        ("apps", _) => workload(&row.plural, object),
        ("batch", "jobs") => job(object),
        ("batch", "cronjobs") => cron_job(object),
        ("networking.k8s.io", "networkpolicies") => network_policy(object),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => binding(object),
        ("storage.k8s.io", "storageclasses") => {
            or(object, "reclaimPolicy", json!("Delete"));
            or(object, "volumeBindingMode", json!("Immediate"));
        }
        ("autoscaling", "horizontalpodautoscalers") => or(&mut object["spec"], "minReplicas", json!(1)),
        ("scheduling.k8s.io", "priorityclasses") => or(object, "preemptionPolicy", json!("PreemptLowerPriority")),
        _ => {}
    }
}

/// The status of a new object.
pub fn first_status(row: &Resource) -> Option<Value> {
    match (row.group.as_str(), row.plural.as_str()) {
        ("", "pods" | "persistentvolumeclaims" | "persistentvolumes") => Some(json!({ "phase": "Pending" })),
        ("", "namespaces") => Some(json!({ "phase": "Active" })),
        ("", "services") | ("networking.k8s.io", "ingresses") => Some(json!({ "loadBalancer": {} })),
        ("apps", "replicasets" | "statefulsets") => Some(json!({ "replicas": 0 })),
        ("", "nodes" | "replicationcontrollers" | "resourcequotas") | ("apps" | "batch", _) if row.has_status => {
            Some(json!({}))
        }
        _ => None,
    }
}

fn service(service: &mut Value) {
    let spec = &mut service["spec"];
    or(spec, "type", json!("ClusterIP"));
    or(spec, "sessionAffinity", json!("None"));
    if spec["sessionAffinity"] == "ClientIP" {
        or(spec, "sessionAffinityConfig", json!({ "clientIP": { "timeoutSeconds": 10800 } }));
    }
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer");
    let mut choose = |field: &str, wanted: bool, value: Value| match wanted {
        true => or(spec, field, value),
        false => admit::remove(spec, field),
    };
    choose("internalTrafficPolicy", kind != "ExternalName", json!("Cluster"));
    choose("allocateLoadBalancerNodePorts", kind == "LoadBalancer", json!(true));
    if outside {
        choose("externalTrafficPolicy", true, json!("Cluster"));
    } else if spec["externalIPs"].is_null() {
        admit::remove(spec, "externalTrafficPolicy");
    }
    each_of(spec, "ports", |port| {
        or(port, "protocol", json!("TCP"));
        let own = port["port"].clone();
        or(port, "targetPort", own);
    });
}

/// `stringData` is write-only: it ends up in `data`.
fn secret(secret: &mut Value) {
    or(secret, "type", json!("Opaque"));
    let written = secret.as_object_mut().and_then(|fields| fields.remove("stringData"));
    for (key, value) in written.as_ref().and_then(Value::as_object).into_iter().flatten() {
        secret["data"][key] = json!(base64(value.as_str().unwrap_or_default().as_bytes()));
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let number = (0..3).fold(0_usize, |number, at| number << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
        let digit = move |at: usize| if at > chunk.len() { b'=' } else { DIGITS[number >> (18 - 6 * at) & 63] };
        (0..4).map(digit)
    });
    digits.map(char::from).collect()
}

fn claim(claim: &mut Value) {
    or(&mut claim["spec"], "volumeMode", json!("Filesystem"));
    finalizer(claim, "kubernetes.io/pvc-protection");
}

fn volume(volume: &mut Value) {
    or(&mut volume["spec"], "persistentVolumeReclaimPolicy", json!("Retain"));
    or(&mut volume["spec"], "volumeMode", json!("Filesystem"));
    if volume["spec"]["hostPath"].is_object() {
        or(&mut volume["spec"]["hostPath"], "type", json!(""));
    }
    finalizer(volume, "kubernetes.io/pv-protection");
}

/// Adds the finalizer by which a server protects what is in use.
fn finalizer(object: &mut Value, name: &str) {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return;
    }
    or(&mut object["metadata"], "finalizers", json!([]));
    let finalizers = object["metadata"]["finalizers"].as_array_mut();
    if let Some(finalizers) = finalizers.filter(|finalizers| !finalizers.iter().any(|own| own == name)) {
        finalizers.push(json!(name));
    }
}

fn replicas(workload: &mut Value) {
    or(&mut workload["spec"], "replicas", json!(1));
    pod::template(&mut workload["spec"]["template"]);
}

fn workload(plural: &str, workload: &mut Value) {
    let spec = &mut workload["spec"];
    match plural {
        "deployments" => {
            let rolling = json!({ "maxSurge": "25%", "maxUnavailable": "25%" });
            rolling_update(spec, "strategy", rolling);
            or(spec, "revisionHistoryLimit", json!(10));
            or(spec, "progressDeadlineSeconds", json!(600));
        }
        "daemonsets" => {
            rolling_update(spec, "updateStrategy", json!({ "maxSurge": 0, "maxUnavailable": 1 }));
            or(spec, "revisionHistoryLimit", json!(10));
        }
        "statefulsets" => {
            rolling_update(spec, "updateStrategy", json!({ "partition": 0 }));
            or(spec, "revisionHistoryLimit", json!(10));
            or(spec, "podManagementPolicy", json!("OrderedReady"));
            let retain = json!({ "whenDeleted": "Retain", "whenScaled": "Retain" });
            or(spec, "persistentVolumeClaimRetentionPolicy", retain);
            each_of(spec, "volumeClaimTemplates", |claim| {
                or(claim, "apiVersion", json!("v1"));
                or(claim, "kind", json!("PersistentVolumeClaim"));
                or(&mut claim["spec"], "volumeMode", json!("Filesystem"));
                or(claim, "status", json!({ "phase": "Pending" }));
            });
        }
        "replicasets" => {}
        _ => return,
    }
    if plural != "daemonsets" {
        or(spec, "replicas", json!(1));
    }
    pod::template(&mut spec["template"]);
}

fn rolling_update(spec: &mut Value, field: &str, parameters: Value) {
    or(spec, field, json!({}));
    or(&mut spec[field], "type", json!("RollingUpdate"));
    if spec[field]["type"] == "RollingUpdate" {
        or(&mut spec[field], "rollingUpdate", json!({}));
        for (name, value) in parameters.as_object().into_iter().flatten() {
            or(&mut spec[field]["rollingUpdate"], name, value.clone());
        }
    }
}

/// A Job selects its pods by its own identity, unless it says that it does not.
fn job(job: &mut Value) {
    let uid = job["metadata"]["uid"].clone();
    let name = job["metadata"]["name"].clone();
    let spec = &mut job["spec"];
    job_spec(spec);
    if spec["manualSelector"] != true && spec["selector"].is_null() {
        spec["selector"] = json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } });
        for prefix in ["batch.kubernetes.io/", ""] {
            spec["template"]["metadata"]["labels"][format!("{prefix}controller-uid")] = uid.clone();
            spec["template"]["metadata"]["labels"][format!("{prefix}job-name")] = name.clone();
        }
        or(spec, "manualSelector", json!(false));
    }
    let labels = spec["template"]["metadata"]["labels"].clone();
    if job["metadata"]["labels"].is_null() && labels.is_object() {
        job["metadata"]["labels"] = labels;
    }
}

fn job_spec(spec: &mut Value) {
    or(spec, "backoffLimit", json!(6));
    or(spec, "completionMode", json!("NonIndexed"));
    or(spec, "suspend", json!(false));
    or(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec["completions"] = json!(1);
    }
    or(spec, "parallelism", json!(1));
    if spec["completions"].is_null() {
        admit::remove(spec, "completions");
    }
    pod::template(&mut spec["template"]);
}

fn cron_job(job: &mut Value) {
    let spec = &mut job["spec"];
    or(spec, "concurrencyPolicy", json!("Allow"));
    or(spec, "suspend", json!(false));
    or(spec, "successfulJobsHistoryLimit", json!(3));
    or(spec, "failedJobsHistoryLimit", json!(1));
    or(&mut spec["jobTemplate"], "metadata", json!({}));
    pod::template(&mut spec["jobTemplate"]["spec"]["template"]);
}

fn network_policy(policy: &mut Value) {
    let spec = &mut policy["spec"];
    let types = if spec["egress"].is_array() { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    or(spec, "policyTypes", types);
    for rules in ["ingress", "egress"] {
        each_of(spec, rules, |rule| each_of(rule, "ports", |port| or(port, "protocol", json!("TCP"))));
    }
}

fn binding(binding: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if binding["roleRef"]["apiGroup"].as_str().is_none_or(str::is_empty) {
        binding["roleRef"]["apiGroup"] = json!(GROUP);
    }
    each_of(binding, "subjects", |subject| {
        if subject["kind"] == "User" || subject["kind"] == "Group" {
            or(subject, "apiGroup", json!(GROUP));
        }
    });
}

#[cfg(test)]
mod tests;
