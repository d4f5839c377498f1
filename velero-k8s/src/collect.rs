//! Many listings at once, as one stream of objects.
//!
//! Comes in: listings. Goes out: [`Arrival`]s, in the order in which the cluster answers. Each listing runs in a task of its
//! own, which also reads the objects' headers; at most `concurrency` run at once and a few batches each wait for the consumer,
//! so memory does not grow with the cluster. A listing that fails or holds a malformed object says so; the rest goes on.

use crate::cluster::{Cluster, ListQuery};
use bytes::Bytes;
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use velero_core::{Item, Problem, Resource, Stage};

/// Batches of a listing that wait for the consumer; batches of a live cluster are small.
const WAITING: usize = 4;

/// One listing.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What is listed.
    pub resource: Arc<Resource>,
    /// Where, and which of it.
    pub query: ListQuery,
}

/// Something that came out of a listing.
#[derive(Debug)]
pub enum Arrival {
    /// Objects, all of one listing.
    Items(Vec<Item>),
    /// An object, or the rest of a listing, that could not be had.
    Problem(Box<Problem>),
    /// A listing that reached its end, or failed, after this many objects.
    Done(Listing, u64),
}

/// Running listings; dropping them stops them.
pub struct Arrivals {
    receiver: mpsc::Receiver<Arrival>,
    _feeder: AbortOnDropHandle<()>,
}

impl Arrivals {
    /// What comes next; `None` when all listings are through.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.receiver.recv().await
    }
}

/// Starts `listings`, at most `concurrency` at once.
pub fn collect(cluster: Arc<dyn Cluster>, listings: Vec<Listing>, concurrency: usize) -> Arrivals {
    let concurrency = concurrency.max(1);
    let (sender, receiver) = mpsc::channel(concurrency * WAITING);
    let feed = async move {
        let run = |listing: Listing| {
            let (cluster, sender) = (cluster.clone(), sender.clone());
            async move {
                let task = tokio::spawn(list(cluster, listing.clone(), sender.clone()));
                if let Err(crash) = AbortOnDropHandle::new(task).await {
                    let problem = failure(&listing, &crash.to_string());
                    drop(sender.send(Arrival::Problem(Box::new(problem))).await);
                }
            }
        };
        futures::stream::iter(listings).for_each_concurrent(concurrency, run).await;
    };
    Arrivals { receiver, _feeder: AbortOnDropHandle::new(tokio::spawn(feed)) }
}

/// Runs one listing. A consumer that went away ends it.
async fn list(cluster: Arc<dyn Cluster>, listing: Listing, sender: mpsc::Sender<Arrival>) {
    let mut batches = cluster.list(&listing.resource, listing.query.clone());
    let mut count = 0;
    while let Some(batch) = batches.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                let problem = Box::new(failure(&listing, &crate::error::chain(&error)));
                drop(sender.send(Arrival::Problem(problem)).await);
                break;
            }
        };
        count += batch.len() as u64;
        let (items, problems) = read(&listing, batch);
        let problems = problems.into_iter().map(|problem| Arrival::Problem(Box::new(problem)));
        for arrival in std::iter::once(Arrival::Items(items)).chain(problems) {
            if sender.send(arrival).await.is_err() {
                return;
            }
        }
    }
    drop(sender.send(Arrival::Done(listing, count)).await);
}

/// Reads the headers of a batch.
fn read(listing: &Listing, batch: Vec<Bytes>) -> (Vec<Item>, Vec<Problem>) {
    let mut items = Vec::with_capacity(batch.len());
    let mut problems = Vec::new();
    for raw in batch {
        let size = raw.len();
        match Item::read(&listing.resource, raw) {
            Ok(item) => items.push(item),
            Err(e) => {
                let message = format!("{e}{} ({size} bytes): {}", place(listing), e.source);
                problems.push(located(listing, Problem::error(Stage::Collect, "Malformed", message)));
            }
        }
    }
    (items, problems)
}

/// The problem of a listing that broke off.
fn failure(listing: &Listing, cause: &str) -> Problem {
    let message = format!("listing {}{} failed: {cause}", listing.resource.group_resource(), place(listing));
    located(listing, Problem::error(Stage::Collect, "ListFailed", message))
}

fn located(listing: &Listing, problem: Problem) -> Problem {
    match &listing.query.namespace {
        Some(namespace) => problem.under(namespace.clone()),
        None => problem,
    }
}

fn place(listing: &Listing) -> String {
    listing.query.namespace.as_ref().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default()
}
