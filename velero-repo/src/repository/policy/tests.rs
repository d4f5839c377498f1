use super::*;
use crate::repository::gojson::{self, Time};
use crate::repository::manifest::{ManifestId, Merge, Record};

fn json(policy: &Policy) -> String {
    String::from_utf8(gojson::to_vec(policy).unwrap()).unwrap()
}

fn source(user: &str, host: &str, path: &str) -> Source {
    Source::new(host, user, path)
}

#[test]
fn the_policy_of_velero_has_the_bytes_that_velero_writes() {
    let expected = concat!(
        r#"{"retention":{"keepLatest":2147483647,"keepHourly":2147483647,"keepDaily":2147483647,"keepWeekly":2147483647,"#,
        r#""keepMonthly":2147483647,"keepAnnual":2147483647},"files":{},"errorHandling":{"ignoreUnknownTypes":true},"#,
        r#""scheduling":{"manual":true},"compression":{"compressorName":"none"},"metadataCompression":{},"splitter":{},"#,
        r#""actions":{},"osSnapshots":{"volumeShadowCopy":{}},"logging":{"directories":{},"entries":{}},"#,
        r#""upload":{"maxParallelFileReads":8,"parallelUploadAboveSize":2147483648}}"#
    );
    assert_eq!(json(&Policy::velero(8)), expected);
    assert_eq!(serde_json::from_str::<Policy>(expected).unwrap(), Policy::velero(8));
}

#[test]
fn unknown_fields_of_any_part_stay() {
    let text = r#"{"retention":{"keepLatest":3,"keepForever":true},"files":{},"errorHandling":{},"scheduling":{"timeOfDay":[{"hour":1,"min":2}]},"compression":{},"metadataCompression":{},"splitter":{},"actions":{"beforeFolder":{"path":"x"}},"osSnapshots":{"volumeShadowCopy":{}},"logging":{"directories":{},"entries":{}},"upload":{},"noParent":true,"later":[1.0]}"#;
    assert_eq!(json(&serde_json::from_str(text).unwrap()), text);
}

#[test]
fn a_path_inherits_from_paths_above_then_user_then_host_then_all() {
    let asked = source("u", "h", "/a/b");
    let order: Vec<_> = targets(&asked).iter().map(|t| (t.user.clone(), t.host.clone(), t.path.clone())).collect();
    let expected = [("u", "h", "/a/b"), ("u", "h", "/a"), ("u", "h", "/"), ("u", "h", ""), ("", "h", ""), ("", "", "")];
    assert_eq!(order, expected.map(|(u, h, p)| (u.to_string(), h.to_string(), p.to_string())));
    assert_eq!(targets(&source("u", "h", "r/kopia/ns")).len(), 6);

    let mut merge = Merge::default();
    for (number, (user, host, path)) in
        [("u", "h", "/a"), ("u", "h", ""), ("", "h", ""), ("", "", ""), ("x", "h", "/a")].iter().enumerate()
    {
        let mut policy = Policy::default();
        policy.retention.keep_latest = Some(number as i64);
        policy.compression.never_compress = vec![format!(".{number}")];
        if number == 2 {
            policy.compression.compressor_name = "zstd".into();
        }
        let labels = labels_of(&source(user, host, path));
        merge.add(Record::new(ManifestId::from_random([number as u8; 16]), labels, Time::default(), &policy).unwrap());
    }
    let policy = effective(&merge.finish(), &asked).unwrap();
    assert_eq!(policy.retention.keep_latest, Some(0));
    assert_eq!(policy.compression.compressor_name, "zstd");
    assert_eq!(policy.compression.never_compress, [".0", ".1", ".2", ".3"]);
    assert_eq!(policy.retention.keep_hourly, Some(48));
    assert_eq!(policy.files.dot_ignore_files, [".kopiaignore"]);
}

#[test]
fn a_policy_without_parents_inherits_nothing_and_actions_of_a_directory_are_its_own() {
    let asked = source("u", "h", "/a");
    let mut own = Policy { no_parent: true, ..Policy::default() };
    own.actions.before_folder = Some(1.into());
    let merged = merge(&asked, &[(asked.clone(), own.clone()), (Source::default(), Policy::velero(1))]);
    assert_eq!((merged.retention.keep_latest, &merged.actions.before_folder), (None, &Some(1.into())));
    let above = merge(&source("u", "h", "/a/b"), &[(asked, own)]);
    assert_eq!(above.actions.before_folder, None);
}

#[test]
fn compressors_are_chosen_by_extension_and_size() {
    let list = |list: &[&str]| list.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let compression = Compression {
        compressor_name: "zstd".into(),
        only_compress: list(&[".txt"]),
        never_compress: list(&[".txt", ".zip"]),
        min_size: 10,
        max_size: 100,
        ..Compression::default()
    };
    for (name, size, expected) in [
        ("a.txt", 50, true),
        ("a.zip", 50, false),
        ("a.b", 50, true),
        ("a", 50, true),
        ("a.txt", 9, false),
        ("a.txt", 101, false),
        ("a.zip.gz", 10, true),
    ] {
        assert_eq!(compression.compressor_for(name, size).is_some(), expected, "{name} {size}");
    }
    assert_eq!(Policy::velero(1).compression.compressor_for("a", 1), None);
    assert_eq!(Policy::kopia_default().metadata_compression.compressor(), Some("zstd-fastest"));
}

#[test]
fn targets_have_the_labels_by_which_kopia_finds_them() {
    assert_eq!(labels_of(&Source::default()), labels([("type", "policy"), ("policyType", "global")]));
    assert_eq!(
        labels_of(&source("", "h", "")),
        labels([("type", "policy"), ("policyType", "host"), ("hostname", "h")])
    );
    assert_eq!(labels_of(&source("u", "h", "p")).len(), 5);
    assert!(Policy::kopia_default().validate(&source("u", "h", "/p")).is_err());
    assert!(Policy::velero(1).validate(&source("u", "h", "/p/")).is_err());
    assert!(Policy::velero(1).validate(&source("u", "h", "/")).is_ok());
}
