//! Defaults of pods and pod templates.

use super::{each_of, or};
use serde_json::{Value, json};

/// A pod: its template's defaults, and those that only a running pod has.
pub fn pod(pod: &mut Value) {
    let spec = &mut pod["spec"];
    complete(spec);
    or(spec, "enableServiceLinks", json!(true));
    or(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    or(spec, "priority", json!(0));
    let account = [&spec["serviceAccountName"], &spec["serviceAccount"]];
    let account = account.iter().find_map(|name| name.as_str()).filter(|name| !name.is_empty()).unwrap_or("default");
    let account = json!(account);
    spec["serviceAccountName"] = account.clone();
    spec["serviceAccount"] = account;
    let tolerate = |key: &str| {
        json!({ "key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": 300 })
    };
    or(spec, "tolerations", json!([]));
    let tolerations = spec["tolerations"].as_array_mut();
    if let Some(tolerations) = tolerations {
        for toleration in [tolerate("not-ready"), tolerate("unreachable")] {
            if !tolerations.iter().any(|own| own["key"] == toleration["key"] || own["key"].is_null()) {
                tolerations.push(toleration);
            }
        }
    }
}

/// The template of a workload.
pub fn template(template: &mut Value) {
    or(template, "metadata", json!({}));
    complete(&mut template["spec"]);
    if let Some(spec) = template["spec"].as_object_mut()
        && let Some(account) = spec.get("serviceAccountName").cloned()
    {
        spec.entry("serviceAccount").or_insert(account);
    }
}

fn complete(spec: &mut Value) {
    or(spec, "restartPolicy", json!("Always"));
    or(spec, "terminationGracePeriodSeconds", json!(30));
    or(spec, "dnsPolicy", json!("ClusterFirst"));
    or(spec, "securityContext", json!({}));
    or(spec, "schedulerName", json!("default-scheduler"));
    for list in ["initContainers", "containers"] {
        each_of(spec, list, container);
    }
    each_of(spec, "volumes", volume);
}

fn container(container: &mut Value) {
    or(container, "resources", json!({}));
    or(container, "terminationMessagePath", json!("/dev/termination-log"));
    or(container, "terminationMessagePolicy", json!("File"));
    let image = container["image"].as_str().unwrap_or_default();
    let policy = if always_pulled(image) { "Always" } else { "IfNotPresent" };
    or(container, "imagePullPolicy", json!(policy));
    each_of(container, "ports", |port| or(port, "protocol", json!("TCP")));
    each_of(container, "env", |variable| {
        if variable["valueFrom"]["fieldRef"].is_object() {
            or(&mut variable["valueFrom"]["fieldRef"], "apiVersion", json!("v1"));
        }
    });
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found) = container.get_mut(name) {
            probe(found);
        }
    }
}

/// An image without tag or digest, or tagged `latest`.
fn always_pulled(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or_default();
    !last.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn probe(probe: &mut Value) {
    for (field, value) in
        [("failureThreshold", 3), ("periodSeconds", 10), ("successThreshold", 1), ("timeoutSeconds", 1)]
    {
        or(probe, field, json!(value));
    }
    if let Some(get) = probe.get_mut("httpGet") {
        or(get, "path", json!("/"));
        or(get, "scheme", json!("HTTP"));
    }
}

fn volume(volume: &mut Value) {
    for source in ["secret", "configMap", "projected", "downwardAPI"] {
        if let Some(source) = volume.get_mut(source) {
            or(source, "defaultMode", json!(0o644));
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        or(path, "type", json!(""));
    }
}
