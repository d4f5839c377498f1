//! The cluster *port*: everything that a backup or restore asks of a cluster.
//!
//! Two full implementations stand behind it: [`crate::live`] (an API server, through kube) and
//! [`crate::offline`] (a directory of manifests, or an in-memory set). One conformance table runs against both.
//!
//! Contract. Calls are safe to repeat and may run concurrently. A listing streams objects as the server sends
//! them, each complete JSON value once per call and in no promised order across pages; an expired continue token
//! restarts the listing, so objects may come twice and callers deduplicate. The implementation retries what the
//! server asks to retry (429, 503, dropped connections on reads); it never repeats a write whose fate is unknown.

use crate::error::Result;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde_json::Value;
use std::sync::Arc;
use velero_core::{Problem, Resource, ResourceTable};

/// What discovery found.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The resources served, preferred versions first.
    pub table: ResourceTable,
    /// Groups that did not answer, as warnings.
    pub problems: Vec<Problem>,
    /// `gitVersion`, `major` and `minor` of the server; empty when unknown.
    pub version: [String; 3],
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// One namespace; `None` lists all of them, and is the only choice for cluster-scoped resources.
    pub namespace: Option<String>,
    /// Label selector in Kubernetes' text form; `None` means all.
    pub label_selector: Option<String>,
    /// Objects per page; 0 asks for everything at once.
    pub page_size: u32,
    /// Whether only `metadata` is wanted (the objects then come as `PartialObjectMetadata`).
    pub metadata_only: bool,
}

/// A few objects of a listing as received, each one JSON object without guarantee of `apiVersion` and `kind`.
pub type Batch = Vec<Bytes>;

/// How an object is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// RFC 7386 merge patch of the object.
    Merge,
    /// RFC 7386 merge patch of its status subresource.
    MergeStatus,
}

/// A cluster, live or offline.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// What the cluster serves. A group that does not answer is a problem in the result, not an error.
    async fn discover(&self) -> Result<Discovered>;

    /// Streams the objects of `resource` in batches of bounded size.
    fn list(&self, resource: &Arc<Resource>, query: ListQuery) -> BoxStream<'static, Result<Batch>>;

    /// One object, or `None` if it does not exist. `namespace` is empty for cluster-scoped objects.
    async fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Option<Bytes>>;

    /// Creates the object and returns it as the server keeps it. `manager` names the field manager.
    async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
        manager: Option<&str>,
    ) -> Result<Value>;

    /// Changes the object, or its status, and returns it as the server keeps it.
    async fn patch(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        kind: Patch,
        patch: &Value,
    ) -> Result<Value>;

    /// Replaces the status subresource; `object` carries `metadata.resourceVersion` and `status`.
    async fn update_status(&self, resource: &Resource, namespace: &str, name: &str, object: &Value) -> Result<Value>;

    /// Deletes the object, and with a namespace everything in it. `Ok(false)` if it does not exist.
    async fn delete(&self, resource: &Resource, namespace: &str, name: &str) -> Result<bool>;

    /// A stable identity of the cluster (the uid of namespace `kube-system`, or the directory), for plans.
    async fn identity(&self) -> Result<String>;
}
