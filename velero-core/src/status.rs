//! Whether the status of an object is restored (spec 6.13).

use serde_json::Value;

/// Annotation by which an object asks for its status to be restored, or not.
pub const RESTORE_STATUS: &str = "velero.io/restore-status";

/// Decides for `object`, as it will be created. `by_spec` says whether `spec.restoreStatus` is set and includes
/// the resource; the annotation, when it reads `true` or `false`, overrules it.
pub fn is_restored(object: &Value, by_spec: bool) -> bool {
    let wish = object["metadata"]["annotations"][RESTORE_STATUS].as_str().unwrap_or("").trim().to_ascii_lowercase();
    match wish.as_str() {
        "true" => true,
        "false" => false,
        _ => by_spec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn t12_to_t14_the_annotation_overrules_the_spec_when_it_is_a_boolean() {
        let cases = [
            (json!(null), true, true),
            (json!(null), false, false),
            (json!("true"), false, true),
            (json!("True"), false, true),
            (json!(" true "), false, true),
            (json!("false"), true, false),
            (json!("FALSE"), true, false),
            (json!("foo"), true, true),
            (json!("foo"), false, false),
            (json!(""), true, true),
            (json!(""), false, false),
            (json!(true), false, false),
        ];
        for (value, by_spec, expected) in cases {
            let object = json!({ "metadata": { "annotations": { RESTORE_STATUS: value } } });
            assert_eq!(is_restored(&object, by_spec), expected, "{value} with {by_spec}");
        }
        assert!(is_restored(&json!({ "metadata": [] }), true));
    }
}
