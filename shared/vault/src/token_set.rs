//! Token sets of accounts.

use crate::{
    Change, Result, Vault,
    secret::{Value, exposed},
};
use jiff::Timestamp;
use postroom_model::{AccountId, TokenSet};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// A token set as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
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
}

impl Value for Stored {
    const EXPECTED: &'static str =
        r#"{"v":1,"access_token":"…","refresh_token":"…","expires_at":…,"obtained_at":…}"#;
}

impl Vault {
    /// An account's token set. Times are kept in whole seconds.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn token_set(&self, id: &AccountId) -> Result<Option<TokenSet>> {
        let stored: Option<Stored> = self.get(&self.account(id)).await?;
        Ok(stored.map(|stored| TokenSet {
            access_token: stored.access_token,
            refresh_token: stored.refresh_token,
            expires_at: stored.expires_at,
            refresh_expires_at: stored.refresh_expires_at,
            scope: stored.scope,
            obtained_at: stored.obtained_at,
        }))
    }

    /// Stores an account's token set; the one before stays as `AWSPREVIOUS`.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn put_token_set(&self, id: &AccountId, tokens: &TokenSet) -> Result<Change> {
        let stored = Stored {
            access_token: tokens.access_token.clone(),
            refresh_token: tokens.refresh_token.clone(),
            expires_at: tokens.expires_at,
            refresh_expires_at: tokens.refresh_expires_at,
            scope: tokens.scope.clone(),
            obtained_at: tokens.obtained_at,
        };
        self.put(&self.account(id), &stored).await
    }

    /// Deletes an account's token set. `false`: there was none.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn delete_token_set(&self, id: &AccountId) -> Result<bool> {
        self.delete(&self.account(id)).await
    }

    fn account(&self, id: &AccountId) -> String {
        self.name("account", id)
    }
}

fn exposed_option<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.expose_secret()).serialize(serializer)
}
