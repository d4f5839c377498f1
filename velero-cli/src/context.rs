//! What every verb is given: the global flags, the way to print, and the token that cancels.

use crate::global::{Global, ReportFormat};
use crate::output::{Out, Style};
use std::fmt::Display;
use tokio_util::sync::CancellationToken;

/// Surroundings of a command.
pub struct Context {
    /// Flags that every command takes.
    pub global: Global,
    /// The one way to stdout.
    pub out: Out,
    /// Cancelled by Ctrl-C.
    pub cancel: CancellationToken,
}

impl Context {
    /// Surroundings made from the global flags.
    pub fn new(global: Global) -> Self {
        let out = Out::new(global.wants_color());
        Context { global, out, cancel: CancellationToken::new() }
    }

    /// Whether stdout belongs to a machine-readable report.
    pub fn reports(&self) -> bool {
        self.global.report == Some(ReportFormat::Json)
    }

    /// Tells a person how the run goes: on stdout, or on stderr when stdout holds the report.
    pub fn tell(&mut self, text: impl Display) {
        if self.reports() {
            crate::output::note(text);
        } else {
            self.out.line(text);
        }
    }

    /// Colours for [`Context::tell`].
    pub fn style(&self) -> Style {
        if self.reports() { Style::plain() } else { self.out.style() }
    }
}
