//! Stores that fail and lie on demand, for tests (feature `testing`).
//!
//! Comes in: a healthy operator and the number of one operation. Goes out: the same operator, except that this operation
//! (or all from it on) fails, stalls, keeps less or other bytes than it confirms, or does its work and then reports a
//! failure. Operations are numbered as they come: each part and each end of a write, each read, look-up, listing,
//! deletion and renaming counts as one. What no reader could find out (a listing that conceals, a look-up that denies)
//! is not offered.

use opendal::raw::{
    Layer, OpCopy, OpCreateDir, OpDelete, OpList, OpPresign, OpRead, OpRename, OpStat, OpWrite, RpCreateDir, RpPresign,
    RpRead, RpRename, RpStat, Service, ServiceInfo, Servicer, oio,
};
use opendal::{Buffer, BytesRange, Capability, Error, ErrorKind, Metadata, MetadataBuilder, OperationContext, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails for good.
    Refuse,
    /// The operation fails, and trying again may help.
    Hiccup,
    /// The operation does not end.
    Stall,
    /// Half of the bytes are missing, in a write as in a read.
    Truncate,
    /// One bit is another one, in a write as in a read.
    Alter,
    /// The operation is confirmed but not done; reads do not suffer from it.
    Forget,
    /// The operation is done but reported as failed; reads do not suffer from it.
    LoseAnswer,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 7] =
        [Fault::Refuse, Fault::Hiccup, Fault::Stall, Fault::Truncate, Fault::Alter, Fault::Forget, Fault::LoseAnswer];
}

/// Makes one operation go wrong, or all from it on.
#[derive(Clone, Debug)]
pub struct FaultLayer {
    plan: Arc<Plan>,
}

#[derive(Debug)]
struct Plan {
    fault: Fault,
    at: u64,
    lasting: bool,
    seen: AtomicU64,
    pause: Option<Pause>,
}

/// An operation that waits until it is told to go on.
#[derive(Clone, Debug)]
pub struct Pause {
    reached: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

impl Pause {
    /// Waits until the operation is about to begin.
    pub async fn reached(&self) {
        if let Ok(permit) = self.reached.acquire().await {
            permit.forget();
        }
    }

    /// Lets it begin.
    pub fn go_on(&self) {
        self.go.add_permits(1);
    }
}

impl FaultLayer {
    /// Operation number `at`, counted from 0, suffers `fault`.
    pub fn once(fault: Fault, at: u64) -> Self {
        FaultLayer { plan: Arc::new(Plan { fault, at, lasting: false, seen: AtomicU64::new(0), pause: None }) }
    }

    /// All operations from number `at` on suffer `fault`.
    pub fn from(fault: Fault, at: u64) -> Self {
        FaultLayer { plan: Arc::new(Plan { fault, at, lasting: true, seen: AtomicU64::new(0), pause: None }) }
    }

    /// Operation number `at` waits before it begins; nothing goes wrong.
    pub fn paused(at: u64) -> (Self, Pause) {
        let pause = Pause { reached: Arc::new(Semaphore::new(0)), go: Arc::new(Semaphore::new(0)) };
        let seen = AtomicU64::new(0);
        let plan = Plan { fault: Fault::Stall, at, lasting: false, seen, pause: Some(pause.clone()) };
        (FaultLayer { plan: Arc::new(plan) }, pause)
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.plan.seen.load(Ordering::SeqCst)
    }
}

impl Plan {
    /// Counts an operation; fails or stalls it if that is its fate, else tells what else is.
    async fn strike(&self) -> Result<Option<Fault>> {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        if number < self.at || (number > self.at && !self.lasting) {
            return Ok(None);
        }
        if let Some(pause) = &self.pause {
            pause.reached.add_permits(1);
            if let Ok(permit) = pause.go.acquire().await {
                permit.forget();
            }
            return Ok(None);
        }
        match self.fault {
            Fault::Refuse => Err(failure()),
            Fault::Hiccup => Err(failure().set_temporary()),
            Fault::Stall => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Err(failure())
            }
            fault => Ok(Some(fault)),
        }
    }
}

fn failure() -> Error {
    Error::new(ErrorKind::Unexpected, "a failure made for a test")
}

/// The answer to an operation that was done.
fn answer<T>(fault: Option<Fault>, done: T) -> Result<T> {
    if fault == Some(Fault::LoseAnswer) { Err(failure()) } else { Ok(done) }
}

/// The bytes after a fault.
fn damaged(fault: Option<Fault>, bytes: Buffer) -> Buffer {
    match fault {
        Some(Fault::Truncate) => bytes.slice(..bytes.len() / 2),
        Some(Fault::Alter) if !bytes.is_empty() => {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes.into()
        }
        _ => bytes,
    }
}

impl Layer for FaultLayer {
    fn apply_service(&self, inner: Servicer) -> Servicer {
        Arc::new(FaultService { inner, plan: self.plan.clone() })
    }
}

#[derive(Debug)]
struct FaultService {
    inner: Servicer,
    plan: Arc<Plan>,
}

/// A part of a service that suffers faults.
struct Faulty<T> {
    inner: T,
    plan: Arc<Plan>,
}

impl Service for FaultService {
    type Reader = Faulty<oio::Reader>;
    type Writer = Faulty<oio::Writer>;
    type Lister = Faulty<oio::Lister>;
    type Deleter = Faulty<oio::Deleter>;
    type Copier = oio::Copier;
    type Composer = ();

    fn info(&self) -> ServiceInfo {
        self.inner.info()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    async fn create_dir(&self, ctx: &OperationContext, path: &str, args: OpCreateDir) -> Result<RpCreateDir> {
        self.plan.strike().await?;
        self.inner.create_dir(ctx, path, args).await
    }

    async fn stat(&self, ctx: &OperationContext, path: &str, args: OpStat) -> Result<RpStat> {
        self.plan.strike().await?;
        self.inner.stat(ctx, path, args).await
    }

    fn read(&self, ctx: &OperationContext, path: &str, args: OpRead) -> Result<Self::Reader> {
        Ok(Faulty { inner: self.inner.read(ctx, path, args)?, plan: self.plan.clone() })
    }

    fn write(&self, ctx: &OperationContext, path: &str, args: OpWrite) -> Result<Self::Writer> {
        Ok(Faulty { inner: self.inner.write(ctx, path, args)?, plan: self.plan.clone() })
    }

    fn delete(&self, ctx: &OperationContext) -> Result<Self::Deleter> {
        Ok(Faulty { inner: self.inner.delete(ctx)?, plan: self.plan.clone() })
    }

    fn list(&self, ctx: &OperationContext, path: &str, args: OpList) -> Result<Self::Lister> {
        Ok(Faulty { inner: self.inner.list(ctx, path, args)?, plan: self.plan.clone() })
    }

    fn copy(&self, ctx: &OperationContext, from: &str, to: &str, args: OpCopy) -> Result<Self::Copier> {
        self.inner.copy(ctx, from, to, args)
    }

    async fn rename(&self, ctx: &OperationContext, from: &str, to: &str, args: OpRename) -> Result<RpRename> {
        match self.plan.strike().await? {
            Some(Fault::Forget) => Ok(RpRename::default()),
            fault => answer(fault, self.inner.rename(ctx, from, to, args).await?),
        }
    }

    async fn presign(&self, ctx: &OperationContext, path: &str, args: OpPresign) -> Result<RpPresign> {
        self.inner.presign(ctx, path, args).await
    }
}

impl oio::Write for Faulty<oio::Writer> {
    async fn write(&mut self, bytes: Buffer) -> Result<()> {
        match self.plan.strike().await? {
            Some(Fault::Forget) => Ok(()),
            fault => answer(fault, self.inner.write(damaged(fault, bytes)).await?),
        }
    }

    async fn close(&mut self) -> Result<Metadata> {
        match self.plan.strike().await? {
            Some(Fault::Forget) => Ok(MetadataBuilder::file(0).build()),
            fault => answer(fault, self.inner.close().await?),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.plan.strike().await?;
        self.inner.abort().await
    }
}

impl oio::Read for Faulty<oio::Reader> {
    async fn open(&self, range: BytesRange) -> Result<(RpRead, Box<dyn oio::ReadStreamDyn>)> {
        let fault = self.plan.strike().await?;
        let (answer, inner) = self.inner.open(range).await?;
        Ok((answer, Box::new(FaultyStream { inner, fault })))
    }

    async fn read(&self, range: BytesRange) -> Result<(RpRead, Buffer)> {
        let fault = self.plan.strike().await?;
        let (answer, bytes) = self.inner.read(range).await?;
        Ok((answer, damaged(fault, bytes)))
    }
}

/// A body that suffers in its first chunk.
struct FaultyStream {
    inner: Box<dyn oio::ReadStreamDyn>,
    fault: Option<Fault>,
}

impl oio::ReadStream for FaultyStream {
    async fn read(&mut self) -> Result<Buffer> {
        let bytes = self.inner.read().await?;
        Ok(damaged(self.fault.take(), bytes))
    }
}

impl oio::List for Faulty<oio::Lister> {
    async fn next(&mut self) -> Result<Option<oio::Entry>> {
        self.plan.strike().await?;
        self.inner.next().await
    }
}

impl oio::Delete for Faulty<oio::Deleter> {
    async fn delete(&mut self, path: &str, args: OpDelete) -> Result<()> {
        match self.plan.strike().await? {
            Some(Fault::Forget) => Ok(()),
            fault => answer(fault, self.inner.delete(path, args).await?),
        }
    }

    async fn close(&mut self) -> Result<()> {
        self.inner.close().await
    }
}
