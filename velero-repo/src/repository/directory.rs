//! Directory objects and their entries.
