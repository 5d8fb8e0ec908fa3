//! When tokens are renewed.

use crate::{Provider, TokenSet};
use jiff::{SignedDuration, Timestamp};

/// When a token set is to be renewed: `lead` before its access token ends, or at half of the
/// provider's idle limit or of its refresh token's life, whichever comes first. `dice` in `0.0..1.0`
/// spreads accounts that were renewed together over as much as the lead again. `None` where none of
/// these is known.
pub fn renew_at(
    provider: &Provider,
    tokens: &TokenSet,
    lead: SignedDuration,
    dice: f64,
) -> Option<Timestamp> {
    let before_end = tokens.expires_at.map(|end| {
        let life = end.duration_since(tokens.obtained_at).max(SignedDuration::ZERO);
        // A token that lives shortly is renewed at half its life, not at once and for ever.
        let lead = lead.min(life / 4);
        let early = SignedDuration::from_secs_f64(lead.as_secs_f64() * (1.0 + dice.clamp(0.0, 1.0)));
        end.saturating_sub(early).unwrap_or(Timestamp::MIN)
    });
    let idle = provider.idle_days.and_then(|days| {
        tokens.obtained_at.checked_add(SignedDuration::from_hours(12 * i64::from(days))).ok()
    });
    // A refresh token with an end of its own is used before that, whatever the access token does.
    let half = tokens.refresh_expires_at.map(|end| {
        let life = end.duration_since(tokens.obtained_at).max(SignedDuration::ZERO);
        tokens.obtained_at.saturating_add(life / 2).unwrap_or(Timestamp::MAX)
    });
    before_end.into_iter().chain(idle).chain(half).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;
    const START: i64 = 1_700_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn provider(idle_days: Option<u16>) -> Provider {
        let text = r#"{"id":"p","preset":"custom","endpoints":{"issuer":"https://sso.example"},
            "client_id":"c","client_auth":"secret"}"#;
        let provider: Provider = serde_json::from_str(text).expect("a provider");
        Provider { idle_days, ..provider }
    }

    fn tokens(access: Option<i64>, refresh: Option<Option<i64>>) -> TokenSet {
        TokenSet {
            access_token: "a".into(),
            refresh_token: refresh.map(|_| "r".into()),
            expires_at: access.map(|seconds| at(START + seconds)),
            refresh_expires_at: refresh.flatten().map(|seconds| at(START + seconds)),
            scope: None,
            obtained_at: at(START),
            issued_by: None,
        }
    }

    #[test]
    fn renewal_comes_before_the_end_and_is_spread() {
        let lead = SignedDuration::from_mins(10);
        for (idle, access, dice, expected) in [
            (None, Some(3600), 0.0, Some(3000)),
            (None, Some(3600), 1.0, Some(2400)),
            (None, Some(600), 0.0, Some(450)),
            (None, Some(600), 1.0, Some(300)),
            (None, Some(0), 1.0, Some(0)),
            (Some(90), None, 0.5, Some(45 * DAY)),
            (Some(90), Some(100 * DAY), 0.0, Some(45 * DAY)),
            (None, None, 0.0, None),
        ] {
            let due = renew_at(&provider(idle), &tokens(access, Some(None)), lead, dice);
            assert_eq!(due.map(|due| due.as_second() - START), expected, "{idle:?} {access:?} {dice}");
        }
    }
}
