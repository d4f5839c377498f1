//! A proxy before a real API server that notes every write, so that a test can hold them against a plan.

use crate::server::{Reply, Seen, Server};
use anyhow::Result;
use futures::future::FutureExt;
use futures::stream::StreamExt;
use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;

/// Starts a proxy before the API server of `client`.
pub async fn start(client: kube::Client) -> Result<Server> {
    Server::start_waiting(move |seen| {
        let client = client.clone();
        async move {
            match forward(client, seen).await {
                Ok(reply) => reply,
                Err(error) => Reply::failure(502, "BadGateway", &error.to_string()),
            }
        }
        .boxed()
    })
    .await
}

/// The writes that passed, as method and path without query, sorted.
pub fn writes(proxy: &Server) -> Vec<(Method, String)> {
    let seen = proxy.seen().into_iter().filter(|seen| seen.method != Method::GET);
    let mut writes: Vec<_> = seen.map(|seen| (seen.method.clone(), seen.uri.path().to_owned())).collect();
    writes.sort_by_key(|(method, path)| (path.clone(), method.to_string()));
    writes
}

async fn forward(client: kube::Client, seen: Seen) -> Result<Reply> {
    let mut request = http::Request::builder().method(seen.method.clone()).uri(seen.uri.clone());
    for name in ["accept", "content-type"] {
        if let Some(value) = seen.headers.get(name) {
            request = request.header(name, value);
        }
    }
    let response = client.send(request.body(Body::from(seen.body.to_vec()))?).await?;
    let status = response.status().as_u16();
    let frames = response.into_body().into_data_stream().map(|frame| frame.map_err(std::io::Error::other));
    Ok(Reply::stream(status, frames.boxed()))
}
