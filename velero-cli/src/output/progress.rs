//! How far a run is: a bar with rate and remaining time on a terminal, plain lines otherwise.
//!
//! Everything goes to stderr. Plain lines come seldom: one for each stage, and one every ten seconds in between.

use super::note;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use velero_k8s::{Event, Observer};

/// Time between plain lines.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Shows the progress of one run.
#[derive(Clone)]
pub struct Progress {
    view: Arc<View>,
}

enum View {
    Bar(ProgressBar),
    Plain(Mutex<Plain>),
}

struct Plain {
    started: Instant,
    last: Instant,
    stage: &'static str,
}

impl Progress {
    /// Progress on stderr, as a bar if that is a terminal.
    pub fn start() -> Self {
        let view = if std::io::stderr().is_terminal() { View::Bar(bar()) } else { View::plain() };
        Progress { view: Arc::new(view) }
    }

    /// The observer to give to a driver.
    pub fn observer(&self) -> Observer {
        let view = self.view.clone();
        Arc::new(move |event| view.show(&event))
    }

    /// Prints something while the bar is out of the way.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        match &*self.view {
            View::Bar(bar) => bar.suspend(print),
            View::Plain(_) => print(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let View::Bar(bar) = &*self.view {
            bar.finish_and_clear();
        }
    }
}

impl View {
    fn plain() -> View {
        let now = Instant::now();
        View::Plain(Mutex::new(Plain { started: now, last: now, stage: "" }))
    }

    fn show(&self, event: &Event) {
        match (self, event) {
            (View::Bar(bar), Event::Stage(stage)) => bar.set_message(*stage),
            (View::Bar(bar), Event::Progress { done, total }) => {
                if let Some(total) = total {
                    bar.set_style(known_length());
                    bar.set_length(*total);
                }
                bar.set_position(*done);
            }
            (View::Plain(plain), event) => plain.lock().unwrap_or_else(PoisonError::into_inner).show(event),
            _ => {}
        }
    }
}

impl Plain {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Stage(stage) => {
                self.stage = stage;
                tracing::info!(stage, "next stage");
            }
            Event::Progress { done, total } if self.last.elapsed() >= PLAIN_INTERVAL => {
                self.last = Instant::now();
                note(line(self.stage, *done, *total, self.started.elapsed()));
            }
            _ => {}
        }
    }
}

/// `restoring: 1200 of 4000 objects, 400/s, 7s left`.
fn line(stage: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    match total {
        Some(total) if done > 0 => {
            let left = Duration::from_secs_f64(total.saturating_sub(done) as f64 / rate);
            format!("{stage}: {done} of {total} objects, {rate:.0}/s, {}s left", left.as_secs())
        }
        Some(total) => format!("{stage}: {done} of {total} objects"),
        None => format!("{stage}: {done} objects, {rate:.0}/s"),
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(template("{spinner} {msg:12} {human_pos} objects  {rate}  {elapsed}"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn known_length() -> ProgressStyle {
    template("{spinner} {msg:12} [{bar:30}] {human_pos} of {human_len}  {rate}  {eta} left")
}

fn template(text: &str) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        // A bar that can not be drawn is no fault of the run.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_carry_rate_and_remaining_time() {
        let ten = Duration::from_secs(10);
        assert_eq!(line("restoring", 1000, Some(3000), ten), "restoring: 1000 of 3000 objects, 100/s, 20s left");
        assert_eq!(line("listing", 1000, None, ten), "listing: 1000 objects, 100/s");
        assert_eq!(line("restoring", 0, Some(5), ten), "restoring: 0 of 5 objects");
    }
}
