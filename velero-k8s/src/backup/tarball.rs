//! The one expensive consumer: a blocking thread that turns entries into the stored tarball.
//!
//! Entries come in chunks through a short channel, so a slow store holds the listings back instead of filling memory, and
//! the thread is not woken for each object. The
//! upload is ended only on request: whatever else stops the thread abandons it.

use crate::{Error, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use velero_core::archive::{DEFAULT_LEVEL, Writer, WriterOptions, WriterStats};
use velero_core::pipeline::backup::Entry;
use velero_repo::store::ContentsSink;

/// Chunks that wait for the thread.
const WAITING: usize = 2;

/// Bytes of objects that make a chunk.
const CHUNK: usize = 256 << 10;

enum Message {
    Entries(Vec<Entry>),
    End,
}

/// A tarball being written.
pub(super) struct Tarball {
    pending: Vec<Entry>,
    pending_bytes: usize,
    sender: mpsc::Sender<Message>,
    thread: JoinHandle<Result<WriterStats>>,
}

impl Tarball {
    pub(super) fn start(sink: ContentsSink) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let modified = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let options = WriterOptions { threads, level: DEFAULT_LEVEL, modified };
        let thread = tokio::task::spawn_blocking(move || work(sink, options, receiver));
        Tarball { pending: Vec::new(), pending_bytes: 0, sender, thread }
    }

    /// Takes some entries, and hands them to the thread once a chunk is full.
    pub(super) async fn write(&mut self, entries: Vec<Entry>) -> Result<()> {
        self.pending_bytes += entries.iter().map(|entry| entry.body.len()).sum::<usize>();
        self.pending.extend(entries);
        if self.pending_bytes < CHUNK {
            return Ok(());
        }
        self.pending_bytes = 0;
        let chunk = Message::Entries(std::mem::take(&mut self.pending));
        match self.sender.send(chunk).await {
            Ok(()) => Ok(()),
            // The thread is gone; it knows why.
            Err(_) => Err(self.join().await.err().unwrap_or(Error::Cancelled)),
        }
    }

    /// Ends the tarball and waits until the store has it.
    pub(super) async fn finish(mut self) -> Result<WriterStats> {
        let rest = Message::Entries(std::mem::take(&mut self.pending));
        for message in [rest, Message::End] {
            // If the thread is gone already, joining it says why.
            drop(self.sender.send(message).await);
        }
        self.join().await
    }

    /// Gives the tarball up and waits until its thread is gone.
    pub(super) async fn abandon(self) {
        drop(self.sender);
        if !self.thread.is_finished() {
            drop(self.thread.await);
        }
    }

    async fn join(&mut self) -> Result<WriterStats> {
        match (&mut self.thread).await {
            Ok(done) => done,
            Err(crash) => {
                let source = std::io::Error::other(crash);
                Err(velero_core::Error::Io { operation: "writing the tarball".into(), source }.into())
            }
        }
    }
}

fn work(sink: ContentsSink, options: WriterOptions, mut receiver: mpsc::Receiver<Message>) -> Result<WriterStats> {
    let mut writer = Writer::new(sink, options)?;
    while let Some(message) = receiver.blocking_recv() {
        match message {
            Message::Entries(entries) => {
                for entry in entries {
                    writer.add(&entry.id, &entry.version, entry.preferred, &entry.body)?;
                }
            }
            Message::End => {
                let (sink, stats) = writer.finish()?;
                sink.close()?;
                return Ok(stats);
            }
        }
    }
    Err(Error::Cancelled)
}
