//! Identities: who it was that consented or signed in.

use serde_json::{Map, Value};

/// A person as an authorization server named them in an id_token that has passed every check
/// (OpenID Connect Core 1.0 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// The person, as this issuer numbers people.
    pub subject: String,
    /// The person's address, where it is told.
    pub email: Option<String>,
    /// Whether the server stands in for the address: it says so, or it says nothing and speaks for
    /// one organisation only. Where anybody's directory can sign in, an address that is not verified
    /// is whatever that directory's administrator wrote.
    pub email_verified: bool,
    /// Whether the server says in so many words that it has verified the address.
    pub email_vouched: bool,
    /// The name that the person signs in with, where it is told.
    pub preferred_username: Option<String>,
    /// The person's name, where it is told.
    pub name: Option<String>,
    /// All that the id_token says, with groups and the like.
    pub claims: Map<String, Value>,
}

impl Identity {
    /// The identity in claims that have been checked. `one_organisation`: nobody but its people can
    /// sign in at this server.
    pub(crate) fn read(mut claims: Map<String, Value>, one_organisation: bool) -> Option<Self> {
        // Some servers write null for what they do not tell.
        claims.retain(|_, value| !value.is_null());
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        // `xms_edov`: Microsoft's word for an address whose domain the directory owns
        // (<https://learn.microsoft.com/entra/identity-platform/optional-claims-reference>).
        let verified = claims.get("email_verified").or_else(|| claims.get("xms_edov"));
        Some(Self {
            issuer: text("iss")?,
            subject: text("sub")?,
            email: text("email"),
            email_verified: verified.map_or(one_organisation, is_true),
            email_vouched: verified.is_some_and(is_true),
            preferred_username: text("preferred_username"),
            name: text("name"),
            claims,
        })
    }

    /// Whether this is the person who signs in as `login`: by verified address or user name, whatever
    /// the case, or by subject.
    pub fn is(&self, login: &str) -> bool {
        let email = self.email.as_deref().filter(|_| self.email_verified);
        let upn = self.claims.get("upn").and_then(Value::as_str);
        let names = [email, self.preferred_username.as_deref(), upn];
        let login = login.trim();
        !login.is_empty()
            && (self.subject == login || names.into_iter().flatten().any(|name| same(name, login)))
    }

    /// The person in one word for a page: an address or a user name, else the subject.
    pub fn shown(&self) -> &str {
        self.email.as_deref().or(self.preferred_username.as_deref()).unwrap_or(&self.subject)
    }
}

/// Names are compared without case, and letters beyond ASCII as they are: folding them would make one
/// name of two (`K`, the sign for kelvin, and `k`).
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Some servers write truth as a text or a number.
fn is_true(claim: &Value) -> bool {
    claim == true || claim == 1 || claim == "true" || claim == "1"
}
