//! The shape of the workspace: sizes, names and arrows that a reviewer would otherwise have to watch.

#![allow(clippy::unwrap_used)] // a test may panic

use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 5] = ["velero-core", "velero-repo", "velero-k8s", "velero-cli", "velero-py"];
const LINES: usize = 400;
const FORBIDDEN_NAMES: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "manager"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with('.') || ["target", "__pycache__", "node_modules"].contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path(), ending));
        } else if name.ends_with(ending) {
            found.push(entry.path());
        }
    }
    found
}

fn rust_files() -> Vec<PathBuf> {
    CRATES.iter().chain(&["examples", "tests"]).flat_map(|krate| files_below(&root().join(krate), ".rs")).collect()
}

/// A file that is one long table says so in its first line and may be longer.
fn is_table(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.starts_with("//! Table:"))
}

#[test]
fn files_stay_short() {
    let long: Vec<_> = rust_files()
        .into_iter()
        .filter_map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let lines = text.lines().count();
            (lines > LINES && !is_table(&text)).then(|| format!("{} has {lines} lines", file.display()))
        })
        .collect();
    assert!(long.is_empty(), "split by noun: {long:#?}");
}

#[test]
fn files_are_named_by_nouns() {
    for file in rust_files() {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(!FORBIDDEN_NAMES.contains(&stem), "{} says nothing", file.display());
        assert_ne!(stem, "mod", "{}: modules are name.rs and name/", file.display());
    }
}

#[test]
fn arrows_between_crates_point_one_way() {
    let forbidden: [(&str, &[&str]); 3] = [
        ("velero-core", &["tokio", "futures", "kube", "opendal", "clap", "velero-repo", "velero-k8s"]),
        ("velero-repo", &["kube", "k8s-openapi", "clap", "velero-core", "velero-k8s"]),
        ("velero-k8s", &["clap", "opendal", "velero-cli"]),
    ];
    for (krate, names) in forbidden {
        let manifest = fs::read_to_string(root().join(krate).join("Cargo.toml")).unwrap();
        let normal = manifest.split("[dev-dependencies]").next().unwrap();
        for line in normal.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            assert!(!names.contains(&name), "{krate} may not depend on {name}");
        }
    }
}

#[test]
fn the_pure_crate_has_no_clock_environment_or_print() {
    for file in files_below(&root().join("velero-core/src"), ".rs") {
        let text = fs::read_to_string(&file).unwrap();
        for word in ["SystemTime::now", "Timestamp::now", "Instant::now", "std::env::", "println!", "async fn"] {
            assert!(!text.contains(word), "{} contains {word}", file.display());
        }
    }
}

#[test]
fn keys_of_the_bucket_are_spelled_in_one_place() {
    for krate in CRATES {
        for file in files_below(&root().join(krate).join("src"), ".rs") {
            let path = file.to_str().unwrap();
            if path.ends_with("velero-repo/src/layout.rs") || path.contains("/tests/") || path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                assert!(!line.contains("\"backups/"), "{} spells a key: {line}", file.display());
            }
        }
    }
}

#[test]
fn documents_that_the_code_cites_exist() {
    for name in ["README.md", "docs/architecture.md", "docs/formats.md", "LICENSE"] {
        assert!(root().join(name).is_file(), "{name} is missing");
    }
}
