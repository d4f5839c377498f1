//! Names, labels and finalizers as an API server checks them (DNS rules of RFC 1123 and 1035).

use crate::offline::failure::Cause;
use serde_json::{Value, json};
use velero_core::Resource;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1123: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const KEY: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// What is wrong with the metadata of an object of `row`.
pub fn check(row: &Resource, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        let wrong = wrong_name(row, name);
        causes.extend(wrong.map(|why| Cause::invalid("metadata.name", &metadata["name"], &why)));
    }
    causes.extend(check_labels(&metadata["labels"]));
    for key in keys(&metadata["annotations"]) {
        causes.extend(
            wrong_key(&key.to_lowercase()).map(|why| Cause::invalid("metadata.annotations", &json!(key), &why)),
        );
    }
    for (at, finalizer) in metadata["finalizers"].as_array().into_iter().flatten().enumerate() {
        let text = finalizer.as_str().unwrap_or_default();
        let standard = matches!(text, "kubernetes" | "orphan" | "foregroundDeletion");
        if !standard && !text.contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(format!("metadata.finalizers[{at}]"), finalizer, why));
        }
    }
    causes
}

fn check_labels(labels: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        causes.extend(wrong_key(key).map(|why| Cause::invalid("metadata.labels", &json!(key), &why)));
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            let why = "must be no more than 63 characters";
            causes.push(Cause::invalid("metadata.labels", value, why));
        } else if !text.is_empty() && !is_label_text(text) {
            causes.push(Cause::invalid("metadata.labels", value, VALUE));
        }
    }
    causes
}

fn keys(map: &Value) -> impl Iterator<Item = &String> {
    map.as_object().into_iter().flat_map(|map| map.keys())
}

/// Why `name` can not name an object of `row`.
pub fn wrong_name(row: &Resource, name: &str) -> Option<String> {
    match row.plural.as_str() {
        "roles" | "rolebindings" | "clusterroles" | "clusterrolebindings" => wrong_segment(name),
        "namespaces" if row.group.is_empty() && name.contains('.') => Some("must not contain dots".into()),
        "namespaces" if row.group.is_empty() => wrong_label(name, LABEL_1123),
        "services" if row.group.is_empty() => wrong_label(name, LABEL_1035),
        _ => wrong_subdomain(name),
    }
}

fn wrong_segment(name: &str) -> Option<String> {
    if name == "." || name == ".." {
        return Some(format!("may not be '{name}'"));
    }
    ["/", "%"].iter().find(|bad| name.contains(**bad)).map(|bad| format!("may not contain '{bad}'"))
}

fn wrong_label(name: &str, rule: &str) -> Option<String> {
    let letter_first = std::ptr::eq(rule, LABEL_1035);
    if name.len() > 63 {
        return Some("must be no more than 63 characters".into());
    }
    let first = name.starts_with(|c: char| c.is_ascii_lowercase() || (!letter_first && c.is_ascii_digit()));
    (!first || !is_dns_label(name)).then(|| rule.to_owned())
}

fn wrong_subdomain(name: &str) -> Option<String> {
    if name.len() > 253 {
        return Some("must be no more than 253 characters".into());
    }
    (!name.split('.').all(is_dns_label)).then(|| SUBDOMAIN.to_owned())
}

fn is_dns_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain) && text.ends_with(plain) && text.chars().all(|c| plain(c) || c == '-')
}

fn is_label_text(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(plain) && text.ends_with(plain) && text.chars().all(|c| plain(c) || "-_.".contains(c))
}

fn wrong_key(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.is_empty() {
        return Some("name part must be non-empty".into());
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 characters".into());
    }
    match prefix {
        Some("") => Some("prefix part must be non-empty".into()),
        Some(prefix) => wrong_subdomain(prefix).map(|why| format!("prefix part {why}")),
        None => None,
    }
    .or_else(|| (!is_label_text(name)).then(|| KEY.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::served::Served;

    #[test]
    fn each_resource_has_its_own_rule_of_names() {
        let table = Served::builtin().table();
        for (resource, name, good) in [
            ("configmaps", "a.b-c", true),
            ("configmaps", "kube-root-ca.crt", true),
            ("configmaps", "Bad_Name", false),
            ("configmaps", "a..b", false),
            ("configmaps", "-a", false),
            ("namespaces", "0a", true),
            ("namespaces", "a.b", false),
            ("services", "a0", true),
            ("services", "0a", false),
            ("services", "a.b", false),
            ("roles.rbac.authorization.k8s.io", "System:x.Y", true),
            ("roles.rbac.authorization.k8s.io", "a/b", false),
            ("clusterroles.rbac.authorization.k8s.io", "..", false),
        ] {
            let row = table.get(&resource.into()).expect(resource);
            assert_eq!(wrong_name(row, name).is_none(), good, "{resource} {name}");
        }
        let row = table.get(&"configmaps".into()).expect("served");
        assert!(wrong_name(row, &"a".repeat(254)).is_some());
    }

    #[test]
    fn labels_and_finalizers_are_checked() {
        let table = Served::builtin().table();
        let row = table.get(&"configmaps".into()).expect("served");
        let metadata = |more: Value| json!({ "metadata": { "name": "a", "labels": more } });
        assert_eq!(check(row, &metadata(json!({ "a.b/c_d": "X.y", "e": "" }))), []);
        assert_eq!(check(row, &metadata(json!({ "a b": "c", "ok": "-bad-", "/x": "", "y/": "" }))).len(), 4);
        let finalizers = json!({ "metadata": { "name": "a", "finalizers": ["orphan", "a/b", "abc"] } });
        assert_eq!(check(row, &finalizers).len(), 1);
    }
}
