//! What a policy means for those who write: names of compressors and splitters are looked up once.

use crate::Result;
use crate::repository::directory::Entry;
use crate::repository::policy::Policy;
use crate::repository::seal::compression::Compressor;
use crate::repository::splitter::Splitter;

/// A policy, and what it chooses.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) policy: Policy,
    /// Compression of directories.
    pub(super) directories: Option<Compressor>,
    /// Cuts files.
    splitter: Splitter,
    /// Bytes of the parts in which larger files are written.
    part: Option<u64>,
}

/// How one file is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) compressor: Option<Compressor>,
    pub(super) splitter: Splitter,
    pub(super) part: Option<u64>,
}

impl Choice {
    /// What `policy` chooses in a repository that cuts by `splitter`.
    ///
    /// # Errors
    /// Invalid: a compressor or splitter that is not known.
    pub(super) fn new(policy: &Policy, splitter: Splitter) -> Result<Choice> {
        let chosen = &policy.splitter.algorithm;
        let files = Some(&policy.compression.compressor_name).filter(|name| !name.is_empty() && *name != "none");
        files.map(|name| Compressor::by_name(name)).transpose()?;
        Ok(Choice {
            directories: policy.metadata_compression.compressor().map(Compressor::by_name).transpose()?,
            splitter: if chosen.is_empty() { splitter } else { Splitter::by_name(chosen)? },
            part: policy
                .upload
                .parallel_upload_above_size
                .and_then(|size| u64::try_from(size).ok())
                .filter(|size| *size > 0),
            policy: policy.clone(),
        })
    }

    /// How the file is written.
    ///
    /// # Errors
    /// None: the names were looked up before.
    pub(super) fn manner(&self, file: &Entry) -> Result<Manner> {
        let name = self.policy.compression.compressor_for(&file.name, file.size);
        let compressor = name.map(Compressor::by_name).transpose()?;
        Ok(Manner { compressor, splitter: self.splitter, part: self.part })
    }

    /// The longest chunk that it makes, in bytes.
    pub(super) fn longest_chunk(&self) -> usize {
        self.splitter.max_chunk()
    }
}
