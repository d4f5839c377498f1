//! Feeds mutated input to everything that reads foreign bytes, for a while.
//!
//! ```text
//! fuzz [--target NAME|all] [--seconds N] [--seed S]    N seconds are shared by the targets
//! fuzz --target NAME --seed S --input N                runs one input again
//! fuzz --list                                           prints the names of all targets
//! ```
//!
//! Prints the seed, executions per target, and of each finding how to run its input again; exits with 1 if there is one.
//! The seed is that of the clock unless it is given. Inputs are numbered: a longer run with the same seed begins with the
//! inputs of a shorter one. `tests/run` gives always the same seed, `tests/long` another one each time.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::fuzz::{self, Target, memory::Counting, session, worker};

#[global_allocator]
static MEMORY: Counting = Counting;

/// The command line.
struct Options {
    list: bool,
    target: String,
    seconds: f64,
    seed: u64,
    input: Option<u64>,
    worker: Option<String>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Options> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut options =
            Options { list: false, target: "all".into(), seconds: 60.0, seed: now, input: None, worker: None };
        while let Some(word) = words.next() {
            if word == "--list" {
                options.list = true;
                continue;
            }
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            let wrong = || format!("{word} {value}");
            match word.as_str() {
                "--target" => options.target = value,
                "--seconds" => options.seconds = value.parse().with_context(wrong)?,
                "--seed" => options.seed = value.parse().with_context(wrong)?,
                "--input" => options.input = Some(value.parse().with_context(wrong)?),
                "--worker" => options.worker = Some(value),
                _ => bail!("{word} is none of --target, --seconds, --seed, --input and --list"),
            }
        }
        Ok(options)
    }

    fn targets(&self) -> Result<Vec<Box<dyn Target>>> {
        let all = fuzz::targets();
        let names: Vec<_> = all.iter().map(|target| target.name()).collect();
        let chosen: Vec<_> =
            all.into_iter().filter(|target| self.target == "all" || self.target == target.name()).collect();
        if chosen.is_empty() {
            bail!("{} is none of the targets {} and all", self.target, names.join(", "));
        }
        Ok(chosen)
    }
}

fn main() -> Result<ExitCode> {
    let options = Options::read(std::env::args().skip(1))?;
    let targets = options.targets()?;
    if options.list {
        targets.iter().for_each(|target| println!("{}", target.name()));
        return Ok(ExitCode::SUCCESS);
    }
    let time = Duration::try_from_secs_f64(options.seconds)?;
    match (&options.worker, options.input) {
        (Some(counter), _) => worker::work(&*targets[0], options.seed, time, Path::new(counter))?,
        (None, Some(number)) => worker::one(&*targets[0], options.seed, number),
        (None, None) => return session(&targets, options.seed, time),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs all targets one after the other; a finding ends its target only.
fn session(targets: &[Box<dyn Target>], seed: u64, time: Duration) -> Result<ExitCode> {
    println!("seed {seed}");
    let mut code = ExitCode::SUCCESS;
    for target in targets {
        let summary = session::run(&**target, seed, time / targets.len() as u32)?;
        let rate = summary.executions as f64 / summary.seconds;
        println!("{:<11} {:>10} executions {rate:>10.0}/s", target.name(), summary.executions);
        if let Some(finding) = summary.finding {
            println!("FOUND {finding}");
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
