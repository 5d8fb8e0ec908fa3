//! What mailboxes sign in with, kept in the warm process.
//!
//! Guarantees: the vault is asked once for what several mailboxes share, and again when a server
//! refused what was kept. An access token that is stale or was refused is renewed by the same guarded
//! path that `token-refresh` takes. One account's slow server stops no other account. A password that is
//! kept goes to the host and for the user that it was read for, and to no other; a token that is kept goes
//! to the mail servers that it was got for: before another sees it, the account is read again, which may
//! have moved to another provider with its mailboxes.

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::Refusals;
use postroom_mail::Credential;
use postroom_model::{Account, AccountId, Auth, Fault, Grant, Mailbox, MailboxId, TokenSet};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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
    passwords: Mutex<HashMap<MailboxId, Password>>,
    /// Each account's is held while it is asked for, so that mailboxes which share it ask once.
    accounts: Mutex<HashMap<AccountId, Arc<Mutex<AccessTokens>>>>,
}

#[derive(Debug)]
struct Kept {
    value: SecretString,
    until: Timestamp,
}

/// A mailbox's password, and the server and user that it is for ([`Mailbox::origin`]).
#[derive(Debug)]
struct Password {
    origin: u64,
    kept: Kept,
}

impl Password {
    fn new(mailbox: &Mailbox, value: SecretString, now: Timestamp) -> Self {
        Self { origin: mailbox.origin(), kept: Kept { value, until: later(now, PASSWORD_AGE) } }
    }

    /// Whether the mailbox signs in with it now.
    fn is_for(&self, mailbox: &Mailbox, now: Timestamp) -> bool {
        now < self.kept.until && self.origin == mailbox.origin()
    }
}

/// An access token, and the mail servers that it may be shown to.
#[derive(Debug)]
struct AccessToken {
    kept: Kept,
    hosts: BTreeSet<String>,
}

impl AccessToken {
    fn new(tokens: TokenSet, hosts: BTreeSet<String>, now: Timestamp) -> Self {
        let until = tokens.expires_at.map_or(later(now, PASSWORD_AGE), |end| later(end, -TOKEN_LEAD));
        Self { kept: Kept { value: tokens.access_token, until }, hosts }
    }

    fn is_for(&self, mailbox: &Mailbox, now: Timestamp) -> bool {
        now < self.kept.until && self.hosts.contains(&host(mailbox))
    }

    /// Lets the servers that the one before it was for see it too, if it is the same.
    fn in_place_of(mut self, before: Option<Self>) -> Self {
        if let Some(before) = before
            && before.kept.value.expose_secret() == self.kept.value.expose_secret()
        {
            self.hosts.extend(before.hosts);
        }
        self
    }
}

/// The access tokens of one account.
#[derive(Debug, Default)]
struct AccessTokens {
    shared: Option<AccessToken>,
    /// A service account's, by user.
    own: HashMap<String, AccessToken>,
    /// The last one that a mail server refused.
    refused: Option<SecretString>,
}

impl AccessTokens {
    fn of(&self, user: &str) -> Option<&AccessToken> {
        self.own.get(user).or(self.shared.as_ref())
    }

    /// Whether nothing is known of them but what the vault may hold: none is good, of any user, and none was refused.
    fn are_unknown(&self, now: Timestamp) -> bool {
        self.refused.is_none()
            && self.own.is_empty()
            && self.shared.as_ref().is_none_or(|token| now >= token.kept.until)
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
            Auth::Basic => self.password(mailbox, now).await.map(Credential::Password),
            Auth::Oauth(account) => {
                self.access_token(account, mailbox, now, until).await.map(Credential::AccessToken)
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
                let is_refused =
                    |token: &AccessToken| token.kept.value.expose_secret() == refused.expose_secret();
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
        let is_known = |m: &Mailbox| passwords.get(&m.id).is_some_and(|password| password.is_for(m, now));
        let wanted = mailboxes.iter().filter(|m| m.auth == Auth::Basic && !is_known(m));
        let wanted: HashMap<&MailboxId, &Mailbox> = wanted.map(|m| (&m.id, *m)).collect();
        if wanted.len() < 2 {
            return;
        }
        let ids: Vec<MailboxId> = wanted.keys().map(|id| (*id).clone()).collect();
        match self.vault.passwords(&ids).await {
            Ok(found) => passwords.extend(found.into_iter().filter_map(|(id, value)| {
                let password = Password::new(wanted.get(&id)?, value.ok()?, now);
                Some((id, password))
            })),
            Err(error) => error.refusal().iter().for_each(|refusal| refusals.note(refusal)),
        }
    }

    /// Of accounts whose token set is not known and was not refused. One that is about to end is left to the path
    /// that renews it, and so is what lies in the vault and is not the account's any more.
    async fn prefetch_tokens(&self, mailboxes: &[&Mailbox], now: Timestamp, refusals: &Refusals) {
        let mut hosts: BTreeMap<&AccountId, BTreeSet<String>> = BTreeMap::new();
        for mailbox in mailboxes {
            if let Auth::Oauth(account) = &mailbox.auth {
                hosts.entry(account).or_default().insert(host(mailbox));
            }
        }
        let mut ids = Vec::new();
        for id in hosts.keys() {
            if self.account(id).await.lock().await.are_unknown(now) {
                ids.push((*id).clone());
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
            let hosts = hosts.remove(&id).unwrap_or_default();
            let token = AccessToken::new(tokens.clone(), hosts, now);
            (now < token.kept.until).then_some((id, tokens, token))
        });
        let keeping = found.map(|(id, tokens, token)| async move {
            // Who cannot be read now is read when it signs in, and that tells why.
            if let Ok(Some(account)) = self.registry.account(&id).await
                && signs_in_with(&account, &tokens)
            {
                self.account(&id).await.lock().await.shared = Some(token);
            }
        });
        futures::stream::iter(keeping.collect::<Vec<_>>()).buffer_unordered(ACCOUNTS_AT_ONCE).count().await;
    }

    async fn password(&self, mailbox: &Mailbox, now: Timestamp) -> Result<SecretString, Fault> {
        let id = &mailbox.id;
        if let Some(password) = self.passwords.lock().await.get(id).filter(|p| p.is_for(mailbox, now)) {
            return Ok(password.kept.value.clone());
        }
        let found = self.vault.password(id).await.map_err(|error| error.fault())?;
        let value = found.ok_or_else(|| self.vault.no_password(id))?;
        let password = Password::new(mailbox, value.clone(), now);
        self.passwords.lock().await.insert(id.clone(), password);
        Ok(value)
    }

    async fn account(&self, id: &AccountId) -> Arc<Mutex<AccessTokens>> {
        self.accounts.lock().await.entry(id.clone()).or_default().clone()
    }

    async fn access_token(
        &self,
        id: &AccountId,
        mailbox: &Mailbox,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<SecretString, Fault> {
        let user = mailbox.user.as_str();
        let tokens = self.account(id).await;
        let mut tokens = tokens.lock().await;
        if let Some(token) = tokens.of(user).filter(|token| token.is_for(mailbox, now)) {
            return Ok(token.kept.value.clone());
        }
        let until = later(now, PATIENCE).min(until);
        let access = self.tokens.access(id, user, tokens.refused.as_ref(), until).await?;
        let value = access.tokens.access_token.clone();
        let token = AccessToken::new(access.tokens, BTreeSet::from([host(mailbox)]), now);
        if access.shared {
            tokens.own.remove(user);
            tokens.shared = Some(token.in_place_of(tokens.shared.take()));
        } else {
            let before = tokens.own.remove(user);
            tokens.own.insert(user.to_owned(), token.in_place_of(before));
        }
        Ok(value)
    }
}

/// The name of a mailbox's server. One server may answer at several ports.
fn host(mailbox: &Mailbox) -> String {
    mailbox.server.host.to_ascii_lowercase()
}

/// Whether an account signs in with a token set that lies in the vault under its name: it may have been authorised
/// in another way, or at another provider, when that was written.
fn signs_in_with(account: &Account, tokens: &TokenSet) -> bool {
    account.grant != Grant::ServiceAccount && tokens.is_of(&account.provider)
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::ProviderId;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn tokens(access_token: &str, issued_by: Option<&ProviderId>) -> TokenSet {
        let answer = json!({"access_token": access_token, "expires_in": 3600}).to_string();
        let tokens = TokenSet::from_response(&answer, NOW).expect("a token set");
        TokenSet { issued_by: issued_by.cloned(), ..tokens }
    }

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
            let found = signs_in_with(&account(grant), &tokens("a", issued_by));
            assert_eq!(found, expected, "{grant} {issued_by:?}");
        }
    }

    #[test]
    fn a_kept_token_is_shown_to_the_servers_that_it_was_got_for() {
        let mailbox = |host: &str| -> Mailbox {
            let json = json!({
                "id": "m", "protocol": "imap", "host": host, "port": 993, "tls": "implicit", "user": "m",
                "auth": {"oauth": "a"},
            });
            serde_json::from_value(json).expect("a mailbox")
        };
        let got_for = |access_token, name| {
            AccessToken::new(tokens(access_token, None), BTreeSet::from([host(&mailbox(name))]), NOW)
        };
        let shown =
            |token: &AccessToken| ["old.test", "NEW.test"].map(|name| token.is_for(&mailbox(name), NOW));
        let old = got_for("a", "Old.test");
        assert_eq!(shown(&old), [true, false]);
        assert!(!old.is_for(&mailbox("old.test"), later(NOW, SignedDuration::from_hours(1))), "it ends");
        let both = got_for("a", "new.test").in_place_of(Some(old));
        assert_eq!(shown(&both), [true, true], "the account is at home at both");
        let moved = got_for("b", "new.test").in_place_of(Some(both));
        assert_eq!(shown(&moved), [false, true], "another token, perhaps another provider's");
    }
}
