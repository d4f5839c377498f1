//! Creating an object: door, namespace, name, defaults, checks, allocation, and what follows from it.

use crate::offline::admit;
use crate::offline::convert;
use crate::offline::custom;
use crate::offline::default;
use crate::offline::failure::{Cause, Failure, Outcome, Stop, refuse_if};
use crate::offline::fixed;
use crate::offline::names;
use crate::offline::namespace;
use crate::offline::schema;
use crate::offline::served::Row;
use crate::offline::state::State;
use serde_json::{Value, json};
use velero_core::{ItemId, Resource};

/// How many names a server tries for one `generateName`.
const ATTEMPTS: usize = 8;
/// Longest prefix of a generated name.
const PREFIX: usize = 58;

impl State {
    /// Creates `object` and returns it as kept.
    pub fn create(&mut self, resource: &Resource, namespace: &str, object: &Value) -> Result<Value, Stop> {
        let row = self.row(resource)?;
        let mut object = admit::created(&row, namespace, object)?;
        self.require_namespace(&row, namespace, &object)?;
        self.name(&row, namespace, &mut object)?;
        object["metadata"]["uid"] = json!(self.origin.uid());
        object["metadata"]["creationTimestamp"] = json!(self.origin.now());
        if row.generation {
            object["metadata"]["generation"] = json!(1);
        }
        first_status(&row, &mut object);
        complete(&row, &mut object);
        self.require_account(&row, namespace, &object)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        refuse_if(&row.resource, &name, check(&row, &object))?;
        let id = convert::stored_id(&row.resource, namespace, &name);
        self.settle(&row, &id, None, &mut object)?;
        self.require_absence(&row, &id)?;
        let created = self.put(&row, &id, object)?;
        if id.resource.is("namespaces") {
            self.furnish(&name)?;
        }
        Ok(created)
    }

    fn require_namespace(&self, row: &Row, namespace: &str, object: &Value) -> Outcome<()> {
        if !row.resource.is_namespaced() {
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match self.namespace(namespace) {
            None => Err(Failure::not_found(&"namespaces".into(), namespace)),
            Some(object) if namespace::is_terminating(&object) => {
                Err(Failure::terminating(&row.resource.group_resource(), name, namespace))
            }
            Some(_) => Ok(()),
        }
    }

    /// A pod's service account must be there before the pod.
    fn require_account(&self, row: &Row, namespace: &str, object: &Value) -> Outcome<()> {
        let Some(account) = object["spec"]["serviceAccountName"].as_str().filter(|_| row.resource.plural == "pods")
        else {
            return Ok(());
        };
        if self.store.text(&ItemId::new("serviceaccounts", namespace, account)).is_some() {
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let why =
            format!("error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found");
        Err(Failure::forbidden(&row.resource.group_resource(), name, &why))
    }

    /// Makes a name from `generateName`, if there is no name.
    fn name(&mut self, row: &Row, namespace: &str, object: &mut Value) -> Outcome<()> {
        let metadata = &object["metadata"];
        let Some(prefix) = metadata["generateName"].as_str().filter(|_| !metadata["name"].is_string()) else {
            return Ok(());
        };
        let prefix: String = prefix.chars().take(PREFIX).collect();
        let mut name = String::new();
        for _ in 0..ATTEMPTS {
            name = format!("{prefix}{}", self.origin.suffix());
            if self.store.text(&convert::stored_id(&row.resource, namespace, &name)).is_none() {
                object["metadata"]["name"] = json!(name);
                return Ok(());
            }
        }
        Err(Failure::exhausted(&row.resource.group_resource(), &name))
    }

    fn require_absence(&self, row: &Row, id: &ItemId) -> Outcome<()> {
        let resource = row.resource.group_resource();
        match self.store.get(id) {
            None => Ok(()),
            Some(there) if there["metadata"]["deletionTimestamp"].is_string() => {
                Err(Failure::being_deleted(&resource, &id.name))
            }
            Some(_) => Err(Failure::exists(&resource, &id.name)),
        }
    }

    /// What has to fit the rest of the cluster: addresses, ports, names of custom resources.
    pub fn settle(&self, row: &Row, id: &ItemId, old: Option<&Value>, object: &mut Value) -> Outcome<()> {
        if id.resource.is("services") {
            let causes = self.allocations.settle(id, old, object)?;
            refuse_if(&row.resource, &id.name, causes)?;
        }
        if id.resource.is(custom::RESOURCE) {
            let others: Vec<_> = self.store.ids(&id.resource).iter().filter_map(|id| self.store.get(id)).collect();
            custom::accept(object, &others, &self.origin.now());
        }
        Ok(())
    }

    /// Makes what controllers make in a new namespace, as far as it is not there.
    fn furnish(&mut self, namespace: &str) -> Result<(), Stop> {
        for object in namespace::furniture(namespace) {
            let kind = object["kind"].as_str().unwrap_or_default();
            if let Some(resource) = self.served.by_kind("v1", kind).map(|row| row.resource.clone()) {
                self.create(&resource, namespace, &object)?;
            }
        }
        Ok(())
    }
}

/// Takes the status away that a client sent, where the server alone writes it.
fn first_status(row: &Row, object: &mut Value) {
    if row.resource.has_status {
        admit::remove(object, "status");
    }
    if let Some(status) = default::first_status(&row.resource).filter(|_| row.schema.is_none()) {
        object["status"] = status;
    }
}

/// Cuts and completes an object by the rules of its resource.
pub fn complete(row: &Row, object: &mut Value) {
    if let Some(schema) = &row.schema {
        return schema::complete(schema, object);
    }
    if let Some(fields) = object.as_object_mut().filter(|_| row.resource.plural != "controllerrevisions") {
        admit::drop_nulls(fields);
        let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
        fields.retain(|field, value| !(matches!(field.as_str(), "data" | "binaryData") && is_empty(value)));
    }
    default::complete(&row.resource, object);
    match (row.resource.group.as_str(), row.resource.plural.as_str()) {
        ("", "namespaces") => namespace::complete(object),
        ("apiextensions.k8s.io", _) => custom::complete(object),
        _ => {}
    }
}

/// What is wrong with a new or changed object by itself.
pub fn check(row: &Row, object: &Value) -> Vec<Cause> {
    let mut causes = names::check(&row.resource, object);
    match &row.schema {
        Some(schema) => causes.extend(schema::validate::check(schema, object)),
        None if row.resource.group == "apiextensions.k8s.io" => causes.extend(custom::check(object)),
        None => causes.extend(fixed::required(&row.resource, object)),
    }
    causes
}
