//! What mailboxes sign in with, kept in the warm process.
//!
//! Guarantees: the vault is asked once for what several mailboxes share, and again when a server
//! refused what was kept. An access token that is stale or was refused is renewed by the same guarded
//! path that `token-refresh` takes. One account's slow server stops no other account.

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::Refusals;
use postroom_mail::Credential;
use postroom_model::{Account, AccountId, Auth, Fault, Grant, Mailbox, MailboxId, ProviderId, TokenSet};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use tokio::sync::Mutex;

/// A password is asked for again after this long, so that a new one takes effect.
const PASSWORD_AGE: SignedDuration = SignedDuration::from_mins(10);
/// An access token is asked for again this long before its end: somebody may have renewed it.
const TOKEN_LEAD: SignedDuration = SignedDuration::from_mins(5);
/// How long a mailbox waits for somebody else who renews its account's tokens.
const PATIENCE: SignedDuration = SignedDuration::from_secs(45);

/// Accounts that are read at once.
const ACCOUNTS_AT_ONCE: usize = 8;

/// Secrets as `fetch` uses them.
#[derive(Debug)]
pub(crate) struct Credentials {
    registry: Registry,
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

    /// Whether nothing is known of them but what the vault may hold: none is good, of any user, and none was refused.
    fn are_unknown(&self, now: Timestamp) -> bool {
        self.refused.is_none()
            && self.own.is_empty()
            && self.shared.as_ref().is_none_or(|kept| now >= kept.until)
    }
}

impl Credentials {
    pub(crate) fn new(registry: Registry, vault: Vault, tokens: Tokens) -> Self {
        Self { registry, vault, tokens, passwords: Mutex::default(), accounts: Mutex::default() }
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

    /// Gets what many mailboxes sign in with in few requests. Where that fails, each is read when it is used.
    pub(crate) async fn prefetch(&self, mailboxes: &[&Mailbox], now: Timestamp, refusals: &Refusals) {
        self.prefetch_passwords(mailboxes, now, refusals).await;
        self.prefetch_tokens(mailboxes, now, refusals).await;
    }

    async fn prefetch_passwords(&self, mailboxes: &[&Mailbox], now: Timestamp, refusals: &Refusals) {
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
            Err(error) => error.refusal().iter().for_each(|refusal| refusals.note(refusal)),
        }
    }

    /// Of accounts whose token set is not known and was not refused. One that is about to end is left to the path
    /// that renews it, and so is what lies in the vault and is not the account's any more.
    async fn prefetch_tokens(&self, mailboxes: &[&Mailbox], now: Timestamp, refusals: &Refusals) {
        let accounts = mailboxes.iter().filter_map(|mailbox| match &mailbox.auth {
            Auth::Basic => None,
            Auth::Oauth(account) => Some(account),
        });
        let mut ids = Vec::new();
        for id in accounts.collect::<BTreeSet<_>>() {
            if self.account(id).await.lock().await.are_unknown(now) {
                ids.push(id.clone());
            }
        }
        if ids.len() < 2 {
            return;
        }
        let found = match self.vault.token_sets(&ids).await {
            Ok(found) => found,
            Err(error) => return error.refusal().iter().for_each(|refusal| refusals.note(refusal)),
        };
        let found = found.into_iter().filter_map(|(id, tokens)| {
            let tokens = tokens.ok()?;
            let kept = Kept { until: kept_until(&tokens, now), value: tokens.access_token };
            (now < kept.until).then_some((id, tokens.issued_by, kept))
        });
        let keeping = found.map(|(id, issued_by, kept)| async move {
            // Who cannot be read now is read when it signs in, and that tells why.
            if let Ok(Some(account)) = self.registry.account(&id).await
                && signs_in_with(&account, issued_by.as_ref())
            {
                self.account(&id).await.lock().await.shared = Some(kept);
            }
        });
        futures::stream::iter(keeping.collect::<Vec<_>>()).buffer_unordered(ACCOUNTS_AT_ONCE).count().await;
    }

    async fn password(&self, id: &MailboxId, now: Timestamp) -> Result<SecretString, Fault> {
        if let Some(kept) = self.passwords.lock().await.get(id).filter(|kept| now < kept.until) {
            return Ok(kept.value.clone());
        }
        let found = self.vault.password(id).await.map_err(|error| error.fault())?;
        let value = found.ok_or_else(|| self.vault.no_password(id))?;
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
        let until = kept_until(&access.tokens, now);
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

/// Whether an account signs in with a token set that lies in the vault under its name: it may have been authorised
/// in another way, or at another provider, when that was written.
fn signs_in_with(account: &Account, issued_by: Option<&ProviderId>) -> bool {
    account.grant != Grant::ServiceAccount && issued_by.is_none_or(|issuer| *issuer == account.provider)
}

/// Until when a process takes an account's access token for good.
fn kept_until(tokens: &TokenSet, now: Timestamp) -> Timestamp {
    tokens.expires_at.map_or(later(now, PASSWORD_AGE), |end| later(end, -TOKEN_LEAD))
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_set_of_another_time_is_nobodys() {
        let account = |grant: &str| -> Account {
            let text = format!(r#"{{"id":"site","provider":"new","grant":"{grant}"}}"#);
            serde_json::from_str(&text).expect("an account")
        };
        let [old, new] = ["old", "new"].map(|id| id.parse::<ProviderId>().expect("an id"));
        for (grant, issued_by, expected) in [
            ("authorization_code", Some(&new), true),
            ("authorization_code", None, true),
            ("authorization_code", Some(&old), false),
            ("service_account", Some(&new), false),
            ("service_account", None, false),
        ] {
            assert_eq!(signs_in_with(&account(grant), issued_by), expected, "{grant} {issued_by:?}");
        }
    }
}
