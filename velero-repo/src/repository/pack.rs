//! Packs: blobs that hold many contents, and their trailers.
