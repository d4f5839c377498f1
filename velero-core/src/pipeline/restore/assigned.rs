//! What a cluster assigns to an object after its creation, and a restore therefore leaves out: no difference.
//!
//! Without this a pod or service that the restore itself has made would differ for ever from what the restore wants,
//! since the actions take away node, priority, addresses and ports (spec 10, false "different" warnings).

use serde_json::{Value, json};

/// Places of `spec` and `metadata` that the cluster fills in, by kind.
const PLACES: [(&str, &[&str]); 4] = [
    ("Pod", &["/spec/nodeName", "/spec/priority"]),
    ("Service", &["/spec/clusterIP", "/spec/clusterIPs", "/spec/healthCheckNodePort"]),
    ("PersistentVolumeClaim", &["/spec/volumeName"]),
    ("PersistentVolume", &["/spec/claimRef/uid", "/spec/claimRef/resourceVersion"]),
];

const BINDING: [&str; 5] = [
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
];

/// `desired` with what the cluster has assigned to `live` and `desired` says nothing about. Only core kinds have such.
pub fn with_assigned(desired: &Value, live: &Value) -> Value {
    let mut desired = desired.clone();
    let kind = desired["kind"].as_str().unwrap_or_default().to_owned();
    if desired["apiVersion"] != "v1" {
        return desired;
    }
    for place in PLACES.iter().filter(|(of, _)| *of == kind).flat_map(|(_, places)| *places) {
        take(&mut desired, live, place);
    }
    match kind.as_str() {
        "Service" => node_ports(&mut desired, live),
        "PersistentVolumeClaim" | "PersistentVolume" => binding(&mut desired, live),
        _ => {}
    }
    desired
}

/// Copies what stands at `place` in `live` if `desired` has its parent, but nothing there.
fn take(desired: &mut Value, live: &Value, place: &str) {
    let Some((parent, field)) = place.rsplit_once('/') else { return };
    let (Some(value), Some(parent)) = (live.pointer(place), desired.pointer_mut(parent)) else { return };
    if let Some(parent) = parent.as_object_mut() {
        parent.entry(field).or_insert_with(|| value.clone());
    }
}

fn node_ports(desired: &mut Value, live: &Value) {
    let same = |a: &Value, b: &Value| {
        let protocol = |port: &Value| port["protocol"].as_str().unwrap_or("TCP").to_owned();
        a["port"] == b["port"] && protocol(a) == protocol(b)
    };
    let live = live["spec"]["ports"].as_array().map_or(&[][..], Vec::as_slice);
    for port in desired.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let assigned = live.iter().find(|other| same(port, other)).and_then(|other| other.get("nodePort"));
        if let (Some(assigned), Some(port)) = (assigned.cloned(), port.as_object_mut()) {
            port.entry("nodePort").or_insert(assigned);
        }
    }
}

fn binding(desired: &mut Value, live: &Value) {
    for name in BINDING {
        let Some(value) = live["metadata"]["annotations"].get(name) else { continue };
        if !desired["metadata"]["annotations"].is_object() {
            desired["metadata"]["annotations"] = json!({});
        }
        if desired["metadata"]["annotations"].get(name).is_none() {
            desired["metadata"]["annotations"][name] = value.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, desired: Value, live: Value, expected: Value) {
        let with_kind = |mut object: Value| {
            object["apiVersion"] = json!("v1");
            object["kind"] = json!(kind);
            object
        };
        assert_eq!(with_assigned(&with_kind(desired), &with_kind(live)), with_kind(expected), "{kind}");
    }

    #[test]
    fn what_is_unsaid_is_taken_over_and_what_is_said_stays() {
        let live = json!({"spec": {"nodeName": "n", "priority": 0, "other": 1}});
        check("Pod", json!({"spec": {}}), live.clone(), json!({"spec": {"nodeName": "n", "priority": 0}}));
        check(
            "Pod",
            json!({"spec": {"nodeName": "m"}}),
            live.clone(),
            json!({"spec": {"nodeName": "m", "priority": 0}}),
        );
        check("Secret", json!({"spec": {}}), live, json!({"spec": {}}));
    }

    #[test]
    fn ports_are_told_apart_by_number_and_protocol() {
        let live = json!({"spec": {"clusterIP": "10.0.0.1", "ports": [
            {"port": 53, "protocol": "UDP", "nodePort": 1}, {"port": 53, "protocol": "TCP", "nodePort": 2}]}});
        let desired = json!({"spec": {"ports": [{"port": 53}, {"port": 54}]}});
        let expected = json!({"spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 53, "nodePort": 2}, {"port": 54}]}});
        check("Service", desired, live, expected);
    }

    #[test]
    fn a_binding_that_the_cluster_made_is_no_difference() {
        let live = json!({"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes", "own": "x"}}, "spec": {"volumeName": "v"}});
        let expected = json!({"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": "v"}});
        check("PersistentVolumeClaim", json!({"metadata": {}, "spec": {}}), live, expected);
    }
}
