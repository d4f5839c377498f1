//! What commands of a repository print: text for people, or with `-o json` one document.

use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output::note;
use crate::report::{More, RunReport};
use anyhow::Context as _;
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;

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

    /// Prints a list, one thing after the other.
    pub fn list<'a>(self, context: &'a mut Context) -> List<impl Write + 'a> {
        List { out: context.out.writer(), json: self.is_json(), begun: false }
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
            false => report.finish(context, More::Flag("-o json")),
        })
    }
}

/// A list that is printed while it is found: however long it is, one thing of it is held. One that is not ended is, as a
/// document, cut off: whoever reads it sees that it is not whole.
pub struct List<W> {
    out: W,
    json: bool,
    begun: bool,
}

impl<W: Write> List<W> {
    /// Prints one thing: `document`, or the line that `text` makes of it.
    pub fn show<D: Serialize>(&mut self, document: &D, text: impl FnOnce(&D) -> String) -> anyhow::Result<()> {
        let shown = match self.json {
            true => {
                // There are no line ends inside of strings.
                let document = serde_json::to_string_pretty(document).context("printing as JSON")?;
                format!("{}\n  {}", if self.begun { "," } else { "[" }, document.replace('\n', "\n  "))
            }
            false => text(document) + "\n",
        };
        self.begun = true;
        self.out.write_all(shown.as_bytes()).context("printing")
    }

    /// Ends it.
    pub fn end(mut self) -> anyhow::Result<()> {
        let end = match (self.json, self.begun) {
            (true, true) => "\n]\n",
            (true, false) => "[]\n",
            (false, _) => "",
        };
        self.out.write_all(end.as_bytes()).context("printing")
    }
}

#[cfg(test)]
mod tests {
    use super::List;
    use serde_json::json;

    #[test]
    fn a_list_is_printed_as_it_is_found_and_is_the_same_document_as_all_at_once() {
        let all = [json!({"path": "a\n\"b", "mode": [1, {}]}), json!({}), json!(7)];
        for count in 0..=all.len() {
            let mut out = Vec::new();
            let mut list = List { out: &mut out, json: true, begun: false };
            for (number, document) in all[..count].iter().enumerate() {
                list.show(document, |_| unreachable!()).unwrap();
                assert!(serde_json::from_slice::<serde_json::Value>(list.out).is_err(), "it is not whole yet");
                assert!(list.out.len() > 3 * number, "what was found is printed");
            }
            list.end().unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string_pretty(&all[..count]).unwrap() + "\n");
        }
        let mut out = Vec::new();
        let mut list = List { out: &mut out, json: false, begun: false };
        list.show(&1, |one| format!("line {one}")).unwrap();
        list.end().unwrap();
        assert_eq!(out, b"line 1\n");
    }
}
