//! How far work on a repository is, counted in bytes: a bar with rate and remaining time on a terminal, otherwise a line
//! every ten seconds. Everything goes to stderr.

use crate::output::{bytes, count, note};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Time between looks at the counters for a bar.
const BAR_INTERVAL: Duration = Duration::from_millis(200);
/// Time between plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// One look at counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Bytes that are done.
    pub bytes: u64,
    /// All bytes, when that is known.
    pub total: Option<u64>,
    /// Files that are done.
    pub files: u64,
    /// Entries that failed.
    pub failed: u64,
}

/// Whether progress is a bar, and totals are worth knowing.
pub fn is_bar() -> bool {
    std::io::stderr().is_terminal()
}

/// Progress that is shown until [`Meter::finish`].
pub struct Meter {
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Meter {
    /// Shows what `look` sees.
    pub fn start(label: &'static str, look: impl Fn() -> Look + Send + 'static) -> Meter {
        let bar = is_bar().then(|| bar(label));
        let task = match bar.clone() {
            Some(bar) => tokio::spawn(move_bar(bar, look)),
            None => tokio::spawn(print_lines(label, look)),
        };
        Meter { task, bar }
    }

    /// Ends the showing and takes the bar away.
    pub fn finish(self) {
        self.task.abort();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn move_bar(bar: ProgressBar, look: impl Fn() -> Look + Send) {
    let mut known = false;
    loop {
        let seen = look();
        if let (Some(total), false) = (seen.total, known) {
            known = true;
            bar.set_style(style("{spinner} {msg} [{bar:30}] {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left"));
            bar.set_length(total);
        }
        bar.set_position(seen.bytes);
        tokio::time::sleep(BAR_INTERVAL).await;
    }
}

async fn print_lines(label: &'static str, look: impl Fn() -> Look + Send) {
    let started = Instant::now();
    loop {
        tokio::time::sleep(PLAIN_INTERVAL).await;
        note(line(label, look(), started.elapsed()));
    }
}

/// `saving: 1.0 GiB of 3.0 GiB, 100.0 MiB/s, 20s left, 40 files`.
fn line(label: &str, look: Look, elapsed: Duration) -> String {
    let rate = look.bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let (done, speed) = (bytes(look.bytes), bytes(rate as u64));
    let mut line = match look.total {
        Some(total) if rate >= 1.0 => {
            let left = total.saturating_sub(look.bytes) as f64 / rate;
            format!("{label}: {done} of {}, {speed}/s, {left:.0}s left", bytes(total))
        }
        Some(total) => format!("{label}: {done} of {}", bytes(total)),
        None => format!("{label}: {done}, {speed}/s"),
    };
    line.push_str(&format!(", {}", count(look.files as usize, "file")));
    if look.failed > 0 {
        line.push_str(&format!(", {} failed", look.failed));
    }
    line
}

fn bar(label: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(style("{spinner} {msg} {bytes}  {bytes_per_sec}  {elapsed}"));
    bar.set_message(label);
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_carry_rate_and_remaining_time() {
        let (ten, gib) = (Duration::from_secs(10), 1 << 30);
        let check = |look: Look, expected: &str| assert_eq!(line("saving", look, ten), expected);
        let look = Look { bytes: gib, total: Some(3 * gib), files: 40, failed: 0 };
        check(look, "saving: 1.0 GiB of 3.0 GiB, 102.4 MiB/s, 20s left, 40 files");
        check(Look { total: None, failed: 2, ..look }, "saving: 1.0 GiB, 102.4 MiB/s, 40 files, 2 failed");
        check(Look { bytes: 0, files: 1, ..look }, "saving: 0 bytes of 3.0 GiB, 1 file");
    }
}
