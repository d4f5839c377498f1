//! Which resources a restore writes first and last.

use crate::error::{Error, Result};
use crate::resource::GroupResource;
use crate::table::ResourceTable;
use std::collections::BTreeSet;
use std::fmt;

/// Velero's default: what others need comes first (spec 6.3).
const HIGH: [&str; 23] = [
    "customresourcedefinitions",
    "namespaces",
    "storageclasses",
    "volumesnapshotclass.snapshot.storage.k8s.io",
    "volumesnapshotcontents.snapshot.storage.k8s.io",
    "volumesnapshots.snapshot.storage.k8s.io",
    "datauploads.velero.io",
    "persistentvolumes",
    "persistentvolumeclaims",
    "clusterroles",
    "roles",
    "serviceaccounts",
    "clusterrolebindings",
    "rolebindings",
    "secrets",
    "configmaps",
    "limitranges",
    "priorityclasses",
    "pods",
    "replicasets.apps",
    "clusterclasses.cluster.x-k8s.io",
    "endpoints",
    "services",
];

/// Velero's default: what must find everything else in place.
const LOW: [&str; 5] = [
    "clusterbootstraps.run.tanzu.vmware.com",
    "clusters.cluster.x-k8s.io",
    "clusterresourcesets.addons.cluster.x-k8s.io",
    "apps.kappctrl.k14s.io",
    "packageinstalls.packaging.carvel.dev",
];

/// Restore priorities: resources restored first and last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priorities {
    /// Restored first, in this order.
    pub high: Vec<String>,
    /// Restored last, in this order.
    pub low: Vec<String>,
}

impl Priorities {
    /// Reads `h1,h2,-,l1`. Empty text names no priorities.
    pub fn parse(text: &str) -> Result<Self> {
        let names: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() };
        let mut parts = names.split(|name| *name == "-").map(|part| part.iter().map(|n| (*n).to_owned()).collect());
        let priorities = Priorities { high: parts.next().unwrap_or_default(), low: parts.next().unwrap_or_default() };
        match parts.next() {
            None => Ok(priorities),
            Some(_) => Err(Error::invalid("list of restore priorities", "the separator '-' may stand in it only once")),
        }
    }

    /// Every name to look at, in order: high, the rest of the archive sorted, low. Names are as written, resources of the
    /// archive may come twice.
    pub fn sequence(&self, archive: &[GroupResource]) -> Vec<String> {
        let written = |name: &String| self.high.contains(name) || self.low.contains(name);
        let mut rest: Vec<String> = archive.iter().map(ToString::to_string).filter(|name| !written(name)).collect();
        rest.sort();
        self.high.iter().cloned().chain(rest).chain(self.low.iter().cloned()).collect()
    }

    /// The restore order of the resources of an archive, each once. Names are resolved through `table`, that of the target
    /// cluster; a resource that it does not serve keeps its name and place.
    pub fn order(&self, archive: &[GroupResource], table: &ResourceTable) -> Vec<GroupResource> {
        let mut left: BTreeSet<GroupResource> = archive.iter().cloned().collect();
        let named = |name: &String| {
            let literal = GroupResource::parse(name);
            if archive.contains(&literal) { literal } else { table.resolve_name(name).unwrap_or(literal) }
        };
        self.sequence(archive).iter().map(named).filter(|resource| left.remove(resource)).collect()
    }
}

impl Default for Priorities {
    /// Velero's default order.
    fn default() -> Self {
        Priorities { high: HIGH.map(str::to_owned).to_vec(), low: LOW.map(str::to_owned).to_vec() }
    }
}

impl fmt::Display for Priorities {
    /// The form that [`Priorities::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = (!self.low.is_empty()).then(|| "-".to_owned());
        let names: Vec<&String> = self.high.iter().chain(&separator).chain(&self.low).collect();
        for (at, name) in names.into_iter().enumerate() {
            write!(f, "{}{name}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
