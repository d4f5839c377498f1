use super::*;
use crate::fault::{Fault, FaultLayer};
use opendal::layers::TimeoutLayer;
use opendal::{Operator, services};
use std::time::Duration;

/// A store that suffers, and one that sees the same objects and does not.
fn stores(healthy: &Operator, faults: &FaultLayer) -> (BackupStore, BackupStore) {
    let limit = Duration::from_millis(40);
    let timeout = TimeoutLayer::new().with_timeout(limit).with_io_timeout(limit);
    let suffering = healthy.clone().layer(faults.clone()).layer(timeout);
    let store = |operator| BackupStore::new(Store::from_operator(operator, "test"));
    (store(suffering), store(healthy.clone()))
}

/// Writes a backup while `faults` strike. Says whether they did.
async fn check(operator: Operator, faults: FaultLayer, lasting: bool, at: u64) -> bool {
    let (suffering, healthy) = stores(&operator, &faults);
    let result = write(&suffering, "web").await;
    let case = format!("{faults:?}: {result:?}");
    let visible = !healthy.list().await.unwrap().is_empty();
    if visible {
        assert_whole(&healthy, "web").await;
    }
    assert!(visible || result.is_err(), "reported as stored, but not there: {case}");
    assert!(lasting || result.is_ok() || !visible, "reported as failed, but there: {case}");
    if !visible {
        write(&healthy, "web").await.unwrap();
        assert_whole(&healthy, "web").await;
    }
    faults.operations() > at
}

#[tokio::test]
async fn whatever_goes_wrong_once_no_backup_is_seen_that_is_not_whole() {
    for fault in Fault::ALL {
        let mut at = 0;
        while check(Operator::new(services::Memory::default()).unwrap(), FaultLayer::once(fault, at), false, at).await {
            at += 1;
        }
        assert!(at > 20, "{fault:?} struck {at} times only");
    }
}

#[tokio::test]
async fn whenever_a_store_is_lost_no_backup_is_seen_that_is_not_whole() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        let mut at = 0;
        while check(Operator::new(services::Memory::default()).unwrap(), FaultLayer::from(fault, at), true, at).await {
            at += 1;
        }
    }
}

#[tokio::test]
async fn whatever_goes_wrong_in_a_directory_no_backup_is_seen_that_is_not_whole() {
    for fault in [Fault::Truncate, Fault::Forget] {
        let mut at = 0;
        loop {
            let directory = tempfile::tempdir().unwrap();
            let service = services::Fs::default().root(directory.path().to_str().unwrap());
            if !check(Operator::new(service).unwrap(), FaultLayer::once(fault, at), false, at).await {
                break;
            }
            at += 1;
        }
    }
}

#[tokio::test]
async fn what_could_not_be_removed_is_part_of_the_error() {
    let operator = Operator::new(services::Memory::default()).unwrap();
    let mut texts = Vec::new();
    for at in 0..40 {
        let (suffering, healthy) = stores(&operator, &FaultLayer::from(Fault::Refuse, at));
        if let Err(error @ crate::Error::Abandoned { .. }) = write(&suffering, "web").await {
            texts.push(error.to_string());
        }
        healthy.delete(&healthy.objects(&BackupName::new("web").unwrap()).await.unwrap()).await.unwrap();
    }
    assert!(texts.iter().any(|text| text.contains("could not be removed (delete backups/web/")), "{texts:?}");
}
