//! Where a content is: index blobs, version 1 and 2, merged.
