//! Stores, clusters and names that are not there: one line that names the thing.

use crate::{velero, velero_in};

#[test]
fn a_store_that_does_not_fit_is_named() {
    for (store, part) in [("gopher://x", "gopher"), ("s3://", "s3://")] {
        let outcome = velero(&format!("backup get --store {store}"));
        assert!(outcome.code == 1 || outcome.code == 64, "{}", outcome.stderr);
        assert!(outcome.fault().contains(part), "{}", outcome.stderr);
    }
}

#[test]
fn an_unreachable_cluster_and_a_missing_kubeconfig_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = velero_in(directory.path(), "backup create web --store bucket --kubeconfig nowhere.yaml").expect(1);
    assert!(outcome.fault().contains("nowhere.yaml"), "{}", outcome.stderr);
    std::fs::write(directory.path().join("kubeconfig"), kubeconfig("127.0.0.1:9")).unwrap();
    let outcome = velero_in(directory.path(), "backup create web --store bucket --kubeconfig kubeconfig").expect(1);
    assert!(outcome.fault().contains("127.0.0.1:9"), "{}", outcome.stderr);
}

#[test]
fn unknown_backups_and_restores_are_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("bucket")).unwrap();
    for line in [
        "backup describe web",
        "backup get web",
        "backup logs web",
        "backup download web",
        "backup delete web --confirm",
        "restore plan --from-backup web --offline .",
        "restore create --from-backup web --offline .",
    ] {
        let outcome = velero_in(directory.path(), &format!("{line} --store bucket")).expect(1);
        assert!(outcome.fault().contains("backup web does not exist"), "{line}: {}", outcome.stderr);
    }
    for line in ["restore describe web", "restore get web", "restore logs web", "restore delete web --confirm"] {
        let outcome = velero_in(directory.path(), &format!("{line} --store bucket")).expect(1);
        assert!(outcome.fault().contains("restore web does not exist"), "{line}: {}", outcome.stderr);
    }
}

#[test]
fn an_empty_store_is_no_fault() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("bucket")).unwrap();
    let outcome = velero_in(directory.path(), "backup get --store bucket").expect(0);
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.contains("No backups"), "{}", outcome.stderr);
    let list = velero_in(directory.path(), "backup get --store bucket -o json").expect(0).json();
    assert_eq!(list["kind"], "BackupList");
}

#[test]
fn a_failure_is_in_the_report_too() {
    let outcome = velero("backup create web --store bucket --offline nowhere --report json").expect(1);
    let report = outcome.json();
    assert_eq!(report["outcome"], "Failed");
    assert_eq!(report["exitCode"], 1);
    assert!(report["error"].as_str().unwrap_or_default().contains("nowhere"), "{report}");
}

#[test]
fn wrong_credentials_are_named_with_the_fix() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in server.incoming().flatten() {
            refuse(connection);
        }
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), kubeconfig(&address.to_string())).unwrap();
    let outcome = velero_in(directory.path(), "backup create web --store bucket --kubeconfig kubeconfig").expect(1);
    for part in [&address.to_string(), "401", "--kubeconfig"] {
        assert!(outcome.fault().contains(part), "{part}: {}", outcome.stderr);
    }
}

/// Answers every request on a connection with 401.
fn refuse(connection: std::net::TcpStream) {
    use std::io::{BufRead, BufReader, Write};
    let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    let mut out = connection;
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: ";
            if write!(out, "{head}{}\r\n\r\n{body}", body.len()).is_err() {
                return;
            }
        }
    }
}

/// A kubeconfig of the API server at `server`.
pub fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
         clusters: [{{name: a, cluster: {{server: 'http://{server}'}}}}]\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    )
}
