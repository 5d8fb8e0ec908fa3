//! Where an account's tokens may go: the mail servers that whoever applied the manifest gave it.
//!
//! Guarantees: a token goes to the host that the account's provider is known for, or to one at which
//! the account has a mailbox already. A form names no new one, because whoever runs the server that
//! it names would have the token. A service account's token is one user's, so that it is fetched for
//! no other user than the account's mailboxes have.
//!
//! Left out: what the manifest says. It may name any host and any user.

use crate::app::App;
use postroom_model::{Account, Auth, Grant, Mailbox, Protocol, Provider, is_at_home};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Mailboxes of an account that are looked at; where others are, is known to the manifest alone.
const LOOKED_AT: usize = 100;

/// Where an account's tokens may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destinations {
    /// The account's provider.
    pub(crate) provider: Option<Provider>,
    /// The account's mailboxes, as they are stored.
    pub(crate) mailboxes: Vec<Mailbox>,
    /// Whether a token is one user's.
    pub(crate) by_user: bool,
}

/// Why a token does not go to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    /// The account has no mailbox at that host.
    Host,
    /// The account has no mailbox of that user.
    User,
}

impl Destinations {
    /// Where the tokens of `account` may go. `stored` is the mailbox that is asked about, as it is.
    ///
    /// # Errors
    /// [`postroom_registry::Error`], when the account's mailboxes cannot be listed.
    pub(crate) async fn of(
        app: &App,
        account: &Account,
        provider: Option<Provider>,
        stored: Option<&Mailbox>,
    ) -> Result<Self, postroom_registry::Error> {
        let first = app.registry.first_mailboxes_of(&account.id, LOOKED_AT).await?;
        let its = |mailbox: &&Mailbox| mailbox.auth == Auth::Oauth(account.id.clone());
        let stored = stored.filter(its).cloned();
        let mailboxes = first.into_iter().map(|placed| placed.mailbox).chain(stored).collect();
        Ok(Self { provider, mailboxes, by_user: account.grant == Grant::ServiceAccount })
    }

    /// The hosts that its tokens go to by one of these protocols, each once.
    pub(crate) fn hosts(&self, protocols: &[Protocol]) -> BTreeSet<String> {
        let own = |protocol: &Protocol| self.provider.as_ref()?.mail_host(*protocol);
        let stored = self.mailboxes.iter().map(|stored| stored.server.host.as_str());
        protocols.iter().filter_map(own).chain(stored).map(str::to_ascii_lowercase).collect()
    }

    /// Whether its tokens go to this host.
    pub(crate) fn includes(&self, host: &str, protocol: Protocol) -> bool {
        is_at_home(host, protocol, self.provider.as_ref(), &self.mailboxes)
    }

    /// Why a token of the account is not fetched for this mailbox; `None` where it may be.
    pub(crate) fn refuses(&self, mailbox: &Mailbox) -> Option<Refusal> {
        if !self.includes(&mailbox.server.host, mailbox.protocol) {
            return Some(Refusal::Host);
        }
        let is_known = self.mailboxes.iter().any(|stored| stored.user == mailbox.user);
        (self.by_user && !is_known).then_some(Refusal::User)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mailbox(host: &str, user: &str) -> Mailbox {
        let mailbox = json!({"id": "m", "protocol": "imap", "host": host, "port": 993, "tls": "implicit",
            "user": user});
        serde_json::from_value(mailbox).expect("a mailbox")
    }

    fn provider(preset: &str) -> Provider {
        let provider = json!({"id": "p", "preset": preset, "client_id": "c", "client_auth": "secret",
            "endpoints": {"issuer": "https://login.example"}});
        serde_json::from_value(provider).expect("a provider")
    }

    #[test]
    fn a_token_goes_where_its_account_is_at_home() {
        for (preset, stored, by_user, host, user, expected) in [
            ("custom", None, false, "mail.example", "ann", Some(Refusal::Host)),
            ("custom", Some("mail.example"), false, "MAIL.example", "ann", None),
            ("custom", Some("mail.example"), false, "mail.example", "ben", None),
            ("custom", Some("mail.example"), false, "mail.example.evil.example", "ann", Some(Refusal::Host)),
            ("custom", Some("mail.example"), true, "mail.example", "ann", None),
            ("custom", Some("mail.example"), true, "mail.example", "ben", Some(Refusal::User)),
            ("microsoft", None, false, "outlook.office365.com", "ann", None),
            ("microsoft", None, false, "mail.example", "ann", Some(Refusal::Host)),
            ("google", None, false, "imap.gmail.com", "ann", None),
            ("google", None, false, "pop.gmail.com", "ann", Some(Refusal::Host)),
            ("google", None, true, "imap.gmail.com", "ann", Some(Refusal::User)),
        ] {
            let mailboxes = stored.map(|host| mailbox(host, "ann")).into_iter().collect();
            let known = Destinations { provider: Some(provider(preset)), mailboxes, by_user };
            assert_eq!(known.refuses(&mailbox(host, user)), expected, "{preset} {stored:?} {host} {user}");
        }
    }

    #[test]
    fn its_hosts_are_its_providers_and_those_of_its_mailboxes() {
        let mailboxes = vec![mailbox("Mail.example", "ann"), mailbox("mail.EXAMPLE", "ben")];
        let known = Destinations { provider: Some(provider("google")), mailboxes, by_user: false };
        let hosts = known.hosts(&[Protocol::Imap, Protocol::Pop3]);
        assert_eq!(hosts.iter().collect::<Vec<_>>(), ["imap.gmail.com", "mail.example", "pop.gmail.com"]);
        assert!(known.includes("MAIL.example", Protocol::Pop3));
        assert!(!known.includes("imap.gmail.com", Protocol::Pop3));
    }
}
