//! Faults of usage and surroundings: one line that names the thing, and the right exit code.

use crate::{command, velero};

/// Each line is refused with 64 and a fault that holds every part.
#[test]
fn wrong_usage_is_64_and_names_the_thing() {
    let table: &[(&str, &[&str])] = &[
        ("frobnicate", &["frobnicate"]),
        ("backup frobnicate", &["frobnicate"]),
        ("backup get --stor x", &["--stor", "--store"]),
        ("backup create", &["NAME"]),
        ("backup create Not_A_Name", &["Not_A_Name", "lower-case"]),
        ("backup create web --include-namespace a", &["--include-namespaces"]),
        ("backup create web -l a=b=c", &["a=b=c"]),
        ("backup create web -l a=b --or-selector c=d", &["--or-selector"]),
        ("backup create web --labels a", &["\"a\"", "KEY=VALUE"]),
        ("backup create web --ttl 5", &["5", "72h"]),
        ("backup create web --ordered-resources pods", &["pods", "RESOURCE="]),
        ("backup create web --explain", &["--dry-run"]),
        ("backup create web --features EnableAPIGroupVersions", &["EnableAPIGroupVersions"]),
        ("backup create web --include-resources a --exclude-namespace-scoped-resources b", &["--include-resources"]),
        ("backup get -o xml", &["xml", "json"]),
        ("backup get", &["--store", "VELERO_STORE"]),
        ("backup delete", &["--all"]),
        ("backup delete a --all", &["--all"]),
        ("backup download", &["NAME"]),
        ("restore plan", &["--from-backup"]),
        ("restore create --from-backup a --from-schedule b", &["--from-schedule"]),
        ("restore create --from-backup a --existing-resource-policy replace", &["replace", "update"]),
        ("restore create --from-backup a --namespace-mappings a=b", &["a=b", "KEY:VALUE"]),
        ("restore apply", &["FILE"]),
        ("restore delete", &["--all"]),
        ("completion tcsh", &["tcsh", "zsh"]),
        ("get backups --offline a --kubeconfig b", &["--offline", "--kubeconfig"]),
    ];
    for (line, parts) in table {
        let outcome = velero(line).expect(64);
        assert_eq!(outcome.stdout, "", "{line}");
        for part in *parts {
            assert!(outcome.fault().contains(part), "{line}: {}", outcome.stderr);
        }
    }
}

#[test]
fn flags_that_can_not_be_honoured_are_refused_by_name() {
    for flag in [
        "--snapshot-move-data",
        "--snapshot-volumes",
        "--snapshot-volumes=true",
        "--default-volumes-to-fs-backup",
        "--default-volumes-to-restic",
        "--data-mover=x",
        "--parallel-files-upload=4",
        "--volume-snapshot-locations=a,b",
        "--from-schedule=daily",
    ] {
        let outcome = velero(&format!("backup create web {flag}")).expect(64);
        let name = flag.split('=').next().unwrap_or(flag);
        assert!(outcome.fault().contains(name), "{}", outcome.stderr);
    }
    for flag in ["--write-sparse-files", "--parallel-files-download=4", "--restore-volumes"] {
        let outcome = velero(&format!("restore create --from-backup web {flag}")).expect(64);
        assert!(outcome.fault().contains(flag.split('=').next().unwrap_or(flag)), "{}", outcome.stderr);
    }
}

#[test]
fn the_same_flags_are_fine_when_they_ask_for_nothing() {
    let flags = "--snapshot-move-data=false --snapshot-volumes=false --default-volumes-to-fs-backup=false \
                 --parallel-files-upload 0 --wait --colorized=false --features EnableCSI";
    let outcome = velero(&format!("backup create web {flags} -o json")).expect(0);
    assert_eq!(outcome.json()["spec"]["snapshotVolumes"], false);
    assert_eq!(outcome.json()["spec"]["snapshotMoveData"], false);
}

#[test]
fn printing_a_document_needs_neither_store_nor_cluster() {
    let line = "create backup web --include-namespaces a,b --include-cluster-resources --ttl 72h --labels x=y,z=w \
                --or-selector a=b -o json";
    let document = velero(line).expect(0).json();
    assert_eq!(document["metadata"]["labels"]["z"], "w");
    assert_eq!(document["spec"]["includedNamespaces"], serde_json::json!(["a", "b"]));
    assert_eq!(document["spec"]["includeClusterResources"], true);
    assert_eq!(document["spec"]["ttl"], "72h0m0s");
    let yaml = velero("create restore back --from-backup web --namespace-mappings a:b -o yaml").expect(0).stdout;
    assert!(yaml.contains("backupName: web") && yaml.contains("a: b"), "{yaml}");
}

#[test]
fn unreadable_files_are_named() {
    for line in [
        "backup create web --from-spec nowhere.yaml",
        "backup create web --resource-policies nowhere.yaml",
        "restore apply nowhere.yaml",
    ] {
        let outcome = velero(&format!("{line} --store bucket --offline .")).expect(1);
        assert!(outcome.fault().contains("nowhere.yaml"), "{line}: {}", outcome.stderr);
    }
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = command(directory.path())
        .args(["completion", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let outcome = crate::Outcome::from(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn output_that_can_not_be_written_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    for line in ["version", "--help", "completion bash", "create backup web -o json", "demo"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(directory.path());
        let output = command.args(line.split(' ')).stdout(full).stderr(std::process::Stdio::piped()).output();
        let outcome = crate::Outcome::from(output.unwrap()).expect(1);
        assert!(outcome.fault().contains("writing to stdout"), "{line}: {}", outcome.stderr);
    }
}
