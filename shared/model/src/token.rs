//! Token sets: what an authorization server gave an account.

use crate::ProviderId;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What an authorization server gave an account (RFC 6749 section 5.1). `Debug` is safe to print.
#[derive(Debug, Clone)]
pub struct TokenSet {
    /// Opens the mailboxes.
    pub access_token: SecretString,
    /// Fetches the next token set.
    pub refresh_token: Option<SecretString>,
    /// When the access token ends; unknown where the server did not say.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends, where the server said so.
    pub refresh_expires_at: Option<Timestamp>,
    /// What was granted, where that differs from what was asked.
    pub scope: Option<String>,
    /// When the set was obtained.
    pub obtained_at: Timestamp,
    /// The provider that it was obtained from: it is shown to no other, nor to another's mail servers.
    pub issued_by: Option<ProviderId>,
}

/// A token endpoint's answer (RFC 6749 section 5.1), with `refresh_token_expires_in` as some send it.
///
/// Where a server departs from the RFC and what it means is plain, the answer is taken: the tokens in
/// it were issued, and the refresh token before them may be spent.
#[derive(Deserialize)]
struct Response {
    access_token: SecretString,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "seconds")]
    refresh_token_expires_in: Option<i64>,
    #[serde(default, deserialize_with = "scope")]
    scope: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
}

/// A number of seconds, which some servers write as a text. One that cannot be read is unknown: the
/// tokens beside it were issued all the same.
fn seconds<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()))
}

/// A scope, which some servers write as an array. One that cannot be read counts as not sent.
fn scope<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::String(text) => Some(text),
        Value::Array(scopes) => {
            let scopes: Option<Vec<&str>> = scopes.iter().map(Value::as_str).collect();
            scopes.map(|scopes| scopes.join(" "))
        }
        _ => None,
    })
}

/// A text that is not a token endpoint's answer. It never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATokenSet {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error(
        "not a token endpoint's answer: it needs \"access_token\", and \"expires_in\" in seconds where known"
    )]
    Shape,
    /// A token that is not a bearer token.
    #[error("the token type is not Bearer")]
    TokenType,
    /// A token that could not be sent: it is empty or has characters that no token may have (RFC 6750 section 2.1).
    #[error("a token is empty or has characters that no token may have")]
    Characters,
}

impl TokenSet {
    /// Whether it was obtained from this provider, or nobody wrote down where.
    pub fn is_of(&self, provider: &ProviderId) -> bool {
        self.issued_by.as_ref().is_none_or(|issuer| issuer == provider)
    }

    /// Reads a token endpoint's answer that arrived at `now`. One without a token type counts as
    /// Bearer, and an empty refresh token as none.
    ///
    /// # Errors
    /// [`NotATokenSet`], when it is not such an answer.
    pub fn from_response(json: &str, now: Timestamp) -> Result<Self, NotATokenSet> {
        use secrecy::ExposeSecret;
        let response = parse(json)?;
        if response.token_type.is_some_and(|name| !name.eq_ignore_ascii_case("bearer")) {
            return Err(NotATokenSet::TokenType);
        }
        let refresh_token = response.refresh_token.filter(|token| !token.expose_secret().is_empty());
        let tokens = [Some(&response.access_token), refresh_token.as_ref()];
        let sendable = |t: &SecretString| {
            let text = t.expose_secret();
            !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b))
        };
        if !tokens.into_iter().flatten().all(sendable) {
            return Err(NotATokenSet::Characters);
        }
        let after = |seconds: i64| now.saturating_add(SignedDuration::from_secs(seconds.max(0))).ok();
        Ok(Self {
            access_token: response.access_token,
            refresh_token,
            expires_at: response.expires_in.and_then(after),
            // None left, or less, is how servers say that it does not end: it was issued just now.
            refresh_expires_at: response.refresh_token_expires_in.filter(|left| *left > 0).and_then(after),
            scope: response.scope,
            obtained_at: now,
            issued_by: None,
        })
    }
}

fn parse(json: &str) -> Result<Response, NotATokenSet> {
    serde_json::from_str(json).map_err(|_| NotATokenSet::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_what_is_none_is_refused_without_being_quoted() {
        let now = Timestamp::from_second(1000).expect("in range");
        let good = r#"{"access_token":"s3cret","token_type":"bearer","expires_in":60,"refresh_token":"r"}"#;
        let set = TokenSet::from_response(good, now).expect("reads");
        assert_eq!(set.expires_at.map(Timestamp::as_second), Some(1060));
        assert!(!format!("{set:?}").contains("s3cret"));
        let text = good.replace("60", "\"60\"");
        let set = TokenSet::from_response(&text, now).expect("reads");
        assert_eq!(set.expires_at.map(Timestamp::as_second), Some(1060));
        let odd = good.replace("60", "[60]");
        assert_eq!(TokenSet::from_response(&odd, now).expect("reads").expires_at, None);
        for (bad, why) in [
            ("s3cret", NotATokenSet::Shape),
            (r#"{"token_type":"Bearer"}"#, NotATokenSet::Shape),
            (r#"{"access_token":"s3cret","token_type":"mac"}"#, NotATokenSet::TokenType),
            (r#"{"access_token":"","token_type":"Bearer"}"#, NotATokenSet::Characters),
            ("{\"access_token\":\"s3\\u0001cret\",\"token_type\":\"Bearer\"}", NotATokenSet::Characters),
        ] {
            let error = TokenSet::from_response(bad, now).expect_err("refused");
            assert_eq!(error, why);
            assert!(!error.to_string().contains("cret\""));
        }
    }

    #[test]
    fn tokens_that_were_issued_are_kept_whatever_else_the_answer_gets_wrong() {
        let read = |more: &str| {
            let answer = format!("{{\"access_token\":\"a\"{more}}}");
            TokenSet::from_response(&answer, Timestamp::UNIX_EPOCH).expect(more)
        };
        assert!(read("").scope.is_none());
        for none in [r#","refresh_token":"","token_type":null"#, r#","refresh_token":null,"scope":null"#] {
            assert!(read(none).refresh_token.is_none(), "{none}");
        }
        assert!(read(r#","refresh_token":"r""#).refresh_token.is_some());
        for (sent, scope) in [
            (r#""imap smtp""#, Some("imap smtp")),
            (r#"["imap","smtp"]"#, Some("imap smtp")),
            (r#"["imap",1]"#, None),
            ("7", None),
        ] {
            assert_eq!(read(&format!(",\"scope\":{sent}")).scope.as_deref(), scope, "{sent}");
        }
    }
}
