//! A cluster behind an API server, through kube.
//!
//! Comes in: a kubeconfig (or the pod's own service account) and the calls of the [`Cluster`] port. Goes out: objects as
//! the server sent them. Lists are never decoded here ([`splitter`]); reads are repeated, writes are not (`request`).

pub mod discovery;
mod listing;
mod request;
pub mod splitter;

use crate::cluster::{Batch, Cluster, Discovered, ListQuery, Patch};
use crate::error::{Error, ErrorKind, Result};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::Method;
use kube::config::{KubeConfigOptions, Kubeconfig};
use request::{Subject, path};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use velero_core::{Item, Resource};

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
/// The field manager of our writes when no other is asked for.
const MANAGER: &str = "velero";

/// A cluster behind an API server; cheap to clone.
#[derive(Clone)]
pub struct Live {
    client: kube::Client,
    impatient: kube::Client,
    server: String,
}

impl Live {
    /// Connects as kubectl does: the given kubeconfig file, else `KUBECONFIG`, else the default file, else the service
    /// account of the pod. `context` picks a context of the file.
    pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Live> {
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..Default::default() };
        let config = match kubeconfig {
            Some(file) => {
                let text =
                    Kubeconfig::read_from(file).map_err(|e| connect_error(format!("{}: {e}", file.display())))?;
                kube::Config::from_custom_kubeconfig(text, &options).await.map_err(|e| connect_error(e.to_string()))?
            }
            None => match kube::Config::from_kubeconfig(&options).await {
                Ok(config) => config,
                Err(error) if context.is_none() => kube::Config::incluster()
                    .map_err(|_| connect_error(format!("{error}; name a file with --kubeconfig or KUBECONFIG")))?,
                Err(error) => return Err(connect_error(error.to_string())),
            },
        };
        Live::from_config(config)
    }

    /// Connects with a configuration that the caller made.
    pub fn from_config(mut config: kube::Config) -> Result<Live> {
        let host = config.cluster_url.host().unwrap_or_default();
        // Compressing costs both sides more than a loopback or in-cluster network gains.
        config.disable_compression |= is_near(host);
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config.clone()).map_err(|e| connect_error(e.to_string()))?;
        config.default_retry = false;
        let impatient = kube::Client::try_from(config).map_err(|e| connect_error(e.to_string()))?;
        Ok(Live { client, impatient, server })
    }

    /// Wraps clients that the caller made; `server` names the cluster in messages.
    pub fn from_client(client: kube::Client, server: impl Into<String>) -> Live {
        Live { impatient: client.clone(), client, server: server.into() }
    }

    /// Address of the API server, for people.
    pub fn server(&self) -> &str {
        &self.server
    }

    async fn send(&self, subject: &Subject, method: Method, uri: &str, kind: &str, body: &Value) -> Result<Value> {
        let request = request::request(method, uri, kind, body).map_err(|e| subject.malformed(e.to_string()))?;
        request::write(&self.client, subject, request).await
    }
}

fn connect_error(reason: String) -> Error {
    Error::Connect { reason }
}

/// Whether `host` is this machine or the cluster's own service address.
fn is_near(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".svc") || address.is_ok_and(|address| address.is_loopback())
}

#[async_trait]
impl Cluster for Live {
    async fn discover(&self) -> Result<Discovered> {
        let clients = discovery::Clients { patient: &self.client, impatient: &self.impatient };
        discovery::discover(clients).await
    }

    fn list(&self, resource: &Arc<Resource>, query: ListQuery) -> BoxStream<'static, Result<Batch>> {
        listing::list(self.client.clone(), resource, query)
    }

    async fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Option<Bytes>> {
        let subject = Subject::new("get", resource, namespace, name);
        match request::read(&self.client, &subject, &path(resource, namespace, name), JSON).await {
            Ok(body) => Ok(Some(body)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
        manager: Option<&str>,
    ) -> Result<Value> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let subject = Subject::new("create", resource, namespace, name);
        let manager = request::escape(manager.unwrap_or(MANAGER));
        let uri = format!("{}?fieldManager={manager}", path(resource, namespace, ""));
        self.send(&subject, Method::POST, &uri, JSON, object).await
    }

    async fn patch(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        kind: Patch,
        patch: &Value,
    ) -> Result<Value> {
        let subject = Subject::new("patch", resource, namespace, name);
        let part = match kind {
            Patch::Merge => "",
            Patch::MergeStatus => "/status",
        };
        let uri = format!("{}{part}?fieldManager={MANAGER}", path(resource, namespace, name));
        self.send(&subject, Method::PATCH, &uri, MERGE, patch).await
    }

    async fn update_status(&self, resource: &Resource, namespace: &str, name: &str, object: &Value) -> Result<Value> {
        let subject = Subject::new("update status of", resource, namespace, name);
        let uri = format!("{}/status?fieldManager={MANAGER}", path(resource, namespace, name));
        self.send(&subject, Method::PUT, &uri, JSON, object).await
    }

    async fn delete(&self, resource: &Resource, namespace: &str, name: &str) -> Result<bool> {
        let subject = Subject::new("delete", resource, namespace, name);
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        match self.send(&subject, Method::DELETE, &path(resource, namespace, name), JSON, &options).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn identity(&self) -> Result<String> {
        let subject = Subject { operation: "get", object: "namespaces kube-system".into() };
        match request::read(&self.client, &subject, "/api/v1/namespaces/kube-system", JSON).await {
            Ok(body) => {
                let resource = Arc::new(namespaces());
                let item = Item::read(&resource, body).map_err(|e| subject.malformed(e.to_string()))?;
                Ok(item.uid)
            }
            // Whoever may not read kube-system still restores; the address must do.
            Err(e) if matches!(e.kind(), ErrorKind::Denied | ErrorKind::NotFound) => Ok(self.server.clone()),
            Err(error) => Err(error),
        }
    }
}

fn namespaces() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".into(),
        plural: "namespaces".into(),
        singular: "namespace".into(),
        kind: "Namespace".into(),
        short_names: vec!["ns".into()],
        scope: velero_core::Scope::Cluster,
        verbs: Vec::new(),
        has_status: true,
    }
}
