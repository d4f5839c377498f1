//! Tables as kubectl prints them: upper-case headers, columns three blanks apart, nothing after the last one.

use super::Style;
use comfy_table::presets::NOTHING;
use std::collections::BTreeMap;

/// A table.
pub struct Table {
    table: comfy_table::Table,
    bold_header: Style,
}

impl Table {
    /// A table with these column headers.
    pub fn new<S: Into<String>>(headers: impl IntoIterator<Item = S>, style: Style) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_header(headers.into_iter().map(Into::into).collect::<Vec<String>>());
        Table { table, bold_header: style }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.table.add_row(cells);
    }

    /// The table as text, with the end of the last line.
    pub fn render(mut self) -> String {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 3));
        }
        let text = self.table.to_string();
        let mut lines = text.lines().map(str::trim_end);
        let header = self.bold_header.bold(lines.next().unwrap_or_default());
        std::iter::once(header.as_str()).chain(lines).fold(String::new(), |text, line| text + line + "\n")
    }
}

/// Columns that show labels: those asked for by `-L`, and all of them with `--show-labels`.
#[derive(Debug, Default, clap::Args)]
pub struct LabelColumns {
    /// Labels to show as columns
    #[arg(short = 'L', long = "label-columns", value_name = "LIST", value_delimiter = ',')]
    columns: Vec<String>,
    /// Show all labels as the last column
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = crate::flags::boolean)]
    show_labels: Option<bool>,
}

impl LabelColumns {
    /// `headers` followed by those of the label columns.
    pub fn headers(&self, headers: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
        all.extend(self.columns.iter().map(|label| label.rsplit('/').next().unwrap_or(label).to_uppercase()));
        if self.show_labels == Some(true) {
            all.push("LABELS".into());
        }
        all
    }

    /// `cells` followed by those of the label columns.
    pub fn cells(&self, mut cells: Vec<String>, labels: &BTreeMap<String, String>) -> Vec<String> {
        cells.extend(self.columns.iter().map(|label| labels.get(label).cloned().unwrap_or_default()));
        if self.show_labels == Some(true) {
            cells.push(pairs(labels));
        }
        cells
    }
}

/// `a=b,c=d`, or `<none>`.
pub fn pairs(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return "<none>".into();
    }
    labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_have_no_tail() {
        let mut table = Table::new(["NAME", "STATUS"], Style::plain());
        table.row(vec!["a-long-name".into(), "Completed".into()]);
        table.row(vec!["b".into(), String::new()]);
        assert_eq!(table.render(), "NAME          STATUS\na-long-name   Completed\nb\n");
    }

    #[test]
    fn label_columns_are_headed_by_the_last_part_of_the_key() {
        let columns = LabelColumns { columns: vec!["velero.io/schedule-name".into()], show_labels: Some(true) };
        assert_eq!(columns.headers(&["NAME"]), ["NAME", "SCHEDULE-NAME", "LABELS"]);
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        assert_eq!(columns.cells(vec!["x".into()], &labels), ["x", "", "a=b"]);
    }
}
