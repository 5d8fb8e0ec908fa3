//! What becomes of a mailbox that moves onto an account.
//!
//! Guarantees: whatever is not asked for stays as far as it makes sense: the server where the account is
//! at home, its port and protection with it; name, folders, interval, filter and tags always. The limit
//! for one day stays unless nobody has set it.
//!
//! Left out: whether the mailbox may be so. Its folders may not fit its new protocol, and its server may
//! be one to which no token is to go.

use crate::{AccountId, Auth, Mailbox, Protocol, Provider, Server, Tls, daily_default};
use serde::{Deserialize, Serialize};

/// What a move changes besides the sign-in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The protocol; none: each mailbox keeps its own.
    pub protocol: Option<Protocol>,
    /// The mail server; none: it stays where the account is at home, else it is the provider's.
    pub host: Option<String>,
    /// The port; none: it stays with server, protocol and protection, else it is the usual one.
    pub port: Option<u16>,
    /// The protection of the connection; none: it stays with the server, else it is TLS from the start.
    pub tls: Option<Tls>,
    /// The user name at the server; none: it stays.
    pub user: Option<String>,
}

/// The account that mailboxes move onto.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// Its name.
    pub account: &'a AccountId,
    /// Its provider.
    pub provider: &'a Provider,
    /// Mailboxes that it opens already.
    pub mailboxes: &'a [Mailbox],
}

/// Whether an account's tokens may go to this host by this protocol though nobody has named it for that:
/// its provider is known for it, or a mailbox of the account is there. Whoever runs the host has the token.
pub fn is_at_home(
    host: &str,
    protocol: Protocol,
    provider: Option<&Provider>,
    mailboxes: &[Mailbox],
) -> bool {
    let is_host = |known: &str| known.eq_ignore_ascii_case(host);
    provider.and_then(|provider| provider.mail_host(protocol)).is_some_and(is_host)
        || mailboxes.iter().any(|mailbox| is_host(&mailbox.server.host))
}

impl Home<'_> {
    /// Whether the account's mail is at this host by this protocol. Hosts differ by it, as Google's do, so
    /// that a mailbox by another one says nothing.
    fn is_at(&self, host: &str, protocol: Protocol) -> bool {
        let is_host = |known: &str| known.eq_ignore_ascii_case(host);
        let has_one =
            |mailbox: &Mailbox| mailbox.protocol == protocol && is_host(mailbox.server.host.as_str());
        self.provider.mail_host(protocol).is_some_and(is_host) || self.mailboxes.iter().any(has_one)
    }
}

impl Move {
    /// The mailbox as it is once the account opens it. `from` is the provider of the account that opens
    /// it now; none, where its password does.
    ///
    /// It signs in as the new provider wants it, and has no password whose end would matter.
    pub fn target(&self, mailbox: &Mailbox, from: Option<&Provider>, home: &Home<'_>) -> Mailbox {
        let before = &mailbox.server;
        let protocol = self.protocol.unwrap_or(mailbox.protocol);
        let own = home.provider.mail_host(protocol).filter(|_| !home.is_at(&before.host, protocol));
        let host = self.host.as_deref().or(own).unwrap_or(&before.host);
        let stays = host.eq_ignore_ascii_case(&before.host);
        let tls = self.tls.unwrap_or(if stays { before.tls } else { Tls::default() });
        let stays = stays && tls == before.tls && protocol == mailbox.protocol;
        let port = self.port.unwrap_or(if stays { before.port } else { protocol.default_port(tls) });
        let usual = |provider: Option<&Provider>, host: &str, protocol| {
            daily_default(provider.map(|provider| provider.preset), host, protocol)
        };
        let is_usual = mailbox.daily_bytes == usual(from, &before.host, mailbox.protocol);
        Mailbox {
            protocol,
            server: Server { host: host.to_owned(), port, tls },
            user: self.user.clone().unwrap_or_else(|| mailbox.user.clone()),
            auth: Auth::Oauth(home.account.clone()),
            sasl: home.provider.sasl,
            daily_bytes: match is_usual {
                true => usual(Some(home.provider), host, protocol),
                false => mailbox.daily_bytes,
            },
            password_expires: None,
            ..mailbox.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SaslPolicy;
    use serde_json::json;

    fn provider(preset: &str) -> Provider {
        serde_json::from_value(json!({
            "id": "p", "preset": preset, "endpoints": { "issuer": "https://sso.example" },
            "client_id": "x", "client_auth": "secret", "sasl": "xoauth2",
        }))
        .expect("provider")
    }

    /// A mailbox at a place such as `imap mail.example 993 implicit`.
    fn mailbox(place: &str) -> Mailbox {
        let mut parts = place.split(' ');
        let mut part = || parts.next().expect("a part");
        serde_json::from_value(json!({
            "id": "plant", "protocol": part(), "host": part(), "port": part().parse::<u16>().expect("port"),
            "tls": part(), "user": "plant", "password_expires": "2027-01-01", "interval": "1h",
            "tags": { "project": "17" },
        }))
        .expect("mailbox")
    }

    fn target(to: &Move, seen: &Mailbox, from: Option<&str>, preset: &str, others: &[Mailbox]) -> Mailbox {
        let account = "a".parse().expect("id");
        let home = Home { account: &account, provider: &provider(preset), mailboxes: others };
        to.target(seen, from.map(provider).as_ref(), &home)
    }

    #[test]
    fn what_is_not_said_follows_from_the_account_and_from_what_was() {
        let nothing = Move::default();
        let host = |host: &str| Move { host: Some(host.to_owned()), ..Move::default() };
        let tls = |tls| Move { tls: Some(tls), ..Move::default() };
        let port = |port| Move { port: Some(port), ..Move::default() };
        let by = |protocol| Move { protocol: Some(protocol), ..Move::default() };
        let (imap, pop3) = (Protocol::Imap, Protocol::Pop3);
        let everything = Move {
            protocol: Some(pop3),
            host: Some("new.example".into()),
            port: Some(1110),
            tls: Some(Tls::Starttls),
            user: None,
        };
        let office = "outlook.office365.com";
        // Where it is; what is said; the account's preset, and where it has a mailbox; where it goes.
        for (seen, to, preset, other, expected) in [
            // Without a better place it stays where it is.
            ("imap mail.example 1143 starttls", &nothing, "custom", None, "mail.example:1143 Starttls"),
            ("imap mail.example 1143 none", &nothing, "custom", None, "mail.example:1143 None"),
            ("imap mail.example 1143 starttls", &by(imap), "custom", None, "mail.example:1143 Starttls"),
            // Another protection or protocol has another port; the protection stays with the server.
            (
                "imap mail.example 1143 starttls",
                &tls(Tls::Implicit),
                "custom",
                None,
                "mail.example:993 Implicit",
            ),
            ("pop3 mail.example 1110 starttls", &by(imap), "custom", None, "mail.example:143 Starttls"),
            ("imap mail.example 1993 implicit", &by(pop3), "custom", None, "mail.example:995 Implicit"),
            // The provider's server, as one reaches it.
            (
                "imap mail.example 1143 starttls",
                &nothing,
                "microsoft",
                None,
                &format!("{office}:993 Implicit"),
            ),
            ("pop3 mail.example 1110 none", &nothing, "microsoft", None, &format!("{office}:995 Implicit")),
            ("pop3 mail.example 995 implicit", &by(imap), "google", None, "imap.gmail.com:993 Implicit"),
            ("imap mail.example 1143 starttls", &port(10), "google", None, "imap.gmail.com:10 Implicit"),
            (
                "imap mail.example 993 implicit",
                &tls(Tls::Starttls),
                "google",
                None,
                "imap.gmail.com:143 Starttls",
            ),
            // It is there already, or where the account has another one by this protocol.
            (
                "imap Outlook.Office365.com 1143 starttls",
                &nothing,
                "microsoft",
                None,
                "Outlook.Office365.com:1143 Starttls",
            ),
            (
                "imap outlook.office.com 1143 starttls",
                &nothing,
                "microsoft",
                Some("imap Outlook.office.com 993 implicit"),
                "outlook.office.com:1143 Starttls",
            ),
            (
                "pop3 pop.gmail.com 995 implicit",
                &by(imap),
                "google",
                Some("pop3 pop.gmail.com 995 implicit"),
                "imap.gmail.com:993 Implicit",
            ),
            // A server that is named wins.
            (
                "imap mail.example 1143 starttls",
                &host("Mail.example"),
                "microsoft",
                None,
                "Mail.example:1143 Starttls",
            ),
            (
                "imap mail.example 1143 starttls",
                &host("new.example"),
                "custom",
                None,
                "new.example:993 Implicit",
            ),
            ("imap mail.example 1143 none", &everything, "microsoft", None, "new.example:1110 Starttls"),
        ] {
            let others: Vec<Mailbox> = other.map(mailbox).into_iter().collect();
            let moved = target(to, &mailbox(seen), None, preset, &others);
            let Server { host, port, tls } = &moved.server;
            assert_eq!(format!("{host}:{port} {tls:?}"), expected, "{seen} {to:?} {preset} {other:?}");
            assert_eq!(moved.protocol, to.protocol.unwrap_or(mailbox(seen).protocol));
        }
    }

    #[test]
    fn it_signs_in_as_the_account_does_and_is_otherwise_what_it_was() {
        let seen = mailbox("pop3 mail.example 110 starttls");
        let moved =
            target(&Move { protocol: Some(Protocol::Imap), ..Move::default() }, &seen, None, "custom", &[]);
        assert_eq!(moved.auth, Auth::Oauth("a".parse().expect("id")));
        assert_eq!((moved.sasl, moved.password_expires), (SaslPolicy::Xoauth2, None));
        let Mailbox { protocol, server, auth, sasl, password_expires, .. } = seen.clone();
        assert_eq!(Mailbox { protocol, server, auth, sasl, password_expires, ..moved }, seen);
        let named = Move { user: Some("plant@a.example".into()), ..Move::default() };
        assert_eq!(target(&named, &seen, None, "custom", &[]).user, "plant@a.example");
    }

    #[test]
    fn a_limit_for_one_day_follows_the_provider_unless_somebody_has_set_it() {
        let (imap, pop3) = (Some(Protocol::Imap), Some(Protocol::Pop3));
        let (of_imap, of_pop3) = (Some(2_000_000_000), Some(1_000_000_000));
        for (host, from, daily_bytes, protocol, preset, expected) in [
            ("mail.example", None, None, imap, "google", of_imap),
            ("mail.example", None, None, pop3, "google", of_pop3),
            ("imap.gmail.com", None, of_imap, pop3, "google", of_pop3),
            ("imap.gmail.com", None, of_imap, None, "microsoft", None),
            ("mail.example", Some("google"), of_imap, None, "custom", None),
            // Somebody has: a number, or that there be none.
            ("mail.example", None, Some(5), imap, "google", Some(5)),
            ("imap.gmail.com", None, None, pop3, "google", None),
            ("mail.example", Some("google"), None, pop3, "google", None),
        ] {
            let seen = Mailbox { daily_bytes, ..mailbox(&format!("imap {host} 993 implicit")) };
            let to = Move { protocol, ..Move::default() };
            let moved = target(&to, &seen, from, preset, &[]);
            assert_eq!(moved.daily_bytes, expected, "{host} {from:?} {daily_bytes:?} {protocol:?} {preset}");
        }
    }
}
