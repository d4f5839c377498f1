//! Maintenance (being written).

mod schedule;

pub use schedule::{Schedule, Task, TaskRun};
