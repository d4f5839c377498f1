//! Snapshot manifests.
