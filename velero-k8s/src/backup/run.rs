//! One run: objects are collected in order, pass the pipeline, and go to the output.
//!
//! Order: items that the request orders, pods, claims, volumes, everything else as it arrives, related objects that did not
//! arrive, namespaces, definitions of custom resources. Every step checks for cancellation between objects.

mod fetch;
mod order;

use super::journal::Journal;
use super::prepare::Prepared;
use super::tarball::Tarball;
use super::{Backup, Explained, Subject};
use crate::cluster::ListQuery;
use crate::collect::{Arrival, Arrivals, Listing, collect};
use crate::{Error, Event, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use velero_core::action::BackupAction;
use velero_core::api::BackupVolumeInfo;
use velero_core::pipeline::backup::{Fate, Pipeline};
use velero_core::pipeline::item_set::ItemSet;
use velero_core::selection::{Decision, Reached};
use velero_core::{GroupResource, Item, Problem, Resource, ResourceTable};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Where written objects go.
pub(super) enum Output<'a> {
    /// Into the archive.
    Archive(Tarball),
    /// Nowhere; every decision is told.
    Explain(&'a mut (dyn FnMut(Explained) + Send)),
}

/// What a run leaves behind.
pub(super) struct Finished {
    pub(super) written: ItemSet,
    pub(super) volumes: Vec<BackupVolumeInfo>,
    pub(super) problems: Vec<Problem>,
    pub(super) log: Vec<u8>,
    pub(super) contents_bytes: u64,
}

/// A run in progress.
pub(super) struct Run<'a> {
    driver: &'a Backup,
    table: Arc<ResourceTable>,
    ordered: &'a std::collections::BTreeMap<String, String>,
    pipeline: Pipeline<'a>,
    output: Output<'a>,
    journal: Journal,
    problems: Vec<Problem>,
    told: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        driver: &'a Backup,
        prepared: &'a Prepared,
        actions: Vec<&'a dyn BackupAction>,
        output: Output<'a>,
    ) -> Result<Self> {
        let Prepared { backup, table, selection, namespaces, problems } = prepared;
        let pipeline = Pipeline::new(backup.clone(), selection.clone(), table.clone(), namespaces, actions)?;
        let ordered = &backup.spec.ordered_resources;
        let journal = Journal::new();
        let (table, told) = (table.clone(), Instant::now());
        let mut run = Run { driver, table, ordered, pipeline, output, journal, problems: Vec::new(), told };
        run.journal.info("backup starts", &[("backup", &backup.metadata.name)]);
        for problem in problems {
            run.report(problem.clone());
        }
        Ok(run)
    }

    /// Collects everything.
    pub(super) async fn collect(&mut self) -> Result<()> {
        self.stage("listing");
        let rows = self.rows();
        self.ordered_items(&rows).await?;
        let (first, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| order::comes_first(row));
        for row in first {
            self.list(vec![row]).await?;
        }
        self.list(rest).await?;
        self.stage("related objects");
        self.fetch_wanted().await?;
        self.stage("namespaces");
        self.namespaces().await?;
        self.stage("definitions");
        self.definitions().await?;
        self.fetch_wanted().await?;
        let done = self.pipeline.written();
        (self.driver.options.observer)(Event::Progress { done, total: Some(done) });
        Ok(())
    }

    /// Ends the output.
    pub(super) async fn finish(mut self) -> Result<Finished> {
        let stats = match self.output {
            Output::Archive(tarball) => tarball.finish().await?,
            Output::Explain(_) => Default::default(),
        };
        let finished = self.pipeline.finish();
        for problem in finished.problems {
            self.journal.problem(&problem);
            (self.driver.options.observer)(Event::Problem(problem.clone()));
            self.problems.push(problem);
        }
        let items = finished.written.len();
        self.journal
            .info("backup ends", &[("items", &items.to_string()), ("bytes", &stats.compressed_bytes.to_string())]);
        let failed = |source| velero_core::Error::Io { operation: "keeping the log".into(), source };
        Ok(Finished {
            written: finished.written,
            volumes: finished.volumes,
            problems: self.problems,
            log: self.journal.finish().map_err(failed)?,
            contents_bytes: stats.compressed_bytes,
        })
    }

    /// Gives up, and waits until the output is gone.
    pub(super) async fn abandon(self) {
        if let Output::Archive(tarball) = self.output {
            tarball.abandon().await;
        }
    }

    fn stage(&mut self, name: &'static str) {
        self.journal.info(name, &[]);
        self.driver.stage(name);
    }

    fn report(&mut self, problem: Problem) {
        self.journal.problem(&problem);
        (self.driver.options.observer)(Event::Problem(problem.clone()));
        self.problems.push(problem);
    }

    /// Tells a decision where anybody listens.
    fn explain(&mut self, included: bool, subject: impl FnOnce() -> Subject, reason: impl FnOnce() -> String) {
        if let Output::Explain(each) = &mut self.output {
            each(Explained { subject: subject(), included, reason: reason() });
        }
    }

    /// Lists `rows` concurrently and takes in what arrives.
    async fn list(&mut self, rows: Vec<Arc<Resource>>) -> Result<()> {
        let listings = rows.iter().flat_map(|row| self.listings(row)).collect();
        let mut arrivals = collect(self.driver.cluster.clone(), listings, self.driver.options.concurrency);
        while let Some(mut items) = self.next(&mut arrivals).await? {
            if matches!(self.output, Output::Explain(_)) {
                items.retain(|item| self.explain_labels(item));
            }
            self.take(items, Reached::Listed).await?;
        }
        Ok(())
    }

    /// The listings of `row`. To explain, objects that only the label selectors leave out are listed too.
    fn listings(&self, row: &Arc<Resource>) -> Vec<Listing> {
        let selection = self.pipeline.selection();
        let explains = matches!(self.output, Output::Explain(_));
        let metadata_only = explains && !self.pipeline.looks_into(&row.group_resource());
        let mut listings = Vec::new();
        for namespace in selection.listings(row) {
            let selectors = if explains { vec![None] } else { selection.selectors_for(row, namespace.as_deref()) };
            for selector in selectors {
                let query = ListQuery { metadata_only, ..self.driver.query(namespace.clone(), selector) };
                listings.push(Listing { resource: row.clone(), query });
            }
        }
        listings
    }

    /// The next objects of `arrivals`, after noting what else came.
    async fn next(&mut self, arrivals: &mut Arrivals) -> Result<Option<Vec<Item>>> {
        loop {
            match self.driver.unless_cancelled(async { Ok(arrivals.next().await) }).await? {
                Some(Arrival::Items(items)) => return Ok(Some(items)),
                Some(Arrival::Problem(problem)) => self.report(*problem),
                Some(Arrival::Done(_, 0)) => {}
                Some(Arrival::Done(listing, count)) => {
                    let resource = listing.resource.group_resource().to_string();
                    let namespace = listing.query.namespace.unwrap_or_default();
                    let fields =
                        [("resource", &*resource), ("namespace", &*namespace), ("objects", &count.to_string())];
                    self.journal.info("listed", &fields);
                }
                None => return Ok(None),
            }
        }
    }

    /// Passes objects of one resource through the pipeline and hands over what is written.
    async fn take(&mut self, items: Vec<Item>, reached: Reached) -> Result<()> {
        let Some(first) = items.first() else { return Ok(()) };
        for need in self.pipeline.needs(&first.resource.group_resource()) {
            self.learn(need).await?;
        }
        for need in self.pipeline.needs_claim_users(&first.resource.group_resource()) {
            self.learn_claim_users(need).await?;
        }
        let mut entries = Vec::with_capacity(items.len());
        for item in &items {
            if self.driver.options.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let step = self.pipeline.offer(item, reached);
            for problem in step.problems {
                self.report(problem);
            }
            match step.fate {
                Fate::Written(entry, reason) => {
                    self.explain(true, || Subject::Item(entry.id.clone()), || reason);
                    entries.push(*entry);
                }
                Fate::LeftOut(reason) => self.explain(false, || Subject::Item(item.id()), || reason),
                Fate::Seen | Fate::Failed => {}
            }
        }
        if let Output::Archive(tarball) = &mut self.output {
            self.driver.unless_cancelled(tarball.write(entries)).await?;
        }
        if self.told.elapsed() >= PROGRESS_EVERY {
            self.told = Instant::now();
            (self.driver.options.observer)(Event::Progress { done: self.pipeline.written(), total: None });
        }
        Ok(())
    }

    /// Takes the Namespace objects that the request asks for or that own a written object.
    async fn namespaces(&mut self) -> Result<()> {
        let namespaces = GroupResource::parse("namespaces");
        let Some(row) = self.table.get(&namespaces).cloned() else { return Ok(()) };
        if !self.pipeline.selection().includes_resource(&namespaces) {
            return Ok(());
        }
        let listing = Listing { resource: row, query: self.driver.query(None, None) };
        let mut arrivals = collect(self.driver.cluster.clone(), vec![listing], 1);
        while let Some(items) = self.next(&mut arrivals).await? {
            let mut tracked = Vec::new();
            for item in items {
                match self.pipeline.decide_namespace(&item.name) {
                    Decision::Include(_) => tracked.push(item),
                    Decision::Exclude(reason) => self.explain(false, || Subject::Item(item.id()), || reason),
                }
            }
            self.take(tracked, Reached::Listed).await?;
        }
        Ok(())
    }
}

impl Backup {
    /// A query for full objects.
    pub(super) fn query(&self, namespace: Option<String>, label_selector: Option<String>) -> ListQuery {
        ListQuery { namespace, label_selector, page_size: self.options.page_size, metadata_only: false }
    }
}
