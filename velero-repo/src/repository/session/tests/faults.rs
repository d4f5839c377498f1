//! Stores that fail at every single operation in turn.

use super::*;
use crate::fault::{Fault, FaultLayer};
use crate::repository::blob::BlobStore;
use crate::repository::open::New;
use opendal::layers::TimeoutLayer;
use std::time::Duration;

fn suffering(healthy: &Operator, faults: &FaultLayer) -> Operator {
    let limit = Duration::from_millis(40);
    healthy.clone().layer(faults.clone()).layer(TimeoutLayer::new().with_timeout(limit).with_io_timeout(limit))
}

/// A repository with one snapshot, and copies of its blobs.
pub(super) struct Prepared {
    repository: Repository,
    pub(super) blobs: Vec<(String, bytes::Bytes)>,
    pub(super) clock: Arc<SettableClock>,
    /// Contents of each backup beside the usual ones.
    more: Vec<Vec<u8>>,
}

impl Prepared {
    pub(super) async fn new() -> Self {
        Prepared::with(Vec::new()).await
    }

    pub(super) async fn with(more: Vec<Vec<u8>>) -> Self {
        let (operator, clock) = (memory(), clock());
        let repository = created(&operator, &clock).await;
        let session = begin(&repository).await;
        write(&session, None, plains(9)).await.unwrap();
        session.put_manifest(snapshot("/old"), &1).unwrap();
        session.commit().await.unwrap();
        let mut blobs = Vec::new();
        for entry in operator.list_with("").recursive(true).await.unwrap() {
            blobs.push((entry.path().to_owned(), operator.read(entry.path()).await.unwrap().to_bytes()));
        }
        Prepared { repository, blobs, clock, more }
    }

    async fn copy(&self) -> Operator {
        let operator = memory();
        for (key, bytes) in &self.blobs {
            operator.write(key, bytes.clone()).await.unwrap();
        }
        operator
    }

    async fn open(&self, store: BlobStore) -> crate::Result<Repository> {
        self.repository.open_like(store, options(&self.clock)).await
    }

    /// A backup: one checkpoint, a commit.
    pub(super) async fn back_up(&self, store: BlobStore) -> crate::Result<()> {
        let session = Session::begin(&self.open(store).await?, SessionOptions::default()).await?;
        write(&session, None, plains(1)).await?;
        session.checkpoint().await?;
        write(&session, Some(b'k'), plains(2)).await?;
        write(&session, None, self.more.clone()).await?;
        session.put_manifest(snapshot("/new"), &serde_json::json!({"a": 1}))?;
        session.commit().await.map(drop)
    }

    /// Whether the earlier snapshot is whole, and the new one there and whole.
    pub(super) async fn look(&self, store: BlobStore, case: &str) -> bool {
        let repository = self.open(store).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        let whole = async |prefix: Option<u8>, plains: &[Vec<u8>]| {
            for plain in plains {
                let read = repository.read_content(&repository.seal().content_id(prefix, plain)).await;
                assert!(read.unwrap_or_else(|error| panic!("{case}: {error}")) == *plain, "{case}");
            }
        };
        assert_eq!(repository.manifests(&snapshot("/old")).await.unwrap().len(), 1, "{case}");
        whole(None, &plains(9)).await;
        let visible = !repository.manifests(&snapshot("/new")).await.unwrap().is_empty();
        if visible {
            whole(None, &plains(1)).await;
            whole(Some(b'k'), &plains(2)).await;
            whole(None, &self.more).await;
        }
        visible
    }

    /// Says whether the fault struck.
    async fn check(&self, faults: FaultLayer, lasting: bool, at: u64) -> bool {
        let operator = self.copy().await;
        let healthy = blobs(operator.clone(), &self.clock).await;
        let result = self.back_up(blobs(suffering(&operator, &faults), &self.clock).await).await;
        let case = format!("{faults:?}: {result:?}");
        let visible = self.look(healthy.clone(), &case).await;
        assert!(visible || result.is_err(), "reported as saved, but not there: {case}");
        assert!(lasting || result.is_ok() || !visible, "reported as failed, but there: {case}");
        if !visible {
            let again = self.back_up(healthy.clone()).await;
            again.unwrap_or_else(|error| panic!("the next run fails after {case}: {error}"));
            assert!(self.look(healthy, &case).await);
        }
        faults.operations() > at
    }
}

#[tokio::test]
async fn whatever_goes_wrong_once_nothing_is_reported_saved_that_is_not() {
    for fault in [Fault::Refuse, Fault::Stall, Fault::Truncate, Fault::Forget, Fault::LoseAnswer] {
        let (prepared, mut at) = (Prepared::new().await, 0);
        while prepared.check(FaultLayer::once(fault, at), false, at).await {
            at += 1;
        }
        assert!(at > 30, "{fault:?} struck {at} times only");
    }
}

#[tokio::test]
async fn whenever_a_store_is_lost_earlier_snapshots_stay_whole() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        let (prepared, mut at) = (Prepared::new().await, 0);
        while prepared.check(FaultLayer::from(fault, at), true, at).await {
            at += 1;
        }
    }
}

#[tokio::test]
async fn a_creation_that_fails_leaves_nothing() {
    let clock = clock();
    let now = clock.now();
    let new = blocking(move || New::make(&choices(), now)).await.unwrap();
    for fault in [Fault::Refuse, Fault::Truncate, Fault::Forget, Fault::LoseAnswer] {
        for at in 0.. {
            let (operator, faults) = (memory(), FaultLayer::once(fault, at));
            let created = new.store(blobs(suffering(&operator, &faults), &clock).await, options(&clock)).await;
            if faults.operations() <= at {
                break;
            }
            let healthy = blobs(operator.clone(), &clock).await;
            match created {
                Ok(created) => drop(created.open_like(healthy, options(&clock)).await.unwrap()),
                Err(error) => assert_eq!(healthy.list("").await.unwrap(), [], "{fault:?} at {at}: {error}"),
            }
        }
    }
}
