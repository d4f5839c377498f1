//! Both walks through the trees of snapshots: one that finds whether something is wrong, each directory once, and one
//! that finds what that hurts, only when there is something.

use super::blobs::kind_of;
use super::marks::Marks;
use super::objects::{Objects, Problem};
use super::report::{DamageKind, WarningKind};
use super::run::Run;
use super::snapshots::Selected;
use super::walk::{Place, Visitor, Walk};
use std::sync::atomic::Ordering;

impl Run {
    /// Walks through all selected snapshots.
    pub(super) fn walk(&self, selected: &[Selected]) {
        let lists = Marks::new(self.view.ordinals());
        let walk = Walk::new(self.objects(&lists), self, self.progress());
        for snapshot in selected {
            if let Some(root) = &snapshot.root {
                walk.run(&snapshot.report.id, root, self.options.workers);
            }
        }
    }

    /// Follows objects, with what is known to be damaged by now.
    pub(super) fn objects<'a>(&'a self, lists: &'a Marks) -> Objects<'a> {
        Objects {
            repository: &self.repository,
            view: &self.view,
            used: &self.used,
            bad: &self.bad,
            lists,
            verifies: true,
        }
    }

    /// Takes down a problem; returns what is to blame, nothing if nothing is damaged. Which of several index blobs that
    /// can not be read named a content, nobody can tell: all of them are to blame.
    pub(super) fn blame(&self, problem: Problem) -> Vec<String> {
        match problem {
            Problem::Pending(_) => {
                self.pending.store(true, Ordering::Relaxed);
                Vec::new()
            }
            Problem::Unreadable(_, error) if error.is_of_store() => {
                self.findings().fail(error);
                Vec::new()
            }
            Problem::Damaged(ordinal) => vec![self.pack_of(ordinal)],
            Problem::Unreadable(ordinal, error) => {
                let pack = self.pack_of(ordinal);
                if self.bad.set(ordinal) {
                    self.findings().damage(&pack, kind_of(&error), error.to_string(), 1);
                }
                vec![pack]
            }
            Problem::Unindexed(content) => {
                let mut findings = self.findings();
                if !findings.lost_indexes().is_empty() {
                    return findings.lost_indexes().to_vec();
                }
                let what = format!("content {content}");
                findings.damage(&what, DamageKind::Unindexed, "no index has it", 0);
                vec![what]
            }
            Problem::Malformed(object, reason) | Problem::Length(object, reason) => {
                self.findings().damage(&object, DamageKind::Malformed, reason, 0);
                vec![object]
            }
        }
    }
}

impl Visitor for Run {
    fn problem(&self, _: &Place, problem: Problem) {
        self.blame(problem);
    }

    fn summary(&self, at: &Place, reason: &str) {
        self.findings().warn(WarningKind::Summary, at.to_string(), reason);
    }

    fn unknown(&self, at: &Place, kind: &str) {
        self.findings().warn(WarningKind::UnknownType, at.to_string(), format!("its type is {kind:.20?}"));
    }

    fn goes_on(&self) -> bool {
        self.goes_on()
    }
}
