//! What a CustomResourceDefinition of the archive will make the target serve, so that its objects can be planned
//! before it is there.

use crate::resource::{Resource, Scope};
use serde_json::Value;

/// The resource of definitions.
pub const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// One row per served version of the definition `body`; none if it does not parse.
pub fn served_by(body: &[u8]) -> Vec<Resource> {
    let definition: Value = serde_json::from_slice(body).unwrap_or_default();
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural, kind) = (text(&spec["group"]), text(&spec["names"]["plural"]), text(&spec["names"]["kind"]));
    if group.is_empty() || plural.is_empty() || kind.is_empty() {
        return Vec::new();
    }
    let short_names = spec["names"]["shortNames"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let row = |(version, has_status): (String, bool)| Resource {
        group: group.clone(),
        version,
        plural: plural.clone(),
        singular: text(&spec["names"]["singular"]),
        kind: kind.clone(),
        short_names: short_names.clone(),
        scope: if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
        verbs: VERBS.map(str::to_owned).to_vec(),
        has_status,
    };
    versions(spec).into_iter().map(row).collect()
}

/// Served versions and whether they have a status subresource; `v1beta1` definitions name them in other places.
fn versions(spec: &Value) -> Vec<(String, bool)> {
    let has_status = |holder: &Value| holder["subresources"].get("status").is_some();
    let listed = spec["versions"].as_array().into_iter().flatten();
    let served = listed.filter(|version| version["served"] != false);
    let mut versions: Vec<_> =
        served.filter_map(|v| Some((v["name"].as_str()?.to_owned(), has_status(v) || has_status(spec)))).collect();
    if let (true, Some(only)) = (versions.is_empty(), spec["version"].as_str()) {
        versions.push((only.to_owned(), has_status(spec)));
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(spec: Value) -> Vec<Resource> {
        served_by(json!({ "spec": spec }).to_string().as_bytes())
    }

    #[test]
    fn a_definition_serves_its_versions() {
        let names = json!({"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"]});
        let versions = json!([
            {"name": "v2", "served": true, "subresources": {"status": {}}},
            {"name": "v1", "served": true},
            {"name": "v0", "served": false},
        ]);
        let rows = rows(json!({"group": "x.io", "names": names, "scope": "Cluster", "versions": versions}));
        let seen: Vec<_> = rows.iter().map(|r| (r.api_version(), r.has_status)).collect();
        assert_eq!(seen, [("x.io/v2".into(), true), ("x.io/v1".into(), false)]);
        assert!(!rows[0].is_namespaced() && rows[0].can("list") && rows[0].short_names == ["wd"]);
    }

    #[test]
    fn old_definitions_and_damaged_ones_are_understood_as_far_as_they_go() {
        let names = json!({"plural": "widgets", "kind": "Widget"});
        let old = rows(json!({"group": "x.io", "names": names, "version": "v1", "subresources": {"status": {}}}));
        assert_eq!(old.len(), 1);
        assert!(old[0].is_namespaced() && old[0].has_status);
        assert!(rows(json!({"group": "x.io"})).is_empty() && served_by(b"{").is_empty());
    }
}
