//! Lists as streams: pages follow their continue tokens, objects are cut out while they arrive.
//!
//! A page whose connection drops is asked for again, so objects may come twice. An expired continue token (410) starts
//! the whole listing again in one page, as Velero's pager does; streaming makes that harmless for memory.

use super::request::{self, PATIENCE, Subject, escape, pause, worth_repeating};
use super::splitter::ItemSplitter;
use crate::cluster::{Batch, ListQuery};
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use velero_core::Resource;

const FULL: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const PAGE_ATTEMPTS: u32 = 5;

/// Streams the objects of `resource`.
pub fn list(client: kube::Client, resource: &Resource, query: ListQuery) -> BoxStream<'static, Result<Batch>> {
    let namespace = query.namespace.clone().unwrap_or_default();
    let listing = Listing {
        client,
        subject: Subject::new("list", resource, &namespace, ""),
        base: request::path(resource, &namespace, ""),
        page_size: query.page_size,
        token: None,
        page: None,
        attempt: 0,
        done: false,
        query,
    };
    try_unfold(listing, |mut listing| async move { Ok(listing.next().await?.map(|batch| (batch, listing))) }).boxed()
}

/// One listing on its way.
struct Listing {
    client: kube::Client,
    subject: Subject,
    base: String,
    query: ListQuery,
    page_size: u32,
    token: Option<String>,
    page: Option<(Body, ItemSplitter)>,
    attempt: u32,
    done: bool,
}

/// What a list says beside its items.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    metadata: EnvelopeMetadata,
}

#[derive(Deserialize, Default)]
struct EnvelopeMetadata {
    #[serde(rename = "continue", default)]
    token: Option<String>,
}

impl Listing {
    /// The next objects; `None` at the end.
    async fn next(&mut self) -> Result<Option<Batch>> {
        while !self.done {
            match self.step().await {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => return Ok(Some(batch)),
                Err(error) => self.recover(error).await?,
            }
        }
        Ok(None)
    }

    /// Opens the next page, or reads the next frame of the current one.
    async fn step(&mut self) -> Result<Batch> {
        let Some((body, splitter)) = &mut self.page else {
            let accept = if self.query.metadata_only { METADATA } else { FULL };
            let response = request::open(&self.client, &self.subject, &self.uri(), accept).await?;
            self.page = Some((response.into_body(), ItemSplitter::default()));
            return Ok(Batch::new());
        };
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.map_err(|e| self.subject.transport(e))?;
        match frame {
            Some(frame) => {
                let data = frame.map_err(|e| self.subject.transport(e))?.into_data().unwrap_or_else(|_| Bytes::new());
                let mut batch = Batch::new();
                splitter.feed(data, &mut batch).map_err(|reason| self.subject.malformed(reason))?;
                Ok(batch)
            }
            None => self.end_page(),
        }
    }

    /// Ends a page and remembers where the next one begins.
    fn end_page(&mut self) -> Result<Batch> {
        let Some((_, splitter)) = self.page.take() else { return Ok(Batch::new()) };
        let envelope = splitter.finish().map_err(|reason| self.subject.malformed(reason))?;
        let envelope: Envelope =
            serde_json::from_slice(&envelope).map_err(|e| self.subject.malformed(e.to_string()))?;
        self.token = envelope.metadata.token.filter(|token| !token.is_empty());
        self.done = self.token.is_none();
        self.attempt = 0;
        Ok(Batch::new())
    }

    /// Decides whether the listing goes on after `error`.
    async fn recover(&mut self, error: Error) -> Result<()> {
        self.page = None;
        if error.kind() == ErrorKind::Expired && self.token.is_some() {
            tracing::debug!(object = %self.subject.object, "continue token expired, listing again in one page");
            self.token = None;
            self.page_size = 0;
            return Ok(());
        }
        if self.attempt + 1 >= PAGE_ATTEMPTS || !worth_repeating(&error) {
            return Err(error);
        }
        pause(&mut self.attempt).await;
        Ok(())
    }

    fn uri(&self) -> String {
        let mut uri = format!("{}?", self.base);
        if self.page_size > 0 {
            uri.push_str(&format!("limit={}&", self.page_size));
        }
        if let Some(selector) = &self.query.label_selector {
            uri.push_str(&format!("labelSelector={}&", escape(selector)));
        }
        if let Some(token) = &self.token {
            uri.push_str(&format!("continue={}&", escape(token)));
        }
        uri.pop();
        uri
    }
}
