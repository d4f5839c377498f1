//! Ignore rules: which entries of a tree a snapshot leaves out.
