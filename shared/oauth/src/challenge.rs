//! The error challenge of the OAuth SASL mechanisms.

use postroom_model::FaultClass;
use serde_json::Value;

/// The class of a decoded error challenge: `{"status":"401","schemes":"bearer","scope":"…"}` (RFC
/// 7628 section 3.2.2; XOAUTH2 sends HTTP statuses). `None`, when it is no such thing or its status
/// says nothing that is known: what the server's final answer means then stands.
pub fn classify_sasl(json: &str) -> Option<FaultClass> {
    let challenge: Value = serde_json::from_str(json).ok()?;
    let status = match &challenge["status"] {
        Value::String(status) => status.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_real_servers_have_a_class() {
        let table = [
            (
                r#"{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}"#,
                Some(FaultClass::TokenRefused),
            ),
            (
                r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
                Some(FaultClass::TokenRefused),
            ),
            (r#"{"status":"invalid_token","openid-configuration":""}"#, Some(FaultClass::TokenRefused)),
            (r#"{"status":401}"#, Some(FaultClass::TokenRefused)),
            (r#"{"status":"insufficient_scope"}"#, Some(FaultClass::TokenRefused)),
            (r#"{"status":"503"}"#, Some(FaultClass::TemporarilyUnavailable)),
            (r#"{"status":"invalid_request"}"#, Some(FaultClass::Protocol)),
            (r#"{"status":"new"}"#, None),
            (r#"{"status":null}"#, None),
            ("{}", None),
            ("", None),
            ("[]", None),
        ];
        for (json, class) in table {
            assert_eq!(classify_sasl(json), class, "{json}");
        }
    }
}
