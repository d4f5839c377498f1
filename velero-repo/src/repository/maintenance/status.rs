//! Whether maintenance is due, and whose business it is.

use super::exclusive::load;
use super::parameters::Parameters;
use super::plan::Cycle;
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::repository::open::Repository;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where maintenance stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceStatus {
    /// `user@host` of the only one who may run it.
    pub owner: String,
    /// Whether that is us.
    pub is_owner: bool,
    /// What is due at present; also when it is another's business.
    pub due: Option<Cycle>,
    /// When a quick cycle is due.
    pub next_quick: Timestamp,
    /// When a full cycle is due.
    pub next_full: Timestamp,
    /// When the last collection was successful.
    pub collected: Option<Timestamp>,
    /// What is wrong with the schedule, if anything: maintenance that is asked for writes it anew.
    pub schedule_damage: Option<String>,
}

/// What is due. A full cycle includes a quick one.
pub(super) fn due(schedule: &Schedule, parameters: &Parameters, now: Timestamp) -> Option<Cycle> {
    match () {
        () if parameters.full.enabled && now >= schedule.next_full.timestamp() => Some(Cycle::Full),
        () if parameters.quick.enabled && now >= schedule.next_quick.timestamp() => Some(Cycle::Quick),
        () => None,
    }
}

/// The schedule; an empty one, and what is wrong, if it is damaged.
pub(super) async fn load_lenient(repository: &Repository) -> Result<(Schedule, Option<String>)> {
    match load(repository).await {
        Ok((schedule, _)) => Ok((schedule, None)),
        Err(error @ Error::Corrupt { .. }) => Ok((Schedule::default(), Some(error.to_string()))),
        Err(error) => Err(error),
    }
}

impl MaintenanceStatus {
    /// Looks it up.
    ///
    /// # Errors
    /// Those of reading manifests; the store's.
    pub async fn of(repository: &Repository) -> Result<Self> {
        let parameters = Parameters::load(repository).await?;
        let (schedule, schedule_damage) = load_lenient(repository).await?;
        Ok(MaintenanceStatus {
            is_owner: parameters.owner == repository.identity().to_string(),
            due: due(&schedule, &parameters, repository.now()).filter(|_| schedule_damage.is_none()),
            next_quick: schedule.next_quick.timestamp(),
            next_full: schedule.next_full.timestamp(),
            collected: schedule.collections().iter().map(|run| run.end).max(),
            schedule_damage,
            owner: parameters.owner,
        })
    }
}
