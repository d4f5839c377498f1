//! Blobs in an object store: names become keys, flat or sharded.
