//! Entries that are missing or differ, as problems.

use crate::commands::repo::entry::printable;
use velero_core::Problem;
use velero_repo::repository::upload::Troubles;

/// Adds a problem for each entry that has a name, and one for all others.
pub fn add(problems: &mut Vec<Problem>, troubles: &Troubles, problem: impl Fn(String) -> Problem) {
    let named = troubles.named.iter();
    problems.extend(named.map(|one| problem(format!("{}: {}", printable(&one.path), one.reason))));
    let unnamed = troubles.count.saturating_sub(troubles.named.len() as u64);
    if unnamed > 0 {
        problems.push(problem(format!("{unnamed} more entries like that")));
    }
}
