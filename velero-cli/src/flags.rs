//! Flag values in Velero's grammar: tri-state booleans, maps in CSV form, selectors, ordered resources, output formats.
//!
//! Comes in: text of one flag. Goes out: a typed value or a sentence that says what was expected. Everything here runs while
//! the command line is parsed, so a fault is wrong usage.

pub mod filter;
pub mod pairs;
pub mod size;
pub mod unsupported;

use anyhow::Context as _;
use std::collections::BTreeMap;
use std::path::Path;
use velero_core::api::LabelSelector;

/// Output of commands that list or describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Table,
    Json,
    Yaml,
}

/// The text of a file that a flag names.
pub fn read_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// Reads a boolean as Go's flag package does.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("expected true or false".into()),
    }
}

/// Reads a label selector in Kubernetes' text form.
pub fn selector(text: &str) -> Result<LabelSelector, velero_core::Error> {
    velero_core::selector::parse(text)
}

/// Selectors separated by ` or `.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrSelectors(pub Vec<LabelSelector>);

/// Reads `a=b or c=d`.
pub fn or_selectors(text: &str) -> Result<OrSelectors, velero_core::Error> {
    text.split(" or ").map(|part| selector(part.trim())).collect::<Result<_, _>>().map(OrSelectors)
}

/// Order of objects inside resources: plural to a comma list of `ns/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedResources(pub BTreeMap<String, String>);

/// Reads `pods=ns1/a,ns1/b;persistentvolumes=c`.
pub fn ordered_resources(text: &str) -> Result<OrderedResources, String> {
    let mut ordered = BTreeMap::new();
    for entry in text.split(';').filter(|entry| !entry.trim().is_empty()) {
        match entry.split_once('=') {
            Some((resource, names)) if !resource.trim().is_empty() && !names.contains('=') => {
                ordered.insert(resource.trim().to_owned(), names.trim().to_owned());
            }
            _ => return Err(format!("{entry:?} is not of the form RESOURCE=NAMESPACE/NAME,NAMESPACE/NAME")),
        }
    }
    Ok(OrderedResources(ordered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_read_like_gos() {
        for (text, expected) in [("true", true), ("T", true), ("1", true), ("false", false), ("F", false), ("0", false)]
        {
            assert_eq!(boolean(text), Ok(expected), "{text}");
        }
        assert!(boolean("yes").is_err());
    }

    #[test]
    fn ordered_resources_split_at_semicolons() {
        let read = ordered_resources("pods=ns1/a,ns1/b;persistentvolumes=c").unwrap().0;
        assert_eq!(read["pods"], "ns1/a,ns1/b");
        assert_eq!(read["persistentvolumes"], "c");
        assert!(ordered_resources("pods").is_err());
        assert!(ordered_resources("=a").is_err());
    }
}
