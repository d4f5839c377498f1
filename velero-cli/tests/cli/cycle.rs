//! The way of a backup on an offline cluster and a directory store: create, read, plan, apply, restore.

use crate::{Outcome, velero_in};
use std::path::Path;

const MANIFESTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: web, labels: {app: web}}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: web}
type: Opaque
data: {token: c2VjcmV0}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: unrelated, namespace: other}
";

const CLAIM: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: web}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeName: pv-1}
status: {phase: Bound}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-1}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 1Gi}
  csi: {driver: disk.example, volumeHandle: h1}
  persistentVolumeReclaimPolicy: Delete
  claimRef: {namespace: web, name: data}
";

/// A directory with a source cluster, an empty target cluster and no bucket yet.
struct Place(tempfile::TempDir);

impl Place {
    fn new(manifests: &str) -> Place {
        let directory = tempfile::tempdir().unwrap();
        for cluster in ["source", "target"] {
            std::fs::create_dir(directory.path().join(cluster)).unwrap();
        }
        std::fs::write(directory.path().join("source/all.yaml"), manifests).unwrap();
        Place(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, line: &str) -> Outcome {
        velero_in(self.path(), &format!("{line} --store bucket"))
    }

    fn source(&self, line: &str) -> Outcome {
        self.run(&format!("{line} --offline source"))
    }

    fn target(&self, line: &str) -> Outcome {
        self.run(&format!("{line} --offline target"))
    }
}

#[test]
fn a_backup_is_created_listed_described_and_downloaded() {
    let place = Place::new(MANIFESTS);
    let report =
        place.source("backup create web --include-namespaces web --labels team=a --report json").expect(0).json();
    assert_eq!(report["command"], "backup create");
    assert_eq!(report["outcome"], "Completed");
    assert_eq!(report["errors"], 0);
    assert!(report["items"].as_u64().unwrap() >= 3, "{report}");

    let table = place.run("get backups --show-labels").expect(0).stdout;
    assert!(table.contains("web") && table.contains("Completed") && table.contains("team=a"), "{table}");
    assert_eq!(place.run("backup get web -o json").expect(0).json()["metadata"]["name"], "web");
    assert_eq!(place.run("backup get -l team=b").expect(0).stdout, "");

    let page = place.run("backup describe web --details").expect(0).stdout;
    for part in ["Name:", "Phase:  Completed", "Included:  web", "v1/ConfigMap:", "- web/settings"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json = place.run("backup describe web -o json").expect(0).json();
    assert_eq!(json["phase"], "Completed");

    place.run("backup logs web").expect(0);
    place.run("backup download web").expect(0);
    let file = place.path().join("web-data.tar.gz");
    assert_eq!(std::fs::read(&file).unwrap()[..2], [0x1f, 0x8b]);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(place.run("backup download web").expect(1).fault().contains("--force"));
    place.run("backup download web --force").expect(0);
    let outcome = place.run("backup download web -o nowhere/file").expect(1);
    assert!(outcome.fault().contains("nowhere/file"), "{}", outcome.stderr);
    let partials = std::fs::read_dir(place.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial"));
    assert_eq!(partials.count(), 0);
}

#[test]
fn a_name_is_taken_once_and_near_names_are_suggested() {
    let place = Place::new(MANIFESTS);
    place.source("backup create web-1").expect(0);
    assert!(place.source("backup create web-1").expect(1).fault().contains("web-1 exists already"));
    assert!(place.run("backup describe web1").expect(1).fault().contains("did you mean web-1?"));
}

#[test]
fn a_plan_is_saved_applied_and_refused_when_the_cluster_moved_on() {
    let place = Place::new(MANIFESTS);
    place.source("backup create web --include-namespaces web").expect(0);
    let plan = place.target("restore plan back --from-backup web --out plan.json").expect(0).stdout;
    for part in ["configmaps", "secrets", "Nothing has been changed", "restore apply plan.json"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert_eq!(std::fs::read_dir(place.path().join("target")).unwrap().count(), 0);
    place.target("restore plan second --from-backup web --out second.json").expect(0);
    let report = place.target("restore apply plan.json --report json").expect(0).json();
    assert_eq!(report["outcome"], "Completed");
    assert_eq!(report["backup"], "web");

    let table = place.run("restore get").expect(0).stdout;
    assert!(table.contains("back") && table.contains("Completed"), "{table}");
    let page = place.run("describe restore back --details").expect(0).stdout;
    assert!(page.contains("- web/settings(created)"), "{page}");
    place.run("restore logs back").expect(0);

    let outcome = place.target("restore apply second.json").expect(1);
    assert!(outcome.fault().contains("stale") && outcome.fault().contains("web"), "{}", outcome.stderr);
}

#[test]
fn a_restore_goes_into_another_namespace_and_reports_existing_objects() {
    let place = Place::new(MANIFESTS);
    place.source("backup create web --include-namespaces web").expect(0);
    place.source("restore create copy --from-backup web --namespace-mappings web:web-copy").expect(0);
    let page = place.run("restore describe copy --details").expect(0).stdout;
    assert!(page.contains("- web-copy/settings(created)") && page.contains("web=web-copy"), "{page}");
    let plan = place.source("restore plan --from-backup web").expect(0).stdout;
    assert!(plan.contains("left alone"), "{plan}");
}

#[test]
fn empty_volumes_are_warned_of_planned_and_refused() {
    let place = Place::new(&format!("{MANIFESTS}---\n{CLAIM}"));
    let report = place.source("backup create web --include-namespaces web --report json").expect(0).json();
    assert!(report["warnings"].as_u64().unwrap() >= 1, "{report}");
    let plan = place.target("restore plan --from-backup web").expect(0).stdout;
    assert!(plan.contains("without their data") && plan.contains("web/data"), "{plan}");
    let refused = place.target("restore create back --from-backup web").expect(1);
    assert!(refused.fault().contains("--allow-empty-volumes"), "{}", refused.stderr);
    place.target("restore create back --from-backup web --allow-empty-volumes").expect(0);
}

#[test]
fn documents_go_to_the_report_directory() {
    let place = Place::new(MANIFESTS);
    place.source("backup create web --include-namespaces web").expect(0);
    place.target("restore create back --from-backup web --report-dir reports").expect(0);
    for file in ["back.json", "back-results.json", "back-resource-list.json"] {
        assert!(place.path().join("reports").join(file).exists(), "{file}");
    }
    assert_eq!(place.run("restore get").expect(0).stdout, "");
    std::fs::write(place.path().join("file"), "").unwrap();
    let outcome = place.target("restore create other --from-backup web --report-dir file").expect(1);
    assert!(outcome.fault().contains("report directory file"), "{}", outcome.stderr);
}

#[test]
fn a_dry_run_stores_nothing_and_explains_itself() {
    let place = Place::new(MANIFESTS);
    let text = place.source("backup create web --include-namespaces web --dry-run --explain").expect(0).stdout;
    assert!(text.contains("+ configmaps web/settings: "), "{text}");
    assert!(text.contains("- all nodes: "), "{text}");
    assert!(text.contains("Nothing was stored"), "{text}");
    assert!(!place.path().join("bucket").exists());
}

#[test]
fn a_refused_spec_is_a_failure() {
    let place = Place::new(MANIFESTS);
    let outcome = place.source("backup create web --include-namespaces a --exclude-namespaces a").expect(1);
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("FailedValidation"), "{}", outcome.stdout);
    assert_eq!(place.run("backup get").expect(0).stdout, "");
}

#[test]
fn a_missing_namespace_is_a_partial_failure_and_exits_2() {
    let place = Place::new(MANIFESTS);
    let report = place.source("backup create web --include-namespaces web,nowhere --report json").expect(2).json();
    assert_eq!(report["outcome"], "PartiallyFailed");
    assert_eq!(report["exitCode"], 2);
}
