//! The process that runs inputs. It writes the number of each input into a file before it runs it, and the number of
//! inputs at its end; a finding ends it early.

use super::{Target, input, memory};
use anyhow::{Context, Result};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Memory for the message of a panic, in bytes.
const MESSAGE: usize = 64 << 20;

/// Runs inputs of `target` until `time` is over.
pub fn work(target: &dyn Target, seed: u64, time: Duration, counter: &Path) -> Result<()> {
    let file = OpenOptions::new().write(true).open(counter).with_context(|| counter.display().to_string())?;
    let start = Instant::now();
    let mut number: u64 = 0;
    while start.elapsed() < time {
        file.write_all_at(&number.to_le_bytes(), 0)?;
        one(target, seed, number);
        number += 1;
    }
    file.write_all_at(&number.to_le_bytes(), 0)?;
    Ok(())
}

/// Runs one input.
pub fn one(target: &dyn Target, seed: u64, number: u64) {
    end_at_any_panic();
    let input = input(target, seed, number);
    memory::allow(target.memory());
    target.run(&input);
}

/// A panic counts in every thread, also where a runtime would catch it.
fn end_at_any_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            memory::allow(MESSAGE);
            print(panic);
            std::process::exit(101);
        }));
    });
}
