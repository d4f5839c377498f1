//! Merge patches (RFC 7386) of resource modifiers.

use serde_json::Value;

/// `object` after all `patches`, one after the other.
pub fn apply(patches: &[String], object: &Value) -> Result<Value, String> {
    let mut patched = object.clone();
    for patch in patches {
        json_patch::merge(&mut patched, &read(patch)?);
    }
    Ok(patched)
}

/// Reads the JSON or YAML text of a patch, which must be an object.
pub fn read(patch: &str) -> Result<Value, String> {
    let read = match serde_json::from_str(patch) {
        Ok(value) => value,
        Err(_) => {
            serde_saphyr::from_str(patch).map_err(|error| format!("the patch data is not valid YAML: {error}"))?
        }
    };
    match read {
        Value::Object(_) => Ok(read),
        _ => Err("the patch data is not an object".to_owned()),
    }
}
