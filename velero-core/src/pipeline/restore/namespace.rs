//! The Namespace objects of a restore (spec 6.5): they bypass actions and modifiers, as in Velero.

use serde_json::{Value, json};

/// The Namespace `target` as it is created: labels, annotations and spec of the archived one if there is one that
/// parses, else bare. It gets no Velero labels.
pub fn namespace_object(archived: Option<&[u8]>, target: &str) -> Value {
    let archived: Value = archived.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let mut metadata = json!({ "name": target });
    for field in ["labels", "annotations"] {
        if let Some(map) = archived["metadata"].get(field).filter(|map| map.is_object()) {
            metadata[field] = map.clone();
        }
    }
    let mut object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
    if let Some(spec) = archived.get("spec").filter(|spec| spec.is_object()) {
        object["spec"] = spec.clone();
    }
    object
}

/// Whether controllers make this object by themselves in every new namespace.
pub fn made_by_controllers(resource: &str, name: &str) -> bool {
    matches!((resource, name), ("serviceaccounts", "default") | ("configmaps", "kube-root-ca.crt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_keeps_labels_annotations_and_spec_only() {
        let body = br#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","uid":"u","labels":{"x":"y"},
            "annotations":{"k":"v"},"finalizers":["f"]},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#;
        assert_eq!(
            namespace_object(Some(body), "b"),
            json!({"apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]},
                "metadata": {"name": "b", "labels": {"x": "y"}, "annotations": {"k": "v"}}})
        );
        let bare = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}});
        assert_eq!(namespace_object(None, "b"), bare);
        assert_eq!(namespace_object(Some(b"{"), "b"), bare);
    }
}
