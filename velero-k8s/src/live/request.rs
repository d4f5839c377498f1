//! Requests to an API server: addresses, bodies, answers, and what is repeated.
//!
//! Comes in: a method, a resource and a body. Goes out: the answer's bytes, or an [`Error`] that names verb and object.
//! Answers 429, 503 and 504 are repeated below this module by kube's retry layer, with `Retry-After`. Reads that meet a
//! dropped connection or another server error are repeated here a few times; writes never are, because nobody knows
//! whether the first try arrived.

use crate::error::{Error, Result};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::time::Duration;
use velero_core::Resource;

/// How long a server may take to begin its answer, and between two frames of it.
pub const PATIENCE: Duration = Duration::from_secs(60);
const MAX_BODY: usize = 256 << 20;
const READ_ATTEMPTS: u32 = 5;
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// What a request is about, for its error messages.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Verb.
    pub operation: &'static str,
    /// Resource and name.
    pub object: String,
}

impl Subject {
    /// Names an operation on one object or, with an empty name, on a resource.
    pub fn new(operation: &'static str, resource: &Resource, namespace: &str, name: &str) -> Self {
        let id = velero_core::ItemId::new(resource.group_resource(), namespace, name);
        Subject { operation, object: id.to_string().trim_end().to_owned() }
    }

    /// An answer that makes no sense.
    pub fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::Malformed { operation: self.operation, object: self.object.clone(), reason: reason.into() }
    }

    /// A server that could not be asked.
    pub fn transport(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Transport { operation: self.operation, object: self.object.clone(), source: source.into() }
    }
}

/// The path of a resource, or of one object of it; names are escaped.
pub fn path(resource: &Resource, namespace: &str, name: &str) -> String {
    let mut path = if resource.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", resource.group) };
    path.push_str(&format!("/{}", resource.version));
    if resource.is_namespaced() && !namespace.is_empty() {
        path.push_str(&format!("/namespaces/{}", escape(namespace)));
    }
    path.push_str(&format!("/{}", resource.plural));
    if !name.is_empty() {
        path.push_str(&format!("/{}", escape(name)));
    }
    path
}

/// Escapes one path segment or query value.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A request with a JSON body (none for `Value::Null`).
pub fn request(method: Method, uri: &str, content_type: &str, body: &Value) -> Result<Request<Body>, http::Error> {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Request::builder()
        .method(method)
        .uri(uri)
        .header(http::header::ACCEPT, "application/json")
        .header(http::header::CONTENT_TYPE, content_type)
        .body(Body::from(bytes))
}

/// Sends a write once and returns the object in the answer.
pub async fn write(client: &kube::Client, subject: &Subject, request: Request<Body>) -> Result<Value> {
    let response = send(client, subject, request).await?;
    let bytes = body(subject, response).await?;
    serde_json::from_slice(&bytes).map_err(|e| subject.malformed(e.to_string()))
}

/// Reads the JSON document at `uri`, repeating what is safe to repeat; half a document is asked for again.
pub async fn read(client: &kube::Client, subject: &Subject, uri: &str, accept: &str) -> Result<Bytes> {
    let mut attempt = 0;
    loop {
        let answer = document(client, subject, uri, accept).await;
        match answer {
            Err(error) if attempt + 1 < READ_ATTEMPTS && worth_repeating(&error) => pause(&mut attempt).await,
            answer => return answer,
        }
    }
}

async fn document(client: &kube::Client, subject: &Subject, uri: &str, accept: &str) -> Result<Bytes> {
    let bytes = body(subject, open(client, subject, uri, accept).await?).await?;
    serde_json::from_slice::<IgnoredAny>(&bytes).map_err(|e| subject.malformed(e.to_string()))?;
    Ok(bytes)
}

/// Begins to read `uri`; the body is still to come.
pub async fn open(client: &kube::Client, subject: &Subject, uri: &str, accept: &str) -> Result<Response<Body>> {
    let request = Request::get(uri).header(http::header::ACCEPT, accept).body(Body::empty());
    send(client, subject, request.map_err(|e| subject.malformed(e.to_string()))?).await
}

/// Whether a read that failed like this may succeed when repeated.
pub fn worth_repeating(error: &Error) -> bool {
    matches!(error, Error::Transport { .. } | Error::Malformed { .. })
        || matches!(error, Error::Api { code: 500..=502, .. })
}

/// Waits before the next attempt: 50 ms, doubling.
pub async fn pause(attempt: &mut u32) {
    tokio::time::sleep(Duration::from_millis(50 << *attempt)).await;
    *attempt += 1;
}

async fn send(client: &kube::Client, subject: &Subject, request: Request<Body>) -> Result<Response<Body>> {
    // Retries of the layer below come on top of the server's own time, hence the wider limit.
    let sent = tokio::time::timeout(PATIENCE * 4, client.send(request)).await;
    let response = sent.map_err(|elapsed| subject.transport(elapsed))?.map_err(|e| explain(subject, e))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let code = response.status().as_u16();
    let body = body(subject, response).await.unwrap_or_default();
    Err(api_error(subject, code, &body))
}

/// Collects a body with a cap and a limit on silence.
async fn body(subject: &Subject, response: Response<Body>) -> Result<Bytes> {
    let limited = Limited::new(response.into_body(), MAX_BODY);
    let collected = tokio::time::timeout(PATIENCE * 4, limited.collect()).await;
    Ok(collected.map_err(|elapsed| subject.transport(elapsed))?.map_err(|e| subject.transport(e))?.to_bytes())
}

/// Turns the server's Status document, or whatever else it said, into an error.
fn api_error(subject: &Subject, code: u16, body: &[u8]) -> Error {
    let status: Status = serde_json::from_slice(body).unwrap_or_default();
    let plain = || String::from_utf8_lossy(&body[..body.len().min(300)]).trim().to_owned();
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    Error::Api {
        operation: subject.operation,
        object: subject.object.clone(),
        code,
        reason: status.reason.unwrap_or_else(|| "HTTP error".to_owned()),
        message: status.message.unwrap_or_else(plain),
        causes: causes.into_iter().filter_map(|cause| cause.message).collect(),
    }
}

/// Tells credentials that could not be had from a server that could not be reached.
fn explain(subject: &Subject, error: kube::Error) -> Error {
    match error {
        kube::Error::Auth(e) => Error::Connect { reason: format!("no credentials: {e}") },
        other => subject.transport(other),
    }
}
