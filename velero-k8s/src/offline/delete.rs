//! Deleting an object, and with a namespace or a CRD everything that hangs on it.

use crate::offline::custom;
use crate::offline::failure::{Failure, Stop};
use crate::offline::namespace;
use crate::offline::state::{State, namespace_id};
use serde_json::{Value, json};
use velero_core::{GroupResource, ItemId, Resource};

/// The finalizers of volumes and claims: their controllers take them away at once when nothing uses the object.
const PROTECTION: [&str; 2] = ["kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"];

impl State {
    /// Deletes an object; `false` if there is none. What has finalizers stays until they are gone.
    pub fn delete(&mut self, resource: &Resource, namespace: &str, name: &str) -> Result<bool, Stop> {
        let row = self.row(resource)?;
        let (id, object) = self.find(&row, namespace, name);
        if object.is_none() {
            return Ok(false);
        }
        if id.resource.is("namespaces") {
            self.delete_namespace(name)?;
        } else {
            self.delete_item(&id)?;
        }
        Ok(true)
    }

    fn delete_namespace(&mut self, name: &str) -> Result<(), Stop> {
        if namespace::IMMORTAL.contains(&name) {
            return Err(Failure::forbidden(&"namespaces".into(), name, "this namespace may not be deleted").into());
        }
        let id = namespace_id(name);
        if let Some(mut object) = self.store.get(&id).filter(|object| !namespace::is_terminating(object)) {
            namespace::terminate(&mut object, &self.origin.now());
            self.put_stored(&id, object)?;
        }
        for inside in self.store.in_namespace(name) {
            self.delete_item(&inside)?;
        }
        self.sweep(name)
    }

    /// Removes a terminating namespace once nothing is in it and nothing holds it.
    pub fn sweep(&mut self, name: &str) -> Result<(), Stop> {
        let Some(object) = self.namespace(name).filter(namespace::is_terminating) else { return Ok(()) };
        if self.store.in_namespace(name).is_empty() && !namespace::is_held(&object) {
            self.forget(&namespace_id(name))?;
        }
        Ok(())
    }

    fn delete_item(&mut self, id: &ItemId) -> Result<(), Stop> {
        let Some(mut object) = self.store.get(id) else { return Ok(()) };
        if id.resource.is(custom::RESOURCE) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let resource = GroupResource::new(text(&object["spec"]["group"]), text(&object["spec"]["names"]["plural"]));
            for instance in self.store.ids(&resource) {
                self.delete_item(&instance)?;
            }
        }
        let finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let held: Vec<_> = finalizers.into_iter().filter(|f| !PROTECTION.iter().any(|own| f == own)).collect();
        if held.is_empty() {
            return self.forget(id);
        }
        if !object["metadata"]["deletionTimestamp"].is_string() {
            object["metadata"]["finalizers"] = json!(held);
            object["metadata"]["deletionTimestamp"] = json!(self.origin.now());
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            self.put_stored(id, object)?;
        }
        Ok(())
    }

    /// Keeps an object in its stored form.
    fn put_stored(&mut self, id: &ItemId, object: Value) -> Result<(), Stop> {
        let (version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        let row = self.served.by_kind(version.unwrap_or_default(), kind.unwrap_or_default()).cloned();
        if let Some(row) = row {
            self.put(&row, id, object)?;
        }
        Ok(())
    }
}
