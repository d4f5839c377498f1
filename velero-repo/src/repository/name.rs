//! Names of blobs: what each family is called, and what a name tells.
