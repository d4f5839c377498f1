//! Policies: what a source wants of its snapshots, inherited.
