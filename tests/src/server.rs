//! An HTTP server on loopback whose every answer a test decides, connections that break included.

use anyhow::Result;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, ready};
use futures::stream::{self, BoxStream, StreamExt};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: http::HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Seen {
    /// The value of a query parameter, unescaped only as far as tests need it.
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = self.uri.query().unwrap_or_default().split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }
}

/// An answer; an error among the frames breaks the connection.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    frames: BoxStream<'static, Result<Bytes, std::io::Error>>,
}

impl Reply {
    /// A JSON document.
    pub fn json(status: u16, body: &Value) -> Self {
        Reply::frames(status, [Ok(Bytes::from(body.to_string()))])
    }

    /// A Status document as API servers send it.
    pub fn failure(code: u16, reason: &str, message: &str) -> Self {
        let status = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message
        });
        Reply::json(code, &status)
    }

    /// A body in these frames.
    pub fn frames<I>(status: u16, frames: I) -> Self
    where
        I: IntoIterator<Item = Result<Bytes, std::io::Error>>,
        I::IntoIter: Send + 'static,
    {
        Reply::stream(status, stream::iter(frames).boxed())
    }

    /// A body that comes as a stream.
    pub fn stream(status: u16, frames: BoxStream<'static, Result<Bytes, std::io::Error>>) -> Self {
        Reply { status, headers: Vec::new(), frames }
    }

    /// The same answer with a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The answer of a connection that breaks in the middle of `body`.
    pub fn broken(body: &Value) -> Self {
        let mut text = body.to_string().into_bytes();
        text.truncate(text.len() / 2);
        Reply::frames(200, [Ok(Bytes::from(text)), Err(std::io::Error::other("broken on purpose"))])
    }
}

/// A running server; it ends when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server that answers with `handler`.
    pub async fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Result<Server> {
        Server::start_waiting(move |seen| ready(handler(&seen)).boxed()).await
    }

    /// Starts a server whose answers take their time, such as those of a proxy.
    pub async fn start_waiting(
        handler: impl Fn(Seen) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    ) -> Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(accept(listener, Arc::new(handler), seen.clone()));
        Ok(Server { address, seen, task })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of this server.
    pub fn live(&self) -> Result<velero_k8s::live::Live> {
        let mut config = kube::Config::new(self.url().parse()?);
        // Reading the authorities of the machine takes longer than most tests, and nothing here has certificates.
        config.root_cert = Some(Vec::new());
        Ok(velero_k8s::live::Live::from_config(config)?)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().map(|seen| seen.clone()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Handler = Arc<dyn Fn(Seen) -> BoxFuture<'static, Reply> + Send + Sync>;

async fn accept(listener: TcpListener, handler: Handler, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (handler, seen) = (handler.clone(), seen.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, handler.clone(), seen.clone()));
            // A connection that a test breaks ends here with an error, as it should.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

async fn answer(
    request: Request<Incoming>,
    handler: Handler,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
    let seen = Seen { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    if let Ok(mut log) = log.lock() {
        log.push(seen.clone());
    }
    let reply = handler(seen).await;
    let mut response = Response::new(StreamBody::new(reply.frames.map(|frame| frame.map(Frame::data)).boxed()));
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
