//! Maintenance: plans first, then collection, rewriting, compaction, deletion.
