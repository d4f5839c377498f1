//! Tokens of service accounts are made by the target cluster.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::pv;
use crate::resource::GroupResource;

/// `velero.io/secret`: skips the token secret that old clusters generated for each service account; one that a
/// user asked for loses its old token, so that the cluster fills in a new one.
pub struct Secret;

impl RestoreAction for Secret {
    fn name(&self) -> &str {
        "velero.io/secret"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["secrets"])
    }

    fn needs(&self) -> Vec<GroupResource> {
        vec!["serviceaccounts".into()]
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        if part::text(input.item, "/type")? != "kubernetes.io/service-account-token" {
            return Ok(RestoreOutput::default());
        }
        let name = part::text(input.item, "/metadata/name")?;
        if let Some(account) = generated_for(name, &input)? {
            return Ok(RestoreOutput::skipped(format!("the token was generated for service account {account}")));
        }
        let mut item = input.item.clone();
        pv::remove_annotations(&mut item, &["kubernetes.io/service-account.uid"]);
        if let Some(data) = part::map_mut(&mut item, "/data")? {
            data.remove("token");
            data.remove("ca.crt");
        }
        Ok(RestoreOutput::changed(item))
    }
}

/// The service account of the target namespace for which a secret of this name was generated. `default` exists
/// in every namespace, also in one that the restore is yet to create. Velero looks into the namespace named as
/// in the backup even if the restore maps it, and then misses the accounts.
fn generated_for<'a>(name: &str, input: &RestoreInput<'a>) -> Result<Option<&'a str>, ActionError> {
    let source = part::text(input.item, "/metadata/namespace")?;
    let target = input.restore.spec.namespace_mapping.get(source).map_or(source, String::as_str);
    let accounts = input.known.list(&GroupResource::new("", "serviceaccounts")).iter();
    let here = accounts.filter(|account| account["metadata"]["namespace"] == target);
    let mut names = here.filter_map(|account| account["metadata"]["name"].as_str()).chain(["default"]);
    Ok(names.find(|account| name.strip_prefix(account).is_some_and(|rest| rest.starts_with("-token-"))))
}
