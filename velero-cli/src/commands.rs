//! One file a verb: its flags become a spec, one library function is called, and its report is printed.

pub mod backup;
pub mod completion;
pub mod demo;
pub mod repo;
pub mod restore;
pub mod version;
