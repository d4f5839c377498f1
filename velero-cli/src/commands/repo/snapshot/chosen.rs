//! Snapshots that the command line names, by identity or the beginning of one.

use anyhow::{Context as _, anyhow};
use velero_repo::repository::manifest::{Manifests, Record, TYPE, labels};
use velero_repo::repository::open::Repository;
use velero_repo::repository::snapshot::SNAPSHOT;

/// The manifests of all snapshots, readable or not.
pub async fn all(repository: &Repository) -> anyhow::Result<Manifests> {
    repository.manifests(&labels([(TYPE, SNAPSHOT)])).await.context("listing snapshots")
}

/// The snapshot whose identity is `text`, or the only one whose identity begins with it.
pub fn one<'a>(snapshots: &'a Manifests, text: &str) -> anyhow::Result<&'a Record> {
    if let Some(record) = snapshots.get(text) {
        return Ok(record);
    }
    let mut found = snapshots.iter().filter(|record| !text.is_empty() && record.id.as_str().starts_with(text));
    match (found.next(), found.count()) {
        (Some(record), 0) => Ok(record),
        (Some(_), more) => Err(anyhow!("{} snapshots begin with {text}; name more of the one that is meant", more + 1)),
        (None, _) => Err(anyhow!("snapshot {text} does not exist; `velero repo snapshot list` names those that do")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use velero_repo::repository::gojson::Time;
    use velero_repo::repository::manifest::{ManifestId, Merge};

    #[test]
    fn a_beginning_is_enough_when_it_is_unique() {
        let mut merge = Merge::default();
        for id in ["abc1", "abc2", "abd", "ab"] {
            let id = ManifestId::parse(id).unwrap();
            merge.add(Record::new(id, labels([(TYPE, SNAPSHOT)]), Time::from_nanos(1), &0).unwrap());
        }
        let all = merge.finish();
        let check = |text: &str, expected: &str| {
            let found = one(&all, text).map(|record| record.id.to_string());
            assert!(found.unwrap_or_else(|error| error.to_string()).contains(expected), "{text}");
        };
        check("abc1", "abc1");
        check("abd", "abd");
        check("ab", "ab");
        check("abc", "2 snapshots begin with abc");
        check("x", "snapshot x does not exist");
        check("", "does not exist");
    }
}
