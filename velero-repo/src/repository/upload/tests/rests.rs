//! Workers and directories by themselves: what a rest leaves behind, who waits for whom.

use std::io;

use super::super::choice::Manner;
use super::super::node::{Listing, Next, Node};
use super::super::schedule::{Rest, Schedule};
use super::super::worker::Reader as Objects;
use super::*;
use crate::repository::blob::blocking;
use crate::repository::rules::Rules;
use crate::repository::session::{Session, SessionOptions};
use crate::repository::splitter::Splitter;
use crate::repository::tree::{Kind as Real, Metadata, SourceFile};

/// A file that somebody wants a rest in the middle of, and that has changed when it is read to its end for the first time.
struct Restless {
    run: Arc<Run>,
    metadata: Metadata,
    bytes: Vec<u8>,
    at: usize,
    reads: usize,
}

impl SourceFile for Restless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads == 3 {
            self.run.schedule.ask_for_rest(Rest { checkpoint: None, reply: tokio::sync::oneshot::channel().0 });
        }
        let rest = &self.bytes[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.at = offset as usize;
        Ok(())
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(Metadata { modified: self.metadata.modified + 1, ..self.metadata.clone() })
    }
}

async fn run_of(repository: &Repository) -> Arc<Run> {
    let upload = Upload { workers: 1, ..upload() };
    let settings = upload.settings(repository).unwrap();
    let plan = upload.plan(repository, &settings).unwrap();
    Arc::new(Run {
        root_name: "root".to_owned(),
        source: source(tempfile::tempdir().unwrap().path()),
        session: Arc::new(Session::begin(repository, SessionOptions::default()).await.unwrap()),
        schedule: Schedule::new(1, 1, plan.window),
        settings,
        progress: Arc::default(),
        report: Mutex::default(),
        root: OnceLock::new(),
        parents: Vec::new(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_read_again_after_a_rest_has_no_chunk_of_the_first_time() {
    let run = run_of(&repository().await).await;
    let read = move || {
        let splitter = Splitter::by_name("FIXED-128K")?;
        let manner = Manner { compressor: None, splitter, part: None };
        let metadata = made::metadata(Real::File, 1_000_000);
        let mut worker = Worker::new(&run, run.session.writer());
        worker.batch.extend(2);
        worker.take_window()?;
        worker.put(0, b"a link before the file")?;
        let mut file = Restless { run: run.clone(), metadata, bytes: noise(3, 1_000_000), at: 0, reads: 0 };
        let before = file.metadata.clone();
        assert!(worker.read_whole(1, &mut file, (Entry::default(), &before), manner)?.unwrap());
        Ok(worker.chunks.iter().filter(|chunk| chunk.item == 1).map(|chunk| chunk.number).collect::<Vec<_>>())
    };
    assert_eq!(blocking(read).await.unwrap(), (0..8).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_files_of_a_directory_wait_for_its_first() {
    let run = run_of(&repository().await).await;
    let work = move || {
        let (mut writer, policies, mut listing) =
            (run.session.writer(), run.settings.policies.clone(), Listing::default());
        let rules = Rules::root(&policies.value().policy.files, &[])?;
        (0..200).try_for_each(|number| listing.files.push(format!("{number:03}").as_bytes()))?;
        let metadata = made::metadata(Real::Directory, 0);
        let node = Arc::new(Node::new(run.root_place(), metadata, (rules, policies), listing, &run.settings));
        let take_all = || {
            let (batch, objects, mut taken) = (Arc::default(), Objects(run.repository()), 0);
            while let Some((_, more)) = node.take(1, (&batch, 0), &objects) {
                taken += 1;
                if !more {
                    break;
                }
            }
            taken
        };
        assert_eq!(take_all(), 128);
        for number in (1..128).rev() {
            assert!(matches!(node.complete(number, Vec::new(), &mut writer)?, Next::Nothing), "{number}");
        }
        assert!(matches!(node.complete(0, Vec::new(), &mut writer)?, Next::Files));
        assert_eq!(take_all(), 72);
        for number in 128..199 {
            assert!(matches!(node.complete(number, Vec::new(), &mut writer)?, Next::Nothing), "{number}");
        }
        assert!(matches!(node.complete(199, Vec::new(), &mut writer)?, Next::Finished(_)));
        Ok(())
    };
    blocking(work).await.unwrap();
}
