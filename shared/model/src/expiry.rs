//! When an authorization ends, and what makes it end.
//!
//! Times are those of our own clock: an authorization server says how many seconds from now something
//! ends, so that a server whose clock is wrong changes nothing.

use crate::{Account, AccountStatus, Actor, FaultClass, Provider};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a fault that one mail server alone reports is watched before it counts as the end.
const WATCHED: SignedDuration = SignedDuration::from_hours(24);
/// How long renewals may fail, or be late, before an idle limit counts.
const UNRENEWED: SignedDuration = SignedDuration::from_hours(24);

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

impl Expiry {
    /// An end that a person noted down: whoever noted it is reminded of all that is still to come.
    pub fn noted(at: Timestamp, governs: Governs) -> Self {
        Self { at, governs, since: Timestamp::MIN }
    }
}

/// What ends an account's authorization unless somebody consents anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// The earliest after which there is no mail.
    pub hard: Option<Expiry>,
    /// The others of that kind, the earliest first: a renewal may put the first one off and not these.
    pub later: Vec<Expiry>,
    /// An administrator's policy; mail goes on after it.
    pub policy: Option<Expiry>,
}

impl Ends {
    fn of(hard: impl IntoIterator<Item = Expiry>, policy: Option<Expiry>) -> Self {
        let mut hard: Vec<_> = hard.into_iter().collect();
        hard.sort_by_key(|end| end.at);
        let mut hard = hard.into_iter();
        Self { hard: hard.next(), later: hard.collect(), policy }
    }

    /// Every one of them: those after which there is no mail, the earliest first, and the policy.
    pub fn iter(&self) -> impl Iterator<Item = Expiry> {
        self.hard.into_iter().chain(self.later.iter().copied()).chain(self.policy)
    }

    /// The earliest of them.
    pub fn earliest(&self) -> Option<Expiry> {
        self.iter().min_by_key(|end| end.at)
    }
}

/// When an account's authorization ends unless something is done: the earliest of all that may end it,
/// to be shown. `None` where nothing is known to.
///
/// A refusal is an end that has come, whatever was expected; an administrator's policy comes after it,
/// because mail goes on meanwhile. A client secret with which tokens were obtained after its end did not
/// end then: somebody noted another day, or has not noted a new one yet.
pub fn expiry(account: &Account, provider: &Provider, status: &AccountStatus) -> Option<Expiry> {
    let secret = provider.client_auth_expires.filter(|_| account.grant.needs_consent());
    let secret = secret.filter(|end| status.obtained_at.is_some_and(|at| at < end.at()));
    let secret = secret.map(|end| Expiry::noted(end.at(), Governs::ClientSecret));
    let Ends { hard, policy, .. } = authorization_ends(account, provider, status);
    let policy = policy.filter(|_| refusal(status).is_none());
    hard.into_iter().chain(policy).chain(secret).min_by_key(|end| end.at)
}

/// What ends an account's authorization, as far as a new consent mends it: without the app's client
/// secret or certificate.
pub fn authorization_ends(account: &Account, provider: &Provider, status: &AccountStatus) -> Ends {
    let refused = refusal(status);
    if !account.grant.needs_consent() {
        return Ends::of(refused, None);
    }
    let of_tokens = status.obtained_at.and_then(|obtained_at| {
        let (at, governs, since) = if status.unrefreshable {
            (status.access_expires_at, Governs::AccessToken, obtained_at)
        } else {
            let since = status.refresh_expires_since.unwrap_or(obtained_at);
            (status.refresh_expires_at, Governs::RefreshToken, since)
        };
        at.map(|at| Expiry { at, governs, since })
    });
    let limit = status.authorised_at.zip(provider.authorization_days);
    let limit = limit.and_then(|(since, days)| {
        Some(Expiry { at: after(since, days)?, governs: Governs::ProviderLimit, since })
    });
    let policy = status.authorised_at.zip(account.reauthorise_every);
    let policy =
        policy.map(|(since, every)| Expiry { at: every.after(since), governs: Governs::Policy, since });
    let idle = idle_limit(provider, status);
    Ends::of([of_tokens, idle, limit, refused].into_iter().flatten(), policy)
}

/// When a refresh token dies because it is not used. While renewals work that is no end: it counts from
/// a day after one failed, or after it should have been.
fn idle_limit(provider: &Provider, status: &AccountStatus) -> Option<Expiry> {
    let obtained_at = status.obtained_at.filter(|_| !status.unrefreshable)?;
    let at = after(obtained_at, provider.idle_days?)?;
    let unrenewed = status.failing_since.or(status.due_at);
    let counts = |since: Timestamp| since.saturating_add(UNRENEWED).unwrap_or(Timestamp::MAX);
    let since = unrenewed.map_or(obtained_at, |since| counts(since).max(obtained_at));
    Some(Expiry { at, governs: Governs::IdleLimit, since })
}

fn after(since: Timestamp, days: u16) -> Option<Timestamp> {
    since.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()
}

/// The end that a status's fault is, where a person must mend it.
fn refusal(status: &AccountStatus) -> Option<Expiry> {
    // An early release did not write down since when: no tokens were obtained since.
    let refused_at = status.refused_at.or(status.obtained_at);
    let (at, class) = refused_at.zip(status.fault.as_ref().map(|fault| fault.class))?;
    let at = match class {
        // One mail server says so, and others may say otherwise.
        FaultClass::TokenRefused => status.mail_refused_at.unwrap_or(at).saturating_add(WATCHED),
        _ => Ok(at),
    };
    let at = at.unwrap_or(Timestamp::MAX);
    let is_end = matches!(class.actor(), Actor::Owner | Actor::Administrator);
    is_end.then_some(Expiry { at, governs: Governs::Refused, since: at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;
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
                "policy of a year from a leap day",
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
                "a secret that was good for tokens after its end",
                consent(),
                provider(Some(90), None, Some("2027-01-11T09:00:00Z")),
                status(),
                Some(("2027-04-11T09:00:00Z", IdleLimit)),
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
        let ends = authorization_ends(&account, &provider, &status());
        assert_eq!(ends.hard.map(|end| end.governs), Some(IdleLimit));
    }

    #[test]
    fn neither_a_policy_nor_a_limit_hides_another_end() {
        let account = account("authorization_code", Some("1w"));
        let with_limit = provider(Some(14), Some(365), None);
        let ends = authorization_ends(&account, &with_limit, &with_refresh_end("2027-03-01T00:00:00Z"));
        let found: Vec<_> = ends.iter().map(|end| end.governs).collect();
        assert_eq!(found, [IdleLimit, RefreshToken, ProviderLimit, Policy]);
        assert_eq!(ends.earliest().map(|end| end.governs), Some(Policy));
        assert_eq!(ends.hard.map(|end| end.at), Some(at("2027-01-25T09:00:00Z")));
        // While a mail server's refusal is watched, the policy is still there.
        let watched = refused(FaultClass::TokenRefused, "2027-01-20T00:00:00Z");
        let ends = authorization_ends(&account, &provider(None, None, None), &watched);
        assert_eq!(ends.iter().map(|end| end.governs).collect::<Vec<_>>(), [Refused, Policy]);
    }

    #[test]
    fn a_mail_servers_refusal_lasts_since_it_began() {
        let account = account("authorization_code", None);
        let status = AccountStatus {
            mail_refused_at: Some(at("2027-01-19T00:00:00Z")),
            ..refused(FaultClass::TokenRefused, "2027-01-20T00:00:00Z")
        };
        let ends = authorization_ends(&account, &provider(None, None, None), &status);
        assert_eq!(ends.hard.map(|end| end.at), Some(at("2027-01-20T00:00:00Z")));
        // What renewals report is no matter of a mail server's.
        let fault = Some(Fault::new(FaultClass::AuthorizationEnded, "revoked"));
        let ended = AccountStatus { fault, ..status };
        let ends = authorization_ends(&account, &provider(None, None, None), &ended);
        assert_eq!(ends.hard.map(|end| end.at), Some(at("2027-01-20T00:00:00Z")));
    }

    #[test]
    fn a_refusal_without_a_date_lasts_since_the_last_tokens() {
        let (account, provider) = (account("authorization_code", None), provider(None, Some(365), None));
        let dateless = |class| AccountStatus { refused_at: None, ..refused(class, "2027-01-20T00:00:00Z") };
        let ends = |status| authorization_ends(&account, &provider, &status);
        let end = ends(dateless(FaultClass::AuthorizationEnded)).hard;
        assert_eq!(end.map(|end| (end.at, end.governs)), Some((at("2027-01-11T09:00:00Z"), Refused)));
        // What may pass is no end, and an account that never had tokens has none.
        assert_eq!(ends(dateless(FaultClass::TimedOut)).hard.map(|end| end.governs), Some(ProviderLimit));
        let never = AccountStatus {
            authorised_at: None,
            obtained_at: None,
            ..dateless(FaultClass::AuthorizationEnded)
        };
        assert_eq!(ends(never).hard, None);
    }

    #[test]
    fn an_end_is_known_since_it_was_first_said() {
        let account = account("authorization_code", Some("1y"));
        let failing = |since| AccountStatus { failing_since: Some(at(since)), ..status() };
        let due = |due| AccountStatus { due_at: Some(at(due)), ..status() };
        for (provider, status, since) in [
            (provider(Some(90), None, None), failing("2027-01-20T09:00:00Z"), "2027-01-21T09:00:00Z"),
            (provider(Some(90), None, None), failing("2027-01-01T09:00:00Z"), "2027-01-11T09:00:00Z"),
            (provider(Some(90), None, None), due("2027-01-11T09:50:00Z"), "2027-01-12T09:50:00Z"),
            (provider(Some(90), None, None), status(), "2027-01-11T09:00:00Z"),
            (provider(None, None, None), with_refresh_end("2027-03-01T00:00:00Z"), "2027-01-01T09:00:00Z"),
            (provider(None, None, None), status(), "2027-01-01T09:00:00Z"),
            (provider(None, Some(60), None), status(), "2027-01-01T09:00:00Z"),
        ] {
            assert_eq!(expiry(&account, &provider, &status).expect("an end").since, at(since));
        }
    }
}
