//! What commands of a repository print: text for people, or with `-o json` one document.

use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output::note;
use crate::report::RunReport;
use anyhow::Context as _;
use serde::Serialize;
use std::fmt::Display;

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// The output flag.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Output {
    /// Output
    #[arg(short = 'o', long = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

impl Output {
    /// Refuses two documents on one stdout, before anything is done.
    pub fn check(self, context: &Context) -> anyhow::Result<()> {
        match self.is_json() && context.reports() {
            true => Err(usage("-o json and --report json both print on stdout; leave one of them out")),
            false => Ok(()),
        }
    }

    /// Whether a document is wanted.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Tells a person something before the end: beside the document, if stdout is for that.
    pub fn tell(self, context: &mut Context, text: impl Display) {
        match self.is_json() {
            true => note(text),
            false => context.tell(text),
        }
    }

    /// Prints what was asked for: `document`, or what `text` tells.
    pub fn show(
        self,
        context: &mut Context,
        document: &impl Serialize,
        text: impl FnOnce(&mut Context),
    ) -> anyhow::Result<()> {
        if self.is_json() {
            context.out.line(serde_json::to_string_pretty(document).context("printing as JSON")?);
        } else {
            text(context);
        }
        Ok(())
    }

    /// Prints how a run ended. Problems are told below `text`; a `document` holds them itself.
    pub fn finish(
        self,
        context: &mut Context,
        document: &impl Serialize,
        text: impl FnOnce(&mut Context),
        report: RunReport,
    ) -> anyhow::Result<Exit> {
        self.show(context, document, text)?;
        Ok(match self.is_json() {
            true => report.exit(),
            false => report.finish(context, "the same command with -o json"),
        })
    }
}
