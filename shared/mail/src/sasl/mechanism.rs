//! The mechanisms: their names, and what each of them sends.

use base64::{Engine, prelude::BASE64_STANDARD};
use postroom_model::Server;
use secrecy::SecretString;
use std::fmt;

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
    /// The server.
    pub(crate) server: &'a Server,
}

impl Mechanism {
    /// The name by which servers offer it.
    pub(super) fn name(self) -> &'static str {
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

    /// Whether it is one of SASL, and not a command of the protocol's own.
    pub(super) fn is_sasl(self) -> bool {
        matches!(self, Self::Plain | Self::Login | Self::Xoauth2 | Self::Oauthbearer)
    }

    /// The initial response in base64; none for mechanisms in which the server speaks first.
    pub(super) fn initial_response(self, login: &Login<'_>) -> Option<SecretString> {
        let Login { user, secret, server: Server { host, port, .. } } = login;
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
    pub(super) fn answer_to_reason(self) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::Tls;
    use secrecy::ExposeSecret;

    fn login<'a>(user: &'a str, secret: &'a str, server: &'a Server) -> Login<'a> {
        Login { user, secret, server }
    }

    #[test]
    fn initial_responses_are_those_of_the_documents() {
        let server = Server { host: "server.example.com".to_owned(), port: 143, tls: Tls::Starttls };
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
            let response = mechanism.initial_response(&login(user, secret, &server)).expect("has one");
            assert_eq!(response.expose_secret(), expected, "{mechanism}");
        }
        let odd = Mechanism::Oauthbearer.initial_response(&login("a=b,c", "t", &server)).expect("has one");
        let odd = BASE64_STANDARD.decode(odd.expose_secret()).expect("base64");
        assert!(odd.starts_with(b"n,a=a=3Db=2Cc,\x01"));
    }
}
