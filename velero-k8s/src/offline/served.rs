//! What the offline cluster serves: the built-in resources of Kubernetes 1.34 and those of its CRDs.
//!
//! Comes in: the table `builtin.txt`, taken from the discovery documents of a 1.34.4 server with default settings, and
//! CustomResourceDefinitions. Goes out: rows in a server's order. Resources without `delete` (reviews, bindings,
//! component statuses) are left out: they can be neither backed up nor restored.

use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use velero_core::{Resource, ResourceTable, Scope};

const BUILTIN: &str = include_str!("builtin.txt");
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// A served resource and what the server does with it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The resource as discovery shows it.
    pub resource: Arc<Resource>,
    /// Whether the server counts changes of the specification.
    pub generation: bool,
    /// The schema of a custom resource at this version; built-in resources have none.
    pub schema: Option<Arc<Value>>,
}

/// Everything served.
#[derive(Debug)]
pub struct Served {
    builtin: Vec<Row>,
    custom: BTreeMap<String, Vec<Row>>,
}

impl Served {
    /// The built-in resources.
    pub fn builtin() -> Self {
        let mut builtin = Vec::new();
        let (mut group, mut version) = ("", "");
        for line in BUILTIN.lines() {
            match line.strip_prefix("  ") {
                None => (group, version) = line.split_once('/').unwrap_or(("", line)),
                Some(row) => builtin.push(builtin_row(group, version, row)),
            }
        }
        Served { builtin, custom: BTreeMap::new() }
    }

    /// Serves the versions of `crd`, in place of what it served before.
    pub fn register(&mut self, crd: &Value) {
        let name = crd["metadata"]["name"].as_str().unwrap_or_default();
        self.custom.insert(name.to_owned(), custom_rows(crd));
    }

    /// Stops serving what the CRD of this name serves.
    pub fn unregister(&mut self, crd: &str) {
        self.custom.remove(crd);
    }

    /// Every row, in a server's order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.builtin.iter().chain(self.custom.values().flatten())
    }

    /// The table that discovery hands out.
    pub fn table(&self) -> ResourceTable {
        ResourceTable::new(self.rows().map(|row| (*row.resource).clone()))
    }

    /// The row that serves `resource` at its version.
    pub fn row(&self, resource: &Resource) -> Option<&Row> {
        self.rows().find(|row| {
            let served = &row.resource;
            served.plural == resource.plural && served.group == resource.group && served.version == resource.version
        })
    }

    /// The row that serves `kind` of `api_version`.
    pub fn by_kind(&self, api_version: &str, kind: &str) -> Option<&Row> {
        self.rows().find(|row| row.resource.kind == kind && row.resource.api_version() == api_version)
    }
}

fn builtin_row(group: &str, version: &str, line: &str) -> Row {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (plural, kind, scope, short_names) = (word(), word(), word(), word());
    let marks: Vec<_> = words.collect();
    let bulk = !marks.contains(&"no-deletecollection");
    let resource = Resource {
        group: group.into(),
        version: version.into(),
        plural: plural.into(),
        singular: kind.to_lowercase(),
        kind: kind.into(),
        short_names: short_names.split(',').filter(|name| *name != "-").map(str::to_owned).collect(),
        scope: if scope == "cluster" { Scope::Cluster } else { Scope::Namespaced },
        verbs: VERBS.iter().filter(|verb| bulk || **verb != "deletecollection").map(ToString::to_string).collect(),
        has_status: marks.contains(&"status"),
    };
    Row { resource: Arc::new(resource), generation: marks.contains(&"generation"), schema: None }
}

/// The rows of a CRD's served versions, preferred version first.
fn custom_rows(crd: &Value) -> Vec<Row> {
    let spec = &crd["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = &spec["names"];
    let short_names = names["shortNames"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let mut versions: Vec<_> =
        spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true).collect();
    versions.sort_by_cached_key(|version| Reverse(priority(version["name"].as_str().unwrap_or_default())));
    let row = |version: &&Value| Row {
        resource: Arc::new(Resource {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            kind: text(&names["kind"]),
            short_names: short_names.clone(),
            scope: if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
            verbs: VERBS.iter().map(ToString::to_string).collect(),
            has_status: version["subresources"]["status"].is_object(),
        }),
        generation: true,
        schema: Some(Arc::new(version["schema"]["openAPIV3Schema"].clone())),
    };
    versions.iter().map(row).collect()
}

/// Kubernetes' order of versions: stable, beta, alpha, each by number, then everything else by name backwards.
fn priority(version: &str) -> (u8, u32, u32, Reverse<String>) {
    let other = (0, 0, 0, Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return other };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(major) = rest[..digits].parse() else { return other };
    let stage = match rest[digits..].trim_end_matches(|c: char| c.is_ascii_digit()) {
        "" => 3,
        "beta" => 2,
        "alpha" => 1,
        _ => return other,
    };
    let minor = rest[digits..].trim_start_matches(char::is_alphabetic).parse().unwrap_or(0);
    (stage, major, minor, Reverse(String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_preferred_in_kubernetes_order() {
        let mut versions =
            ["foo1", "v1beta1", "v10", "v2", "v1alpha2", "v11beta2", "v1", "v3beta1", "foo10", "v12alpha1"];
        versions.sort_by_cached_key(|version| Reverse(priority(version)));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v11beta2", "v3beta1", "v1beta1", "v12alpha1", "v1alpha2", "foo1", "foo10"]
        );
    }

    #[test]
    fn the_builtin_table_knows_scopes_short_names_and_status() {
        let table = Served::builtin().table();
        let row = |text: &str| table.get(&text.into()).expect(text).clone();
        assert_eq!(row("deployments.apps").short_names, ["deploy"]);
        assert!(row("deployments.apps").has_status && row("deployments.apps").is_namespaced());
        assert!(!row("namespaces").can("deletecollection") && !row("namespaces").is_namespaced());
        assert!(!row("configmaps").has_status);
        assert_eq!(row("horizontalpodautoscalers.autoscaling").version, "v2");
        assert_eq!(row("customresourcedefinitions.apiextensions.k8s.io").short_names, ["crd", "crds"]);
    }
}
