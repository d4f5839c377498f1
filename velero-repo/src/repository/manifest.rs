//! Manifests: labelled documents in batches.
