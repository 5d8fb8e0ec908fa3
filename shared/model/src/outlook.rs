//! Which of an authorization's ends presses, and where it stands.

use crate::{Calendar, Ends, Expiry, Standing};
use jiff::{SignedDuration, Timestamp};

/// When something of which nothing more is said is looked at again: it may have changed.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The end that people hear of, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// The end.
    pub expiry: Expiry,
    /// Where it stands. `next` is when the next stage begins, this end's or another's.
    pub standing: Standing,
}

impl Outlook {
    /// When it is looked at again after `now`: at the next stage, or in 30 days where nothing more is
    /// said.
    pub fn next_look(&self, now: Timestamp) -> Timestamp {
        let later = || now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX);
        self.standing.next.unwrap_or_else(later)
    }
}

impl Calendar {
    /// The end that presses at `now`: the first to stop mail of those that have reached a stage;
    /// otherwise a policy that has; otherwise the earliest. So neither a policy that is overdue nor a
    /// limit that each renewal puts off hides an end behind it.
    pub fn outlook(&self, ends: &Ends, now: Timestamp) -> Option<Outlook> {
        let outlooks = || ends.iter().map(|end| self.outlook_of(&end, now));
        let pressing = outlooks().find(|outlook| outlook.standing.stage.is_some());
        let pressing = pressing.or_else(|| outlooks().min_by_key(|outlook| outlook.expiry.at))?;
        let next = outlooks().filter_map(|outlook| outlook.standing.next).min();
        Some(Outlook { standing: Standing { next, ..pressing.standing }, ..pressing })
    }

    /// What presses next, as things are at `now`, and when: another stage of the end that presses now,
    /// or a stage of another end. `None`: nothing does.
    pub fn coming(&self, ends: &Ends, now: Timestamp) -> Option<(Timestamp, Outlook)> {
        let told = |outlook: &Outlook| Some((outlook.expiry.at, outlook.standing.stage?));
        let present = self.outlook(ends, now)?;
        // A stage of an end that does not press then goes by; those of one that does come to an end.
        let at = |at: Timestamp| Some((at, self.outlook(ends, at)?));
        let mut moments = std::iter::successors(present.standing.next.and_then(at), |(_, outlook)| {
            outlook.standing.next.and_then(at)
        });
        moments.find(|(_, outlook)| told(outlook).is_some_and(|then| told(&present) != Some(then)))
    }

    /// Where one end stands at `now`.
    pub fn outlook_of(&self, expiry: &Expiry, now: Timestamp) -> Outlook {
        Outlook { expiry: *expiry, standing: self.standing(expiry, now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, AccountStatus, Governs, Provider, Stage, authorization_ends};
    use jiff::tz::TimeZone;

    const CALENDAR: Calendar = Calendar { zone: TimeZone::UTC, repeat_days: Some(7) };
    const NOW: &str = "2027-06-01T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn later(from: &str, days: i64) -> Timestamp {
        at(from) + SignedDuration::from_hours(24 * days)
    }

    /// So many days from now; known for long, or since now.
    fn end(days: i64, governs: Governs, is_known: bool) -> Expiry {
        let since = if is_known { Timestamp::MIN } else { at(NOW) };
        Expiry { at: later(NOW, days), governs, since }
    }

    #[test]
    fn the_end_that_presses_is_told() {
        use Governs::{Policy, ProviderLimit as Limit, RefreshToken as Token};
        let hard = |days| end(days, Token, true);
        let fresh = |days| end(days, Token, false);
        let limit = |days| end(days, Limit, true);
        let policy = |days| end(days, Policy, true);
        for (what, hard, later, governs, stage, next) in [
            ("a policy that is overdue", Some(hard(100)), vec![policy(-3)], Policy, Some("overdue-0"), 4),
            ("no longer alone", Some(hard(6)), vec![policy(-3)], Token, Some("week"), 4),
            ("both overdue", Some(hard(-1)), vec![policy(-3)], Token, Some("overdue-0"), 4),
            ("a policy that is near", Some(hard(100)), vec![policy(6)], Policy, Some("week"), 5),
            ("both are near", Some(hard(20)), vec![policy(6)], Token, Some("month"), 5),
            ("a policy alone", None, vec![policy(6)], Policy, Some("week"), 5),
            ("there is time", Some(hard(100)), vec![policy(90)], Policy, None, 59),
            ("there is time for both", Some(hard(90)), vec![policy(100)], Token, None, 59),
            ("put off just now", Some(fresh(7)), vec![limit(20)], Limit, Some("month"), 6),
            ("the earlier of two", Some(hard(5)), vec![limit(20)], Token, Some("week"), 4),
        ] {
            let is_policy = |end: &Expiry| end.governs == Policy;
            let policy = later.iter().copied().find(is_policy);
            let later = later.into_iter().filter(|end| !is_policy(end)).collect();
            let outlook = CALENDAR.outlook(&Ends { hard, later, policy }, at(NOW)).expect("an end");
            let stage: Option<Stage> = stage.map(|stage| stage.parse().expect("a stage"));
            assert_eq!((outlook.expiry.governs, outlook.standing.stage), (governs, stage), "{what}");
            assert_eq!(
                outlook.standing.next.map(|next| next.duration_since(at(NOW)).as_hours() / 24),
                Some(next),
                "{what}"
            );
        }
        assert_eq!(CALENDAR.outlook(&Ends::default(), at(NOW)), None);
    }

    #[test]
    fn what_is_said_once_is_looked_at_again() {
        let once = Calendar { repeat_days: None, ..CALENDAR };
        let over = end(-3, Governs::Policy, true);
        let outlook = once.outlook_of(&over, at(NOW));
        assert_eq!((outlook.standing.next, outlook.next_look(at(NOW))), (None, later(NOW, 30)));
        let repeated = CALENDAR.outlook_of(&over, at(NOW));
        assert_eq!(repeated.next_look(at(NOW)), later(NOW, 4));
        // A policy of which nothing more is said does not keep a hard end waiting.
        let ends =
            Ends { hard: Some(end(40, Governs::RefreshToken, true)), later: vec![], policy: Some(over) };
        let outlook = once.outlook(&ends, at(NOW)).expect("an end");
        assert_eq!((outlook.expiry, outlook.next_look(at(NOW))), (over, at("2027-06-11T00:00:00Z")));
    }

    /// What people hear of an account that was renewed for the last time when it was authorised: on
    /// which day. Its renewal is due on one day; from another on renewals fail.
    fn told(idle_days: u16, due: Option<i64>, failing: Option<i64>) -> Vec<String> {
        const START: &str = "2027-01-01T09:00:00Z";
        let account: Account = serde_json::from_value(serde_json::json!({
            "id": "a", "provider": "p", "grant": "authorization_code",
        }))
        .expect("an account");
        let provider: Provider = serde_json::from_value(serde_json::json!({
            "id": "p", "preset": "custom", "endpoints": { "issuer": "https://sso.example" },
            "client_id": "c", "client_auth": "secret", "idle_days": idle_days,
        }))
        .expect("a provider");
        let mut heard: Vec<String> = Vec::new();
        for hour in 0..24 * (i64::from(idle_days) + 1) {
            let now = at(START) + SignedDuration::from_hours(hour);
            let failing_since = failing.map(|day| later(START, day)).filter(|since| *since <= now);
            let status = AccountStatus {
                authorised_at: Some(at(START)),
                obtained_at: Some(at(START)),
                due_at: due.map(|day| later(START, day)).filter(|_| failing_since.is_none()),
                failing_since,
                ..AccountStatus::default()
            };
            let ends = authorization_ends(&account, &provider, &status);
            let stage = CALENDAR.outlook(&ends, now).and_then(|outlook| outlook.standing.stage);
            let said = stage.map(|stage| format!("{stage} on {}", hour / 24));
            let is_new = |said: &String| {
                heard.last().is_none_or(|last| last.split(' ').next() != said.split(' ').next())
            };
            heard.extend(said.filter(is_new));
        }
        heard
    }

    #[test]
    fn an_idle_limit_counts_only_when_renewals_do_not_work() {
        for (idle_days, due, failing, expected) in [
            // Renewals at half of the limit: the month before 45 days begins on day 14.
            (14, Some(7), None, &["day on 13", "overdue-0 on 14"][..]),
            (45, Some(22), None, &["week on 38", "day on 44", "overdue-0 on 45"]),
            (90, Some(45), None, &["month on 59", "week on 83", "day on 89", "overdue-0 on 90"]),
            (180, Some(90), None, &["month on 149", "week on 173", "day on 179", "overdue-0 on 180"]),
            // They fail from then on.
            (14, Some(7), Some(7), &["day on 13", "overdue-0 on 14"]),
            (14, Some(1), Some(1), &["week on 7", "day on 13", "overdue-0 on 14"]),
            (45, Some(22), Some(22), &["week on 38", "day on 44", "overdue-0 on 45"]),
            (45, Some(1), Some(1), &["month on 14", "week on 38", "day on 44", "overdue-0 on 45"]),
            (90, Some(45), Some(45), &["month on 59", "week on 83", "day on 89", "overdue-0 on 90"]),
            (180, Some(90), Some(90), &["month on 149", "week on 173", "day on 179", "overdue-0 on 180"]),
            // Nobody has renewed for weeks what is renewed every hour.
            (14, Some(0), None, &["week on 7", "day on 13", "overdue-0 on 14"]),
            (90, Some(0), None, &["month on 59", "week on 83", "day on 89", "overdue-0 on 90"]),
            // Nothing is known of renewals.
            (14, None, None, &["week on 7", "day on 13", "overdue-0 on 14"]),
        ] {
            assert_eq!(told(idle_days, due, failing), expected, "{idle_days} {due:?} {failing:?}");
        }
    }
}
