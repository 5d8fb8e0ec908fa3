//! What a provider's client proves itself with.

use crate::{
    Change, Result, Vault,
    secret::{Value, absent, exposed},
};
use postroom_model::{ClientSecret, Fault, ProviderId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

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
    ServiceAccount {
        client_email: String,
        private_key_id: String,
        #[serde(serialize_with = "exposed")]
        private_key: SecretString,
    },
}

impl Value for Stored {
    const EXPECTED: &'static str = r#"{"v":1,"client_secret":"…"} or {"v":1,"certificate":"…","key":"…"} or {"v":1,"client_email":"…","private_key_id":"…","private_key":"…"}"#;
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
            Stored::ServiceAccount { client_email, private_key_id, private_key } => {
                ClientSecret::ServiceAccount { email: client_email, key_id: private_key_id, key: private_key }
            }
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
            ClientSecret::ServiceAccount { email, key_id, key } => {
                Stored::ServiceAccount { client_email: email, private_key_id: key_id, private_key: key }
            }
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

    /// The fault of a provider whose client has nothing to prove itself with.
    pub fn no_client_secret(&self, id: &ProviderId) -> Fault {
        absent(&self.provider(id), "what the provider proves itself with")
    }

    fn provider(&self, id: &ProviderId) -> String {
        self.name("provider", id)
    }
}
