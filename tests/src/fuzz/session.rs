//! One target for a while: starts the worker, watches its clock, and names the input at which it failed.

use super::{Target, input};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Longest time that one input may take of a processor.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest time that one input may sleep. While it only lacks a processor, which others may have, no time counts.
const DEADLOCK: Duration = Duration::from_secs(100);

/// Inputs up to this size are printed.
const PRINTED: usize = 2048;

/// What came of a target.
pub struct Summary {
    /// Inputs run.
    pub executions: u64,
    /// How long that took.
    pub seconds: f64,
    /// What was found, with the input and how to run it again.
    pub finding: Option<String>,
}

/// Runs `target` for `time` in a process of its own.
pub fn run(target: &dyn Target, seed: u64, time: Duration) -> Result<Summary> {
    let counter = tempfile::NamedTempFile::new()?;
    let start = Instant::now();
    let failure = watch(target.name(), seed, time, counter.path())?;
    let seconds = start.elapsed().as_secs_f64();
    let executions = read(counter.path())?;
    let finding = failure.map(|why| describe(target, seed, executions, &why)).transpose()?;
    Ok(Summary { executions, seconds, finding })
}

/// Waits for the worker, ends it where one input takes too long, and says what is wrong with how it ended.
fn watch(target: &str, seed: u64, time: Duration, counter: &Path) -> Result<Option<String>> {
    let mut worker = Command::new(std::env::current_exe()?)
        .args(["--target", target, "--seed", &seed.to_string(), "--seconds", &time.as_secs_f64().to_string()])
        .arg("--worker")
        .arg(counter)
        .spawn()
        .context("starting the worker")?;
    let (mut number, mut used, mut awake) = (read(counter)?, Duration::ZERO, Instant::now());
    loop {
        if let Some(status) = worker.try_wait()? {
            return Ok((!status.success()).then(|| format!("the reader failed ({status})")));
        }
        std::thread::sleep(Duration::from_millis(20));
        let (now, process) = (read(counter)?, Process::of(worker.id()));
        if now != number {
            (number, used, awake) = (now, process.used, Instant::now());
        }
        if !process.sleeps {
            awake = Instant::now();
        }
        let failure = match () {
            () if process.used.saturating_sub(used) > PATIENCE => "the reader took a processor for more than 5 s",
            () if awake.elapsed() > DEADLOCK => "the reader slept for more than 100 s",
            () => continue,
        };
        worker.kill()?;
        worker.wait()?;
        return Ok(Some(failure.to_owned()));
    }
}

/// What the system tells about a process; nothing where it does not tell.
struct Process {
    /// Whether it waits for something else than a processor.
    sleeps: bool,
    /// Time of a processor that it had so far.
    used: Duration,
}

impl Process {
    fn of(id: u32) -> Process {
        const TICKS: u64 = 100; // a second, on every Linux
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let mut fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        let sleeps = matches!(fields.next(), Some("S" | "D"));
        let ticks: u64 = fields.skip(10).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Process { sleeps, used: Duration::from_millis(ticks * 1000 / TICKS) }
    }
}

/// The number in the counter; 0 before the first input.
fn read(counter: &Path) -> Result<u64> {
    let bytes = std::fs::read(counter)?;
    Ok(bytes.try_into().map_or(0, u64::from_le_bytes))
}

fn describe(target: &dyn Target, seed: u64, number: u64, why: &str) -> Result<String> {
    let (name, bytes) = (target.name(), input(target, seed, number));
    let file: PathBuf = std::env::temp_dir().join(format!("fuzz-{name}-{seed}-{number}.bin"));
    std::fs::write(&file, &bytes).with_context(|| file.display().to_string())?;
    let hex: String = bytes.iter().take(PRINTED).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > PRINTED { "…" } else { "" };
    Ok(format!(
        "{name}: {why}\n  again: cargo run --release --bin fuzz -- --target {name} --seed {seed} --input {number}\n  input of {} bytes, in {}: {hex}{more}",
        bytes.len(),
        file.display()
    ))
}
