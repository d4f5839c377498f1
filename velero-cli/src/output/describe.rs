//! Pages that describe one object: labels on the left, values aligned in each block, sections apart by blank lines.

use super::{Style, width};
use std::collections::BTreeMap;

/// A page in the making.
pub struct Page {
    lines: Vec<Line>,
    style: Style,
}

enum Line {
    Blank,
    Text { indent: usize, text: String },
    Field { indent: usize, label: String, values: Vec<String> },
}

impl Page {
    /// An empty page.
    pub fn new(style: Style) -> Self {
        Page { lines: Vec::new(), style }
    }

    /// The colours of the page.
    pub fn style(&self) -> Style {
        self.style
    }

    /// A blank line, unless the page is empty or just had one.
    pub fn blank(&mut self) {
        if !matches!(self.lines.last(), None | Some(Line::Blank)) {
            self.lines.push(Line::Blank);
        }
    }

    /// A heading over what is indented below it, after a blank line.
    pub fn section(&mut self, title: &str) {
        self.blank();
        self.heading(0, title);
    }

    /// A heading.
    pub fn heading(&mut self, indent: usize, title: &str) {
        let text = self.style.bold(format_args!("{title}:"));
        self.lines.push(Line::Text { indent, text });
    }

    /// A line of text.
    pub fn text(&mut self, indent: usize, text: impl Into<String>) {
        self.lines.push(Line::Text { indent, text: text.into() });
    }

    /// `label:  value`.
    pub fn field(&mut self, indent: usize, label: &str, value: impl Into<String>) {
        self.field_lines(indent, label, vec![value.into()]);
    }

    /// A field that stands alone between blank lines.
    pub fn single(&mut self, label: &str, value: impl Into<String>) {
        self.blank();
        self.field(0, label, value);
    }

    /// A field with one value a line; `<none>` without any.
    pub fn field_lines(&mut self, indent: usize, label: &str, mut values: Vec<String>) {
        if values.is_empty() {
            values.push("<none>".into());
        }
        self.lines.push(Line::Field { indent, label: format!("{label}:"), values });
    }

    /// A field with `key=value` a line, sorted by key.
    pub fn map(&mut self, indent: usize, label: &str, map: &BTreeMap<String, String>) {
        self.field_lines(indent, label, map.iter().map(|(k, v)| format!("{k}={v}")).collect());
    }

    /// A field with a comma list; `empty` without any entry.
    pub fn list(&mut self, indent: usize, label: &str, list: &[String], empty: &str) {
        self.field(indent, label, if list.is_empty() { empty.to_owned() } else { list.join(", ") });
    }

    /// The page as text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut rest = self.lines.as_slice();
        while let Some(line) = rest.first() {
            let taken = match line {
                Line::Blank => {
                    text.push('\n');
                    1
                }
                Line::Text { indent, text: line } => {
                    push_line(&mut text, *indent * 2, line);
                    1
                }
                Line::Field { indent, .. } => render_block(&mut text, *indent, rest),
            };
            rest = &rest[taken..];
        }
        text
    }
}

/// Writes the fields of one indentation that follow each other, their values in one column; returns how many.
fn render_block(text: &mut String, indent: usize, lines: &[Line]) -> usize {
    let block: Vec<_> = lines
        .iter()
        .map_while(|line| match line {
            Line::Field { indent: i, label, values } if *i == indent => Some((label, values)),
            _ => None,
        })
        .collect();
    let column = block.iter().map(|(label, _)| width(label)).max().unwrap_or(0) + 2;
    for (label, values) in &block {
        for (at, value) in values.iter().enumerate() {
            let head = if at == 0 { label.as_str() } else { "" };
            push_line(text, indent * 2, &format!("{head}{}{value}", " ".repeat(column - width(head))));
        }
    }
    block.len()
}

fn push_line(text: &mut String, indent: usize, line: &str) {
    text.push_str(&" ".repeat(indent));
    text.push_str(line.trim_end());
    text.push('\n');
}

/// `auto`, `true` or `false`.
pub fn tristate(value: Option<bool>) -> &'static str {
    named(value, ["auto", "true", "false"])
}

/// The word for unset, true and false.
pub fn named(value: Option<bool>, [unset, yes, no]: [&'static str; 3]) -> &'static str {
    match value {
        None => unset,
        Some(true) => yes,
        Some(false) => no,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_align_within_their_block() {
        let mut page = Page::new(Style::plain());
        page.field(0, "Name", "web");
        page.map(0, "Labels", &BTreeMap::from([("a".into(), "1".into()), ("b".into(), "2".into())]));
        page.section("Namespaces");
        page.list(1, "Included", &[], "*");
        page.field_lines(1, "Excluded", vec![]);
        page.blank();
        page.blank();
        page.single("TTL", "720h0m0s");
        let expected = "Name:    web\nLabels:  a=1\n         b=2\n\nNamespaces:\n  Included:  *\n  Excluded:  <none>\n\nTTL:  720h0m0s\n";
        assert_eq!(page.render(), expected);
    }
}
