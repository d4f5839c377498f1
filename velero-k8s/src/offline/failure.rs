//! The refusals of an API server: code, reason, message and causes exactly as a real one words them.
//!
//! Every check of the offline cluster returns a [`Failure`]; only [`Failure::into_error`] adds the operation and the
//! object, so the checks stay free of them.

use crate::Error;
use serde_json::Value;
use velero_core::{GroupResource, ItemId, Resource};

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    field: String,
    detail: String,
}

impl Cause {
    /// A field whose value is not acceptable.
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Cause { field: field.into(), detail: format!("Invalid value: {value}: {why}") }
    }

    /// A field that must be there.
    pub fn required(field: impl Into<String>, why: &str) -> Self {
        Cause { field: field.into(), detail: with_reason("Required value", why) }
    }

    /// A change or a field that is not allowed here.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Cause { field: field.into(), detail: with_reason("Forbidden", why) }
    }

    /// A field whose detail has a wording of its own.
    pub fn other(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Cause { field: field.into(), detail: detail.into() }
    }
}

fn with_reason(word: &str, why: &str) -> String {
    if why.is_empty() { word.to_owned() } else { format!("{word}: {why}") }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u16,
    reason: &'static str,
    message: String,
    causes: Vec<String>,
}

/// Results of the checks.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Failure { code, reason, message, causes: Vec::new() }
    }

    /// 404 about an object.
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        Failure::new(404, "NotFound", format!("{resource} \"{name}\" not found"))
    }

    /// 404 about a path that is not served.
    pub fn not_served() -> Self {
        Failure::new(404, "NotFound", "the server could not find the requested resource".into())
    }

    /// 405: the path exists, the verb does not.
    pub fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Failure::new(405, "MethodNotAllowed", message.into())
    }

    /// 409 because the name is taken.
    pub fn exists(resource: &GroupResource, name: &str) -> Self {
        Failure::new(409, "AlreadyExists", format!("{resource} \"{name}\" already exists"))
    }

    /// 409 because the object of that name is not gone yet.
    pub fn being_deleted(resource: &GroupResource, name: &str) -> Self {
        let message = format!("object is being deleted: {resource} \"{name}\" already exists");
        Failure::new(409, "AlreadyExists", message)
    }

    /// 409 because every name tried for a `generateName` was taken.
    pub fn exhausted(resource: &GroupResource, name: &str) -> Self {
        let why = "already exists, the server was not able to generate a unique name for the object";
        Failure::new(409, "AlreadyExists", format!("{resource} \"{name}\" {why}"))
    }

    /// 409 because of the resource version.
    pub fn modified(resource: &GroupResource, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Failure::new(409, "Conflict", format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}"))
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Failure::new(400, "BadRequest", message.into())
    }

    /// 403.
    pub fn forbidden(resource: &GroupResource, name: &str, why: &str) -> Self {
        Failure::new(403, "Forbidden", format!("{resource} \"{name}\" is forbidden: {why}"))
    }

    /// 403 because the namespace is going away.
    pub fn terminating(resource: &GroupResource, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let cause = format!("namespace {namespace} is being terminated");
        Failure { causes: vec![cause], ..Failure::forbidden(resource, name, &why) }
    }

    /// 500 as a real server answers to a create that carries a resource version.
    pub fn version_on_create() -> Self {
        Failure::new(500, "", "resourceVersion should not be set on objects to be created".into())
    }

    /// 500 about something that the server itself could not do.
    pub fn internal(what: &str) -> Self {
        let failure = Failure::new(500, "InternalError", format!("Internal error occurred: {what}"));
        Failure { causes: vec![what.to_owned()], ..failure }
    }

    /// 422; `kind` is the kind with its group.
    pub fn invalid(kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let mut fields: Vec<_> = causes.iter().map(|c| format!("{}: {}", c.field, c.detail)).collect();
        let all = match fields.len() {
            1 => fields.remove(0),
            _ => format!("[{}]", fields.join(", ")),
        };
        let causes = causes.into_iter().map(|cause| cause.detail).collect();
        let message = format!("{kind} \"{name}\" is invalid: {all}");
        Failure { code: 422, reason: "Invalid", message, causes }
    }

    /// The error that the caller of `operation` on `id` gets.
    pub fn into_error(self, operation: &'static str, id: &ItemId) -> Error {
        Error::Api {
            operation,
            object: id.to_string(),
            code: self.code,
            reason: self.reason.into(),
            message: self.message,
            causes: self.causes,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// `ConfigMap` or `Deployment.apps`, as messages name kinds.
pub fn qualified_kind(row: &Resource) -> String {
    if row.group.is_empty() { row.kind.clone() } else { format!("{}.{}", row.kind, row.group) }
}

/// Refuses the object if there are causes.
pub fn refuse_if(row: &Resource, name: &str, causes: Vec<Cause>) -> Outcome<()> {
    if causes.is_empty() { Ok(()) } else { Err(Failure::invalid(&qualified_kind(row), name, causes)) }
}

/// Why an operation stopped: the API refuses it, or its directory can not be written.
#[derive(Debug)]
pub enum Stop {
    /// Refused as a real server would.
    Api(Failure),
    /// The directory failed.
    Disk(Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Api(failure)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Disk(error)
    }
}

impl Stop {
    /// The error that the caller of `operation` on `id` gets.
    pub fn into_error(self, operation: &'static str, id: &ItemId) -> Error {
        match self {
            Stop::Api(failure) => failure.into_error(operation, id),
            Stop::Disk(error) => error,
        }
    }
}
