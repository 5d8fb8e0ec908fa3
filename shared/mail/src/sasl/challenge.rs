//! Why a server refuses, as it says before its final answer.

use crate::redaction::Secrets;
use base64::{Engine, prelude::BASE64_STANDARD};
use postroom_model::FaultClass;
use serde_json::{Map, Value};

/// The fields of a challenge that are shown (RFC 7628 section 3.2.2, and what XOAUTH2 sends).
const KNOWN: [&str; 5] = ["status", "error", "error_description", "schemes", "scope"];

/// The reason for a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reason {
    /// The reason in words that may be shown.
    pub(super) text: String,
    /// Its class. None, where it says nothing that is known: what the final answer means then stands.
    pub(super) class: Option<FaultClass>,
}

impl Reason {
    /// The reason in a challenge, if it holds one.
    pub(super) fn read(challenge: &str, secrets: &Secrets) -> Option<Self> {
        let text = secrets.clean(&text(challenge));
        (!text.is_empty()).then(|| Self { text, class: class(challenge) })
    }
}

/// The fields of a challenge's JSON, or its text.
fn text(challenge: &str) -> String {
    fields(challenge).unwrap_or_else(|| match BASE64_STANDARD.decode(challenge.trim()) {
        Ok(decoded) => String::from_utf8_lossy(&decoded).into_owned(),
        Err(_) => "the reason is not valid base64".to_owned(),
    })
}

/// The known fields of a challenge that is JSON.
pub(crate) fn fields(challenge: &str) -> Option<String> {
    let fields = json(challenge)?;
    let shown = KNOWN.iter().filter_map(|name| match fields.get(*name)? {
        Value::String(value) if value.is_empty() => None,
        Value::String(value) => Some(format!("{name} {value}")),
        value => Some(format!("{name} {value}")),
    });
    Some(shown.collect::<Vec<_>>().join(", "))
}

/// The class that the error challenge of an OAuth mechanism stands for: a `status` of RFC 7628
/// section 3.2.2, or the HTTP status that XOAUTH2 sends.
fn class(challenge: &str) -> Option<FaultClass> {
    let status = match json(challenge)?.remove("status")? {
        Value::String(status) => status,
        Value::Number(status) => status.to_string(),
        _ => return None,
    };
    match status.as_str() {
        "400" | "401" | "invalid_token" | "insufficient_scope" => Some(FaultClass::TokenRefused),
        "403" => Some(FaultClass::NoMailboxAccess),
        "429" => Some(FaultClass::Throttled),
        "temporarily_unavailable" | "server_error" => Some(FaultClass::TemporarilyUnavailable),
        // The server could not read what we sent.
        "invalid_request" => Some(FaultClass::Protocol),
        status if status.len() == 3 && status.starts_with('5') => Some(FaultClass::TemporarilyUnavailable),
        _ => None,
    }
}

fn json(challenge: &str) -> Option<Map<String, Value>> {
    let decoded = BASE64_STANDARD.decode(challenge.trim()).ok()?;
    serde_json::from_str(&String::from_utf8_lossy(&decoded)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultClass as F;

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
            assert_eq!(text(&BASE64_STANDARD.encode(json)), shown);
        }
        assert_eq!(text("%%%"), "the reason is not valid base64");
        assert_eq!(Reason::read("", &Secrets::default()), None);
    }

    #[test]
    fn challenges_of_real_servers_have_a_class() {
        for (json, expected) in [
            (
                r#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#,
                Some(F::TokenRefused),
            ),
            (
                r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
                Some(F::TokenRefused),
            ),
            (r#"{"status":"invalid_token","openid-configuration":""}"#, Some(F::TokenRefused)),
            (r#"{"status":401}"#, Some(F::TokenRefused)),
            (r#"{"status":"insufficient_scope"}"#, Some(F::TokenRefused)),
            (r#"{"status":"403"}"#, Some(F::NoMailboxAccess)),
            (r#"{"status":"429"}"#, Some(F::Throttled)),
            (r#"{"status":"503"}"#, Some(F::TemporarilyUnavailable)),
            (r#"{"status":"invalid_request"}"#, Some(F::Protocol)),
            (r#"{"status":"new"}"#, None),
            (r#"{"status":null}"#, None),
            ("{}", None),
            ("", None),
            ("[]", None),
        ] {
            assert_eq!(class(&BASE64_STANDARD.encode(json)), expected, "{json}");
        }
        assert_eq!(class("%%%"), None);
    }
}
