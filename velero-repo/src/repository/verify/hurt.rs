//! Which files of which snapshots the damages hurt.
//!
//! Every snapshot is walked through again, depth first; directories without anything hurt below them are passed over
//! when the next snapshot has them too.

use super::marks::Marks;
use super::objects::{Objects, Problem};
use super::report::SnapshotReport;
use super::run::Run;
use super::snapshots::Selected;
use super::walk::{Ahead, Place, shape_of};
use crate::repository::directory::{Entry, Shape};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is the same for all snapshots.
pub(super) struct Hurts<'a> {
    run: &'a Run,
    objects: Objects<'a>,
    clean: &'a Marks,
}

/// The snapshot that is looked at.
struct One<'a> {
    report: &'a mut SnapshotReport,
    /// Contents of it that are marked as deleted.
    pending: Marks,
}

/// A directory on the way down.
struct Frame {
    ordinal: Option<usize>,
    ahead: Vec<Ahead>,
    clean: bool,
}

impl<'a> Hurts<'a> {
    /// `lists` and `clean` are empty, and kept for all snapshots.
    pub(super) fn new(run: &'a Run, lists: &'a Marks, clean: &'a Marks) -> Self {
        Hurts { run, objects: run.objects(lists), clean }
    }

    /// Finds what is hurt in one snapshot.
    pub(super) fn find(&self, snapshot: &mut Selected) {
        let Some(root) = snapshot.root.take() else { return };
        let pending = Marks::new(self.run.view.ordinals());
        let place = Place::root(&snapshot.report.id);
        let mut one = One { report: &mut snapshot.report, pending };
        let mut frames = vec![Frame { ordinal: None, ahead: Vec::new(), clean: true }];
        self.entry(&mut frames[0], &mut one, &place, &root, shape_of(&root)); // there is one
        while let Some(frame) = frames.last_mut() {
            match frame.ahead.pop() {
                Some(ahead) => {
                    let below = self.enter(&mut one, &ahead);
                    frames.extend(below);
                }
                None => {
                    let clean = frame.clean;
                    if let Some(ordinal) = frame.ordinal.filter(|_| clean) {
                        self.clean.set(ordinal);
                    }
                    frames.pop();
                    frames.last_mut().into_iter().for_each(|above| above.clean &= clean);
                }
            }
            if !self.run.goes_on() {
                break;
            }
        }
        one.report.pending_deletion = one.pending.count();
    }

    /// Reads a directory, unless it is known to be clean. None contains itself: its hash would be another.
    fn enter(&self, one: &mut One<'_>, at: &Ahead) -> Option<Frame> {
        let ordinal = self.objects.view.ordinal(&at.object.content());
        if ordinal.is_some_and(|ordinal| self.clean.has(ordinal)) {
            return None;
        }
        let mut frame = Frame { ordinal, ahead: Vec::new(), clean: true };
        let mut problems: Vec<Problem> =
            self.objects.is_pending(&at.object).map(Problem::Pending).into_iter().collect();
        self.objects.directory(&at.object, at.shape, |entry| match entry {
            Ok(entry) => self.entry(&mut frame, one, &at.place.below(&entry.name), &entry, Shape::Tree),
            Err(problem) => problems.push(problem),
        });
        self.note(&mut frame, one, problems, || format!("{}/", at.place.path()));
        Some(frame)
    }

    fn entry(&self, frame: &mut Frame, one: &mut One<'_>, place: &Arc<Place>, entry: &Entry, shape: Shape) {
        let mut problems = Vec::new();
        match entry.object() {
            Err(error) => problems.push(Problem::Malformed(place.to_string(), error.to_string())),
            Ok(object) if entry.is_directory() => {
                frame.ahead.push(Ahead { object, place: place.clone(), summary: None, shape });
            }
            Ok(object) => {
                let known = matches!(entry.kind.as_str(), "f" | "s");
                self.objects.check(&object, known.then_some(entry.size), &mut problems);
            }
        }
        self.note(frame, one, problems, || place.path());
    }

    /// Takes down the problems of one entry.
    fn note(&self, frame: &mut Frame, one: &mut One<'_>, problems: Vec<Problem>, path: impl Fn() -> String) {
        frame.clean &= problems.is_empty();
        let mut blamed = BTreeSet::new();
        for problem in problems {
            if let Problem::Pending(ordinal) = problem {
                one.pending.set(ordinal);
            }
            blamed.extend(self.run.blame(problem));
        }
        for what in &blamed {
            self.run.findings().hurt(what, &one.report.id, &path, self.run.options.paths);
        }
        one.report.damaged += u64::from(!blamed.is_empty());
    }
}
