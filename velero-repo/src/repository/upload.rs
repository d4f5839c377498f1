//! A tree becomes a snapshot.
