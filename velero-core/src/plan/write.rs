//! The requests that an item of a plan stands for.

use super::{PlannedItem, PlannedWrite, Step};
use crate::resource::GroupResource;

/// How a request changes the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `POST` to the collection.
    Create,
    /// `PATCH` of the object.
    Patch,
    /// `PUT` of the object's `status` subresource.
    UpdateStatus,
}

/// One request that applying a plan may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write<'a> {
    /// How it changes the cluster.
    pub method: Method,
    /// The resource.
    pub resource: &'a GroupResource,
    /// Group and version of the request's path.
    pub api_version: &'a str,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Name; empty if the server is to make one.
    pub name: &'a str,
}

impl Write<'_> {
    /// The subresource that is written; empty for the object itself.
    pub fn subresource(&self) -> &'static str {
        match self.method {
            Method::UpdateStatus => "status",
            Method::Create | Method::Patch => "",
        }
    }
}

impl PlannedItem {
    /// The requests that this item of `step` stands for.
    pub(super) fn writes<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = Write<'a>> {
        let patched = match self.write {
            PlannedWrite::Create => self.then.managed_fields || self.then.patch_if_exists,
            PlannedWrite::Update => true,
            PlannedWrite::Skip | PlannedWrite::Fail => false,
        };
        let written = matches!(self.write, PlannedWrite::Create | PlannedWrite::Update);
        [
            (self.write == PlannedWrite::Create, Method::Create),
            (patched, Method::Patch),
            (written && self.then.status, Method::UpdateStatus),
        ]
        .into_iter()
        .filter(|(happens, _)| *happens)
        .map(|(_, method)| Write {
            method,
            resource: &step.resource,
            api_version: &step.api_version,
            namespace: &self.namespace,
            name: &self.name,
        })
    }
}

/// Objects of a plan by what happens to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Created.
    pub create: u64,
    /// Updated.
    pub update: u64,
    /// Left as they are.
    pub skip: u64,
    /// Not restorable.
    pub fail: u64,
}

impl Counts {
    pub(super) fn add(&mut self, write: PlannedWrite) {
        match write {
            PlannedWrite::Create => self.create += 1,
            PlannedWrite::Update => self.update += 1,
            PlannedWrite::Skip => self.skip += 1,
            PlannedWrite::Fail => self.fail += 1,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.create + self.update + self.skip + self.fail
    }
}
