//! A cluster without a server: a directory of manifests or an in-memory set.
//!
//! Comes in: objects, and the calls of the [`Cluster`] port. Goes out: what a Kubernetes 1.34 API server with its controllers
//! would answer, errors word for word, as far as this closed list goes (details in `docs/offline-cluster.md`):
//!
//! - the built-in resources of 1.34 at their versions, with scope, short names, verbs and status subresource;
//! - names, `generateName`, labels, identity, creation time, generation, resource versions and conflicts on them;
//! - namespaces: must exist, refuse content while terminating, take their content along, are born with a ServiceAccount
//!   `default`, a ConfigMap `kube-root-ca.crt` and the name label; finalizers hold objects and namespaces;
//! - CRDs: served at once; structural schemas prune, default and check; several versions with one storage;
//! - status subresources, fields that can not change, cluster addresses and node ports;
//! - a minimum of built-in defaults;
//! - merge patches, label selectors, metadata-only listings, listing at any served version.
//!
//! Everything else is not modelled: no controllers beyond those named (no pods of Deployments, no garbage
//! collection by owner, no binding of claims), no admission webhooks, quotas or roles, no validation expressions, no
//! conversion webhooks, no server-side apply: `managedFields` stay as they were sent.
//!
//! Every call is one step under one lock, and a write to a directory is on disk before the call returns.

mod admit;
mod change;
mod convert;
mod create;
mod custom;
mod default;
mod delete;
mod directory;
mod failure;
mod fixed;
mod listing;
mod load;
mod names;
mod namespace;
mod origin;
mod schema;
mod served;
mod service;
mod shape;
mod state;
mod store;

use crate::cluster::{Batch, Cluster, Discovered, ListQuery, Patch};
use crate::{Error, Result};
use async_trait::async_trait;
use bytes::Bytes;
use directory::{Directory, Found};
use failure::Stop;
use futures::stream::{self, BoxStream, StreamExt};
use origin::Origin;
use serde_json::Value;
use state::State;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use velero_core::{ItemId, Resource};

/// A cluster without a server. Clones share one state.
#[derive(Clone, Debug)]
pub struct Offline {
    state: Arc<RwLock<State>>,
}

impl Offline {
    /// A new cluster in memory, with the namespaces that every cluster has.
    pub fn in_memory() -> Self {
        Offline::fresh(Origin::system())
    }

    /// A new cluster in memory that makes the same identities, names and times each time for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Offline::fresh(Origin::seeded(seed))
    }

    fn fresh(origin: Origin) -> Self {
        let mut state = State::new(origin);
        let furnished = state.furnish_all();
        debug_assert!(furnished.is_ok(), "the first objects are well-formed: {furnished:?}");
        Offline { state: Arc::new(RwLock::new(state)) }
    }

    /// The cluster that a directory of manifests describes; writes go into the directory.
    ///
    /// Errors name file and place: a file that can not be read or parsed, an object that no resource serves or that a server
    /// could not hold, two objects of one name.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self> {
        let (directory, mut found) = Directory::open(directory.as_ref())?;
        let mut state = State::new(Origin::directory());
        let mut directory = directory;
        found.sort_by_key(|found| load::rank(&found.object));
        for mut found in found {
            let object = found.object.take();
            let id = state.load(object).map_err(|stop| unreadable(&found, stop))?;
            if let Err(other) = directory.note(&id, &found.path) {
                return Err(found.error(format!("{id} is also in {}", other.display())));
            }
        }
        state.directory = Some(directory);
        state.furnish_all().map_err(|stop| refused(stop, "load"))?;
        Ok(Offline { state: Arc::new(RwLock::new(state)) })
    }

    /// The same cluster with `objects` in it, as if they had been there before: status, identity and times are kept, and an
    /// object of the same name is replaced. A directory does not get files of them.
    pub fn with_objects(self, objects: impl IntoIterator<Item = Value>) -> Result<Self> {
        let mut objects: Vec<_> = objects.into_iter().collect();
        objects.sort_by_key(load::rank);
        {
            let mut state = self.write();
            let loaded = objects.into_iter().try_for_each(|object| state.load(object).map(drop));
            loaded.and_then(|()| state.furnish_all()).map_err(|stop| refused(stop, "load"))?;
        }
        Ok(self)
    }

    // A panic under the lock leaves whole objects behind: each call stores them one by one.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(found: &Found, stop: Stop) -> Error {
    match stop {
        Stop::Api(failure) => found.error(failure),
        Stop::Disk(error) => error,
    }
}

fn refused(stop: Stop, operation: &'static str) -> Error {
    stop.into_error(operation, &ItemId::new("objects", "", "given"))
}

fn named(resource: &Resource, namespace: &str, name: &str) -> ItemId {
    ItemId::new(resource.group_resource(), namespace, name)
}

#[async_trait]
impl Cluster for Offline {
    async fn discover(&self) -> Result<Discovered> {
        let version = ["v1.34.4", "1", "34"].map(str::to_owned);
        Ok(Discovered { table: self.read().served.table(), problems: Vec::new(), version })
    }

    fn list(&self, resource: &Arc<Resource>, query: ListQuery) -> BoxStream<'static, Result<Batch>> {
        match self.read().list(resource, query) {
            Ok(batches) => stream::iter(batches.map(Ok)).boxed(),
            Err(stop) => {
                let error = stop.into_error("list", &named(resource, "", ""));
                stream::once(async { Err(error) }).boxed()
            }
        }
    }

    async fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Option<Bytes>> {
        let failed = |stop: Stop| stop.into_error("get", &named(resource, namespace, name));
        let state = self.read();
        let row = state.row(resource).map_err(|failure| failed(failure.into()))?;
        let id = convert::stored_id(resource, namespace, name);
        Ok(state.store.text(&id).map(|text| listing::served(&row, text)))
    }

    async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
        _manager: Option<&str>,
    ) -> Result<Value> {
        let name = object["metadata"]["name"].as_str().or(object["metadata"]["generateName"].as_str());
        let id = named(resource, namespace, name.unwrap_or_default());
        self.write().create(resource, namespace, object).map_err(|stop| stop.into_error("create", &id))
    }

    async fn patch(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        kind: Patch,
        patch: &Value,
    ) -> Result<Value> {
        let mut state = self.write();
        let patched = match kind {
            Patch::Merge => state.patch(resource, namespace, name, patch),
            Patch::MergeStatus => state.patch_status(resource, namespace, name, patch),
        };
        patched.map_err(|stop| stop.into_error("patch", &named(resource, namespace, name)))
    }

    async fn update_status(&self, resource: &Resource, namespace: &str, name: &str, object: &Value) -> Result<Value> {
        let updated = self.write().update_status(resource, namespace, name, object);
        updated.map_err(|stop| stop.into_error("update status of", &named(resource, namespace, name)))
    }

    async fn delete(&self, resource: &Resource, namespace: &str, name: &str) -> Result<bool> {
        let deleted = self.write().delete(resource, namespace, name);
        deleted.map_err(|stop| stop.into_error("delete", &named(resource, namespace, name)))
    }

    async fn identity(&self) -> Result<String> {
        let state = self.read();
        if let Some(directory) = &state.directory {
            return Ok(directory.root().display().to_string());
        }
        let namespace = state.namespace("kube-system").unwrap_or_default();
        Ok(namespace["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests;
