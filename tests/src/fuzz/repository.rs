//! The readers of Kopia-format repositories. A bucket may hold anything, so each of them gets documents that are valid
//! except where they are not.

mod compression;
mod directory;
mod format;
mod index;
mod maintenance;
mod manifest;
mod name;
mod object;
mod pack;
mod sealed;
mod seed;
mod snapshot;

use super::Target;

/// All of them.
pub fn targets() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(compression::Compression),
        Box::new(directory::Directories::new()),
        Box::new(format::Formats::new()),
        Box::new(index::Indexes),
        Box::new(maintenance::Maintenances::new()),
        Box::new(manifest::Manifests::new()),
        Box::new(name::Names),
        Box::new(object::Objects::new()),
        Box::new(pack::Packs),
        Box::new(sealed::Sealed),
        Box::new(snapshot::Snapshots::new()),
    ]
}
