//! Which resources are listed, in which order, and the items that the request wants before all others (spec 3.2, 3.8).

use super::{Run, Subject};
use crate::Result;
use std::sync::Arc;
use velero_core::order::{backup_order, ordered_items, without_cohabitants};
use velero_core::selection::{Decision, Reached};
use velero_core::{GroupResource, Item, ItemId, Problem, Resource, Stage};

/// Core resources that are listed one after the other before the rest.
const FIRST: [&str; 3] = ["pods", "persistentvolumeclaims", "persistentvolumes"];

/// Whether `row` is listed before the rest; such rows come in the right order from [`backup_order`].
pub(super) fn comes_first(row: &Resource) -> bool {
    row.group.is_empty() && FIRST.contains(&row.plural.as_str())
}

impl Run<'_> {
    /// The resources to list, in order. Namespaces are not among them: they come last, when their owners are known.
    pub(super) fn rows(&mut self) -> Vec<Arc<Resource>> {
        let selection = self.pipeline.selection();
        let (listed, dropped): (Vec<_>, Vec<_>) = backup_order(&self.table)
            .into_iter()
            .filter(|row| !row.group_resource().is("namespaces"))
            .partition(|row| !selection.listings(row).is_empty());
        let rows = without_cohabitants(listed.iter().cloned());
        let twins: Vec<GroupResource> =
            listed.iter().filter(|row| !rows.contains(row)).map(|row| row.group_resource()).collect();
        for row in dropped {
            let resource = row.group_resource();
            self.explain(false, || Subject::Resource(resource), || "the request does not include this resource".into());
        }
        for twin in twins {
            self.explain(false, || Subject::Resource(twin), || "another API group serves the same objects".into());
        }
        rows
    }

    /// Fetches and takes the items that the request orders, each resource's in its order.
    pub(super) async fn ordered_items(&mut self, rows: &[Arc<Resource>]) -> Result<()> {
        for row in rows {
            for id in ordered_items(self.ordered, &row.group_resource()) {
                let raw = match id.namespace.is_empty() == row.is_namespaced() {
                    true => None,
                    false => self.get(row, &id).await?,
                };
                let Some(item) = raw else {
                    self.report_missing(id, "does not exist");
                    continue;
                };
                if self.pipeline.selection().judge_labels(&item, "").is_included() {
                    self.take(vec![item], Reached::Listed).await?;
                } else {
                    self.report_missing(id, "does not match the label selectors");
                }
            }
        }
        Ok(())
    }

    fn report_missing(&mut self, id: ItemId, why: &str) {
        let message = format!("it is named in spec.orderedResources and {why}");
        self.report(Problem::warning(Stage::Collect, "OrderedItemMissing", message).about(id));
    }

    /// Whether the listing takes `item` by its labels; if not, that is told.
    pub(super) fn explain_labels(&mut self, item: &Item) -> bool {
        match self.pipeline.selection().judge_labels(item, "") {
            Decision::Include(_) => true,
            Decision::Exclude(reason) => {
                self.explain(false, || Subject::Item(item.id()), || reason);
                false
            }
        }
    }
}
