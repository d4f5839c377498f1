//! A cluster that notes every write, and fails those that a test names.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use velero_core::Resource;
use velero_k8s::cluster::{Batch, Discovered, ListQuery, Patch};
use velero_k8s::offline::Offline;
use velero_k8s::{Cluster, Error, Result};

/// What happens to one write.
#[derive(Clone)]
pub enum Fault {
    /// It does not arrive.
    Lost,
    /// It arrives, and the answer does not.
    Unanswered,
    /// Before it arrives, somebody else creates this.
    Overtaken(Box<(Value, String)>),
    /// The server refuses it with these causes.
    Refused(Vec<String>),
    /// The run is cancelled while it is on its way.
    Cancels(CancellationToken),
}

/// An offline cluster under observation.
pub struct Recorder {
    pub inner: Offline,
    writes: Mutex<Vec<String>>,
    faults: Mutex<HashMap<String, Fault>>,
}

impl Recorder {
    pub fn new(inner: Offline) -> Self {
        Recorder { inner, writes: Mutex::default(), faults: Mutex::default() }
    }

    /// `verb resource namespace/name` of every write so far, sorted; a subresource follows the resource.
    pub fn writes(&self) -> Vec<String> {
        let mut writes = self.writes.lock().unwrap().clone();
        writes.sort();
        writes
    }

    /// The writes in the order of their arrival.
    pub fn sequence(&self) -> Vec<String> {
        self.writes.lock().unwrap().clone()
    }

    /// Makes the next write called `write` go wrong.
    pub fn fail(&self, write: &str, fault: Fault) {
        self.faults.lock().unwrap().insert(write.to_owned(), fault);
    }

    fn note(&self, verb: &str, resource: &Resource, namespace: &str, name: &str) -> Option<Fault> {
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let write = format!("{verb} {} {place}{name}", resource.group_resource());
        self.writes.lock().unwrap().push(write.clone());
        self.faults.lock().unwrap().remove(&write)
    }
}

fn unanswered(object: &str) -> Error {
    Error::Transport { operation: "create", object: object.into(), source: "connection reset".into() }
}

#[async_trait]
impl Cluster for Recorder {
    async fn discover(&self) -> Result<Discovered> {
        self.inner.discover().await
    }

    fn list(&self, resource: &Arc<Resource>, query: ListQuery) -> BoxStream<'static, Result<Batch>> {
        self.inner.list(resource, query)
    }

    async fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Option<Bytes>> {
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let read = format!("get {} {place}{name}", resource.group_resource());
        if let Some(Fault::Refused(causes)) = self.faults.lock().unwrap().remove(&read) {
            let (reason, message) = ("Forbidden".into(), causes.join("; "));
            return Err(Error::Api { operation: "get", object: read, code: 403, reason, message, causes });
        }
        self.inner.get(resource, namespace, name).await
    }

    async fn create(&self, row: &Resource, namespace: &str, object: &Value, manager: Option<&str>) -> Result<Value> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match self.note("create", row, namespace, name) {
            Some(Fault::Lost) => return Err(unanswered(name)),
            Some(Fault::Unanswered) => {
                self.inner.create(row, namespace, object, manager).await?;
                return Err(unanswered(name));
            }
            Some(Fault::Overtaken(other)) => {
                self.inner.create(row, &other.1, &other.0, None).await?;
            }
            Some(Fault::Refused(causes)) => {
                return Err(Error::Api {
                    operation: "create",
                    object: name.into(),
                    code: 422,
                    reason: "Invalid".into(),
                    message: causes.join("; "),
                    causes,
                });
            }
            Some(Fault::Cancels(token)) => token.cancel(),
            None => {}
        }
        self.inner.create(row, namespace, object, manager).await
    }

    async fn patch(&self, row: &Resource, namespace: &str, name: &str, kind: Patch, patch: &Value) -> Result<Value> {
        match self.note("patch", row, namespace, name) {
            Some(Fault::Refused(causes)) => Err(Error::Api {
                operation: "patch",
                object: name.into(),
                code: 422,
                reason: "Invalid".into(),
                message: causes.join("; "),
                causes,
            }),
            _ => self.inner.patch(row, namespace, name, kind, patch).await,
        }
    }

    async fn update_status(&self, row: &Resource, namespace: &str, name: &str, object: &Value) -> Result<Value> {
        self.note("status", row, namespace, name);
        self.inner.update_status(row, namespace, name, object).await
    }

    async fn delete(&self, row: &Resource, namespace: &str, name: &str) -> Result<bool> {
        self.inner.delete(row, namespace, name).await
    }

    async fn identity(&self) -> Result<String> {
        self.inner.identity().await
    }
}
