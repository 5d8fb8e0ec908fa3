//! SASL: which mechanism, and what it sends (RFC 4422).
//!
//! Passwords go by PLAIN (RFC 4616) or LOGIN, tokens by OAUTHBEARER (RFC 7628) or XOAUTH2
//! (<https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>). No mechanism is tried
//! after another was refused: repeated refusals lock accounts.

use crate::Error;
use base64::{Engine, prelude::BASE64_STANDARD};
use postroom_model::SaslPolicy;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// What a mailbox signs in with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Its password.
    Password(SecretString),
    /// An OAuth access token.
    AccessToken(SecretString),
}

/// How a mailbox signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// PLAIN, RFC 4616.
    Plain,
    /// LOGIN, draft-murchison-sasl-login: user name and password one after the other.
    Login,
    /// Not SASL: the protocol's own command, as IMAP's LOGIN (RFC 3501 section 6.2.3).
    Command,
    /// Not SASL: POP3's own commands USER and PASS (RFC 1939 section 7).
    UserPass,
    /// Not SASL: POP3's APOP (RFC 1939 section 7).
    Apop,
    /// XOAUTH2.
    Xoauth2,
    /// OAUTHBEARER, RFC 7628.
    Oauthbearer,
}

/// Who signs in where, as the mechanisms need it.
pub(crate) struct Login<'a> {
    /// The user name.
    pub(crate) user: &'a str,
    /// The password or token.
    pub(crate) secret: &'a str,
    /// The server's host name.
    pub(crate) host: &'a str,
    /// Its port.
    pub(crate) port: u16,
}

impl Credential {
    /// The secret, for the wire.
    pub(crate) fn expose(&self) -> &str {
        match self {
            Self::Password(secret) | Self::AccessToken(secret) => secret.expose_secret(),
        }
    }

    /// Refuses what a mechanism could not carry, or what would end its message early.
    pub(crate) fn check(&self, user: &str) -> Result<(), Error> {
        let secret = self.expose();
        if user.is_empty() || user.chars().any(char::is_control) {
            return Err(Error::Unsendable("the user name is empty or has control characters"));
        }
        match self {
            Self::Password(_) if secret.is_empty() || secret.chars().any(char::is_control) => {
                Err(Error::Unsendable("the password is empty or has control characters"))
            }
            Self::AccessToken(_) if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(Error::Unsendable("the access token is empty or has characters that no token may have"))
            }
            _ => Ok(()),
        }
    }

    /// The SASL mechanism to use, of those that are offered; APOP is none. None where a password finds neither PLAIN
    /// nor LOGIN: then the protocol's own command remains.
    pub(crate) fn mechanism(&self, policy: SaslPolicy, offered: &[&str]) -> Result<Option<Mechanism>, Error> {
        let has = |m: &Mechanism| offered.iter().any(|o| o.eq_ignore_ascii_case(m.name()));
        let (candidates, wanted): (&[Mechanism], _) = match (self, policy) {
            (_, SaslPolicy::Apop) => (&[], "APOP"),
            (Self::Password(_), _) => return Ok([Mechanism::Plain, Mechanism::Login].into_iter().find(has)),
            (Self::AccessToken(_), SaslPolicy::Auto) => {
                (&[Mechanism::Oauthbearer, Mechanism::Xoauth2], "OAUTHBEARER or XOAUTH2")
            }
            (Self::AccessToken(_), SaslPolicy::Xoauth2) => (&[Mechanism::Xoauth2], "XOAUTH2"),
            (Self::AccessToken(_), SaslPolicy::Oauthbearer) => (&[Mechanism::Oauthbearer], "OAUTHBEARER"),
        };
        match candidates.iter().copied().find(has) {
            Some(mechanism) => Ok(Some(mechanism)),
            None => Err(no_mechanism(wanted, offered)),
        }
    }
}

/// That nothing of what is wanted is offered.
pub(crate) fn no_mechanism(wanted: &'static str, offered: &[&str]) -> Error {
    let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
    Error::NoMechanism { wanted, offered }
}

impl Mechanism {
    /// The name by which servers offer it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::Command => "LOGIN command",
            Self::UserPass => "USER and PASS",
            Self::Apop => "APOP",
            Self::Xoauth2 => "XOAUTH2",
            Self::Oauthbearer => "OAUTHBEARER",
        }
    }

    /// The initial response in base64; none for mechanisms in which the server speaks first.
    pub(crate) fn initial_response(self, login: &Login<'_>) -> Option<SecretString> {
        let Login { user, secret, host, port } = login;
        let message = match self {
            Self::Plain => format!("\0{user}\0{secret}"),
            Self::Xoauth2 => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
            Self::Oauthbearer => {
                // A "saslname" of RFC 5801 section 4, in which comma and equals sign are escaped.
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01")
            }
            Self::Login | Self::Command | Self::UserPass | Self::Apop => return None,
        };
        Some(encode(&message))
    }

    /// What answers the server's reason for a refusal, so that the refusal itself comes.
    pub(crate) fn answer_to_reason(self) -> &'static str {
        match self {
            Self::Xoauth2 => "",
            Self::Oauthbearer => "AQ==", // one ^A, RFC 7628 section 3.2.3
            // cancels: RFC 3501 section 6.2.2, RFC 5034 section 4
            Self::Plain | Self::Login | Self::Command | Self::UserPass | Self::Apop => "*",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A secret text in base64, as SASL sends it.
pub(crate) fn encode(text: &str) -> SecretString {
    BASE64_STANDARD.encode(text).into()
}

/// The reason in a challenge: the fields of its JSON, or its text.
pub(crate) fn reason(challenge: &str) -> String {
    fields(challenge).unwrap_or_else(|| match BASE64_STANDARD.decode(challenge.trim()) {
        Ok(decoded) => String::from_utf8_lossy(&decoded).into_owned(),
        Err(_) => "the reason is not valid base64".to_owned(),
    })
}

/// The known fields of a challenge that is JSON (RFC 7628 section 3.2.2).
pub(crate) fn fields(challenge: &str) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(challenge.trim()).ok()?;
    let text = String::from_utf8_lossy(&decoded);
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(&text) else { return None };
    let known = ["status", "error", "error_description", "schemes", "scope"];
    let shown = known.iter().filter_map(|name| match fields.get(*name)? {
        serde_json::Value::String(value) if value.is_empty() => None,
        serde_json::Value::String(value) => Some(format!("{name} {value}")),
        value => Some(format!("{name} {value}")),
    });
    Some(shown.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login<'a>(user: &'a str, secret: &'a str) -> Login<'a> {
        Login { user, secret, host: "server.example.com", port: 143 }
    }

    #[test]
    fn initial_responses_are_those_of_the_documents() {
        // RFC 4616 section 4 in base64; Google's XOAUTH2 page; RFC 7628 section 4.1.
        let oauth = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
        for (mechanism, user, secret, expected) in [
            (Mechanism::Plain, "tim", "tanstaaftanstaaf", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"),
            (
                Mechanism::Xoauth2,
                "someuser@example.com",
                "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
                "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
            ),
            (
                Mechanism::Oauthbearer,
                "user@example.com",
                oauth,
                "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
            ),
        ] {
            let response = mechanism.initial_response(&login(user, secret)).expect("has one");
            assert_eq!(response.expose_secret(), expected, "{mechanism}");
        }
        let odd = Mechanism::Oauthbearer.initial_response(&login("a=b,c", "t")).expect("has one");
        let odd = BASE64_STANDARD.decode(odd.expose_secret()).expect("base64");
        assert!(odd.starts_with(b"n,a=a=3Db=2Cc,\x01"));
    }

    #[test]
    fn the_mechanism_follows_offer_and_policy() {
        let token = Credential::AccessToken("t".to_owned().into());
        let password = Credential::Password("p".to_owned().into());
        let both: &[&str] = &["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"];
        for (credential, policy, offered, expected) in [
            (&token, SaslPolicy::Auto, both, Some(Mechanism::Oauthbearer)),
            (&token, SaslPolicy::Auto, &["xoauth2"], Some(Mechanism::Xoauth2)),
            (&token, SaslPolicy::Xoauth2, both, Some(Mechanism::Xoauth2)),
            (&token, SaslPolicy::Oauthbearer, both, Some(Mechanism::Oauthbearer)),
            (&password, SaslPolicy::Xoauth2, both, Some(Mechanism::Plain)),
            (&password, SaslPolicy::Auto, &["LOGIN"], Some(Mechanism::Login)),
            (&password, SaslPolicy::Auto, &[], None),
        ] {
            assert_eq!(credential.mechanism(policy, offered).expect("offered"), expected);
        }
        for credential in [&token, &password] {
            let error = credential.mechanism(SaslPolicy::Apop, both).expect_err("no SASL mechanism");
            assert!(error.to_string().contains("does not offer APOP"), "{error}");
        }
        let error = token.mechanism(SaslPolicy::Oauthbearer, &["PLAIN", "XOAUTH2"]).expect_err("not offered");
        assert_eq!(error.to_string(), "the server does not offer OAUTHBEARER; it offers PLAIN, XOAUTH2");
    }

    #[test]
    fn what_cannot_be_carried_is_refused_without_being_quoted() {
        let password = |p: &str| Credential::Password(p.to_owned().into());
        let token = |t: &str| Credential::AccessToken(t.to_owned().into());
        for (credential, user) in [
            (password("s3cret"), ""),
            (password("s3cret"), "ann\r\nP2 DELETE"),
            (password("s3c\0ret"), "ann"),
            (password(""), "ann"),
            (token("s3cret\x01"), "ann"),
            (token("s3 cret"), "ann"),
            (token("s3cret"), "ann\x01auth=Bearer x"),
        ] {
            let error = credential.check(user).expect_err("refused").to_string();
            assert!(!error.contains("ret\""), "{error}");
        }
        assert!(password("grüße pw").check("ann@ä.example").is_ok());
        assert!(!format!("{:?}", password("s3cret")).contains("s3cret"));
    }

    #[test]
    fn reasons_are_read() {
        for (json, shown) in [
            (
                r#"{"status":"401","schemes":"bearer","scope":"mail"}"#,
                "status 401, schemes bearer, scope mail",
            ),
            (r#"{"status":"invalid_token","openid-configuration":"https://x"}"#, "status invalid_token"),
            (r#"{"status":400}"#, "status 400"),
            ("no JSON", "no JSON"),
        ] {
            assert_eq!(reason(&BASE64_STANDARD.encode(json)), shown);
        }
        assert_eq!(reason("%%%"), "the reason is not valid base64");
    }
}
