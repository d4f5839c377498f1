//! Faults around a repository: one line that names the thing, the right exit code, and nothing changed.

use super::Place;
use crate::{command, velero};
use std::os::unix::fs::PermissionsExt;

#[test]
fn wrong_usage_of_a_repository_is_64_and_names_the_thing() {
    let table: &[(&str, &[&str])] = &[
        ("frobnicate", &["frobnicate"]),
        ("status", &["--repo", "--volume-namespace"]),
        ("status --repo a --volume-namespace b", &["--repo", "--volume-namespace"]),
        ("status --repo a --password secret", &["--password", "--password-file"]),
        ("status --repo a", &["VELERO_REPO_PASSWORD", "--password-file"]),
        ("status --volume-namespace web", &["velero-repo-credentials"]),
        ("status --repo a --identity me", &["me", "user@host"]),
        ("status --repo a -o yaml", &["yaml", "json"]),
        ("create --repo a --format-version 4", &["4"]),
        ("create --repo a --ecc REED-SOLOMON-CRC32", &["--ecc-overhead-percent"]),
        ("create --repo a --key-derivation md5", &["md5"]),
        ("snapshot", &["create"]),
        ("snapshot create --repo a", &["PATH"]),
        ("snapshot create b --repo a --compression lzma", &["lzma", "zstd-fastest"]),
        ("snapshot create b --repo a --memory lots", &["lots", "192MiB"]),
        ("snapshot create b --repo a --parallel 0", &["0"]),
        ("snapshot create b --repo a --checkpoint-interval 46m", &["46m", "1s to 45m"]),
        ("snapshot create b --repo a --checkpoint-interval 0s", &["1s to 45m"]),
        ("snapshot create b --repo a --checkpoint-interval=-1s", &["1s to 45m"]),
        ("snapshot restore a b --repo a --delete-extra --overwrite all", &["--delete-extra", "--overwrite"]),
        ("verify --repo a --memory 1KiB", &["1.0 KiB"]),
        ("snapshot create b --repo a --source b", &["USER@HOST:PATH"]),
        ("snapshot create b --repo a --tag x", &["KEY=VALUE"]),
        ("snapshot list --repo a --source x", &["USER@HOST"]),
    ];
    for (line, parts) in table {
        let outcome = velero(&format!("repo {line}")).expect(64);
        assert_eq!(outcome.stdout, "", "{line}");
        for part in *parts {
            assert!(outcome.stderr.contains(part), "{line}: {}", outcome.stderr);
        }
    }
}

#[test]
fn two_documents_on_one_stdout_are_refused() {
    let outcome = velero("repo snapshot create tree --repo repo --report json -o json").expect(64);
    assert!(outcome.fault().contains("--report"), "{}", outcome.stderr);
}

#[test]
fn a_password_comes_from_a_file_as_well() {
    let place = Place::new();
    place.write("password", b"  correct horse\n");
    place.write("empty", b"\n");
    place.run_with("status --password-file password", &[]).expect(0);
    let outcome = place.run_with("status --password-file nowhere", &[]).expect(1);
    assert!(outcome.fault().contains("nowhere"), "{}", outcome.stderr);
    let outcome = place.run_with("status --password-file empty", &[]).expect(64);
    assert!(outcome.fault().contains("empty"), "{}", outcome.stderr);
}

#[test]
fn a_password_that_is_no_text_is_not_taken_for_none() {
    let place = Place::new();
    let bytes = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff");
    let mut command = command(place.path());
    let output = command.args(["repo", "status", "--repo", "repo"]).env("VELERO_REPO_PASSWORD", bytes).output();
    let outcome = crate::Outcome::from(output.unwrap()).expect(64);
    assert!(outcome.fault().contains("VELERO_REPO_PASSWORD is not UTF-8"), "{}", outcome.stderr);
}

#[test]
fn a_wrong_password_is_named_with_the_fix_and_never_shown() {
    let place = Place::new();
    for line in ["status", "snapshot list", "snapshot create tree"] {
        let outcome = place.run_with(line, &[("VELERO_REPO_PASSWORD", "battery staple")]).expect(1);
        for part in ["password", "wrong", "VELERO_REPO_PASSWORD"] {
            assert!(outcome.fault().contains(part), "{line}: {}", outcome.stderr);
        }
        assert!(!outcome.stderr.contains("staple"), "{line}: {}", outcome.stderr);
    }
}

#[test]
fn a_missing_repository_is_named_with_the_fix() {
    let place = Place::empty();
    std::fs::create_dir(place.path().join("repo")).unwrap();
    let outcome = place.run("status").expect(1);
    for part in ["repo", "does not exist", "repo create"] {
        assert!(outcome.fault().contains(part), "{}", outcome.stderr);
    }
    let outcome = place.run("status --repo elsewhere").expect(1);
    assert!(outcome.fault().contains("elsewhere"), "{}", outcome.stderr);
    assert!(!place.path().join("elsewhere").exists());
}

#[test]
fn a_repository_is_not_made_over_data() {
    let place = Place::new();
    let before = place.run("status -o json").expect(0).stdout;
    assert!(place.run("create").expect(1).fault().contains("exists already"));
    assert_eq!(place.run("status -o json").expect(0).stdout, before);
}

#[test]
fn unknown_algorithms_leave_no_repository() {
    let place = Place::empty();
    for flags in ["--hash MD5", "--encryption ROT13", "--splitter LARGE", "--ecc CRC --ecc-overhead-percent 2"] {
        let outcome = place.run(&format!("create {flags}")).expect(1);
        let name = flags.split(' ').nth(1).unwrap_or_default();
        assert!(outcome.fault().contains(name), "{flags}: {}", outcome.stderr);
    }
    place.run("create").expect(0);
}

#[test]
fn a_missing_tree_is_named_and_nothing_is_saved() {
    let place = Place::new();
    assert!(place.run("snapshot create nowhere").expect(1).fault().contains("nowhere"));
    assert_eq!(place.run("snapshot list -o json").expect(0).stdout.trim(), "[]");
}

#[test]
fn an_entry_that_can_not_be_read_is_a_partial_failure() {
    let place = Place::new();
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"latin-\xe9");
    std::fs::write(place.path().join("tree").join(name), b"x").unwrap();
    let made = place.run("snapshot create tree -o json").expect(2).json();
    assert_eq!((&made["outcome"], &made["failed"]["count"]), (&"PartiallyFailed".into(), &1.into()));
    assert!(made["failed"]["named"][0]["path"].as_str().unwrap().contains("latin-"), "{made}");
    let outcome = place.run("snapshot create tree").expect(2);
    assert!(outcome.stdout.contains("1 error:") && outcome.stdout.contains("latin-"), "{}", outcome.stdout);
    place.run("snapshot create tree --fail-fast").expect(1);
    let list = place.run("snapshot list -o json").expect(0).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[test]
fn of_very_many_errors_the_true_number_is_told_and_no_names_are_promised_that_are_not_there() {
    let place = Place::new();
    for number in 0..1100 {
        let name = [format!("{number}-").as_bytes(), b"\xe9"].concat();
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&name);
        std::fs::write(place.path().join("tree").join(name), b"x").unwrap();
    }
    let text = place.run("snapshot create tree").expect(2).stdout;
    assert!(text.contains("1100 errors:"), "{text}");
    assert!(text.contains("and 1080 more; -o json names 1000 of the 1100\n"), "{text}");
}

#[test]
fn a_store_that_can_not_be_written_is_named() {
    let place = Place::empty();
    let locked = place.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(locked.join("probe"), b"").is_ok() {
        return; // Nothing is locked for root.
    }
    let outcome = place.run("create --repo locked").expect(1);
    assert!(outcome.fault().contains("locked"), "{}", outcome.stderr);
}

#[test]
fn an_interrupted_snapshot_exits_130_and_the_next_one_goes_on() {
    let place = Place::new();
    let large = std::fs::File::create(place.path().join("tree/sparse")).unwrap();
    large.set_len(64 << 30).unwrap();
    let child = command(place.path())
        .args(["repo", "snapshot", "create", "tree", "--repo", "repo"])
        .env("VELERO_REPO_PASSWORD", super::PASSWORD)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let outcome = crate::Outcome::from(child.wait_with_output().unwrap()).expect(130);
    let kept = place.run("snapshot list --all -o json").expect(0).json();
    match kept.as_array().unwrap().as_slice() {
        [] => assert_eq!(outcome.stdout, ""),
        [one] => {
            assert!(outcome.stdout.contains(one["id"].as_str().unwrap()), "{}", outcome.stdout);
            assert!(outcome.stdout.contains("goes on from it"), "{}", outcome.stdout);
        }
        more => panic!("{more:?}"),
    }
    assert_eq!(place.run("snapshot list -o json").expect(0).stdout.trim(), "[]");
    std::fs::remove_file(place.path().join("tree/sparse")).unwrap();
    place.save();
}

#[test]
fn a_result_that_can_not_be_printed_is_a_failure() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    for line in [
        &*format!("ls {id}"),
        &format!("find {id} --name *"),
        &format!("find {id} --name * -o json"),
        "status",
        "status -o json",
        "verify",
        "snapshot list",
        "snapshot create tree",
        "snapshot create tree -o json",
        &format!("snapshot diff {id} {id}"),
        &format!("snapshot restore {id} target --plan"),
        &format!("snapshot restore {id} target --report json"),
        "maintain --plan",
        &format!("cat {id}/large"),
    ] {
        let outcome = place.run_full(line).expect(1);
        assert!(outcome.stderr.contains("No space left on device"), "{line}: {}", outcome.stderr);
    }
}
