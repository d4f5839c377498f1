//! A directory of manifests as the place where a cluster's objects are kept.
//!
//! Read: every `*.yaml`, `*.yml` and `*.json` below it (hidden names and links to directories are passed over), with any
//! number of documents and lists. Written: one file per object, `<resource>.<group>/<namespace or _cluster>/<name>.yaml`,
//! or the file an object came from, by rename, so that no reader sees half a file; only its owner can read it, for it may hold a Secret. A file that holds several
//! objects is written again as a whole; its comments are lost.

mod text;

use crate::offline::store::Store;
use crate::{Error, Result};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use velero_core::ItemId;

/// Where each object has its file.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    files: HashMap<ItemId, PathBuf>,
    contents: BTreeMap<PathBuf, Vec<ItemId>>,
}

/// An object as read, with the place it was read from.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// The place in the file, for people.
    pub place: String,
    /// The object.
    pub object: Value,
}

impl Found {
    /// The error that `why` is about this object.
    pub fn error(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Offline { operation: "read", path: format!("{}{}", self.path.display(), self.place), source: why.into() }
    }
}

impl Directory {
    /// The directory and everything found in it, in order of path.
    pub fn open(root: &Path) -> Result<(Self, Vec<Found>)> {
        let root = root.canonicalize().map_err(|e| failed("open directory", root, e))?;
        let mut paths = Vec::new();
        collect(&root, &mut paths)?;
        paths.sort();
        let mut found = Vec::new();
        for path in paths {
            let bytes = std::fs::read(&path).map_err(|e| failed("read", &path, e))?;
            found.extend(text::read(&path, &bytes)?);
        }
        Ok((Directory { root, files: HashMap::new(), contents: BTreeMap::new() }, found))
    }

    /// The absolute path of the directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Notes that an object lives in a file; the file that it lives in already is the error.
    pub fn note(&mut self, id: &ItemId, path: &Path) -> Result<(), PathBuf> {
        if let Some(other) = self.files.get(id) {
            return Err(other.clone());
        }
        self.files.insert(id.clone(), path.to_owned());
        self.contents.entry(path.to_owned()).or_default().push(id.clone());
        Ok(())
    }

    /// Writes an object to its file, or to a new one.
    pub fn write(&mut self, store: &Store, id: &ItemId, object: &Value) -> Result<()> {
        let path = self.files.get(id).cloned().unwrap_or_else(|| self.new_path(id));
        let others = self.contents.get(&path).map(Vec::as_slice).unwrap_or_default();
        let objects = others.iter().filter(|other| *other != id).filter_map(|other| written(store, other));
        let mut objects: Vec<_> = objects.collect();
        let at = others.iter().position(|other| other == id).unwrap_or(objects.len());
        objects.insert(at.min(objects.len()), object.clone());
        replace(&path, &text::print(&path, &objects))?;
        if !self.files.contains_key(id) {
            self.files.insert(id.clone(), path.clone());
            self.contents.entry(path).or_default().push(id.clone());
        }
        Ok(())
    }

    /// Takes an object out of its file, and the file away if nothing is left in it.
    pub fn remove(&mut self, store: &Store, id: &ItemId) -> Result<()> {
        let Some(path) = self.files.get(id).cloned() else { return Ok(()) };
        let left = self.contents.get(&path).into_iter().flatten().filter(|other| *other != id);
        let left: Vec<_> = left.cloned().collect();
        if left.is_empty() {
            std::fs::remove_file(&path).map_err(|e| failed("remove", &path, e))?;
            self.contents.remove(&path);
        } else {
            let objects: Vec<_> = left.iter().filter_map(|other| written(store, other)).collect();
            replace(&path, &text::print(&path, &objects))?;
            self.contents.insert(path, left);
        }
        self.files.remove(id);
        Ok(())
    }

    fn new_path(&self, id: &ItemId) -> PathBuf {
        let namespace = if id.namespace.is_empty() { "_cluster" } else { &id.namespace };
        let folder = self.root.join(id.resource.to_string()).join(namespace);
        let mut path = folder.join(format!("{}.yaml", id.name));
        let mut number = 2;
        while self.contents.contains_key(&path) {
            path = folder.join(format!("{}~{number}.yaml", id.name));
            number += 1;
        }
        path
    }
}

/// A stored object as it is written: without its resource version, which is made from the rest.
fn written(store: &Store, id: &ItemId) -> Option<Value> {
    let mut object = store.get(id)?;
    crate::offline::admit::remove(&mut object["metadata"], "resourceVersion");
    Some(object)
}

fn failed(operation: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Offline { operation, path: path.display().to_string(), source: source.into() }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|e| failed("read directory", folder, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| failed("read directory", folder, e))?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(|e| failed("read", &path, e))?;
        if kind.is_dir() {
            collect(&path, paths)?;
        } else if text::is_manifest(&path) && !(kind.is_symlink() && path.is_dir()) {
            paths.push(path);
        }
    }
    Ok(())
}

fn replace(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let write = || {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| failed("write", path, e))
}

#[cfg(test)]
mod tests;
