//! Objects that are there already: from a directory, or given by the caller.
//!
//! They are taken as a cluster would hold them: status, identity and times are kept, defaults are filled in, and
//! what is missing is derived from the object's name, so that opening the same directory twice gives the same
//! cluster. A namespace that is only mentioned is made. A custom resource without its CRD is refused.

use crate::offline::admit;
use crate::offline::convert;
use crate::offline::create::complete;
use crate::offline::default;
use crate::offline::failure::{Failure, Outcome, Stop};
use crate::offline::names;
use crate::offline::namespace;
use crate::offline::served::Row;
use crate::offline::state::State;
use crate::offline::store;
use serde_json::{Value, json};
use velero_core::ItemId;

/// Loading order: what others need comes first.
pub fn rank(object: &Value) -> u8 {
    match object["kind"].as_str() {
        Some("CustomResourceDefinition") => 0,
        Some("Namespace") => 1,
        Some("Service") if object["spec"]["clusterIP"].is_string() => 2,
        _ => 3,
    }
}

impl State {
    /// Takes `object` as it is, in place of one of its name, without writing it to the directory.
    pub fn load(&mut self, mut object: Value) -> Result<ItemId, Stop> {
        let row = self.row_of(&object)?;
        let id = self.admit_loaded(&row, &mut object)?;
        self.allocations.release(&id);
        complete(&row, &mut object);
        if let Some(status) = default::first_status(&row.resource).filter(|_| row.schema.is_none()) {
            default::or(&mut object, "status", status);
        }
        self.settle(&row, &id, None, &mut object)?;
        let mut stored = convert::to_stored(&row, object);
        let version = store::version(&mut stored);
        self.keep(&id, stored, version, &row)?;
        Ok(id)
    }

    /// Makes what every cluster and what controllers in every namespace have made, as far as it is not there. None of
    /// it has a file until it changes.
    pub fn furnish_all(&mut self) -> Result<(), Stop> {
        let first = namespace::FIRST
            .map(|name| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        first.into_iter().try_for_each(|namespace| self.load_missing("namespaces", namespace))?;
        for namespace in self.store.ids(&"namespaces".into()) {
            let [account, certificate] = namespace::furniture(&namespace.name);
            self.load_missing("serviceaccounts", account)?;
            self.load_missing("configmaps", certificate)?;
        }
        self.load_missing("services", namespace::api_service())
    }

    fn load_missing(&mut self, resource: &str, object: Value) -> Result<(), Stop> {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        if self.store.text(&ItemId::new(resource, text("namespace"), text("name"))).is_none() {
            self.load(object)?;
        }
        Ok(())
    }

    fn row_of(&self, object: &Value) -> Outcome<Row> {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        self.served.by_kind(version, kind).cloned().ok_or_else(|| {
            let why = if kind.is_empty() || version.is_empty() {
                "is no Kubernetes object: apiVersion or kind is missing".to_owned()
            } else {
                format!("no resource serves kind {kind} of {version}; a custom resource needs its CRD beside it")
            };
            Failure::bad_request(why)
        })
    }

    fn admit_loaded(&mut self, row: &Row, object: &mut Value) -> Result<ItemId, Stop> {
        if let Some(why) = admit::undecodable(row, object) {
            return Err(Failure::bad_request(why).into());
        }
        admit::clean_metadata(object);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Failure::bad_request(format!("a {} has no metadata.name", row.resource.kind)).into());
        }
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let namespace = match row.resource.is_namespaced() {
            true if own.is_empty() => "default".to_owned(),
            true => own,
            false => String::new(),
        };
        admit::settle_namespace(&row.resource, &namespace, object)?;
        if let Some(why) = names::wrong_name(&row.resource, &name) {
            return Err(Failure::bad_request(format!("a {} is called {name:?}: {why}", row.resource.kind)).into());
        }
        if !namespace.is_empty() && self.namespace(&namespace).is_none() {
            self.load(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }))?;
        }
        let id = convert::stored_id(&row.resource, &namespace, &name);
        let metadata = &mut object["metadata"];
        if !metadata["uid"].is_string() {
            metadata["uid"] = json!(self.origin.uid_of(&id.to_string()));
        }
        default::or(metadata, "creationTimestamp", json!(self.origin.birth()));
        if row.generation {
            default::or(metadata, "generation", json!(1));
        }
        Ok(id)
    }
}
