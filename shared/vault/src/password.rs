//! Passwords: of basic mailboxes, and of accounts that send one to the token endpoint.

use crate::{
    Change, Error, Result, Vault,
    secret::{ABSENT, Value, exposed, parse, says_deleted},
};
use postroom_model::{AccountId, MailboxId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Secrets that one `BatchGetSecretValue` reads at most.
const BATCH: usize = 20;
const BATCH_GET: &str = "BatchGetSecretValue";

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
    /// [`Error`].
    pub async fn password(&self, id: &MailboxId) -> Result<Option<SecretString>> {
        let password: Option<Password> = self.get(&self.mailbox(id)).await?;
        Ok(password.map(|stored| stored.password))
    }

    /// The passwords of many mailboxes, twenty in one request. A mailbox that has none is left out;
    /// one whose password cannot be read is an error of its own and does not hide its neighbours.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn passwords(&self, ids: &[MailboxId]) -> Result<HashMap<MailboxId, Result<SecretString>>> {
        let names: BTreeMap<String, &MailboxId> = ids.iter().map(|id| (self.mailbox(id), id)).collect();
        let mut passwords = HashMap::with_capacity(names.len());
        for names_at_once in names.keys().collect::<Vec<_>>().chunks(BATCH) {
            let first = names_at_once[0];
            let request = self.client.batch_get_secret_value();
            let request = names_at_once.iter().fold(request, |r, name| r.secret_id_list(name.as_str()));
            let mut pages = request.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| Error::request(first, BATCH_GET, e))?;
                for entry in page.secret_values.unwrap_or_default() {
                    let Some((name, &id)) = entry.name().and_then(|name| names.get_key_value(name)) else {
                        continue;
                    };
                    let text = SecretString::from(entry.secret_string.unwrap_or_default());
                    passwords.insert(id.clone(), parse(name, &text).map(|stored: Password| stored.password));
                }
                for error in page.errors.unwrap_or_default() {
                    let Some((name, &id)) = error.secret_id().and_then(|name| names.get_key_value(name))
                    else {
                        continue;
                    };
                    let (code, message) = (error.error_code(), error.message());
                    if code == Some(ABSENT) || says_deleted(code, message) {
                        continue;
                    }
                    let error = Error::of_entry(name, BATCH_GET, code.unwrap_or("unnamed error"), message);
                    passwords.insert(id.clone(), Err(error));
                }
            }
        }
        Ok(passwords)
    }

    /// Stores a mailbox's password.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_password(&self, id: &MailboxId, password: &SecretString) -> Result<Change> {
        self.put(&self.mailbox(id), &Password { password: password.clone() }).await
    }

    /// Deletes a mailbox's password. `false`: there was none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_password(&self, id: &MailboxId) -> Result<bool> {
        self.delete(&self.mailbox(id)).await
    }

    /// The password of an account with [`Grant::Password`](postroom_model::Grant::Password).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn account_password(&self, id: &AccountId) -> Result<Option<SecretString>> {
        let password: Option<Password> = self.get(&self.owner(id)).await?;
        Ok(password.map(|stored| stored.password))
    }

    /// Stores an account's password.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_account_password(&self, id: &AccountId, password: &SecretString) -> Result<Change> {
        self.put(&self.owner(id), &Password { password: password.clone() }).await
    }

    /// Deletes an account's password. `false`: there was none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_account_password(&self, id: &AccountId) -> Result<bool> {
        self.delete(&self.owner(id)).await
    }

    fn owner(&self, id: &AccountId) -> String {
        self.name("account-password", id)
    }

    fn mailbox(&self, id: &MailboxId) -> String {
        self.name("mailbox", id)
    }
}
