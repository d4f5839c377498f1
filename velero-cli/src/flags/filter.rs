//! The filter flags of `backup create`, and the list flags that a restore shares with it.

use crate::exit::usage;
use crate::flags::{OrSelectors, boolean, or_selectors, selector};
use velero_core::api::{BackupSpec, LabelSelector};

/// Label selectors.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "What is taken")]
pub struct Selectors {
    /// Only objects with these labels, such as app=web,tier!=cache
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector, conflicts_with = "or_selector")]
    pub selector: Option<LabelSelector>,
    /// Only objects that match one of several selectors, such as 'app=web or app=db'
    #[arg(long, value_name = "SELECTORS", value_parser = or_selectors)]
    pub or_selector: Option<OrSelectors>,
}

/// Velero's filters of a backup: the old ones, or the four scoped ones.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "What is taken")]
pub struct BackupFilters {
    /// Namespaces to include; wildcards allowed [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    include_namespaces: Vec<String>,
    /// Namespaces to leave out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    exclude_namespaces: Vec<String>,
    /// Resources to include, such as deployments.apps,secrets [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    include_resources: Vec<String>,
    /// Resources to leave out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    exclude_resources: Vec<String>,
    /// Cluster-scoped resources: all (true), none (false), or what the namespaced objects need (unset)
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    include_cluster_resources: Option<bool>,
    /// Cluster-scoped resources to include; the four scoped filters do not mix with the three above
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    include_cluster_scoped_resources: Vec<String>,
    /// Cluster-scoped resources to leave out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    exclude_cluster_scoped_resources: Vec<String>,
    /// Namespaced resources to include
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    include_namespace_scoped_resources: Vec<String>,
    /// Namespaced resources to leave out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    exclude_namespace_scoped_resources: Vec<String>,
    #[command(flatten)]
    selectors: Selectors,
}

impl BackupFilters {
    /// Puts the filters that were given into `spec`. Refuses old and scoped filters together.
    pub fn apply(self, spec: &mut BackupSpec) -> anyhow::Result<()> {
        let old = !self.include_resources.is_empty()
            || !self.exclude_resources.is_empty()
            || self.include_cluster_resources.is_some();
        let scoped = !self.include_cluster_scoped_resources.is_empty()
            || !self.exclude_cluster_scoped_resources.is_empty()
            || !self.include_namespace_scoped_resources.is_empty()
            || !self.exclude_namespace_scoped_resources.is_empty();
        if old && scoped {
            return Err(usage(
                "--include-resources, --exclude-resources and --include-cluster-resources do not mix with \
                 --include-cluster-scoped-resources, --exclude-cluster-scoped-resources, \
                 --include-namespace-scoped-resources and --exclude-namespace-scoped-resources; use one group",
            ));
        }
        set(&mut spec.included_namespaces, self.include_namespaces);
        set(&mut spec.excluded_namespaces, self.exclude_namespaces);
        set(&mut spec.included_resources, self.include_resources);
        set(&mut spec.excluded_resources, self.exclude_resources);
        set(&mut spec.included_cluster_scoped_resources, self.include_cluster_scoped_resources);
        set(&mut spec.excluded_cluster_scoped_resources, self.exclude_cluster_scoped_resources);
        set(&mut spec.included_namespace_scoped_resources, self.include_namespace_scoped_resources);
        set(&mut spec.excluded_namespace_scoped_resources, self.exclude_namespace_scoped_resources);
        spec.include_cluster_resources = self.include_cluster_resources.or(spec.include_cluster_resources);
        self.selectors.apply(&mut spec.label_selector, &mut spec.or_label_selectors);
        Ok(())
    }
}

impl Selectors {
    /// Puts the selectors that were given into a spec.
    pub fn apply(self, one: &mut Option<LabelSelector>, several: &mut Vec<LabelSelector>) {
        if self.selector.is_some() {
            *one = self.selector;
        }
        if let Some(OrSelectors(selectors)) = self.or_selector {
            *several = selectors;
        }
    }
}

/// Replaces `target` if the flag was given; blanks around and between the entries do not count.
pub fn set(target: &mut Vec<String>, given: Vec<String>) {
    if !given.is_empty() {
        *target = given.into_iter().map(|entry| entry.trim().to_owned()).collect();
    }
}
