//! Waiting for the cluster: quick at first, once a second later, never longer than asked.

use crate::cluster::Cluster;
use crate::error::{Error, Result};
use serde_json::Value;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use velero_core::Resource;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// The pause before attempt `attempt` (from 0): doubling, at most a second.
pub(super) fn pause(attempt: u32) -> Duration {
    FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST)
}

/// Asks `reached` until it says yes; `false` if `timeout` passed first. Errors of the question end the wait unless they
/// may pass by themselves.
pub(super) async fn until<F>(
    timeout: Duration,
    cancel: &CancellationToken,
    mut reached: impl FnMut() -> F,
) -> Result<bool>
where
    F: Future<Output = Result<bool>>,
{
    let deadline = Instant::now() + timeout;
    let mut attempt = 0;
    loop {
        match reached().await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::select! {
            () = cancel.cancelled() => return Err(Error::Cancelled),
            () = tokio::time::sleep(pause(attempt).min(deadline.duration_since(Instant::now()))) => {}
        }
        attempt += 1;
    }
}

/// The object, decoded; `None` if it does not exist.
pub(super) async fn get(cluster: &dyn Cluster, row: &Resource, namespace: &str, name: &str) -> Result<Option<Value>> {
    let Some(body) = cluster.get(row, namespace, name).await? else { return Ok(None) };
    let object = || format!("{} {name}", row.group_resource());
    serde_json::from_slice(&body).map(Some).map_err(|error| Error::Malformed {
        operation: "get",
        object: object(),
        reason: error.to_string(),
    })
}

/// Waits until the definition `name` is established and its names are accepted (spec 6.10).
pub(super) async fn definition(
    cluster: &dyn Cluster,
    row: &Resource,
    name: &str,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<bool> {
    let ready = || async {
        let definition = get(cluster, row, "", name).await?.unwrap_or_default();
        let conditions = definition["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let holds = |kind: &str| conditions.iter().any(|c| c["type"] == kind && c["status"] == "True");
        Ok(holds("Established") && holds("NamesAccepted"))
    };
    until(timeout, cancel, ready).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn pauses_grow_to_a_second() {
        assert_eq!(pause(0), Duration::from_millis(20));
        assert_eq!(pause(3), Duration::from_millis(160));
        assert_eq!(pause(40), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_success_time_or_cancellation() {
        let cancel = CancellationToken::new();
        let asked = Cell::new(0);
        let third_time = || {
            asked.set(asked.get() + 1);
            let reached = asked.get() == 3;
            async move { Ok(reached) }
        };
        assert!(until(Duration::from_secs(5), &cancel, third_time).await.unwrap());
        assert!(!until(Duration::from_secs(5), &cancel, || async { Ok(false) }).await.unwrap());
        cancel.cancel();
        let cancelled = until(Duration::from_secs(5), &cancel, || async { Ok(false) }).await;
        assert!(matches!(cancelled, Err(Error::Cancelled)));
    }
}
