//! Writing: sessions, open packs, index blobs, commits.
