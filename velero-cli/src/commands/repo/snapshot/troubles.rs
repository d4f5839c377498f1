//! Entries that are missing or differ, as problems.

use crate::output::printable;
use crate::report::Problems;
use velero_core::{Problem, Severity, Stage};
use velero_repo::repository::upload::Troubles;

/// Adds a problem for each entry that has a name; all others are counted.
pub fn add(problems: &mut Problems, troubles: &Troubles, severity: Severity, reason: &str) {
    for one in &troubles.named {
        let path = if one.path.is_empty() { "the root" } else { one.path.as_str() };
        let text = printable(&format!("{path}: {}", one.reason));
        problems.push(Problem { severity, ..Problem::error(Stage::Volume, reason, text) });
    }
    problems.add_unnamed(severity, troubles.count.saturating_sub(troubles.named.len() as u64));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RunReport;
    use velero_repo::repository::upload::Trouble;

    #[test]
    fn each_entry_is_a_problem_whether_it_has_a_name_or_not() {
        let trouble = |path: &str| Trouble { path: path.to_owned(), reason: "gone".to_owned() };
        let troubles = Troubles { count: 2500, named: vec![trouble("a\n"), trouble("")] };
        let mut problems = Problems::default();
        add(&mut problems, &troubles, Severity::Error, "EntryNotRead");
        let report = RunReport::new("repo snapshot create", "s", "PartiallyFailed", problems);
        let messages: Vec<_> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!((report.errors, messages), (2500, vec!["a\\n: gone", "the root: gone"]));
    }
}
