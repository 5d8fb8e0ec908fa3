//! What mailboxes sign in with, kept in the warm process.
//!
//! Guarantees: the vault is asked once for what several mailboxes share, and again when a server
//! refused what was kept. An access token that is stale or was refused is renewed by the same guarded
//! path that `token-refresh` takes. One account's slow server stops no other account.

use jiff::{SignedDuration, Timestamp};
use postroom_mail::Credential;
use postroom_model::{AccountId, Auth, Fault, FaultClass, Mailbox, MailboxId};
use postroom_tokens::Tokens;
use postroom_vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Mutex;

/// A password is asked for again after this long, so that a new one takes effect.
const PASSWORD_AGE: SignedDuration = SignedDuration::from_mins(10);
/// An access token is asked for again this long before its end: somebody may have renewed it.
const TOKEN_LEAD: SignedDuration = SignedDuration::from_mins(5);
/// How long a mailbox waits for somebody else who renews its account's tokens.
const PATIENCE: SignedDuration = SignedDuration::from_secs(45);

/// Secrets as `fetch` uses them.
#[derive(Debug)]
pub(crate) struct Credentials {
    vault: Vault,
    tokens: Tokens,
    passwords: Mutex<HashMap<MailboxId, Kept>>,
    /// Each account's is held while it is asked for, so that mailboxes which share it ask once.
    accounts: Mutex<HashMap<AccountId, Arc<Mutex<AccessTokens>>>>,
}

#[derive(Debug)]
struct Kept {
    value: SecretString,
    until: Timestamp,
}

/// The access tokens of one account.
#[derive(Debug, Default)]
struct AccessTokens {
    shared: Option<Kept>,
    /// A service account's, by user.
    own: HashMap<String, Kept>,
    /// The last one that a mail server refused.
    refused: Option<SecretString>,
}

impl AccessTokens {
    fn of(&self, user: &str) -> Option<&Kept> {
        self.own.get(user).or(self.shared.as_ref())
    }
}

impl Credentials {
    pub(crate) fn new(vault: Vault, tokens: Tokens) -> Self {
        Self { vault, tokens, passwords: Mutex::default(), accounts: Mutex::default() }
    }

    /// What the mailbox signs in with now; nothing that takes long is begun after `until`.
    pub(crate) async fn of(
        &self,
        mailbox: &Mailbox,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Credential, Fault> {
        match &mailbox.auth {
            Auth::Basic => self.password(&mailbox.id, now).await.map(Credential::Password),
            Auth::Oauth(account) => {
                self.access_token(account, &mailbox.user, now, until).await.map(Credential::AccessToken)
            }
        }
    }

    /// Forgets what is kept for the mailbox, because a server refused `credential`. What another mailbox
    /// of the account has had renewed meanwhile stays.
    pub(crate) async fn forget(&self, mailbox: &Mailbox, credential: &Credential) {
        match &mailbox.auth {
            Auth::Basic => drop(self.passwords.lock().await.remove(&mailbox.id)),
            Auth::Oauth(account) => {
                let tokens = self.account(account).await;
                let mut tokens = tokens.lock().await;
                let Credential::AccessToken(refused) = credential else { return };
                let is_refused = |kept: &Kept| kept.value.expose_secret() == refused.expose_secret();
                if tokens.own.get(&mailbox.user).is_some_and(is_refused) {
                    tokens.own.remove(&mailbox.user);
                }
                if tokens.shared.as_ref().is_some_and(is_refused) {
                    tokens.shared = None;
                }
                tokens.refused = Some(refused.clone());
            }
        }
    }

    /// Waits for renewals that are under way, also those that nobody waits for any more.
    pub(crate) async fn settled(&self) {
        self.tokens.settled().await;
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

    async fn account(&self, id: &AccountId) -> Arc<Mutex<AccessTokens>> {
        self.accounts.lock().await.entry(id.clone()).or_default().clone()
    }

    async fn access_token(
        &self,
        id: &AccountId,
        user: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<SecretString, Fault> {
        let tokens = self.account(id).await;
        let mut tokens = tokens.lock().await;
        if let Some(kept) = tokens.of(user).filter(|kept| now < kept.until) {
            return Ok(kept.value.clone());
        }
        let until = later(now, PATIENCE).min(until);
        let access = self.tokens.access(id, user, tokens.refused.as_ref(), until).await?;
        let end = access.tokens.expires_at;
        let until = end.map_or(later(now, PASSWORD_AGE), |end| later(end, -TOKEN_LEAD));
        let value = access.tokens.access_token;
        let kept = Kept { value: value.clone(), until };
        if access.shared {
            tokens.shared = Some(kept);
        } else {
            tokens.own.insert(user.to_owned(), kept);
        }
        Ok(value)
    }
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn vault_fault(error: postroom_vault::Error) -> Fault {
    Fault::new(FaultClass::Storage, error.to_string())
}
