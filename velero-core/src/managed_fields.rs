//! How field ownership survives a restore (spec 6.6, managedFields).
//!
//! The API server decodes the managed fields of a create request, but then hands every field of the new object
//! to the manager of the request, so sending the list at creation keeps nothing. Velero therefore patches
//! `metadata.managedFields` after each creation, a second write per object. We never send the list at creation
//! ([`strip`]), and save the second write where the server's own bookkeeping gives the same owner: when all
//! fields belonged to one manager that used plain writes, the object is created in that manager's name.

use serde_json::{Value, json};

/// How the ownership of one object is brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedFields {
    /// `fieldManager` of the create request; `None` leaves the client's own.
    pub create_manager: Option<String>,
    /// Whether [`patch`] must be sent after the creation.
    pub needs_patch: bool,
}

/// Decides for an object as it stands in the backup. Entries of the `status` subresource are left out of
/// account: the status is not created, and the controller that writes it becomes its owner again.
pub fn plan(backed_up: &Value) -> ManagedFields {
    let entries = backed_up["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
    let own: Vec<&Value> = entries.iter().filter(|entry| entry["subresource"] != "status").collect();
    match own.as_slice() {
        [] => ManagedFields::default(),
        [only] => match sole_manager(only) {
            Some(manager) => ManagedFields { create_manager: Some(manager.to_owned()), needs_patch: false },
            None => ManagedFields { create_manager: None, needs_patch: true },
        },
        _ => ManagedFields { create_manager: None, needs_patch: true },
    }
}

/// The merge patch that gives a created object the ownership it had in the backup.
pub fn patch(backed_up: &Value) -> Value {
    json!({ "metadata": { "managedFields": backed_up["metadata"]["managedFields"] } })
}

/// Removes the managed fields, as they are not part of a create request or of a comparison.
pub fn strip(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// The manager of an entry that a create request in its name would make again. The API server accepts field
/// managers of at most 128 printable bytes.
fn sole_manager(entry: &Value) -> Option<&str> {
    let manager = entry["manager"].as_str()?;
    let main_resource = entry["subresource"].as_str().unwrap_or("").is_empty();
    let acceptable = (1..=128).contains(&manager.len()) && manager.bytes().all(|b| (b' '..=b'~').contains(&b));
    (entry["operation"] == "Update" && main_resource && acceptable).then_some(manager)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, subresource: &str) -> Value {
        json!({ "manager": manager, "operation": operation, "subresource": subresource, "fieldsV1": { "f:spec": {} } })
    }

    #[test]
    fn one_plain_writer_is_the_manager_of_the_create_request() {
        let create = |m: &str| ManagedFields { create_manager: Some(m.into()), needs_patch: false };
        let patch = ManagedFields { create_manager: None, needs_patch: true };
        let cases = [
            (json!(null), ManagedFields::default()),
            (json!([]), ManagedFields::default()),
            (json!("odd"), ManagedFields::default()),
            (json!([entry("kubelet", "Update", "status")]), ManagedFields::default()),
            (json!([entry("kubectl", "Update", "")]), create("kubectl")),
            (json!([entry("kubectl", "Update", ""), entry("kubelet", "Update", "status")]), create("kubectl")),
            (json!([entry("kubectl", "Apply", "")]), patch.clone()),
            (json!([entry("hpa", "Update", "scale")]), patch.clone()),
            (json!([entry("a", "Update", ""), entry("b", "Update", "")]), patch.clone()),
            (json!([entry("", "Update", "")]), patch.clone()),
            (json!([entry("caf\u{e9}", "Update", "")]), patch.clone()),
            (json!([entry(&"m".repeat(129), "Update", "")]), patch.clone()),
            (json!([7]), patch),
        ];
        for (fields, expected) in cases {
            assert_eq!(plan(&json!({ "metadata": { "managedFields": fields } })), expected, "{fields}");
        }
    }

    #[test]
    fn r25_the_patch_carries_the_list_of_the_backup() {
        let backed_up = json!({ "metadata": { "managedFields": [entry("a", "Apply", "")] } });
        let mut created = json!({ "metadata": { "name": "x", "managedFields": [entry("velero", "Update", "")] } });
        json_patch::merge(&mut created, &patch(&backed_up));
        assert_eq!(created["metadata"]["managedFields"], backed_up["metadata"]["managedFields"]);
        strip(&mut created);
        assert_eq!(created, json!({ "metadata": { "name": "x" } }));
    }
}
