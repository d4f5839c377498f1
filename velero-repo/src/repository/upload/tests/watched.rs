//! A tree of which every opening is seen by somebody, who may refuse it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::repository::tree::{Kind, LocalOptions, LocalSource, Metadata, Source, SourceDirectory, SourceFile};

/// Sees the path of a directory, or the name of a file, before it is opened.
type Watch = Arc<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

struct Watched {
    inner: LocalSource,
    directories: Watch,
    files: Watch,
}

struct WatchedDirectory {
    inner: Box<dyn SourceDirectory>,
    files: Watch,
}

/// The tree at `path`, of which `directories` and `files` see what is opened.
pub(super) fn watched(
    path: &Path,
    directories: impl Fn(&[u8]) -> io::Result<()> + Send + Sync + 'static,
    files: impl Fn(&[u8]) -> io::Result<()> + Send + Sync + 'static,
) -> Arc<dyn Source> {
    let inner = LocalSource::open(path, LocalOptions::default()).unwrap();
    Arc::new(Watched { inner, directories: Arc::new(directories), files: Arc::new(files) })
}

impl Source for Watched {
    fn name(&self) -> Vec<u8> {
        self.inner.name()
    }

    fn root(&self) -> io::Result<Metadata> {
        self.inner.root()
    }

    fn directory(&self, path: &[u8]) -> io::Result<Box<dyn SourceDirectory>> {
        (self.directories)(path)?;
        Ok(Box::new(WatchedDirectory { inner: self.inner.directory(path)?, files: self.files.clone() }))
    }

    fn root_file(&self) -> io::Result<Box<dyn SourceFile>> {
        self.inner.root_file()
    }
}

impl SourceDirectory for WatchedDirectory {
    fn itself(&self) -> io::Result<Metadata> {
        self.inner.itself()
    }

    fn names(&mut self, each: &mut dyn FnMut(&[u8], Option<Kind>)) -> io::Result<()> {
        self.inner.names(each)
    }

    fn metadata(&self, names: &[&[u8]]) -> Vec<io::Result<Metadata>> {
        self.inner.metadata(names)
    }

    fn open(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        (self.files)(name)?;
        self.inner.open(name)
    }

    fn link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.inner.link(name)
    }
}
