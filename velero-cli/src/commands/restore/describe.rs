//! `velero restore describe`: one page a restore, laid out as Velero lays it out.

use crate::commands::backup::describe::{metadata, or_default, problems, resource_list, selectors, strings};
use crate::commands::backup::get::readable;
use crate::context::Context;
use crate::exit::Exit;
use crate::flags::{boolean, selector};
use crate::output::describe::{Page, named, tristate};
use crate::output::time;
use crate::{catalog, connect};
use std::collections::BTreeMap;
use velero_core::Results;
use velero_core::api::{LabelSelector, Restore, RestorePhase, RestoreSpec};
use velero_repo::RestoreName;
use velero_repo::store::RestoreDocument;

/// Arguments of `restore describe`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of restores [default: all]
    #[arg(value_name = "NAME", value_parser = super::name)]
    names: Vec<RestoreName>,
    /// List every object with what became of it
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    details: Option<bool>,
    /// Only restores with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector)]
    selector: Option<LabelSelector>,
}

/// Describes restores.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    let mut exit = Exit::Completed;
    let mut restores = readable(catalog::restores(&store, &args.names).await?, "restore", &mut exit);
    if let (Some(selector), true) = (&args.selector, args.names.is_empty()) {
        restores.retain(|restore| velero_core::selector::matches(selector, &restore.metadata.labels));
    }
    for (at, restore) in restores.iter().enumerate() {
        let name = RestoreName::new(&restore.metadata.name)?;
        let results = catalog::restore_document(&store, &name, RestoreDocument::Results).await?;
        let list = match args.details {
            Some(true) => Some(catalog::restore_document(&store, &name, RestoreDocument::ResourceList).await?),
            _ => None,
        };
        if at > 0 {
            context.out.line("\n");
        }
        let page = page(Page::new(context.out.style()), restore, results.as_ref(), list);
        context.out.bytes(page.render().as_bytes());
    }
    Ok(exit)
}

/// The page. `list` is the resource list if details are wanted; its inner `None` says that none was stored.
fn page(
    mut page: Page,
    restore: &Restore,
    results: Option<&Results>,
    list: Option<Option<BTreeMap<String, Vec<String>>>>,
) -> Page {
    let (spec, status) = (&restore.spec, &restore.status);
    metadata(&mut page, &restore.metadata);
    phase(&mut page, restore);
    page.single("Started", time::absolute(status.start_timestamp.as_deref(), "<n/a>"));
    page.field(0, "Completed", time::absolute(status.completion_timestamp.as_deref(), "<n/a>"));
    strings(&mut page, 0, "Validation errors", &status.validation_errors);
    problems(&mut page, results, status.warnings, status.errors);
    page.single("Backup", &spec.backup_name);
    filters(&mut page, spec);
    page.single("Restore PVs", tristate(spec.restore_pvs));
    let policy = &spec.existing_resource_policy;
    page.single("Existing Resource Policy", if policy.is_empty() { "<none>" } else { policy });
    page.field(0, "ItemOperationTimeout", or_default(spec.item_operation_timeout, 4 * 3600));
    page.single("Preserve Service NodePorts", tristate(spec.preserve_node_ports));
    if let Some(modifier) = &spec.resource_modifier {
        page.section("Resource modifier");
        page.field(1, "Type", &modifier.kind);
        page.field(1, "Name", &modifier.name);
    }
    if let Some(list) = list {
        page.section("Resource List");
        resource_list(&mut page, list.as_ref(), "restore");
    }
    page
}

fn phase(page: &mut Page, restore: &Restore) {
    let status = &restore.status;
    let phase = status.phase.clone().unwrap_or_default();
    let mut text = page.style().phase(&phase.to_string());
    match &phase {
        RestorePhase::Failed | RestorePhase::PartiallyFailed => {
            text.push_str(&format!("  (see `velero restore logs {}`)", restore.metadata.name));
        }
        RestorePhase::Unknown(word) if word == "Unknown" => {
            text.push_str("  (Velero keeps this document in its cluster only)");
        }
        _ => {}
    }
    page.single("Phase", text);
    if !status.failure_reason.is_empty() {
        page.field(0, "Failure reason", &status.failure_reason);
    }
    if let Some(progress) = &status.progress {
        page.field(0, "Total items to be restored", progress.total_items.to_string());
        page.field(0, "Items restored", progress.items_restored.to_string());
    }
}

fn filters(page: &mut Page, spec: &RestoreSpec) {
    page.section("Namespaces");
    page.list(1, "Included", &spec.included_namespaces, "all namespaces found in the backup");
    page.list(1, "Excluded", &spec.excluded_namespaces, "<none>");
    page.section("Resources");
    page.list(1, "Included", &spec.included_resources, "*");
    page.list(1, "Excluded", &spec.excluded_resources, "<none>");
    page.field(1, "Cluster-scoped", named(spec.include_cluster_resources, ["auto", "included", "excluded"]));
    page.blank();
    page.map(0, "Namespace mappings", &spec.namespace_mapping);
    selectors(page, spec.label_selector.as_ref(), &spec.or_label_selectors);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Style;

    #[test]
    fn the_page_reads_as_veleros() {
        let mut restore = Restore::new(
            "web-1",
            RestoreSpec { backup_name: "web".into(), preserve_node_ports: Some(true), ..RestoreSpec::default() },
        );
        restore.spec.namespace_mapping = BTreeMap::from([("shop".into(), "shop-copy".into())]);
        restore.status.phase = Some(RestorePhase::Completed);
        let list = BTreeMap::from([("v1/Secret".into(), vec!["shop-copy/token(created)".into()])]);
        let page = page(Page::new(Style::plain()), &restore, None, Some(Some(list)));
        insta::assert_snapshot!(page.render());
    }
}
