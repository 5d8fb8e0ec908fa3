//! When an authorization ends, and what makes it end.
//!
//! Times are those of our own clock: an authorization server says how many seconds from now something
//! ends, so that a server whose clock is wrong changes nothing.

use crate::{Account, AccountStatus, Actor, Fault, FaultClass, Provider};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a fault that one mail server alone reports is watched before it counts as the end.
const WATCHED: SignedDuration = SignedDuration::from_hours(24);

/// What makes something end when it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Governs {
    /// The server said when the refresh token ends.
    RefreshToken,
    /// A refresh token dies when it is not used for so long; every renewal puts that off.
    IdleLimit,
    /// There is no refresh token: it ends with the access token.
    AccessToken,
    /// The app's client secret or certificate ends.
    ClientSecret,
    /// The provider ends every authorization some time after it was given, used or not.
    ProviderLimit,
    /// An administrator wants it given anew from time to time (`reauthorise_every`). Mail goes on.
    Policy,
    /// It was revoked, or is refused for another reason that a person must mend.
    Refused,
    /// A mailbox's password ends.
    Password,
    /// The provider's app registration fails.
    Incident,
}

/// When something ends, and why then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// The moment.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub at: Timestamp,
    /// The reason that comes first.
    pub governs: Governs,
    /// Since when that end is known. Nobody is reminded of what lay before: a person who consented for
    /// a week knows, and an end that each renewal puts off is none while renewals work.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub since: Timestamp,
}

/// When an account's authorization ends unless something is done: the earliest of all that may end it.
/// `None` where nothing is known to.
///
/// A refusal is an end that has come, whatever was expected; an administrator's policy comes after it,
/// because mail goes on meanwhile.
pub fn expiry(account: &Account, provider: &Provider, status: &AccountStatus) -> Option<Expiry> {
    let secret = provider.client_auth_expires.filter(|_| account.grant.needs_consent());
    let secret = secret.filter(|_| status.obtained_at.is_some()).map(|end| Expiry {
        at: end.at(),
        governs: Governs::ClientSecret,
        since: Timestamp::MIN,
    });
    authorization_expiry(account, provider, status).into_iter().chain(secret).min_by_key(|end| end.at)
}

/// As [`expiry`], of what a new consent mends: without the app's client secret or certificate.
pub fn authorization_expiry(
    account: &Account,
    provider: &Provider,
    status: &AccountStatus,
) -> Option<Expiry> {
    let refused = status.refused_at.zip(status.fault.as_ref()).and_then(|(at, fault)| refusal(at, fault));
    if !account.grant.needs_consent() {
        return refused;
    }
    let days = |from: Option<Timestamp>, days: Option<u16>, governs| {
        let (since, days) = from.zip(days)?;
        let at = since.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()?;
        Some(Expiry { at, governs, since })
    };
    let authorised_at = status.authorised_at;
    let policy = authorised_at.zip(account.reauthorise_every).filter(|_| refused.is_none());
    let policy =
        policy.map(|(since, every)| Expiry { at: every.after(since), governs: Governs::Policy, since });
    let of_tokens = status.obtained_at.map(|obtained_at| {
        let end = |at: Option<Timestamp>, governs, since| at.map(|at| Expiry { at, governs, since });
        if status.unrefreshable {
            [end(status.access_expires_at, Governs::AccessToken, obtained_at), None]
        } else {
            let since = status.refresh_expires_since.unwrap_or(obtained_at);
            let idle = days(Some(obtained_at), provider.idle_days, Governs::IdleLimit);
            [end(status.refresh_expires_at, Governs::RefreshToken, since), idle]
        }
    });
    let limit = days(authorised_at, provider.authorization_days, Governs::ProviderLimit);
    let ends = of_tokens.into_iter().flatten().flatten().chain(limit).chain(policy).chain(refused);
    ends.min_by_key(|end| end.at)
}

/// The end that a fault is, where a person must mend it.
fn refusal(at: Timestamp, fault: &Fault) -> Option<Expiry> {
    let watched = match fault.class {
        // One mail server says so, and others may say otherwise.
        FaultClass::TokenRefused | FaultClass::WebLoginRequired | FaultClass::NoMailboxAccess => WATCHED,
        _ => SignedDuration::ZERO,
    };
    let is_end = matches!(fault.class.actor(), Actor::Owner | Actor::Administrator);
    let at = at.saturating_add(watched).unwrap_or(Timestamp::MAX);
    is_end.then_some(Expiry { at, governs: Governs::Refused, since: at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Governs::{AccessToken, ClientSecret, IdleLimit, Policy, ProviderLimit, RefreshToken, Refused};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn account(grant: &str, every: Option<&str>) -> Account {
        let json =
            serde_json::json!({ "id": "a", "provider": "p", "grant": grant, "reauthorise_every": every });
        serde_json::from_value(json).expect("an account")
    }

    fn provider(idle: Option<u16>, limit: Option<u16>, secret: Option<&str>) -> Provider {
        let json = serde_json::json!({
            "id": "p", "preset": "custom", "endpoints": { "issuer": "https://sso.example" },
            "client_id": "c", "client_auth": "secret", "client_auth_expires": secret,
            "idle_days": idle, "authorization_days": limit,
        });
        serde_json::from_value(json).expect("a provider")
    }

    /// Consented on 1 January 2027, renewed ten days later.
    fn status() -> AccountStatus {
        AccountStatus {
            authorised_at: Some(at("2027-01-01T09:00:00Z")),
            obtained_at: Some(at("2027-01-11T09:00:00Z")),
            access_expires_at: Some(at("2027-01-11T10:00:00Z")),
            ..AccountStatus::default()
        }
    }

    fn with_refresh_end(end: &str) -> AccountStatus {
        let since = Some(at("2027-01-01T09:00:00Z"));
        AccountStatus { refresh_expires_at: Some(at(end)), refresh_expires_since: since, ..status() }
    }

    fn refused(class: FaultClass, since: &str) -> AccountStatus {
        AccountStatus { fault: Some(Fault::new(class, "no")), refused_at: Some(at(since)), ..status() }
    }

    #[test]
    fn the_earliest_end_governs() {
        let no = || provider(None, None, None);
        let consent = || account("authorization_code", None);
        let every = |period| account("authorization_code", Some(period));
        let unrefreshable = || AccountStatus { unrefreshable: true, ..status() };
        let dead = FaultClass::AuthorizationEnded;
        for (what, account, provider, status, expected) in [
            ("nothing is known", consent(), no(), status(), None),
            (
                "no consent yet",
                every("1y"),
                provider(Some(90), Some(365), Some("2027-02-01")),
                AccountStatus::default(),
                None,
            ),
            (
                "idle",
                consent(),
                provider(Some(90), None, None),
                status(),
                Some(("2027-04-11T09:00:00Z", IdleLimit)),
            ),
            (
                "explicit",
                consent(),
                no(),
                with_refresh_end("2027-03-01T00:00:00Z"),
                Some(("2027-03-01T00:00:00Z", RefreshToken)),
            ),
            (
                "idle before explicit",
                consent(),
                provider(Some(30), None, None),
                with_refresh_end("2027-03-01T00:00:00Z"),
                Some(("2027-02-10T09:00:00Z", IdleLimit)),
            ),
            (
                "explicit before idle",
                consent(),
                provider(Some(90), None, None),
                with_refresh_end("2027-03-01T00:00:00Z"),
                Some(("2027-03-01T00:00:00Z", RefreshToken)),
            ),
            (
                "no refresh token",
                every("1y"),
                provider(Some(90), None, None),
                unrefreshable(),
                Some(("2027-01-11T10:00:00Z", AccessToken)),
            ),
            ("policy", every("6mo"), no(), status(), Some(("2027-07-01T09:00:00Z", Policy))),
            (
                "policy of 31 days from a leap day",
                every("1y"),
                no(),
                AccountStatus { authorised_at: Some(at("2028-02-29T09:00:00Z")), ..status() },
                Some(("2029-02-28T09:00:00Z", Policy)),
            ),
            (
                "policy before idle",
                every("1mo"),
                provider(Some(90), None, None),
                status(),
                Some(("2027-02-01T09:00:00Z", Policy)),
            ),
            (
                "limit",
                consent(),
                provider(None, Some(7), None),
                status(),
                Some(("2027-01-08T09:00:00Z", ProviderLimit)),
            ),
            (
                "limit before policy",
                every("1y"),
                provider(Some(90), Some(60), None),
                status(),
                Some(("2027-03-02T09:00:00Z", ProviderLimit)),
            ),
            (
                "secret",
                consent(),
                provider(Some(90), None, Some("2027-02-01")),
                status(),
                Some(("2027-02-01T00:00:00Z", ClientSecret)),
            ),
            (
                "secret with an offset",
                consent(),
                provider(Some(90), None, Some("2027-02-01T00:00:00+02:00")),
                status(),
                Some(("2027-01-31T22:00:00Z", ClientSecret)),
            ),
            (
                "refused comes before what was expected",
                consent(),
                provider(Some(90), Some(365), None),
                refused(dead, "2027-01-20T00:00:00Z"),
                Some(("2027-01-20T00:00:00Z", Refused)),
            ),
            (
                "refused after the idle limit",
                consent(),
                provider(Some(5), None, None),
                refused(dead, "2027-01-20T00:00:00Z"),
                Some(("2027-01-16T09:00:00Z", IdleLimit)),
            ),
            (
                "refused after a policy's end",
                every("1w"),
                no(),
                refused(dead, "2027-01-20T00:00:00Z"),
                Some(("2027-01-20T00:00:00Z", Refused)),
            ),
            (
                "refused by a mail server, a day later",
                consent(),
                provider(Some(90), None, None),
                refused(FaultClass::TokenRefused, "2027-01-20T00:00:00Z"),
                Some(("2027-01-21T00:00:00Z", Refused)),
            ),
            (
                "an operator's fault is none of the account's",
                consent(),
                no(),
                refused(FaultClass::AppRegistration, "2027-01-20T00:00:00Z"),
                None,
            ),
            (
                "a passing fault is none",
                consent(),
                no(),
                refused(FaultClass::TimedOut, "2027-01-20T00:00:00Z"),
                None,
            ),
            (
                "app-only has no end of its own",
                account("client_credentials", Some("1mo")),
                provider(Some(90), Some(7), Some("2027-02-01")),
                status(),
                None,
            ),
            (
                "app-only and kept out",
                account("client_credentials", None),
                no(),
                refused(FaultClass::AdminConsentRequired, "2027-01-20T00:00:00Z"),
                Some(("2027-01-20T00:00:00Z", Refused)),
            ),
            (
                "a device's consent is a consent",
                account("device_code", Some("1mo")),
                no(),
                status(),
                Some(("2027-02-01T09:00:00Z", Policy)),
            ),
        ] {
            let found = expiry(&account, &provider, &status).map(|end| (end.at, end.governs));
            assert_eq!(found, expected.map(|(moment, governs)| (at(moment), governs)), "{what}");
        }
    }

    #[test]
    fn a_new_secret_is_nothing_that_a_consent_brings() {
        let (account, provider) =
            (account("authorization_code", None), provider(Some(90), None, Some("2027-02-01")));
        let end = authorization_expiry(&account, &provider, &status()).expect("an end");
        assert_eq!(end.governs, IdleLimit);
    }

    #[test]
    fn an_end_is_known_since_it_was_first_said() {
        let account = account("authorization_code", Some("1y"));
        for (provider, status, since) in [
            (provider(Some(90), None, None), status(), "2027-01-11T09:00:00Z"),
            (provider(None, None, None), with_refresh_end("2027-03-01T00:00:00Z"), "2027-01-01T09:00:00Z"),
            (provider(None, None, None), status(), "2027-01-01T09:00:00Z"),
            (provider(None, Some(60), None), status(), "2027-01-01T09:00:00Z"),
        ] {
            assert_eq!(expiry(&account, &provider, &status).expect("an end").since, at(since));
        }
    }
}
