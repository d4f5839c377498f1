//! Counting ahead, on a thread of its own, so that a progress knows a total.
//!
//! The same rules apply as to the upload, but for marked caches and files with rules. What can not be read is not counted; the upload says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::choice::Choice;
use super::node::join;
use super::progress::Progress;
use crate::Result;
use crate::repository::policy::Tree;
use crate::repository::rules::{Decision, Rules};
use crate::repository::tree::{Kind, Source};

/// Names that are looked at together.
const TOGETHER: usize = 512;

/// A count under way; it stops when this is dropped.
pub(super) struct Scan(Arc<AtomicBool>);

impl Scan {
    pub(super) fn start(source: Arc<dyn Source>, policies: Tree<Choice>, progress: Arc<Progress>) -> Result<Scan> {
        let stop = Arc::new(AtomicBool::new(false));
        let root = Ahead { path: Vec::new(), rules: Rules::root(&policies.value().policy.files, &[])?, policies };
        let stopped = stop.clone();
        // Without a thread there is no total, and nothing else is lost.
        let _ = std::thread::Builder::new()
            .name("upload-count".to_owned())
            .spawn(move || count(&*source, root, &progress, &stopped));
        Ok(Scan(stop))
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory that is still to be looked into.
struct Ahead {
    path: Vec<u8>,
    rules: Rules,
    policies: Tree<Choice>,
}

impl Ahead {
    /// A directory in it; none if its rules are no rules, which the upload will say.
    fn below(&self, name: &[u8], path: Vec<u8>) -> Option<Ahead> {
        let policies = self.policies.child(&String::from_utf8_lossy(name));
        let own = policies.defined().map(|choice| &choice.policy.files);
        let rules = self.rules.enter(&String::from_utf8_lossy(&path), own, &[]).ok()?;
        Some(Ahead { path, rules, policies })
    }
}

fn count(source: &dyn Source, root: Ahead, progress: &Progress, stop: &AtomicBool) {
    if let Ok(root) = source.root()
        && root.kind == Kind::File
    {
        progress.estimate(1, root.size);
    }
    let mut waiting = vec![root];
    while let Some(ahead) = waiting.pop() {
        let Ok(mut directory) = source.directory(&ahead.path) else { continue };
        let mut names: Vec<Vec<u8>> = Vec::new();
        if directory.names(&mut |name, _| names.push(name.to_vec())).is_err() {
            continue;
        }
        for some in names.chunks(TOGETHER) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let some: Vec<&[u8]> = some.iter().map(Vec::as_slice).collect();
            for (name, found) in some.iter().zip(directory.metadata(&some)) {
                let (Ok(found), path) = (found, join(&ahead.path, name)) else { continue };
                let is_directory = found.kind == Kind::Directory;
                match ahead.rules.decide(&String::from_utf8_lossy(&path), is_directory, found.size) {
                    Decision::Skip(_) => {}
                    Decision::Keep if is_directory => waiting.extend(ahead.below(name, path)),
                    Decision::Keep => progress.estimate(1, found.size),
                }
            }
        }
    }
    progress.finish_estimate();
}
