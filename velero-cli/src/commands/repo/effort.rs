//! How much of the machine a command may take.

use crate::flags::size::size;

/// Memory and workers.
#[derive(Debug, clap::Args)]
pub struct Effort {
    /// Memory to stay within, such as 192MiB; fewer workers if it is little [default: 64MiB, and 64MiB for each worker]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Workers [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
}

impl Effort {
    /// As many workers as were asked for, else one for each processor.
    pub fn workers(&self) -> usize {
        self.parallel.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
    }
}
