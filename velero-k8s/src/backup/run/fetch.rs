//! Objects that are asked for by name: related ones that no list brought, definitions of custom resources, and what the
//! actions must know of the cluster.

use super::Run;
use crate::Result;
use crate::collect::{Listing, collect};
use crate::error::chain;
use futures::StreamExt;
use std::sync::Arc;
use velero_core::pipeline::backup::Wanted;
use velero_core::{GroupResource, Item, ItemId, Problem, Resource, Stage};

impl Run<'_> {
    /// Fetches related objects until no object asks for another one.
    pub(super) async fn fetch_wanted(&mut self) -> Result<()> {
        loop {
            let wanted = self.pipeline.take_wanted();
            if wanted.is_empty() {
                return Ok(());
            }
            for id in self.fetch(wanted).await? {
                let message = "another object of the backup needs it, and it does not exist";
                self.report(Problem::warning(Stage::Collect, "NotFound", message).about(id));
            }
        }
    }

    /// Fetches the definitions of the custom resources in the backup. Resources that are not custom have none.
    pub(super) async fn definitions(&mut self) -> Result<()> {
        let wanted = self.pipeline.wanted_definitions();
        self.fetch(wanted).await.map(drop)
    }

    /// Fetches and takes `wanted`, several at once; returns those that do not exist.
    async fn fetch(&mut self, wanted: Vec<Wanted>) -> Result<Vec<ItemId>> {
        let cluster = self.driver.cluster.clone();
        let get = |wanted: Wanted| {
            let cluster = cluster.clone();
            async move {
                let raw = cluster.get(&wanted.resource, &wanted.namespace, &wanted.name).await;
                (wanted, raw)
            }
        };
        let concurrency = self.driver.options.concurrency.max(1);
        let mut answers = futures::stream::iter(wanted).map(get).buffered(concurrency);
        let mut missing = Vec::new();
        while let Some((wanted, raw)) = self.driver.unless_cancelled(async { Ok(answers.next().await) }).await? {
            let id = ItemId::new(wanted.resource.group_resource(), wanted.namespace, wanted.name);
            match self.read(&wanted.resource, &id, raw) {
                Some(Some(item)) => self.take(vec![item], wanted.reached).await?,
                Some(None) => missing.push(id),
                None => {}
            }
        }
        Ok(missing)
    }

    /// One object, or `None` if it does not exist or can not be had, which is reported.
    pub(super) async fn get(&mut self, resource: &Arc<Resource>, id: &ItemId) -> Result<Option<Item>> {
        let call = async { Ok(self.driver.cluster.get(resource, &id.namespace, &id.name).await) };
        let raw = self.driver.unless_cancelled(call).await?;
        Ok(self.read(resource, id, raw).flatten())
    }

    /// Reads the answer to a get: the object, `Some(None)` if it does not exist, `None` after reporting trouble.
    fn read(
        &mut self,
        resource: &Arc<Resource>,
        id: &ItemId,
        raw: Result<Option<bytes::Bytes>>,
    ) -> Option<Option<Item>> {
        let (reason, message) = match raw {
            Ok(None) => return Some(None),
            Ok(Some(raw)) => match Item::read(resource, raw) {
                Ok(item) => return Some(Some(item)),
                Err(e) => ("Malformed", format!("{e}: {}", e.source)),
            },
            Err(e) => ("GetFailed", chain(&e)),
        };
        self.report(Problem::error(Stage::Collect, reason, message).about(id.clone()));
        None
    }

    /// Lists pods or claims of the namespaces in the backup, whatever their labels, for what belongs to claims.
    pub(super) async fn learn_claim_users(&mut self, need: GroupResource) -> Result<()> {
        let Some(row) = self.table.get(&need).cloned() else { return Ok(()) };
        let namespaces = self.pipeline.selection().listings(&row);
        let query = |namespace| self.driver.query(namespace, None);
        let listings =
            namespaces.into_iter().map(|place| Listing { resource: row.clone(), query: query(place) }).collect();
        let mut arrivals = collect(self.driver.cluster.clone(), listings, self.driver.options.concurrency);
        while let Some(items) = self.next(&mut arrivals).await? {
            self.pipeline.learn_claim_users(&items);
        }
        Ok(())
    }

    /// Lists a resource for the actions. If that fails they run without, and the problem says so.
    pub(super) async fn learn(&mut self, need: GroupResource) -> Result<()> {
        let mut objects = Vec::new();
        if let Some(row) = self.table.get(&need).cloned() {
            let listing = Listing { resource: row, query: self.driver.query(None, None) };
            let mut arrivals = collect(self.driver.cluster.clone(), vec![listing], 1);
            while let Some(items) = self.next(&mut arrivals).await? {
                objects.extend(items.iter().filter_map(|item| item.value().ok()).map(without_managed_fields));
            }
        }
        self.pipeline.learn(need, objects);
        Ok(())
    }
}

/// Decoded objects are large, and this is often most of them.
fn without_managed_fields(mut object: serde_json::Value) -> serde_json::Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}
