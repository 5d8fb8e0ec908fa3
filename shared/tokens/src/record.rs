//! What is written down of a token set: when it ends, why then, and when somebody looks at that.

use crate::Tokens;
use jiff::{SignedDuration, Timestamp};
use postroom_model::{
    Account, AccountStatus, Expiry, Provider, TokenSet, authorization_ends, expiry, renew_at,
};
use postroom_oauth::{missing_scopes, scopes_of};
use postroom_registry::TokenRecord;

/// How far two ends may lie apart and still be one: a server that says at each renewal how many seconds
/// are left never says quite the same.
const SAME_END: SignedDuration = SignedDuration::from_mins(10);
/// How long before an end it is looked at: earlier than people hear of it, which is a month.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 32);

impl Tokens {
    /// What is to be written down of a token set; `held` is the status as it was before.
    pub(crate) fn record_of(
        &self,
        account: &Account,
        provider: &Provider,
        held: &AccountStatus,
        tokens: &TokenSet,
        consent: Option<(Timestamp, Option<String>)>,
    ) -> TokenRecord {
        let due_at = if is_unrefreshable(account, tokens) {
            tokens.expires_at // to write down that it ended
        } else {
            renew_at(provider, tokens, self.0.lead, fastrand::f64())
        };
        TokenRecord { due_at, ..record(account, provider, held, tokens, consent) }
    }
}

/// What is to be written down of a token set, without when it is due.
fn record(
    account: &Account,
    provider: &Provider,
    held: &AccountStatus,
    tokens: &TokenSet,
    consent: Option<(Timestamp, Option<String>)>,
) -> TokenRecord {
    let (refresh_expires_at, refresh_expires_since) = refresh_end(held, tokens, consent.is_some()).unzip();
    // As it will be: whatever was wrong with renewals before is over.
    let mended = AccountStatus {
        obtained_at: Some(tokens.obtained_at),
        access_expires_at: tokens.expires_at,
        refresh_expires_at,
        refresh_expires_since,
        unrefreshable: is_unrefreshable(account, tokens),
        authorised_at: consent.as_ref().map(|(at, _)| *at).or(held.authorised_at),
        ..AccountStatus::default()
    };
    let ends_as_shown = expiry(account, provider, &mended);
    let unrefreshable = mended.unrefreshable;
    // What mail servers say of its tokens is not mended by others.
    let is_watched = consent.is_none() && held.is_refused_by_mail(tokens.obtained_at);
    let status = if is_watched {
        let AccountStatus { fault, refused_at, mail_refused_at, .. } = held.clone();
        AccountStatus { fault, refused_at, mail_refused_at, ..mended }
    } else {
        mended
    };
    let ends = authorization_ends(account, provider, &status);
    let ahead = ends.earliest().map(|end| end.at.saturating_sub(AHEAD).unwrap_or(Timestamp::MIN));
    // Whoever looks just now goes by what was on record, and moves the look on to a moment that is too
    // late where something ends sooner than it did.
    let before = authorization_ends(account, provider, held);
    let is_sooner = |end: Expiry| !before.iter().any(|b| b.governs == end.governs && b.at <= end.at);
    let is_over = held.refused_at.is_some() && !is_watched;
    let is_late =
        |ahead: Timestamp| held.remind_at.is_none_or(|at| ahead >= tokens.obtained_at && ahead < at);
    let is_news =
        |ahead: &Timestamp| consent.is_some() || is_over || is_late(*ahead) || ends.iter().any(is_sooner);
    TokenRecord {
        obtained_at: tokens.obtained_at,
        access_expires_at: tokens.expires_at,
        refresh_expires_at,
        refresh_expires_since,
        unrefreshable,
        ends: ends_as_shown,
        missing_scopes: missing_scopes(scopes_of(account, provider), tokens.scope.as_deref()),
        due_at: None,
        remind_at: ahead.filter(is_news).map(|ahead| ahead.max(tokens.obtained_at)),
        consent,
    }
}

fn is_unrefreshable(account: &Account, tokens: &TokenSet) -> bool {
    account.grant.needs_consent() && tokens.refresh_token.is_none()
}

/// When a token set's refresh token ends, and since when that is known.
fn refresh_end(held: &AccountStatus, tokens: &TokenSet, is_consent: bool) -> Option<(Timestamp, Timestamp)> {
    let end = tokens.refresh_expires_at?;
    let is_same = |before: &Timestamp| end.duration_since(*before).abs() <= SAME_END;
    Some(match held.refresh_expires_at.filter(is_same).filter(|_| !is_consent) {
        Some(before) => {
            (before, held.refresh_expires_since.or(held.obtained_at).unwrap_or(tokens.obtained_at))
        }
        None => (end, tokens.obtained_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::{Fault, FaultClass, Governs};

    const DAY: i64 = 24 * 3600;
    const OBTAINED: i64 = 1000 * DAY;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn account(grant: &str, every: Option<&str>) -> Account {
        let json = serde_json::json!({
            "id": "a", "provider": "p", "grant": grant, "reauthorise_every": every,
        });
        serde_json::from_value(json).expect("an account")
    }

    fn provider(idle_days: Option<u16>, secret: Option<&str>) -> Provider {
        let json = serde_json::json!({
            "id": "p", "preset": "custom", "endpoints": { "issuer": "https://sso.example" },
            "client_id": "c", "client_auth": "secret", "idle_days": idle_days,
            "client_auth_expires": secret,
        });
        serde_json::from_value(json).expect("a provider")
    }

    /// Obtained now, ending in an hour; the refresh token ends so many seconds from now, if that is known.
    fn tokens(refresh_end: Option<i64>) -> TokenSet {
        TokenSet {
            access_token: "a".into(),
            refresh_token: Some("r".into()),
            expires_at: Some(at(OBTAINED + 3600)),
            refresh_expires_at: refresh_end.map(|seconds| at(OBTAINED + seconds)),
            scope: None,
            obtained_at: at(OBTAINED),
            issued_by: None,
        }
    }

    /// Consented ten days ago.
    fn held() -> AccountStatus {
        AccountStatus {
            authorised_at: Some(at(OBTAINED - 10 * DAY)),
            obtained_at: Some(at(OBTAINED - 3600)),
            ..AccountStatus::default()
        }
    }

    fn consent() -> Option<(Timestamp, Option<String>)> {
        Some((at(OBTAINED), None))
    }

    #[test]
    fn an_end_is_looked_at_before_its_first_stage() {
        let look = |idle, every, held_at: Option<i64>, consent| {
            let held = AccountStatus { remind_at: held_at.map(|s| at(OBTAINED + s)), ..held() };
            let account = account("authorization_code", every);
            let record = record(&account, &provider(idle, None), &held, &tokens(None), consent);
            record.remind_at.map(|at| (at.as_second() - OBTAINED) / DAY)
        };
        for (what, idle, every, held_at, consent, expected) in [
            ("nothing ends", None, None, None, None, None),
            ("the first look", Some(90), None, None, None, Some(58)),
            ("an end that is near already", Some(20), None, None, None, Some(0)),
            ("looked at sooner", Some(90), None, Some(57 * DAY), None, None),
            ("looked at then", Some(90), None, Some(58 * DAY), None, None),
            ("looked at later", Some(90), None, Some(59 * DAY), None, Some(58)),
            ("due for a look", Some(90), None, Some(-DAY), None, None),
            ("near already and looked at", Some(20), None, Some(5 * DAY), None, None),
            ("a policy before the idle limit", Some(90), Some("50d"), None, None, Some(8)),
            ("a policy counts from the consent", None, Some("90d"), None, consent(), Some(58)),
            ("another authorization", Some(90), None, Some(-DAY), consent(), Some(58)),
            ("another authorization without end", None, None, Some(-DAY), consent(), None),
        ] {
            assert_eq!(look(idle, every, held_at, consent), expected, "{what}");
        }
    }

    #[test]
    fn a_secret_that_ends_is_shown_and_not_looked_at_here() {
        let secret = provider(Some(90), Some("1972-10-01"));
        let found = record(&account("authorization_code", None), &secret, &held(), &tokens(None), None);
        assert_eq!(found.ends.map(|end| end.governs), Some(Governs::ClientSecret));
        assert_eq!(found.remind_at, Some(at(OBTAINED + 58 * DAY)));
    }

    #[test]
    fn an_end_that_is_said_anew_is_one_end() {
        let found = |held_end: Option<(i64, Option<i64>)>, end, consent| {
            let held = AccountStatus {
                refresh_expires_at: held_end.map(|(end, _)| at(OBTAINED + end)),
                refresh_expires_since: held_end.and_then(|(_, since)| since).map(|s| at(OBTAINED + s)),
                ..held()
            };
            let account = account("authorization_code", None);
            let found = record(&account, &provider(None, None), &held, &tokens(end), consent);
            let after = |at: Option<Timestamp>| at.map(|at| at.as_second() - OBTAINED);
            let governing = found.ends.map(|end| (end.at.as_second() - OBTAINED, end.governs));
            let end = after(found.refresh_expires_at);
            assert_eq!(governing, end.map(|end| (end, Governs::RefreshToken)));
            end.zip(after(found.refresh_expires_since))
        };
        let known = |end| Some((end, Some(-9 * DAY)));
        for (what, held, end, consent, expected) in [
            ("none is known", None, None, None, None),
            ("the first", None, Some(7 * DAY), None, Some((7 * DAY, 0))),
            ("the same", known(7 * DAY), Some(7 * DAY), None, Some((7 * DAY, -9 * DAY))),
            ("ten minutes later", known(7 * DAY), Some(7 * DAY + 600), None, Some((7 * DAY, -9 * DAY))),
            ("ten minutes sooner", known(7 * DAY), Some(7 * DAY - 600), None, Some((7 * DAY, -9 * DAY))),
            ("later than that", known(7 * DAY), Some(7 * DAY + 601), None, Some((7 * DAY + 601, 0))),
            ("sooner than that", known(7 * DAY), Some(7 * DAY - 601), None, Some((7 * DAY - 601, 0))),
            ("another consent's", known(7 * DAY), Some(7 * DAY + 5), consent(), Some((7 * DAY + 5, 0))),
            ("an earlier release's", Some((7 * DAY, None)), Some(7 * DAY), None, Some((7 * DAY, -3600))),
            ("no longer said", known(7 * DAY), None, None, None),
        ] {
            assert_eq!(found(held, end, consent), expected, "{what}");
        }
    }

    #[test]
    fn without_a_refresh_token_a_consent_ends_with_the_access_token() {
        for (grant, has_refresh_token, unrefreshable) in [
            ("authorization_code", true, false),
            ("authorization_code", false, true),
            ("device_code", false, true),
            ("client_credentials", false, false),
            ("service_account", false, false),
            ("password", false, false),
        ] {
            let refresh_token = has_refresh_token.then(|| "r".into());
            let tokens = TokenSet { refresh_token, ..tokens(None) };
            let found = record(&account(grant, None), &provider(None, None), &held(), &tokens, None);
            assert_eq!(found.unrefreshable, unrefreshable, "{grant}");
            let end = unrefreshable.then_some((at(OBTAINED + 3600), Governs::AccessToken));
            assert_eq!(found.ends.map(|end| (end.at, end.governs)), end, "{grant}");
            assert_eq!(found.remind_at, unrefreshable.then_some(at(OBTAINED)), "{grant}");
        }
    }

    #[test]
    fn what_ends_sooner_than_it_did_is_looked_at_whatever_is_on_record() {
        // Somebody may have seen that it is due for a look, and be about to move that on.
        let due = Some(at(OBTAINED - DAY));
        let look = |held: AccountStatus, end: Option<i64>| {
            let held = AccountStatus { remind_at: due, ..held };
            let account = account("authorization_code", None);
            let found = record(&account, &provider(Some(90), None), &held, &tokens(end), None);
            found.remind_at.map(|at| (at.as_second() - OBTAINED) / DAY)
        };
        let ends = |end| AccountStatus { refresh_expires_at: Some(at(OBTAINED + end)), ..held() };
        let refused = || {
            let fault = Some(Fault::new(FaultClass::AuthorizationEnded, "revoked"));
            AccountStatus { fault, refused_at: due, ..held() }
        };
        for (what, held, end, expected) in [
            ("as it did", ends(60 * DAY), Some(60 * DAY), None),
            ("later", ends(60 * DAY), Some(61 * DAY), None),
            ("sooner", ends(60 * DAY), Some(50 * DAY), Some(18)),
            ("an end that was not known", held(), Some(50 * DAY), Some(18)),
            ("it had ended", refused(), None, Some(58)),
        ] {
            assert_eq!(look(held, end), expected, "{what}");
        }
    }

    #[test]
    fn what_a_mail_server_refuses_is_watched_on() {
        let fault = Some(Fault::new(FaultClass::TokenRefused, "no"));
        let since = Some(at(OBTAINED - 3600));
        let seen_at = |second| AccountStatus { mail_refused_seen_at: Some(at(second)), ..held() };
        let held = AccountStatus { fault, refused_at: since, mail_refused_at: since, ..seen_at(OBTAINED) };
        let account = account("authorization_code", None);
        let look = |remind_at, consent| {
            let held = AccountStatus { remind_at, ..held.clone() };
            let found = record(&account, &provider(Some(90), None), &held, &tokens(None), consent);
            assert_eq!(found.ends.map(|end| end.governs), Some(Governs::IdleLimit));
            found.remind_at.map(|at| (at.as_second() - OBTAINED) / DAY)
        };
        assert_eq!(look(None, None), Some(0), "within the day");
        assert_eq!(look(Some(at(OBTAINED + 23 * 3600)), None), None, "not anew at every renewal");
        assert_eq!(look(Some(at(OBTAINED + 23 * 3600)), consent()), Some(58), "a consent ends it");
        let stale = AccountStatus { mail_refused_seen_at: Some(at(OBTAINED - 3 * DAY)), ..held.clone() };
        let found = record(&account, &provider(Some(90), None), &stale, &tokens(None), None);
        assert_eq!(found.remind_at, Some(at(OBTAINED + 58 * DAY)), "no mailbox has asked since");
    }

    #[test]
    fn a_refusal_before_is_over() {
        let fault = Some(Fault::new(FaultClass::AuthorizationEnded, "revoked"));
        let refused_at = Some(at(OBTAINED - DAY));
        let held = AccountStatus { fault, refused_at, remind_at: Some(at(OBTAINED - DAY)), ..held() };
        let account = account("authorization_code", None);
        let found = record(&account, &provider(Some(90), None), &held, &tokens(None), None);
        assert_eq!(found.ends.map(|end| end.governs), Some(Governs::IdleLimit));
    }
}
