//! Documents for programs: JSON and YAML of what was asked for.

use crate::context::Context;
use crate::flags::Format;
use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Value, json};
use velero_core::api::API_VERSION;

/// Prints `value` in `format`, which is not a table.
pub fn print(context: &mut Context, value: &impl Serialize, format: Format) -> anyhow::Result<()> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(value).context("printing as YAML")?,
        Format::Json | Format::Table => serde_json::to_string_pretty(value).context("printing as JSON")?,
    };
    context.out.line(text.trim_end());
    Ok(())
}

/// One document as itself, any other number of them as a list of `kind`.
pub fn print_all<T: Serialize>(
    context: &mut Context,
    kind: &str,
    documents: &[T],
    format: Format,
) -> anyhow::Result<()> {
    if let [one] = documents {
        return print(context, one, format);
    }
    let items = documents.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>()?;
    let list = json!({"apiVersion": API_VERSION, "kind": format!("{kind}List"), "metadata": {}, "items": items});
    print(context, &list, format)
}
