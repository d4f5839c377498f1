//! The schedule and the parameters of maintenance, by which it is decided when something may be deleted.

use crate::fuzz::{Random, Target, mutate};
use jiff::SignedDuration;
use serde_json::{Value, json};
use velero_repo::repository::epoch::safe_drop_time;
use velero_repo::repository::gojson;
use velero_repo::repository::maintenance::{Parameters, Schedule, Task, TaskRun};

const WORDS: [&str; 22] = [
    "nextFullMaintenance",
    "nextQuickMaintenance",
    "runs",
    "snapshot-gc",
    "full-rewrite-contents",
    "full-delete-blobs",
    "start",
    "end",
    "success",
    "error",
    "extra",
    "true",
    "2026-11-21T12:00:00Z",
    "0001-01-01T00:00:00Z",
    "1677-09-21T00:12:43.145224192Z",
    "2262-04-11T23:47:16.854775807Z",
    "owner",
    "quick",
    "interval",
    "logRetention",
    "-9223372036854775808",
    "null",
];

pub struct Maintenances {
    seeds: [Value; 2],
}

impl Maintenances {
    pub fn new() -> Maintenances {
        let run = |day: u32| json!({"start": format!("2026-11-{day}T12:00:00Z"), "end": format!("2026-11-{day}T12:10:00.5Z"), "success": true});
        let details = json!([{"kind": "snapshotGCStats", "data": {"unusedCount": 3, "size": 1e20}}]);
        let failed = json!({"start": "2026-11-18T00:00:00Z", "end": "2026-11-18T00:00:01Z", "error": "denied", "extra": details});
        let schedule = json!({"nextFullMaintenance": "2026-11-22T12:00:00Z", "nextQuickMaintenance": "0001-01-01T00:00:00Z", "runs": {
            "snapshot-gc": [run(21), run(20), failed, run(17)], "full-rewrite-contents": [run(20)], "full-delete-blobs": [run(21)], "later": []}});
        let cycle = json!({"enabled": true, "interval": 3_600_000_000_000_u64});
        let parameters = json!({"owner": "default@default", "quick": cycle, "full": cycle, "extendObjectLocks": false, "listParallelism": 0,
            "logRetention": {"maxTotalSize": 1_073_741_824, "maxCount": 10_000, "maxAge": 2_592_000_000_000_000_u64}, "later": [1.50]});
        Maintenances { seeds: [schedule, parameters] }
    }
}

impl Target for Maintenances {
    fn name(&self) -> &'static str {
        "maintenance"
    }

    fn memory(&self) -> usize {
        16 << 20
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let seed = random.pick(&self.seeds);
        mutate::document(random, seed, &WORDS)
    }

    fn run(&self, input: &[u8]) {
        if let Ok(parameters) = serde_json::from_slice::<Parameters>(input) {
            let written = gojson::to_vec(&parameters).expect("what was read can be written");
            assert_eq!(serde_json::from_slice::<Parameters>(&written).ok().as_ref(), Some(&parameters));
            assert!(!parameters.full.interval().is_negative() && !parameters.quick.interval().is_negative());
        }
        let Ok(mut schedule) = Schedule::parse(input) else { return };
        let written = schedule.json().expect("what was read can be written");
        assert_eq!(Schedule::parse(&written).ok().as_ref(), Some(&schedule));
        let collections = schedule.collections();
        if let Some(time) = safe_drop_time(&collections) {
            let settled = collections.iter().filter(|run| run.start > time).count();
            assert!(settled >= 2, "deletions are final after {settled} collections");
        }
        let hour = SignedDuration::from_hours(1);
        let _ = (schedule.may_rewrite(), schedule.may_delete_from(hour));
        schedule.report(Task::SnapshotGc.name(), TaskRun::default());
        assert!(schedule.runs_of(Task::SnapshotGc.name()).len() <= 50);
    }
}
