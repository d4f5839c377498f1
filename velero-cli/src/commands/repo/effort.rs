//! How much of the machine a command may take.

use crate::flags::size::size;
use crate::output::bytes;

/// Less than this no command can do with, in bytes; each says itself how much it needs.
const LEAST: u64 = 1 << 20;

/// Memory and workers.
#[derive(Debug, clap::Args)]
pub struct Effort {
    /// Memory to stay within, such as 192MiB; fewer workers if it is little [default: 64MiB, and 64MiB for each worker]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
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

/// Reads an amount of memory.
fn memory(text: &str) -> Result<u64, String> {
    match size(text)? {
        amount if amount < LEAST => Err(format!("{} are too little memory for anything", bytes(amount))),
        amount => Ok(amount),
    }
}

#[cfg(test)]
mod tests {
    use super::memory;

    #[test]
    fn memory_that_is_too_little_for_anything_is_refused_with_the_amount() {
        for (text, part) in [("1KiB", "1.0 KiB"), ("0", "0 bytes"), ("1023KiB", "1023.0 KiB")] {
            assert!(memory(text).unwrap_err().contains(part), "{text}");
        }
        assert_eq!(memory("1MiB"), Ok(1 << 20));
    }
}
