//! Identities of contents.
