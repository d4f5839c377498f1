//! Changing an object or its status.

use crate::offline::admit;
use crate::offline::create::{check, complete};
use crate::offline::failure::{Cause, Failure, Outcome, Stop, refuse_if};
use crate::offline::fixed;
use crate::offline::namespace;
use crate::offline::served::Row;
use crate::offline::state::State;
use serde_json::{Value, json};
use velero_core::{ItemId, Resource};

/// The metadata that only the server writes.
const ASSIGNED: [&str; 5] =
    ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "resourceVersion"];

impl State {
    /// Applies a merge patch to the object.
    pub fn patch(&mut self, resource: &Resource, namespace: &str, name: &str, patch: &Value) -> Result<Value, Stop> {
        let row = self.row(resource)?;
        let (id, old) = self.require(&row, namespace, name)?;
        let mut new = merged(&row, namespace, &id, &old, patch)?;
        if row.resource.has_status {
            restore_field(&old, &mut new, "status");
        }
        if id.resource.is("namespaces") {
            namespace::keep(&old, &mut new);
        }
        complete(&row, &mut new);
        let mut causes = check(&row, &new);
        causes.extend(new_finalizers(&old, &new));
        causes.extend(fixed::check(&row.resource, &old, &new));
        refuse_if(&row.resource, name, causes)?;
        self.settle(&row, &id, Some(&old), &mut new)?;
        count_generation(&row, &old, &mut new);
        self.finish(&row, &id, &old, new)
    }

    /// Applies a merge patch to the object and keeps only what it does to the status.
    pub fn patch_status(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, Stop> {
        let row = self.row_with_status(resource)?;
        let (id, old) = self.require(&row, namespace, name)?;
        let new = merged(&row, namespace, &id, &old, patch)?;
        self.put_status(&row, &id, &old, &new["status"])
    }

    /// Replaces the status by that of `object`.
    pub fn update_status(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        object: &Value,
    ) -> Result<Value, Stop> {
        let row = self.row_with_status(resource)?;
        let sent = object["metadata"]["name"].as_str().unwrap_or_default();
        if !sent.is_empty() && sent != name {
            return Err(wrong_name(sent, name).into());
        }
        let (id, old) = self.require(&row, namespace, name)?;
        let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if version.is_empty() && row.schema.is_some() {
            let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
            return Err(Failure::invalid(&row.resource.group_resource().to_string(), name, vec![cause]).into());
        }
        same_version(&row, &id, &old, version)?;
        self.put_status(&row, &id, &old, &object["status"])
    }

    fn row_with_status(&self, resource: &Resource) -> Outcome<Row> {
        let row = self.row(resource)?;
        if row.resource.has_status { Ok(row) } else { Err(Failure::not_served()) }
    }

    fn require(&self, row: &Row, namespace: &str, name: &str) -> Outcome<(ItemId, Value)> {
        let (id, object) = self.find(row, namespace, name);
        let found = object.map(|object| (id, object));
        found.ok_or_else(|| Failure::not_found(&row.resource.group_resource(), name))
    }

    fn put_status(&mut self, row: &Row, id: &ItemId, old: &Value, status: &Value) -> Result<Value, Stop> {
        let mut new = old.clone();
        new["status"] = status.clone();
        if status.is_null() {
            admit::remove(&mut new, "status");
        }
        if let Some(why) = admit::undecodable(row, &new) {
            return Err(Failure::bad_request(why).into());
        }
        complete(row, &mut new);
        let mut causes = check(row, &new);
        if id.resource.is("namespaces") {
            // Completing wrote the server's own phase; the one sent has to agree with it.
            causes.extend(namespace::check_status(old, &json!({ "status": status })));
        }
        refuse_if(&row.resource, &id.name, causes)?;
        self.finish(row, id, old, new)
    }

    /// Keeps the changed object; one that was only waiting for its finalizers goes with the last of them.
    fn finish(&mut self, row: &Row, id: &ItemId, old: &Value, new: Value) -> Result<Value, Stop> {
        if new == *old {
            return Ok(new);
        }
        let going = new["metadata"]["deletionTimestamp"].is_string();
        if going && !id.resource.is("namespaces") && new["metadata"]["finalizers"].is_null() {
            self.forget(id)?;
            self.sweep(&id.namespace)?;
            return Ok(new);
        }
        let kept = self.put(row, id, new)?;
        if going {
            self.sweep(&id.name)?;
        }
        Ok(kept)
    }
}

/// The object after the patch, with everything that a patch can not touch as it was.
fn merged(row: &Row, namespace: &str, id: &ItemId, old: &Value, patch: &Value) -> Outcome<Value> {
    if !patch.is_object() {
        let why = "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}";
        return Err(Failure::bad_request(why));
    }
    let mut new = old.clone();
    json_patch::merge(&mut new, patch);
    let sent = |field: &str| new["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (name, uid, version) = (sent("name"), sent("uid"), sent("resourceVersion"));
    if !name.is_empty() && name != id.name {
        return Err(wrong_name(&name, &id.name));
    }
    if new["apiVersion"] != old["apiVersion"] || new["kind"] != old["kind"] {
        let why = "kind and apiVersion can not change";
        return Err(Failure::invalid("", "", vec![Cause::invalid("patch", patch, why)]));
    }
    if let Some(why) = admit::undecodable(row, &new) {
        return Err(Failure::invalid("", "", vec![Cause::invalid("patch", patch, &why)]));
    }
    admit::settle_namespace(&row.resource, namespace, &mut new)?;
    if !uid.is_empty() && old["metadata"]["uid"] != uid {
        let cause = Cause::invalid("metadata.uid", &json!(uid), "field is immutable");
        return Err(Failure::invalid(&crate::offline::failure::qualified_kind(&row.resource), &id.name, vec![cause]));
    }
    same_version(row, id, old, &version)?;
    admit::clean_metadata(&mut new);
    for field in ASSIGNED.into_iter().chain(["name", "uid"]) {
        restore_field(&old["metadata"], &mut new["metadata"], field);
    }
    Ok(new)
}

fn wrong_name(sent: &str, name: &str) -> Failure {
    Failure::bad_request(format!("the name of the object ({sent}) does not match the name on the URL ({name})"))
}

fn same_version(row: &Row, id: &ItemId, old: &Value, version: &str) -> Outcome<()> {
    if version.is_empty() || old["metadata"]["resourceVersion"] == version {
        return Ok(());
    }
    Err(Failure::modified(&row.resource.group_resource(), &id.name))
}

fn restore_field(old: &Value, new: &mut Value, field: &str) {
    match old.get(field) {
        Some(value) => new[field] = value.clone(),
        None => admit::remove(new, field),
    }
}

/// An object that is going away takes no further finalizers.
fn new_finalizers(old: &Value, new: &Value) -> Option<Cause> {
    let of = |object: &Value| object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let before = of(old);
    let added: Vec<_> = of(new).into_iter().filter(|finalizer| !before.contains(finalizer)).collect();
    if added.is_empty() || !old["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let list = added.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    let why = "no new finalizers can be added if the object is being deleted, found new finalizers";
    Some(Cause::forbidden("metadata.finalizers", &format!("{why} []string{{{list}}}")))
}

/// Counts a change of anything but metadata and status.
fn count_generation(row: &Row, old: &Value, new: &mut Value) {
    let wish = |object: &Value| {
        let mut wish = object.clone();
        ["metadata", "status"].iter().for_each(|field| admit::remove(&mut wish, field));
        wish
    };
    if row.generation && wish(old) != wish(new) {
        new["metadata"]["generation"] = json!(old["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
    }
}
