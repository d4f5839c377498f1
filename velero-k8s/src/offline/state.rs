//! The state behind the lock: what is served, what is stored, and the rules that join them.
//!
//! The writes live beside it: [`create`](super::create), [`change`](super::change), [`delete`](super::delete) and
//! [`load`](super::load). All of them end in [`State::put`] or [`State::forget`], the only places that touch the store,
//! the directory, the allocations and the served CRDs, so these can not disagree.

use crate::offline::convert;
use crate::offline::custom;
use crate::offline::directory::Directory;
use crate::offline::failure::{Failure, Outcome, Stop};
use crate::offline::origin::Origin;
use crate::offline::served::{Row, Served};
use crate::offline::service::Allocations;
use crate::offline::store::{self, Store};
use serde_json::{Value, json};
use velero_core::{ItemId, Resource};

/// An offline cluster's state.
#[derive(Debug)]
pub struct State {
    /// What is served.
    pub served: Served,
    /// The objects.
    pub store: Store,
    /// Makes identities and times.
    pub origin: Origin,
    /// Cluster addresses and node ports in use.
    pub allocations: Allocations,
    /// Where the objects are kept, if anywhere.
    pub directory: Option<Directory>,
}

impl State {
    /// An empty state without even the first namespaces.
    pub fn new(origin: Origin) -> Self {
        State {
            served: Served::builtin(),
            store: Store::default(),
            origin,
            allocations: Allocations::default(),
            directory: None,
        }
    }

    /// The row of a request's resource.
    pub fn row(&self, resource: &Resource) -> Outcome<Row> {
        self.served.row(resource).cloned().ok_or_else(Failure::not_served)
    }

    /// The object as `row` shows it, with the identity under which it is stored.
    pub fn find(&self, row: &Row, namespace: &str, name: &str) -> (ItemId, Option<Value>) {
        let id = convert::stored_id(&row.resource, namespace, name);
        let object = self.store.get(&id).map(|stored| convert::to_served(row, stored));
        (id, object)
    }

    /// The namespace object, if there is one.
    pub fn namespace(&self, name: &str) -> Option<Value> {
        self.store.get(&namespace_id(name))
    }

    /// Keeps `object`, on disk first, and returns it with its new resource version as `row` shows it.
    pub fn put(&mut self, row: &Row, id: &ItemId, object: Value) -> Result<Value, Stop> {
        let mut stored = convert::to_stored(row, object);
        let version = store::version(&mut stored);
        if let Some(directory) = &mut self.directory {
            directory.write(&self.store, id, &stored)?;
        }
        self.keep(id, stored, version, row)
    }

    /// Keeps `stored` in memory alone.
    pub fn keep(&mut self, id: &ItemId, mut stored: Value, version: String, row: &Row) -> Result<Value, Stop> {
        stored["metadata"]["resourceVersion"] = json!(version);
        self.store.put(id, &stored);
        self.allocations.record(id, &stored);
        if id.resource.is(custom::RESOURCE) {
            self.serve(&stored);
        }
        Ok(convert::to_served(row, stored))
    }

    /// Forgets an object, on disk first.
    pub fn forget(&mut self, id: &ItemId) -> Result<(), Stop> {
        if let Some(directory) = &mut self.directory {
            directory.remove(&self.store, id)?;
        }
        self.store.remove(id);
        self.allocations.release(id);
        if id.resource.is(custom::RESOURCE) {
            self.served.unregister(&id.name);
        }
        Ok(())
    }

    fn serve(&mut self, crd: &Value) {
        if custom::is_established(crd) {
            self.served.register(crd);
        } else {
            self.served.unregister(crd["metadata"]["name"].as_str().unwrap_or_default());
        }
    }
}

/// The identity of a namespace object.
pub fn namespace_id(name: &str) -> ItemId {
    ItemId::new("namespaces", "", name)
}
