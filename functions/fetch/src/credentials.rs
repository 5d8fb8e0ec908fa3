//! What mailboxes sign in with, kept in the warm process.
//!
//! Guarantees: the vault is asked once for what several mailboxes share, and again when a server
//! refused what was kept. An access token is not used beyond its end.

use jiff::{SignedDuration, Timestamp};
use postroom_mail::Credential;
use postroom_model::{AccountId, Auth, Fault, FaultClass, Mailbox, MailboxId, TokenSet};
use postroom_vault::Vault;
use secrecy::SecretString;
use std::collections::HashMap;
use tokio::sync::Mutex;

/// A password is asked for again after this long, so that a new one takes effect.
const PASSWORD_AGE: SignedDuration = SignedDuration::from_mins(10);
/// An access token is asked for again this long before its end: somebody may have renewed it.
const TOKEN_LEAD: SignedDuration = SignedDuration::from_mins(5);

/// Secrets as `fetch` uses them.
#[derive(Debug)]
pub(crate) struct Credentials {
    vault: Vault,
    passwords: Mutex<HashMap<MailboxId, Kept<SecretString>>>,
    tokens: Mutex<HashMap<AccountId, Kept<TokenSet>>>,
}

#[derive(Debug)]
struct Kept<T> {
    value: T,
    until: Timestamp,
}

impl Credentials {
    pub(crate) fn new(vault: Vault) -> Self {
        Self { vault, passwords: Mutex::default(), tokens: Mutex::default() }
    }

    /// What the mailbox signs in with now.
    pub(crate) async fn of(&self, mailbox: &Mailbox, now: Timestamp) -> Result<Credential, Fault> {
        match &mailbox.auth {
            Auth::Basic => self.password(&mailbox.id, now).await.map(Credential::Password),
            Auth::Oauth(account) => self.access_token(account, now).await.map(Credential::AccessToken),
        }
    }

    /// Forgets what is kept for the mailbox, because a server refused it.
    pub(crate) async fn forget(&self, mailbox: &Mailbox) {
        match &mailbox.auth {
            Auth::Basic => drop(self.passwords.lock().await.remove(&mailbox.id)),
            Auth::Oauth(account) => drop(self.tokens.lock().await.remove(account)),
        }
    }

    /// Gets the passwords of many mailboxes in few requests. A failure shows when one is used.
    pub(crate) async fn prefetch(&self, mailboxes: &[&Mailbox], now: Timestamp) {
        let mut passwords = self.passwords.lock().await;
        let wanted =
            |m: &&&Mailbox| m.auth == Auth::Basic && passwords.get(&m.id).is_none_or(|k| now >= k.until);
        let ids: Vec<MailboxId> = mailboxes.iter().filter(wanted).map(|m| m.id.clone()).collect();
        if ids.len() < 2 {
            return;
        }
        match self.vault.passwords(&ids).await {
            Ok(found) => passwords.extend(found.into_iter().filter_map(|(id, value)| {
                Some((id, Kept { value: value.ok()?, until: later(now, PASSWORD_AGE) }))
            })),
            Err(error) => {
                tracing::warn!(%error, "passwords could not be read together; each is read by itself")
            }
        }
    }

    async fn password(&self, id: &MailboxId, now: Timestamp) -> Result<SecretString, Fault> {
        if let Some(kept) = self.passwords.lock().await.get(id).filter(|kept| now < kept.until) {
            return Ok(kept.value.clone());
        }
        let found = self.vault.password(id).await.map_err(vault_fault)?;
        let value = found.ok_or_else(|| {
            Fault::new(FaultClass::Configuration, "the vault holds no password for this mailbox")
        })?;
        let kept = Kept { value: value.clone(), until: later(now, PASSWORD_AGE) };
        self.passwords.lock().await.insert(id.clone(), kept);
        Ok(value)
    }

    async fn access_token(&self, account: &AccountId, now: Timestamp) -> Result<SecretString, Fault> {
        // Held while the vault is asked, so that mailboxes which share the account ask once.
        let mut tokens = self.tokens.lock().await;
        if let Some(kept) = tokens.get(account).filter(|kept| now < kept.until) {
            return Ok(kept.value.access_token.clone());
        }
        let found = self.vault.token_set(account).await.map_err(vault_fault)?;
        let missing =
            || Fault::new(FaultClass::AuthorizationEnded, format!("account {account} has no token set yet"));
        let value = found.ok_or_else(missing)?;
        if let Some(end) = value.expires_at.filter(|end| *end <= now) {
            let reason = format!("the access token of account {account} ended at {end}");
            return Err(Fault::new(FaultClass::AuthorizationEnded, reason));
        }
        let until = value.expires_at.map_or(later(now, PASSWORD_AGE), |end| later(end, -TOKEN_LEAD));
        let token = value.access_token.clone();
        tokens.insert(account.clone(), Kept { value, until });
        Ok(token)
    }
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn vault_fault(error: postroom_vault::Error) -> Fault {
    Fault::new(FaultClass::Storage, error.to_string())
}
