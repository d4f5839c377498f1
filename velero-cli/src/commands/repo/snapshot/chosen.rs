//! Snapshots that the command line names, by identity or the beginning of one.

use anyhow::{Context as _, anyhow};
use velero_repo::repository::browse;
use velero_repo::repository::manifest::{Manifests, Record, TYPE, labels};
use velero_repo::repository::open::Repository;
use velero_repo::repository::snapshot::SNAPSHOT;

/// The manifests of all snapshots, readable or not.
pub async fn all(repository: &Repository) -> anyhow::Result<Manifests> {
    repository.manifests(&labels([(TYPE, SNAPSHOT)])).await.context("listing snapshots")
}

/// The snapshot whose identity is `text`, or the only one whose identity begins with it.
pub fn one<'a>(snapshots: &'a Manifests, text: &str) -> anyhow::Result<&'a Record> {
    let missing = || anyhow!("snapshot {text} does not exist; `velero repo snapshot list` names those that do");
    browse::among(snapshots, text)?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use velero_repo::repository::gojson::Time;
    use velero_repo::repository::manifest::{ManifestId, Merge};

    #[test]
    fn a_beginning_is_enough_when_it_is_unique() {
        let mut merge = Merge::default();
        for id in ["abcd1", "abcd2", "abde1", "ab", "0123456789abcdef"] {
            let id = ManifestId::parse(id).unwrap();
            merge.add(Record::new(id, labels([(TYPE, SNAPSHOT)]), Time::from_nanos(1), &0).unwrap());
        }
        let all = merge.finish();
        let check = |text: &str, expected: &str| {
            let found = one(&all, text).map(|record| record.id.to_string());
            assert!(found.unwrap_or_else(|error| error.to_string()).contains(expected), "{text}");
        };
        check("abcd1", "abcd1");
        check("abde", "abde1");
        check("ab", "ab");
        check("0123456789ABCDEF", "0123456789abcdef");
        check("ABDE", "abde1");
        check("abcd", "2 snapshots begin like that: abcd1, abcd2");
        check("012", "at least 4 characters");
        check("A", "at least 4 characters");
        check("0129", "snapshot 0129 does not exist");
        check("x", "snapshot x does not exist");
        check("", "does not exist");
    }
}
