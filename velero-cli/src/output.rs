//! The one writer of all text. A closed pipe (`velero … | head`) is not an error: the rest is dropped in silence.

pub mod describe;
pub mod document;
pub mod progress;
pub mod table;
pub mod time;

use std::fmt::Display;
use std::io::Write;

/// Writes to stdout.
pub struct Out {
    color: bool,
    closed: bool,
    failed: bool,
}

impl Out {
    /// A writer with or without colours.
    pub fn new(color: bool) -> Self {
        Out { color, closed: false, failed: false }
    }

    /// Writes `text` and the end of the line.
    pub fn line(&mut self, text: impl Display) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// Writes `bytes` as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.closed {
            return;
        }
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            self.closed = true;
            if error.kind() != std::io::ErrorKind::BrokenPipe {
                self.failed = true;
                note(format_args!("velero: writing to stdout: {error}"));
            }
        }
    }

    /// Whether something that was to be printed was lost; what a closed pipe drops is not.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// The same writer for what is too large to be put together first.
    pub fn writer(&mut self) -> impl Write + '_ {
        Stream(self)
    }

    /// Colours of this writer.
    pub fn style(&self) -> Style {
        Style { color: self.color }
    }
}

struct Stream<'a>(&'a mut Out);

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes one line to stderr; nothing can be done if that fails.
pub fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    color: bool,
}

impl Style {
    /// No colours.
    pub fn plain() -> Self {
        Style { color: false }
    }

    /// Bold text: names and headings.
    pub fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    /// Dimmed text: what is not there.
    pub fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    /// Red text: errors.
    pub fn red(self, text: impl Display) -> String {
        self.paint("31", text)
    }

    /// Yellow text: warnings.
    pub fn yellow(self, text: impl Display) -> String {
        self.paint("33", text)
    }

    /// Green text: what went well.
    pub fn green(self, text: impl Display) -> String {
        self.paint("32", text)
    }

    /// A phase in its colour.
    pub fn phase(self, phase: &str) -> String {
        match phase {
            "Completed" => self.green(phase),
            "Failed" | "PartiallyFailed" | "FailedValidation" => self.red(phase),
            "Deleting" | "Unknown" => self.yellow(phase),
            _ => phase.to_owned(),
        }
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Text without control characters: they are written as escapes, so that no name makes a terminal do anything.
pub fn printable(text: &str) -> String {
    let shown = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(shown).collect()
}

/// The same for several lines, which stay lines.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Columns that `text` takes on a terminal: colours take none.
pub fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut escape = false;
    for c in text.chars() {
        match (escape, c) {
            (false, '\x1b') => escape = true,
            (true, 'm') => escape = false,
            (true, _) => {}
            (false, _) => columns += 1,
        }
    }
    columns
}

/// `n thing` or `n things`; `s` and `y` endings are enough for the words we use.
pub fn count(n: usize, thing: &str) -> String {
    match (n, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        _ => format!("{n} {thing}s"),
    }
}

/// Bytes in binary units, such as `12.3 KiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return count(n as usize, "byte");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        let check = |n: u64, expected: &str| assert_eq!(bytes(n), expected);
        check(0, "0 bytes");
        check(1, "1 byte");
        check(1536, "1.5 KiB");
        check(1 << 20, "1.0 MiB");
        check((1 << 20) - 1, "1.0 MiB");
        check(5 << 30, "5.0 GiB");
    }

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(printable("größe\u{1b}[2J\n"), "größe\\u{1b}[2J\\n");
        assert_eq!(printable_lines("a\tb\nc\u{7}"), "a\\tb\nc\\u{7}");
    }

    #[test]
    fn colours_take_no_room() {
        let style = Style { color: true };
        assert_eq!(width(&style.red("Failed")), 6);
        assert_eq!(Style::plain().red("Failed"), "Failed");
    }
}
