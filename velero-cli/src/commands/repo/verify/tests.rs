use super::*;
use velero_repo::repository::verify::{DamageKind, Warning, WarningKind};

fn damage(files: u64, paths: &[&str]) -> Damage {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Damage {
        what: "p1".into(),
        kind: DamageKind::Missing,
        reason: "it is missing".into(),
        contents: 1,
        hurts: vec![Hurt { snapshot: "4f".into(), files, paths }],
    }
}

#[test]
fn what_is_hurt_has_a_name_also_where_its_path_is_empty() {
    for (files, paths, expected) in [
        (1, &["a"][..], "1 entry: a"),
        (3, &["a", "b"], "3 entries: a, b, …"),
        (1, &[""], "all of it"),
        (1, &["/"], "its root directory"),
        (2, &["/", "docs/"], "2 entries: its root directory, docs/"),
        (2, &[], "2 entries"),
    ] {
        assert_eq!(in_words(&damage(files, paths)), format!("p1: it is missing; snapshot 4f: {expected}"));
    }
}

fn report() -> Report {
    Report {
        repository: "repo".into(),
        level: Level::Metadata,
        begun: jiff::Timestamp::UNIX_EPOCH,
        ended: jiff::Timestamp::UNIX_EPOCH,
        checked: Default::default(),
        snapshots: Vec::new(),
        damages: vec![damage(1, &["a\n\u{1b}[2Jb"])],
        more_damages: 5,
        warnings: vec![Warning { kind: WarningKind::Summary, what: "snapshot 4f/x\ny".into(), reason: "odd".into() }],
        more_warnings: 7,
    }
}

#[test]
fn names_in_findings_do_not_act_on_a_terminal_and_those_without_a_name_count() {
    let run = RunReport::new("repo verify", "repo", "Failed", problems(&report()));
    assert_eq!((run.errors, run.warnings), (6, 8));
    let said: Vec<_> = run.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(said[0].ends_with("1 entry: a\\n\\u{1b}[2Jb"), "{said:?}");
    assert_eq!(said[1], "snapshot 4f/x\\ny: odd");
}

#[test]
fn incomplete_snapshots_are_counted_beside_those_that_are_hurt() {
    let one = |restorable, incomplete: &str| SnapshotReport {
        id: "4f".into(),
        source: "me@here:/a".into(),
        taken: None,
        incomplete: incomplete.into(),
        failed: 0,
        restorable,
        durable: true,
        damaged: 0,
        pending_deletion: 0,
    };
    let said = restorable(&[one(true, ""), one(false, "")]);
    assert_eq!(said, "1 of 2 snapshots can not be restored whole");
    let said = restorable(&[one(true, ""), one(true, "checkpoint"), one(true, "canceled")]);
    assert!(said.starts_with("0 of 3 snapshots can not be restored whole; 2 are incomplete"), "{said}");
}
