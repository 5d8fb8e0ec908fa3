//! Token sets of accounts.

use crate::{
    Result, Vault, Version,
    secret::{Current, Value, exposed, parse},
};
use jiff::Timestamp;
use postroom_model::{AccountId, ProviderId, TokenSet};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};

/// A token set as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(serialize_with = "exposed")]
    access_token: SecretString,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "exposed_option")]
    refresh_token: Option<SecretString>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    expires_at: Option<Timestamp>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    refresh_expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    obtained_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_by: Option<ProviderId>,
}

impl Value for Stored {
    const EXPECTED: &'static str =
        r#"{"v":1,"access_token":"…","refresh_token":"…","expires_at":…,"obtained_at":…}"#;
}

impl From<&TokenSet> for Stored {
    fn from(tokens: &TokenSet) -> Self {
        let tokens = tokens.clone();
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            scope: tokens.scope,
            obtained_at: tokens.obtained_at,
            issued_by: tokens.issued_by,
        }
    }
}

impl From<Stored> for TokenSet {
    fn from(stored: Stored) -> Self {
        Self {
            access_token: stored.access_token,
            refresh_token: stored.refresh_token,
            expires_at: stored.expires_at,
            refresh_expires_at: stored.refresh_expires_at,
            scope: stored.scope,
            obtained_at: stored.obtained_at,
            issued_by: stored.issued_by,
        }
    }
}

impl Vault {
    /// An account's token set. Times are kept in whole seconds.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn token_set(&self, id: &AccountId) -> Result<Option<TokenSet>> {
        Ok(self.token_set_version(id).await?.map(|(_, tokens)| tokens))
    }

    /// An account's token set, and which version of the secret it is.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn token_set_version(&self, id: &AccountId) -> Result<Option<(Version, TokenSet)>> {
        let name = self.account(id);
        match self.current(&name).await? {
            Current::Value(text, version) => {
                let stored: Stored = parse(&name, &text)?;
                Ok(Some((version, stored.into())))
            }
            Current::Deleted | Current::Absent => Ok(None),
        }
    }

    /// The token sets of many accounts, as [`Vault::passwords`] reads passwords.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn token_sets(&self, ids: &[AccountId]) -> Result<HashMap<AccountId, Result<TokenSet>>> {
        let names: BTreeMap<String, &AccountId> = ids.iter().map(|id| (self.account(id), id)).collect();
        let stored = self.many::<Stored, _>(&names).await?;
        Ok(stored.into_iter().map(|(id, stored)| (id, stored.map(TokenSet::from))).collect())
    }

    /// Deletes an account's token set. `false`: there was none.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn delete_token_set(&self, id: &AccountId) -> Result<bool> {
        self.delete(&self.account(id)).await
    }

    pub(crate) fn account(&self, id: &AccountId) -> String {
        self.name("account", id)
    }
}

fn exposed_option<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.expose_secret()).serialize(serializer)
}
