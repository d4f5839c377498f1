//! Counting ahead, on a thread of its own, so that a progress knows a total.
//!
//! The same rules apply as to the upload, but for marked caches. What can not be read is not counted; the upload says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::node::join;
use super::progress::Progress;
use crate::Result;
use crate::repository::policy::Files;
use crate::repository::rules::{Decision, Rules};
use crate::repository::tree::{Kind, Source};

/// Names that are looked at together.
const TOGETHER: usize = 512;

/// A count under way; it stops when this is dropped.
pub(super) struct Scan(Arc<AtomicBool>);

impl Scan {
    pub(super) fn start(source: Arc<dyn Source>, files: &Files, progress: Arc<Progress>) -> Result<Scan> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, rules) = (stop.clone(), Rules::root(files, &[])?);
        // Without a thread there is no total, and nothing else is lost.
        let _ = std::thread::Builder::new()
            .name("upload-count".to_owned())
            .spawn(move || count(&*source, &rules, &progress, &stopped));
        Ok(Scan(stop))
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn count(source: &dyn Source, rules: &Rules, progress: &Progress, stop: &AtomicBool) {
    if let Ok(root) = source.root()
        && root.kind == Kind::File
    {
        progress.estimate(1, root.size);
    }
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let Ok(mut directory) = source.directory(&path) else { continue };
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
                let (Ok(found), path) = (found, join(&path, name)) else { continue };
                let is_directory = found.kind == Kind::Directory;
                match rules.decide(&String::from_utf8_lossy(&path), is_directory, found.size) {
                    Decision::Skip(_) => {}
                    Decision::Keep if is_directory => waiting.push(path),
                    Decision::Keep => progress.estimate(1, found.size),
                }
            }
        }
    }
    progress.finish_estimate();
}
