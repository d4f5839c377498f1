//! Maintenance of a directory on a disk that fails at every single call in turn.

use super::faults::{check_next, check_snapshots, ripen};
use super::*;
use crate::repository::blob::BlobStore;
use crate::repository::blob::disk::trouble::{BROKEN, Kind, Trouble};
use crate::repository::direct::tests::place;
use crate::store::{Store, StoreOptions};
use std::path::Path;

/// Copies a directory with the times of its files.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
            let modified = fs::metadata(&from).unwrap().modified().unwrap();
            fs::File::options().write(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }
}

async fn blobs(bench: &Bench, place: &Path) -> BlobStore {
    let store = Store::open(place.to_str().unwrap(), &StoreOptions::default()).unwrap();
    BlobStore::open(&store).await.unwrap().with_clock(bench.clock.clone())
}

/// Repositories that are alike, each in its own place.
struct Prepared {
    bench: Bench,
    repository: Repository,
}

impl Prepared {
    async fn new() -> Self {
        let bench = Bench::new();
        let repository = ripen(&bench, bench.blobs().await).await;
        Prepared { bench, repository }
    }

    /// Maintains a copy with this trouble. Says how many calls were made to open it, and how many in all.
    async fn round(&self, cycle: Cycle, trouble: &Arc<Trouble>) -> (usize, usize) {
        let place = place();
        copy(self.bench.store.path(), place.path());
        let healthy = blobs(&self.bench, place.path()).await;
        let name = format!("{cycle:?} cycle, {:?} at {}, lasting: {}", trouble.kind, trouble.at, trouble.lasting);
        let mut opening = 0;
        if let Ok(hurt) = self.reopen(healthy.clone().with_trouble(trouble)).await {
            opening = trouble.calls().len();
            let options = MaintenanceOptions { cycle: Some(cycle), ..full(Safety::None) };
            let maintained = maintain(&hurt, options).await;
            drop(hurt);
            if maintained.is_ok() && cycle == Cycle::Full {
                let report = everything(&self.reopen(healthy.clone()).await.unwrap()).await;
                assert!(report.warnings.is_empty(), "{name}: reported as deleted, and not gone: {report:?}");
            }
        }
        let repository = self.reopen(healthy).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        check_snapshots(&repository, &name).await;
        check_next(&repository, &name).await;
        (opening, trouble.calls().len())
    }

    async fn reopen(&self, blobs: BlobStore) -> Result<Repository> {
        self.repository.open_like(blobs, self.bench.options()).await
    }

    /// Every call of a cycle fails, at full scale; else so many of them, others for each kind of trouble.
    async fn check(&self, cycle: Cycle, samples: usize) {
        let (opening, calls) = self.round(cycle, &Trouble::new(Kind::Half, usize::MAX, false)).await;
        let full = std::env::var("VELERO_TEST_SCALE").is_ok_and(|scale| scale == "full");
        let stride = if full { 1 } else { (calls - opening) / samples };
        let kinds = [(Kind::Refuse(BROKEN), false), (Kind::Half, true), (Kind::LoseAnswer, false)];
        for (number, (kind, lasting)) in kinds.into_iter().enumerate() {
            for at in (opening + number * stride / kinds.len()..calls).step_by(stride) {
                self.round(cycle, &Trouble::new(kind, at, lasting)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_a_disk_fails_in_a_full_cycle_snapshots_stay_whole_and_the_next_run_succeeds() {
    Prepared::new().await.check(Cycle::Full, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_call_of_a_disk_fails_in_a_quick_cycle_snapshots_stay_whole_and_the_next_run_succeeds() {
    Prepared::new().await.check(Cycle::Quick, 4).await;
}
