//! The log of a backup: what was listed, what went wrong, in lines that people and `logfmt` readers understand.
//!
//! One line per stage, listing and problem, none per object: the resource list names those. Lines wait in memory up to one
//! MiB and in an unlinked file beyond it.

use jiff::Timestamp;
use std::io::{Read, Result, Seek, Write};
use tempfile::SpooledTempFile;
use velero_core::{Problem, Severity};

const IN_MEMORY: usize = 1 << 20;

/// A log being written.
pub(super) struct Journal {
    lines: SpooledTempFile,
    broken: Option<std::io::Error>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Journal { lines: SpooledTempFile::new(IN_MEMORY), broken: None }
    }

    /// A line that is good to know; `fields` are further `key, value` pairs.
    pub(super) fn info(&mut self, message: &str, fields: &[(&str, &str)]) {
        self.line("info", message, fields);
    }

    /// A line about `problem`.
    pub(super) fn problem(&mut self, problem: &Problem) {
        let level = if problem.severity == Severity::Error { "error" } else { "warning" };
        let resource = problem.item.as_ref().map(|id| id.resource.to_string()).unwrap_or_default();
        let mut fields = vec![("reason", problem.reason.as_str())];
        if let Some(id) = &problem.item {
            fields.extend([("resource", resource.as_str()), ("namespace", &id.namespace), ("name", &id.name)]);
        }
        self.line(level, &problem.message, &fields);
    }

    fn line(&mut self, level: &str, message: &str, fields: &[(&str, &str)]) {
        let time = rfc3339(Timestamp::now());
        let mut line = format!("time={time:?} level={level} msg={message:?}");
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-._/:".contains(c));
            let quoted = if plain { (*value).to_owned() } else { format!("{value:?}") };
            line.push_str(&format!(" {key}={quoted}"));
        }
        line.push('\n');
        if let Err(e) = self.lines.write_all(line.as_bytes()) {
            self.broken.get_or_insert(e);
        }
    }

    /// All lines.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let mut text = Vec::new();
        self.lines.rewind()?;
        self.lines.read_to_end(&mut text)?;
        Ok(text)
    }
}

/// A time as Kubernetes writes it: RFC 3339, UTC, whole seconds.
pub(super) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
