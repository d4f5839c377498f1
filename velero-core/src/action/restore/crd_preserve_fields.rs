//! CRDs that keep unknown fields become valid for `apiextensions.k8s.io/v1`.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use serde_json::{Map, Value, json};

/// `velero.io/crd-preserve-fields`: `v1` refuses `spec.preserveUnknownFields: true`, so the same wish moves to
/// the root of each version's schema. A version without a schema, which `v1` refuses too, gets one that takes
/// everything.
pub struct CrdPreserveFields;

impl RestoreAction for CrdPreserveFields {
    fn name(&self) -> &str {
        "velero.io/crd-preserve-fields"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["customresourcedefinitions.apiextensions.k8s.io"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let is_v1 = part::text(input.item, "/apiVersion")? == "apiextensions.k8s.io/v1";
        if !is_v1 || input.item["spec"]["preserveUnknownFields"] != true {
            return Ok(RestoreOutput::default());
        }
        let mut item = input.item.clone();
        if let Some(spec) = part::map_mut(&mut item, "/spec")? {
            spec.insert("preserveUnknownFields".to_owned(), json!(false));
        }
        for version in part::list_mut(&mut item, "/spec/versions")?.into_iter().flatten() {
            if let Some(version) = version.as_object_mut() {
                preserve(version);
            }
        }
        Ok(RestoreOutput::changed(item))
    }
}

fn preserve(version: &mut Map<String, Value>) {
    let schema = version.entry("schema").or_insert(Value::Null);
    match schema.pointer_mut("/openAPIV3Schema").and_then(Value::as_object_mut) {
        Some(root) => {
            root.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
        }
        None => {
            let root = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
            *schema = json!({ "openAPIV3Schema": root });
        }
    }
}
