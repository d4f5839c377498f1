//! Namespaces: born with the objects that controllers make in them, taking everything along when they go.

use crate::offline::admit::remove;
use crate::offline::failure::Cause;
use serde_json::{Value, json};

/// The namespaces of a new cluster.
pub const FIRST: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// The namespaces that can not be deleted.
pub const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

const NAME_LABEL: &str = "kubernetes.io/metadata.name";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// Gives a namespace its name label, finalizer and phase.
pub fn complete(namespace: &mut Value) {
    let name = namespace["metadata"]["name"].clone();
    namespace["metadata"]["labels"][NAME_LABEL] = name;
    let finalizers = namespace["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
    let mut finalizers: Vec<_> = finalizers.into_iter().filter(|finalizer| finalizer != "kubernetes").collect();
    finalizers.insert(0, json!("kubernetes"));
    if !is_terminating(namespace) {
        namespace["spec"]["finalizers"] = json!(finalizers);
    }
    let phase = if is_terminating(namespace) { "Terminating" } else { "Active" };
    namespace["status"]["phase"] = json!(phase);
}

/// Whether the namespace is going away.
pub fn is_terminating(namespace: &Value) -> bool {
    namespace["metadata"]["deletionTimestamp"].is_string()
}

/// Whether something else than the namespace controller still holds it.
pub fn is_held(namespace: &Value) -> bool {
    let held = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|item| item != "kubernetes"));
    held(&namespace["metadata"]["finalizers"]) || held(&namespace["spec"]["finalizers"])
}

/// Marks the namespace as going away.
pub fn terminate(namespace: &mut Value, now: &str) {
    namespace["metadata"]["deletionTimestamp"] = json!(now);
    namespace["status"]["phase"] = json!("Terminating");
}

/// What controllers make in a new namespace. The certificate is a stand-in: an offline cluster has none.
pub fn furniture(namespace: &str) -> [Value; 2] {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": namespace },
    });
    let certificate = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "kube-root-ca.crt",
            "namespace": namespace,
            "annotations": { "kubernetes.io/description": DESCRIPTION },
        },
        "data": { "ca.crt": "" },
    });
    [account, certificate]
}

/// The service that every cluster has.
pub fn api_service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": { "component": "apiserver", "provider": "kubernetes" },
        },
        "spec": {
            "clusterIP": "10.96.0.1",
            "clusterIPs": ["10.96.0.1"],
            "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }],
        },
    })
}

/// The phase is the server's: it follows the deletion.
pub fn check_status(old: &Value, new: &Value) -> Vec<Cause> {
    let phase = &new["status"]["phase"];
    let wanted = if is_terminating(old) { "Terminating" } else { "Active" };
    if phase == wanted {
        return Vec::new();
    }
    let state = if is_terminating(old) { "is not empty" } else { "is empty" };
    vec![Cause::invalid("status.Phase", phase, &format!("may only be '{wanted}' if `deletionTimestamp` {state}"))]
}

/// Keeps what an update of a namespace can not change.
pub fn keep(old: &Value, new: &mut Value) {
    new["spec"] = old["spec"].clone();
    if !new["metadata"]["labels"].is_object() {
        remove(&mut new["metadata"], "labels");
    }
    new["metadata"]["labels"][NAME_LABEL] = old["metadata"]["name"].clone();
}
