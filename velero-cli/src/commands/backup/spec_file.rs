//! `--from-spec FILE`: a Backup document, or only its spec.
//!
//! What a server or an earlier run put into the document (identity, status, Velero's annotations) is dropped. A field that is
//! not known is refused, because a misspelt filter would widen the backup in silence; so is a wish that can not be honoured.

use crate::flags::read_file;
use crate::flags::unsupported::refuse;
use anyhow::{Context as _, anyhow};
use serde_json::Value;
use std::path::Path;
use velero_core::api::{Backup, BackupSpec};

/// Reads the request in `file`; its name is empty if the file holds a spec only.
pub fn read(file: &Path) -> anyhow::Result<Backup> {
    let text = read_file(file)?;
    parse(&text).with_context(|| format!("reading the spec in {}", file.display()))
}

fn parse(text: &str) -> anyhow::Result<Backup> {
    let value: Value = serde_saphyr::from_str(text)?;
    let given: Backup = match value.get("kind").and_then(Value::as_str) {
        Some("Backup") => serde_json::from_value(value)?,
        Some(kind) => return Err(anyhow!("the document is of kind {kind}, not Backup")),
        None if value.is_object() => Backup::new("", serde_json::from_value(value)?),
        None => return Err(anyhow!("the document is neither a Backup nor its spec")),
    };
    check(&given.spec)?;
    let mut backup = Backup::new(given.metadata.name, given.spec);
    backup.metadata.labels = given.metadata.labels;
    backup.metadata.annotations = given.metadata.annotations;
    backup.metadata.labels.retain(|key, _| key != "velero.io/storage-location");
    backup.metadata.annotations.retain(|key, _| {
        key != "kubectl.kubernetes.io/last-applied-configuration"
            && key != "velero.io/resource-timeout"
            && !key.starts_with("velero.io/source-cluster-k8s-")
    });
    Ok(backup)
}

fn check(spec: &BackupSpec) -> anyhow::Result<()> {
    let workers = spec.other.get("uploaderConfig").and_then(|c| c.get("parallelFilesUpload")).and_then(Value::as_u64);
    refuse(&[
        ("snapshotVolumes: true", spec.snapshot_volumes == Some(true), "; remove the field"),
        ("snapshotMoveData: true", spec.snapshot_move_data == Some(true), "; remove the field"),
        ("defaultVolumesToFsBackup: true", spec.default_volumes_to_fs_backup == Some(true), "; remove the field"),
        ("datamover", !spec.datamover.is_empty(), "; remove the field"),
        ("volumeSnapshotLocations", !spec.volume_snapshot_locations.is_empty(), "; remove the field"),
        ("uploaderConfig.parallelFilesUpload", workers.is_some_and(|n| n > 0), "; remove the field"),
        (
            "defaultVolumesToRestic: true",
            spec.other.get("defaultVolumesToRestic") == Some(&Value::Bool(true)),
            "; remove the field",
        ),
    ])?;
    let known = ["uploaderConfig", "defaultVolumesToRestic"];
    match spec.other.keys().find(|key| !known.contains(&key.as_str())) {
        Some(field) => Err(anyhow!("the field {field} is not known in a Backup's spec")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_bare_specs_are_read() {
        let whole = "kind: Backup\napiVersion: velero.io/v1\nmetadata:\n  name: web\n  uid: abc\n  labels: {a: b}\n\
                     spec:\n  includedNamespaces: [web]\nstatus:\n  phase: Completed\n";
        let backup = parse(whole).unwrap();
        assert_eq!((backup.metadata.name.as_str(), backup.metadata.uid.as_str()), ("web", ""));
        assert_eq!(backup.metadata.labels["a"], "b");
        assert_eq!(backup.spec.included_namespaces, ["web"]);
        assert_eq!(backup.status.phase, None);
        assert_eq!(parse("{\"excludedNamespaces\": [\"x\"]}").unwrap().spec.excluded_namespaces, ["x"]);
    }

    #[test]
    fn unknown_and_unsupported_fields_are_named() {
        let check = |text: &str, part: &str| {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(part), "{error}");
        };
        check("includeNamespaces: [web]", "includeNamespaces");
        check("snapshotMoveData: true", "snapshotMoveData");
        check("uploaderConfig: {parallelFilesUpload: 4}", "parallelFilesUpload");
        check("kind: Restore", "Restore");
        check("- a", "neither");
    }
}
