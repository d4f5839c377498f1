//! Objects: values of any size as contents, and the indexes of large ones.
