//! Policies: documents about what is read, how it is compressed and how long it is kept.
//!
//! Comes in: documents of manifests of type `policy`, and the source that asks. Goes out: the one policy that counts
//! for it. A path inherits from the paths above it, these from the user on the host, then the host, then the global
//! policy, then Kopia's defaults; each field on its own. Unknown fields stay. Below the path of a snapshot it is not so:
//! a [`Tree`] says what counts there.

mod documents;
mod tree;

use crate::error::{Error, Result};
use crate::repository::gojson::Unset;
use crate::repository::manifest::{Labels, Manifests, TYPE, labels};
use crate::repository::snapshot::Source;

pub use documents::{
    Actions, Compression, ErrorHandling, Files, Logging, LoggingGroup, MetadataCompression, OsSnapshots, Policy,
    Retention, Scheduling, SplitterChoice, TimeOfDay, Upload, VolumeShadowCopy,
};

pub use tree::{Tree, below};

/// The value of the label `type` of policies.
pub const POLICY: &str = "policy";
/// Files above this size are read and written in parts, in bytes.
pub const PARALLEL_ABOVE: i64 = 2 << 30;
/// The name that stands for no compression.
const NONE: &str = "none";

/// The labels of the policy of `source`: of a path if it has one, else of a user on a host, a host, or all.
pub fn labels_of(source: &Source) -> Labels {
    let Source { host, user, path, .. } = source;
    let policy = |pairs: &[(&str, &str)]| labels(pairs.iter().copied().chain([(TYPE, POLICY)]));
    match (path.is_empty(), user.is_empty(), host.is_empty()) {
        (false, _, _) => policy(&[("policyType", "path"), ("username", user), ("hostname", host), ("path", path)]),
        (_, false, _) => policy(&[("policyType", "user"), ("username", user), ("hostname", host)]),
        (_, _, false) => policy(&[("policyType", "host"), ("hostname", host)]),
        _ => policy(&[("policyType", "global")]),
    }
}

/// The targets of policies that count for `source`, the nearest first.
pub fn targets(source: &Source) -> Vec<Source> {
    let at = |path: &str| Source { path: path.to_owned(), ..source.clone() };
    let mut all = Vec::new();
    let mut path = source.path.as_str();
    while !path.is_empty() {
        all.push(at(path));
        path = match path.trim_end_matches('/').rsplit_once('/') {
            Some(("", _)) => "/",
            Some((above, _)) => above,
            None => "",
        };
    }
    all.push(at(""));
    all.push(Source { host: source.host.clone(), ..Source::default() });
    all.push(Source::default());
    all
}

/// The policy that counts for `source` among `manifests`.
///
/// # Errors
/// Corrupt: one of the policies is not readable.
pub fn effective(manifests: &Manifests, source: &Source) -> Result<Policy> {
    let mut defined = Vec::new();
    for target in targets(source) {
        if let Some(record) = manifests.latest(&labels_of(&target)) {
            defined.push((target, record.document::<Policy>()?));
        }
    }
    Ok(merge(source, &defined))
}

/// The policies `defined` with their targets, the nearest first, as one.
pub fn merge(source: &Source, defined: &[(Source, Policy)]) -> Policy {
    let mut merged = Policy::default();
    if let Some((_, own)) = defined.first().filter(|(target, _)| target == source) {
        merged.actions.before_folder.clone_from(&own.actions.before_folder);
        merged.actions.after_folder.clone_from(&own.actions.after_folder);
    }
    for (_, policy) in defined {
        merged.inherit(policy);
        if policy.no_parent {
            return merged;
        }
    }
    merged.inherit(&Policy::kopia_default());
    merged
}

/// Takes over each field that is not set.
macro_rules! inherit {
    ($target:expr, $source:expr, $($field:ident),+) => {
        $(if $target.$field.is_unset() { $target.$field.clone_from(&$source.$field); })+
    };
}

impl Policy {
    /// What counts where no policy says otherwise.
    pub fn kopia_default() -> Self {
        let mut policy = Policy::default();
        let retention = &mut policy.retention;
        (retention.keep_latest, retention.keep_hourly, retention.keep_daily) = (Some(10), Some(48), Some(7));
        (retention.keep_weekly, retention.keep_monthly, retention.keep_annual) = (Some(4), Some(24), Some(3));
        retention.ignore_identical_snapshots = Some(false);
        policy.files.dot_ignore_files = vec![".kopiaignore".into()];
        let errors = &mut policy.error_handling;
        (errors.ignore_file_errors, errors.ignore_directory_errors) = (Some(false), Some(false));
        errors.ignore_unknown_types = Some(true);
        policy.scheduling.run_missed = Some(true);
        policy.compression.compressor_name = NONE.into();
        policy.metadata_compression.compressor_name = "zstd-fastest".into();
        policy.upload.max_parallel_snapshots = Some(1);
        policy.upload.parallel_upload_above_size = Some(PARALLEL_ABOVE);
        policy
    }

    /// The policy that Velero writes for a source before it reads it. `parallel`: files that are read at once.
    pub fn velero(parallel: i64) -> Self {
        let forever = Some(i64::from(i32::MAX));
        let mut policy = Policy::default();
        let retention = &mut policy.retention;
        (retention.keep_latest, retention.keep_hourly, retention.keep_daily) = (forever, forever, forever);
        (retention.keep_weekly, retention.keep_monthly, retention.keep_annual) = (forever, forever, forever);
        policy.error_handling.ignore_unknown_types = Some(true);
        policy.scheduling.manual = true;
        policy.compression.compressor_name = NONE.into();
        policy.upload.max_parallel_file_reads = Some(parallel);
        policy.upload.parallel_upload_above_size = Some(PARALLEL_ABOVE);
        policy
    }

    /// Takes over from a policy further away what this one does not say.
    pub fn inherit(&mut self, from: &Policy) {
        inherit!(self.retention, from.retention, keep_latest, keep_hourly, keep_daily, keep_weekly, keep_monthly);
        inherit!(self.retention, from.retention, keep_annual, ignore_identical_snapshots);
        inherit!(self.files, from.files, ignore, no_parent_ignore, dot_ignore_files, no_parent_dot_files);
        inherit!(self.files, from.files, ignore_cache_dirs, max_file_size, one_file_system);
        inherit!(self.error_handling, from.error_handling, ignore_file_errors, ignore_directory_errors);
        inherit!(self.error_handling, from.error_handling, ignore_unknown_types);
        self.scheduling.inherit(&from.scheduling);
        self.compression.inherit(&from.compression);
        inherit!(self.metadata_compression, from.metadata_compression, compressor_name);
        inherit!(self.splitter, from.splitter, algorithm);
        inherit!(self.actions, from.actions, before_snapshot_root, after_snapshot_root);
        inherit!(self.os_snapshots.volume_shadow_copy, from.os_snapshots.volume_shadow_copy, enable);
        for (group, from) in [
            (&mut self.logging.directories, &from.logging.directories),
            (&mut self.logging.entries, &from.logging.entries),
        ] {
            inherit!(group, from, snapshotted, ignored, cache_hit, cache_miss);
        }
        inherit!(self.upload, from.upload, max_parallel_snapshots, max_parallel_file_reads, parallel_upload_above_size);
    }

    /// What Kopia would not accept for `target`.
    ///
    /// # Errors
    /// Invalid: a number of snapshots at once for a path, or a path that ends in a slash.
    pub fn validate(&self, target: &Source) -> Result<()> {
        let refuse = |reason: &str| Err(Error::invalid(format!("policy of {target}"), reason));
        if !target.path.is_empty() && self.upload.max_parallel_snapshots.is_some() {
            return refuse("how many snapshots are taken at once is not a matter of a path");
        }
        if target.path.len() > 1 && target.path.ends_with(['/', '\\']) {
            return refuse("its path ends in a slash");
        }
        Ok(())
    }
}

impl Scheduling {
    fn inherit(&mut self, from: &Scheduling) {
        inherit!(self, from, interval_seconds, manual, run_missed);
        if !self.no_parent_times_of_day {
            self.times_of_day.extend_from_slice(&from.times_of_day);
            self.times_of_day.sort_by_key(|time| (time.hour, time.minute));
            self.times_of_day.dedup_by_key(|time| (time.hour, time.minute));
            self.no_parent_times_of_day = from.no_parent_times_of_day;
        }
        inherit!(self, from, cron);
    }
}

impl Compression {
    fn inherit(&mut self, from: &Compression) {
        inherit!(self, from, compressor_name, min_size, max_size);
        join(
            &mut self.only_compress,
            &mut self.no_parent_only_compress,
            &from.only_compress,
            from.no_parent_only_compress,
        );
        join(
            &mut self.never_compress,
            &mut self.no_parent_never_compress,
            &from.never_compress,
            from.no_parent_never_compress,
        );
    }

    /// The compressor for a file of that name and size in bytes; none: it is stored as it is.
    ///
    /// As in Kopia an extension in `onlyCompress` wins over `neverCompress`, and excludes no other extension.
    pub fn compressor_for(&self, name: &str, size: u64) -> Option<&str> {
        let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
        let listed = |list: &[String]| list.iter().any(|known| known == extension);
        let bound = |limit: i64| u64::try_from(limit).ok().filter(|limit| *limit > 0);
        let outside =
            bound(self.min_size).is_some_and(|min| size < min) || bound(self.max_size).is_some_and(|max| size > max);
        let never = !listed(&self.only_compress) && listed(&self.never_compress);
        named(&self.compressor_name).filter(|_| !outside && !never)
    }
}

impl MetadataCompression {
    /// The compressor for directories and lists; none: they are stored as they are.
    pub fn compressor(&self) -> Option<&str> {
        named(&self.compressor_name)
    }
}

fn named(compressor: &str) -> Option<&str> {
    Some(compressor).filter(|name| !name.is_empty() && *name != NONE)
}

/// Joins two lists unless the nearer policy forbids it.
fn join(target: &mut Vec<String>, closed: &mut bool, from: &[String], closes: bool) {
    if !*closed {
        target.extend_from_slice(from);
        target.sort();
        target.dedup();
        *closed = closes;
    }
}

#[cfg(test)]
mod tests;
