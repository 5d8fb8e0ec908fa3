//! What a provider's client proves itself with.

use crate::{
    Change, Result, Vault,
    secret::{Value, exposed},
};
use postroom_model::ProviderId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// What a provider's client proves itself with. `Debug` is safe to print.
#[derive(Debug, Clone)]
pub enum ClientSecret {
    /// A client secret (RFC 6749 section 2.3.1).
    Secret(SecretString),
    /// A certificate and its key (RFC 7523).
    Certificate {
        /// The certificate, PEM.
        certificate: String,
        /// Its private key, PEM.
        key: SecretString,
    },
}

/// A client secret as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Secret {
        #[serde(serialize_with = "exposed")]
        client_secret: SecretString,
    },
    Certificate {
        certificate: String,
        #[serde(serialize_with = "exposed")]
        key: SecretString,
    },
}

impl Value for Stored {
    const EXPECTED: &'static str = r#"{"v":1,"client_secret":"…"} or {"v":1,"certificate":"…","key":"…"}"#;
}

impl Vault {
    /// What a provider's client proves itself with.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn client_secret(&self, id: &ProviderId) -> Result<Option<ClientSecret>> {
        let stored: Option<Stored> = self.get(&self.provider(id)).await?;
        Ok(stored.map(|stored| match stored {
            Stored::Secret { client_secret } => ClientSecret::Secret(client_secret),
            Stored::Certificate { certificate, key } => ClientSecret::Certificate { certificate, key },
        }))
    }

    /// Stores what a provider's client proves itself with.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn put_client_secret(&self, id: &ProviderId, secret: &ClientSecret) -> Result<Change> {
        let stored = match secret.clone() {
            ClientSecret::Secret(client_secret) => Stored::Secret { client_secret },
            ClientSecret::Certificate { certificate, key } => Stored::Certificate { certificate, key },
        };
        self.put(&self.provider(id), &stored).await
    }

    /// Deletes what a provider's client proves itself with. `false`: there was nothing.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn delete_client_secret(&self, id: &ProviderId) -> Result<bool> {
        self.delete(&self.provider(id)).await
    }

    fn provider(&self, id: &ProviderId) -> String {
        self.name("provider", id)
    }
}
