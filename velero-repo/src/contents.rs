//! The sink of the tarball: a blocking `Write` for a plain thread on one side, a multipart upload on the other.
//!
//! Memory is bounded by the channel (4 messages of 1 MiB) and the parts in flight (two of 8 MiB). A tarball counts as
//! stored only after [`ContentsSink::close`]; a sink that is dropped, or whose writer gives up, abandons the upload. When
//! the upload fails, the next write fails with its cause.

use crate::digests::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::objects::PART;
use crate::store::Store;
use bytes::{Bytes, BytesMut};
use std::sync::{Arc, OnceLock};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Bytes per message to the upload.
const MESSAGE: usize = PART / 8;

enum Message {
    Data(Bytes),
    End,
}

/// Sink of the tarball; see [`crate::store::BackupWriter::contents`].
pub struct ContentsSink {
    key: String,
    buffer: BytesMut,
    hasher: Hasher,
    messages: mpsc::Sender<Message>,
    outcome: Option<oneshot::Receiver<Result<()>>>,
    digest: Arc<OnceLock<Digest>>,
}

/// The writer's side of a sink.
pub(crate) struct Upload {
    digest: Arc<OnceLock<Digest>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Upload {
    /// Starts an upload to `key`; `conditional` refuses to replace an object that is there when it ends.
    pub(crate) fn start(store: Store, key: String, conditional: bool) -> (Upload, ContentsSink) {
        let (messages, received) = mpsc::channel(4);
        let (report, outcome) = oneshot::channel();
        let digest = Arc::new(OnceLock::new());
        let stop = CancellationToken::new();
        let task = {
            let (key, stop) = (key.clone(), stop.clone());
            // A sink that is gone wants no outcome.
            tokio::spawn(async move { drop(report.send(upload(&store, &key, conditional, received, &stop).await)) })
        };
        let sink = ContentsSink {
            key,
            buffer: BytesMut::with_capacity(MESSAGE),
            hasher: Hasher::default(),
            messages,
            outcome: Some(outcome),
            digest: digest.clone(),
        };
        (Upload { digest, stop, task }, sink)
    }

    /// What was sent, once the sink is closed.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digest.get().cloned()
    }

    /// Ends the upload, whatever the sink does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // It neither panics nor is it aborted; and if it were, there would be nothing more to stop.
        let _ = self.task.await;
    }
}

async fn upload(
    store: &Store,
    key: &str,
    conditional: bool,
    mut received: mpsc::Receiver<Message>,
    stop: &CancellationToken,
) -> Result<()> {
    let writer = store.operator().writer_with(key).if_not_exists(conditional).chunk(PART).concurrent(2).await;
    let mut writer = writer.map_err(Error::store("write", key))?;
    let result = loop {
        let message = tokio::select! {
            message = received.recv() => message,
            () = stop.cancelled() => None,
        };
        match message {
            Some(Message::Data(bytes)) => {
                if let Err(e) = writer.write(bytes).await {
                    break Err(match e.kind() {
                        opendal::ErrorKind::ConditionNotMatch => Error::Exists { what: key.to_owned() },
                        _ => Error::store("write", key)(e),
                    });
                }
            }
            Some(Message::End) => match writer.close().await {
                // Repeated after a lost answer, the end meets the upload's own object; reading it back tells.
                Err(e) if e.kind() == opendal::ErrorKind::ConditionNotMatch => return Ok(()),
                ended => break ended.map(drop).map_err(Error::store("write", key)),
            },
            None => break Err(Error::invalid(key, "the upload was abandoned")),
        }
    };
    if result.is_err() {
        // Parts of it may stay behind; they are invisible and the store's own rules remove them.
        if let Err(e) = writer.abort().await {
            tracing::debug!(key, kind = %e.kind(), "an abandoned upload was not removed");
        }
    }
    result
}

impl ContentsSink {
    /// Ends the upload: the tarball is complete. Blocks until the store has it.
    pub fn close(mut self) -> Result<()> {
        self.send_buffer().map_err(|e| self.unwrap_cause(e))?;
        self.send(Message::End).map_err(|e| self.unwrap_cause(e))?;
        match self.outcome.take().map(oneshot::Receiver::blocking_recv) {
            Some(Ok(outcome)) => outcome?,
            _ => return Err(Error::invalid(self.key.clone(), "the upload was stopped")),
        }
        // Nobody else sets it.
        let _ = self.digest.set(std::mem::take(&mut self.hasher).finish());
        Ok(())
    }

    fn send_buffer(&mut self) -> std::io::Result<()> {
        let bytes = self.buffer.split().freeze();
        if bytes.is_empty() {
            return Ok(());
        }
        self.hasher.update(&bytes);
        self.send(Message::Data(bytes))
    }

    fn send(&mut self, message: Message) -> std::io::Result<()> {
        if self.messages.blocking_send(message).is_ok() {
            return Ok(());
        }
        let cause = match self.outcome.take().map(oneshot::Receiver::blocking_recv) {
            Some(Ok(Err(cause))) => cause,
            _ => Error::invalid(self.key.clone(), "the upload has ended before"),
        };
        Err(std::io::Error::other(cause))
    }

    /// The error of this crate inside an error that `send` made.
    fn unwrap_cause(&self, error: std::io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(cause) => cause,
            Err(source) => Error::Io { operation: "uploading", path: self.key.clone(), source },
        }
    }
}

impl std::io::Write for ContentsSink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let size = bytes.len().min(MESSAGE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..size]);
        if self.buffer.len() >= MESSAGE {
            self.send_buffer()?;
            self.buffer.reserve(MESSAGE);
        }
        Ok(size)
    }

    /// Does nothing: the upload is done with [`ContentsSink::close`] only.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
