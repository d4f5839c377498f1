//! A service account forgets its generated token.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};

/// `velero.io/service-account`: removes the last reference to a token secret that was generated for the account.
pub struct ServiceAccount;

impl RestoreAction for ServiceAccount {
    fn name(&self) -> &str {
        "velero.io/service-account"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["serviceaccounts"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let tokens = format!("{}-token-", part::text(input.item, "/metadata/name")?);
        let secrets = part::list(input.item, "/secrets")?;
        let generated =
            secrets.iter().rposition(|secret| secret["name"].as_str().is_some_and(|name| name.starts_with(&tokens)));
        let Some(generated) = generated else { return Ok(RestoreOutput::default()) };
        let mut item = input.item.clone();
        if let Some(secrets) = part::list_mut(&mut item, "/secrets")? {
            secrets.remove(generated);
        }
        Ok(RestoreOutput::changed(item))
    }
}
