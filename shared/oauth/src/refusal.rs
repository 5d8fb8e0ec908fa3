//! A token endpoint's refusal, and who must act on it.

use crate::{microsoft, reason};
use postroom_model::{Fault, FaultClass};
use serde_json::Value;
use std::{fmt, time::Duration};

/// The fault in a token endpoint's error answer (RFC 6749 section 5.2, and the extensions of
/// Microsoft and Google). `retry_after` is the answer's `Retry-After`, if it has one.
///
/// HTTP 429 and 5xx speak for themselves. Otherwise an `error` that means one thing decides, then
/// Microsoft's numeric codes, then its `suberror`, then what the `error` means in general. Unknown
/// codes, pages of HTML and whatever else is not an OAuth answer are [`FaultClass::Unknown`].
pub fn classify(status: u16, body: &str, retry_after: Option<Duration>) -> Fault {
    let answer = Answer::read(body);
    let class = match status {
        429 => FaultClass::Throttled,
        408 | 500..=599 => FaultClass::TemporarilyUnavailable,
        _ => answer.as_ref().map_or(FaultClass::Unknown, Answer::class),
    };
    let reason = answer.map_or_else(|| no_answer(status, body), |answer| answer.reason());
    let fault = Fault::new(class, reason);
    match retry_after {
        Some(pause) => fault.with_retry_after(pause),
        None => fault,
    }
}

/// The fault in an answer with a status of success and without what it should have. `why` says what
/// that is, without quoting the answer.
///
/// Some servers refuse that way; others answer a page of HTML while they are down.
pub(crate) fn of_success(status: u16, body: &str, why: &dyn fmt::Display) -> Fault {
    let json = serde_json::from_str::<Value>(body).is_ok();
    if json && Answer::read(body).is_none() {
        return Fault::new(FaultClass::Protocol, format!("HTTP {status}: {why}"));
    }
    classify(status, body, None)
}

/// What a token endpoint said.
struct Answer {
    error: String,
    description: String,
    /// Microsoft's `error_codes`, or the code in the description.
    codes: Vec<u64>,
    /// Microsoft's `suberror`, Google's `error_subtype`.
    suberror: String,
}

impl Answer {
    /// Reads field by field, so that one of an unexpected type does not hide the others.
    fn read(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let or = |first: String, second: &Value| if first.is_empty() { text(second) } else { first };
        // Google's APIs nest: {"error":{"code":503,"status":"UNAVAILABLE","message":"…"}}.
        let error = or(text(&body["error"]), &body["error"]["status"]);
        let description = or(text(&body["error_description"]), &body["error"]["message"]);
        let suberror = or(text(&body["suberror"]), &body["error_subtype"]);
        let mut codes: Vec<u64> =
            body["error_codes"].as_array().into_iter().flatten().filter_map(number).collect();
        if codes.is_empty() {
            codes.extend(microsoft::code_in(&description));
        }
        (!error.is_empty()).then_some(Self { error, description, codes, suberror })
    }

    fn class(&self) -> FaultClass {
        exact_class(&self.error)
            .or_else(|| self.codes.iter().copied().find_map(microsoft::class))
            .or_else(|| microsoft::suberror_class(&self.suberror))
            .or_else(|| google_class(&self.error, &self.description))
            .unwrap_or_else(|| self.general_class())
    }

    /// What the error means where nothing tells more. `invalid_grant` is an ended authorization
    /// (RFC 6749 section 5.2), except with a code that is not known: Microsoft sends it with almost
    /// everything.
    fn general_class(&self) -> FaultClass {
        match self.error.as_str() {
            "invalid_grant" if self.codes.is_empty() => FaultClass::AuthorizationEnded,
            // Device flow (RFC 8628 section 3.5): nobody entered the code in time.
            "expired_token" => FaultClass::AuthorizationEnded,
            // The same, said by Microsoft of a code that it does not know any more.
            "bad_verification_code" => FaultClass::AuthorizationEnded,
            "account_selection_required" | "interaction_required" | "login_required" => {
                FaultClass::InteractionRequired
            }
            "access_denied" | "authorization_declined" | "consent_required" => FaultClass::ConsentRequired,
            "invalid_client"
            | "invalid_request"
            | "invalid_resource"
            | "invalid_scope"
            | "invalid_target"
            | "redirect_uri_mismatch"
            | "unauthorized_client"
            | "unsupported_grant_type" => FaultClass::AppRegistration,
            _ => FaultClass::Unknown,
        }
    }

    fn reason(&self) -> String {
        let error = reason::shown_error(&self.error);
        let description = reason::cleaned(&self.description);
        if description.is_empty() { error.to_owned() } else { format!("{error}: {description}") }
    }
}

/// Errors that mean one thing, whoever sends them.
fn exact_class(error: &str) -> Option<FaultClass> {
    Some(match error {
        "server_error" | "temporarily_unavailable" | "internal_failure" | "UNAVAILABLE" | "INTERNAL" => {
            FaultClass::TemporarilyUnavailable
        }
        "slow_down" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => FaultClass::Throttled,
        "admin_policy_enforced" => FaultClass::AdminConsentRequired,
        "deleted_client" | "disabled_client" | "org_internal" => FaultClass::AppRegistration,
        _ => return None,
    })
}

/// What Google says only in the description
/// (<https://developers.google.com/identity/protocols/oauth2/service-account#error-codes>).
fn google_class(error: &str, description: &str) -> Option<FaultClass> {
    let said = |words| description.contains(words);
    Some(match error {
        // The directory's session-control policy wants the person again.
        "invalid_grant" if said("invalid_rapt") || said("rapt_required") => FaultClass::InteractionRequired,
        "invalid_grant" if said("Invalid JWT") => FaultClass::AppRegistration,
        "invalid_grant" if said("Invalid email or User ID") || said("Not a valid email") => {
            FaultClass::AccountPolicy
        }
        // Domain-wide delegation lacks the client or a scope.
        "unauthorized_client" if said("not authorized for any of the scopes") => {
            FaultClass::AdminConsentRequired
        }
        _ => return None,
    })
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Describes an answer that names no error, without quoting it.
fn no_answer(status: u16, body: &str) -> String {
    let body = body.trim_start();
    let what = if (300..400).contains(&status) {
        "a redirect, which is not followed"
    } else if body.is_empty() {
        "an empty answer"
    } else if body.starts_with('<') {
        "a page of HTML instead of an OAuth answer"
    } else if serde_json::from_str::<Value>(body).is_ok() {
        "an answer that names no error"
    } else {
        "an answer that is not JSON"
    };
    format!("HTTP {status} with {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultClass::*;

    /// As Microsoft answers, with the `error` it sends most often.
    fn microsoft(error: &str, code: u64) -> String {
        format!(
            r#"{{"error":"{error}","error_description":"AADSTS{code}: Words. Trace ID: 1 Correlation ID: 2",
                "error_codes":[{code}],"timestamp":"2026-11-21 10:00:00Z","trace_id":"1"}}"#
        )
    }

    #[test]
    fn microsoft_codes_say_who_must_act() {
        let table: [(FaultClass, &[u64]); 8] = [
            (AuthorizationEnded, &[50173, 70000, 70008, 700082, 700084, 70043, 50089, 50132, 50133]),
            (InteractionRequired, &[50072, 50074, 50076, 50078, 50079, 50158, 700020]),
            (ConsentRequired, &[65001, 65004]),
            (AdminConsentRequired, &[90094, 90095, 650052, 650056]),
            (
                AccountPolicy,
                &[50034, 50053, 50055, 50057, 50105, 50144, 53000, 53001, 53002, 53003, 53011, 530032],
            ),
            (AppRegistration, &[7000215, 7000222, 700027, 700016, 7000112, 70011, 50011, 90002, 50194]),
            (TemporarilyUnavailable, &[50033, 50087, 90006, 90012, 90024, 90033, 90055, 90090]),
            (Bug, &[50196, 54005]),
        ];
        for (class, codes) in table {
            for &code in codes {
                for error in ["invalid_grant", "invalid_client", "interaction_required", "invalid_request"] {
                    assert_eq!(classify(400, &microsoft(error, code), None).class, class, "{error} {code}");
                }
                let only_described = format!(
                    r#"{{"error":"invalid_grant","error_description":"AADSTS{code}: Words.","error_codes":"?"}}"#
                );
                assert_eq!(classify(400, &only_described, None).class, class, "{code} in the description");
            }
        }
    }

    #[test]
    fn unknown_codes_are_tried_again() {
        for code in [1, 9002313, u64::MAX] {
            assert_eq!(classify(400, &microsoft("invalid_grant", code), None).class, Unknown);
        }
        assert_eq!(classify(400, &microsoft("invalid_client", 1), None).class, AppRegistration);
        assert_eq!(
            classify(400, &microsoft("temporarily_unavailable", 50173), None).class,
            TemporarilyUnavailable
        );
    }

    #[test]
    fn errors_without_codes_mean_what_the_standards_and_google_say() {
        let table = [
            ("invalid_grant", "Token has been expired or revoked.", AuthorizationEnded),
            ("invalid_grant", "reauth related error (invalid_rapt)", InteractionRequired),
            ("invalid_grant", "Invalid JWT Signature.", AppRegistration),
            ("invalid_grant", "Invalid email or User ID", AccountPolicy),
            ("invalid_client", "The OAuth client was not found.", AppRegistration),
            ("unauthorized_client", "", AppRegistration),
            (
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
                AdminConsentRequired,
            ),
            ("deleted_client", "", AppRegistration),
            ("disabled_client", "", AppRegistration),
            ("org_internal", "", AppRegistration),
            ("admin_policy_enforced", "", AdminConsentRequired),
            ("rate_limit_exceeded", "", Throttled),
            ("slow_down", "", Throttled),
            ("interaction_required", "", InteractionRequired),
            ("login_required", "", InteractionRequired),
            ("consent_required", "", ConsentRequired),
            ("access_denied", "", ConsentRequired),
            ("authorization_declined", "", ConsentRequired),
            ("expired_token", "", AuthorizationEnded),
            ("bad_verification_code", "", AuthorizationEnded),
            ("invalid_scope", "", AppRegistration),
            ("unsupported_grant_type", "", AppRegistration),
            ("server_error", "", TemporarilyUnavailable),
            ("temporarily_unavailable", "", TemporarilyUnavailable),
            ("something_new", "", Unknown),
        ];
        for (error, description, class) in table {
            let body = serde_json::json!({ "error": error, "error_description": description }).to_string();
            assert_eq!(classify(400, &body, None).class, class, "{error} {description}");
        }
        for (suberror, class) in [
            ("basic_action", InteractionRequired),
            ("consent_required", ConsentRequired),
            ("bad_token", AuthorizationEnded),
            ("message_only", AccountPolicy),
        ] {
            let body = format!(r#"{{"error":"invalid_grant","suberror":"{suberror}","error_codes":[1]}}"#);
            assert_eq!(classify(400, &body, None).class, class, "{suberror}");
        }
        let nested = r#"{"error":{"code":503,"status":"UNAVAILABLE","message":"Later."}}"#;
        let fault = classify(400, nested, None);
        assert_eq!((fault.class, fault.reason.as_str()), (TemporarilyUnavailable, "UNAVAILABLE: Later."));
    }

    #[test]
    fn what_is_no_oauth_answer_is_described_and_not_quoted() {
        let table = [
            (
                503,
                "<html>s3cret</html>",
                TemporarilyUnavailable,
                "HTTP 503 with a page of HTML instead of an OAuth answer",
            ),
            (403, " <!doctype html>", Unknown, "HTTP 403 with a page of HTML instead of an OAuth answer"),
            (302, "<html>", Unknown, "HTTP 302 with a redirect, which is not followed"),
            (404, "s3cret", Unknown, "HTTP 404 with an answer that is not JSON"),
            (400, "", Unknown, "HTTP 400 with an empty answer"),
            (400, "{}", Unknown, "HTTP 400 with an answer that names no error"),
            (400, "[1]", Unknown, "HTTP 400 with an answer that names no error"),
            (200, r#"{"access_token":"s3cret"}"#, Unknown, "HTTP 200 with an answer that names no error"),
            (429, "", Throttled, "HTTP 429 with an empty answer"),
            (500, r#"{"error":"invalid_grant"}"#, TemporarilyUnavailable, "invalid_grant"),
        ];
        for (status, body, class, reason) in table {
            let fault = classify(status, body, None);
            assert_eq!((fault.class, fault.reason.as_str()), (class, reason), "{status} {body}");
        }
    }

    #[test]
    fn a_success_without_what_it_should_have_is_told_from_a_refusal_and_from_a_page() {
        let table = [
            ("{}", Protocol, "HTTP 200: no tokens"),
            ("[]", Protocol, "HTTP 200: no tokens"),
            (r#"{"error":"invalid_grant"}"#, AuthorizationEnded, "invalid_grant"),
            ("<html>", Unknown, "HTTP 200 with a page of HTML instead of an OAuth answer"),
            ("", Unknown, "HTTP 200 with an empty answer"),
        ];
        for (body, class, reason) in table {
            let fault = of_success(200, body, &"no tokens");
            assert_eq!((fault.class, fault.reason.as_str()), (class, reason), "{body}");
        }
    }

    #[test]
    fn the_reason_has_the_error_and_the_description_and_nothing_else() {
        let body = r#"{"error":"invalid_grant","access_token":"s3cret","refresh_token":"s3cret",
            "error_description":"AADSTS50173: The grant of ann@contoso.com, eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln, expired.\r\nTrace ID: 1",
            "claims":"s3cret"}"#;
        let fault = classify(400, body, Some(Duration::from_secs(30)));
        assert_eq!(fault.reason, "invalid_grant: AADSTS50173: The grant of [address] [removed], expired.");
        assert_eq!(fault.retry_after_seconds, Some(30));
    }
}
