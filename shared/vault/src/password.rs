//! Passwords: of basic mailboxes, and of accounts that send one to the token endpoint.

use crate::{
    Change, Result, Vault,
    secret::{Value, absent, exposed},
};
use postroom_model::{AccountId, Fault, MailboxId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

#[derive(Serialize, Deserialize)]
struct Password {
    #[serde(serialize_with = "exposed")]
    password: SecretString,
}

impl Value for Password {
    const EXPECTED: &'static str = r#"{"v":1,"password":"…"}"#;
}

impl Vault {
    /// A mailbox's password.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn password(&self, id: &MailboxId) -> Result<Option<SecretString>> {
        let password: Option<Password> = self.get(&self.mailbox(id)).await?;
        Ok(password.map(|stored| stored.password))
    }

    /// The passwords of many mailboxes, twenty in one request. A mailbox that has none is left out;
    /// one whose password cannot be read is an error of its own and does not hide its neighbours.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn passwords(&self, ids: &[MailboxId]) -> Result<HashMap<MailboxId, Result<SecretString>>> {
        let names: BTreeMap<String, &MailboxId> = ids.iter().map(|id| (self.mailbox(id), id)).collect();
        let stored = self.many::<Password, _>(&names).await?;
        Ok(stored.into_iter().map(|(id, stored)| (id, stored.map(|stored| stored.password))).collect())
    }

    /// Stores a mailbox's password.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn put_password(&self, id: &MailboxId, password: &SecretString) -> Result<Change> {
        self.put(&self.mailbox(id), &Password { password: password.clone() }).await
    }

    /// Deletes a mailbox's password. `false`: there was none.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn delete_password(&self, id: &MailboxId) -> Result<bool> {
        self.delete(&self.mailbox(id)).await
    }

    /// The password of an account with [`Grant::Password`](postroom_model::Grant::Password).
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn account_password(&self, id: &AccountId) -> Result<Option<SecretString>> {
        let password: Option<Password> = self.get(&self.owner(id)).await?;
        Ok(password.map(|stored| stored.password))
    }

    /// Stores an account's password.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn put_account_password(&self, id: &AccountId, password: &SecretString) -> Result<Change> {
        self.put(&self.owner(id), &Password { password: password.clone() }).await
    }

    /// Deletes an account's password. `false`: there was none.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn delete_account_password(&self, id: &AccountId) -> Result<bool> {
        self.delete(&self.owner(id)).await
    }

    /// The fault of a mailbox without a password.
    pub fn no_password(&self, id: &MailboxId) -> Fault {
        absent(&self.mailbox(id), "this mailbox's password")
    }

    /// The fault of an account without a password.
    pub fn no_account_password(&self, id: &AccountId) -> Fault {
        absent(&self.owner(id), "this account's password")
    }

    fn owner(&self, id: &AccountId) -> String {
        self.name("account-password", id)
    }

    fn mailbox(&self, id: &MailboxId) -> String {
        self.name("mailbox", id)
    }
}
