//! The deployment's own keys: of the console's cookies, and of owners' personal links.
//!
//! They are two secrets, because `expiry-check` makes links and must not be able to make cookies.

use crate::{
    Error, Result, Vault,
    secret::{Current, not_later},
};
use postroom_model::Refusal;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The fewest characters: 64 of any kind hold more than the 256 bits that keys are derived from.
const MIN_CHARS: usize = 64;
const EXPECTED: &str = r#"at least 64 characters, as they are or as {"key":"…"}"#;

#[derive(Deserialize)]
struct Keyed {
    key: SecretString,
}

impl Vault {
    /// The key of the console's cookies, as the deployment made it; `None`: the deployment has no
    /// console.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Unreadable`] where it is too short.
    pub async fn console_key(&self) -> Result<Option<SecretString>> {
        self.own_key("console").await
    }

    /// The key of owners' personal links, as the deployment made it; `None`: the deployment has none.
    ///
    /// # Errors
    /// As [`Vault::console_key`].
    pub async fn link_key(&self) -> Result<Option<SecretString>> {
        self.own_key("links").await
    }

    /// What is missing of a deployment without [`Vault::console_key`].
    pub fn no_console_key(&self) -> Refusal {
        self.no_own_key("console")
    }

    /// What is missing of a deployment without [`Vault::link_key`].
    pub fn no_link_key(&self) -> Refusal {
        self.no_own_key("links")
    }

    fn no_own_key(&self, name: &str) -> Refusal {
        Refusal::missing("secretsmanager:GetSecretValue", &format!("secret {}", self.secret(name)))
    }

    async fn own_key(&self, name: &str) -> Result<Option<SecretString>> {
        let name = self.secret(name);
        let Current::Value(text, _) = self.current(&name).await? else { return Ok(None) };
        not_later(&name, &text)?;
        // A generated text may begin like JSON.
        let key = match serde_json::from_str::<Keyed>(text.expose_secret()) {
            Ok(Keyed { key }) => key,
            Err(_) => text,
        };
        match key.expose_secret().chars().count() {
            MIN_CHARS.. => Ok(Some(key)),
            _ => Err(Error::Unreadable { name, expected: EXPECTED }),
        }
    }
}
