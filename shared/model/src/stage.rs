//! How near an end is, and when people hear of it.

use crate::Expiry;
use jiff::{SignedDuration, Span, Timestamp, ToSpan, Zoned, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How long an end is known at least before people are told of a stage of it: who has just consented for
/// seven days knows.
const NEWS: SignedDuration = SignedDuration::from_hours(24);

/// How near the end of something is. People are told once at each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stage {
    /// A month or less is left.
    Month,
    /// A week or less is left.
    Week,
    /// A day or less is left.
    Day,
    /// It has ended. The number counts how often that was said before.
    Overdue(u32),
}

/// Why a text is not a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stage: \"month\", \"week\", \"day\" or \"overdue-\" and a number")]
pub struct NotAStage;

/// Where something stands on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The stage that people are told of now; those before it, if they were missed, are not told any
    /// more. `None`: there is time.
    pub stage: Option<Stage>,
    /// When the next stage begins; `None`: never.
    pub next: Option<Timestamp>,
}

/// How stages are counted: days, weeks and months of the deployment's time zone, so that "a day before"
/// is the same time of day also when the clocks change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The deployment's time zone.
    pub zone: TimeZone,
    /// Days after which it is said again that something has ended; `None`: it is said once.
    pub repeat_days: Option<u16>,
}

impl Stage {
    /// The stages before the end, the earliest first.
    pub const BEFORE: [Self; 3] = [Self::Month, Self::Week, Self::Day];

    fn before_end(self) -> Span {
        match self {
            Self::Month => 1.month(),
            Self::Week => 1.week(),
            Self::Day => 1.day(),
            Self::Overdue(_) => Span::new(),
        }
    }

    /// Whether the end has come.
    pub fn is_overdue(self) -> bool {
        matches!(self, Self::Overdue(_))
    }
}

impl Calendar {
    /// Where something stands at `now`.
    pub fn standing(&self, expiry: &Expiry, now: Timestamp) -> Standing {
        let stages = Stage::BEFORE.map(|stage| (stage, self.begins(expiry, stage)));
        let news = expiry.since.saturating_add(NEWS).unwrap_or(Timestamp::MAX);
        let told = stages.into_iter().filter(|(_, begins)| *begins >= news && *begins < expiry.at);
        if now >= expiry.at {
            return self.overdue(expiry, now);
        }
        let stage = told.clone().filter(|(_, begins)| *begins <= now).map(|(stage, _)| stage).next_back();
        let next = told.map(|(_, begins)| begins).find(|begins| *begins > now).unwrap_or(expiry.at);
        Standing { stage, next: Some(next) }
    }

    fn overdue(&self, expiry: &Expiry, now: Timestamp) -> Standing {
        let Some(days) = self.repeat_days.filter(|days| *days > 0) else {
            return Standing { stage: Some(Stage::Overdue(0)), next: None };
        };
        let passed = now.duration_since(expiry.at).as_hours() / 24 / i64::from(days);
        // A day of the calendar may be shorter or longer than 24 hours, so the count may be one off.
        let mut count = u32::try_from(passed.saturating_sub(1)).unwrap_or_default();
        while self.begins_again(expiry, days, count + 1) <= now {
            count += 1;
        }
        let next = Some(self.begins_again(expiry, days, count + 1));
        Standing { stage: Some(Stage::Overdue(count)), next }
    }

    /// When a stage begins.
    pub fn begins(&self, expiry: &Expiry, stage: Stage) -> Timestamp {
        match stage {
            Stage::Overdue(count) => self.begins_again(expiry, self.repeat_days.unwrap_or_default(), count),
            before => self
                .at(expiry)
                .checked_sub(before.before_end())
                .map_or(Timestamp::MIN, |begins| begins.timestamp()),
        }
    }

    fn begins_again(&self, expiry: &Expiry, days: u16, count: u32) -> Timestamp {
        let days = i64::from(days).saturating_mul(i64::from(count));
        let span = Span::new().try_days(days);
        span.and_then(|span| self.at(expiry).checked_add(span)).map_or(Timestamp::MAX, |at| at.timestamp())
    }

    fn at(&self, expiry: &Expiry) -> Zoned {
        expiry.at.to_zoned(self.zone.clone())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month => f.write_str("month"),
            Self::Week => f.write_str("week"),
            Self::Day => f.write_str("day"),
            Self::Overdue(count) => write!(f, "overdue-{count}"),
        }
    }
}

impl FromStr for Stage {
    type Err = NotAStage;

    fn from_str(text: &str) -> Result<Self, NotAStage> {
        if let Some(count) = text.strip_prefix("overdue-") {
            return count.parse().map(Self::Overdue).map_err(|_| NotAStage);
        }
        Self::BEFORE.into_iter().find(|stage| stage.to_string() == text).ok_or(NotAStage)
    }
}

impl TryFrom<String> for Stage {
    type Error = NotAStage;

    fn try_from(text: String) -> Result<Self, NotAStage> {
        text.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Governs;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn calendar(zone: &str) -> Calendar {
        Calendar { zone: TimeZone::get(zone).expect("a zone"), repeat_days: Some(7) }
    }

    fn expiry(ends: &str, since: &str) -> Expiry {
        Expiry { at: at(ends), governs: Governs::IdleLimit, since: at(since) }
    }

    const LONG_AGO: &str = "2020-01-01T00:00:00Z";

    #[test]
    fn stages_follow_one_another() {
        let end = expiry("2027-04-11T09:00:00Z", LONG_AGO);
        for (now, stage, next) in [
            ("2027-01-01T00:00:00Z", None, "2027-03-11T09:00:00Z"),
            ("2027-03-11T08:59:59Z", None, "2027-03-11T09:00:00Z"),
            ("2027-03-11T09:00:00Z", Some("month"), "2027-04-04T09:00:00Z"),
            ("2027-04-04T09:00:00Z", Some("week"), "2027-04-10T09:00:00Z"),
            ("2027-04-10T09:00:00Z", Some("day"), "2027-04-11T09:00:00Z"),
            ("2027-04-11T09:00:00Z", Some("overdue-0"), "2027-04-18T09:00:00Z"),
            ("2027-04-18T08:59:59Z", Some("overdue-0"), "2027-04-18T09:00:00Z"),
            ("2027-04-18T09:00:00Z", Some("overdue-1"), "2027-04-25T09:00:00Z"),
            ("2028-04-12T09:00:00Z", Some("overdue-52"), "2028-04-16T09:00:00Z"),
        ] {
            let standing = calendar("UTC").standing(&end, at(now));
            let stage = stage.map(|stage| stage.parse().expect("a stage"));
            assert_eq!(standing, Standing { stage, next: Some(at(next)) }, "{now}");
        }
    }

    #[test]
    fn a_month_is_a_month_of_the_calendar() {
        for (zone, ends, month) in [
            ("UTC", "2027-03-31T10:00:00Z", "2027-02-28T10:00:00Z"),
            ("UTC", "2028-03-30T10:00:00Z", "2028-02-29T10:00:00Z"),
            ("UTC", "2028-02-29T10:00:00Z", "2028-01-29T10:00:00Z"),
            ("UTC", "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            // The last of March in London and the first of April in Berlin.
            ("Europe/Berlin", "2027-03-31T22:30:00Z", "2027-02-28T23:30:00Z"),
            ("Pacific/Kiritimati", "2027-03-31T10:00:00Z", "2027-02-28T10:00:00Z"),
            ("America/Los_Angeles", "2027-03-31T06:00:00Z", "2027-03-01T07:00:00Z"),
        ] {
            let begins = calendar(zone).begins(&expiry(ends, LONG_AGO), Stage::Month);
            assert_eq!(begins, at(month), "{zone} {ends}");
        }
    }

    #[test]
    fn a_day_before_is_the_same_time_of_day() {
        // Clocks in Berlin go forward on 28 March 2027 and back on 31 October 2027.
        for (zone, ends, day, again) in [
            ("Europe/Berlin", "2027-03-28T10:00:00Z", "2027-03-27T11:00:00Z", "2027-04-04T10:00:00Z"),
            ("Europe/Berlin", "2027-03-27T11:00:00Z", "2027-03-26T11:00:00Z", "2027-04-03T10:00:00Z"),
            ("Europe/Berlin", "2027-10-31T11:00:00Z", "2027-10-30T10:00:00Z", "2027-11-07T11:00:00Z"),
            ("UTC", "2027-10-31T11:00:00Z", "2027-10-30T11:00:00Z", "2027-11-07T11:00:00Z"),
            // 02:30 on the 28th does not exist there.
            ("Europe/Berlin", "2027-03-29T00:30:00Z", "2027-03-28T01:30:00Z", "2027-04-05T00:30:00Z"),
        ] {
            let (calendar, end) = (calendar(zone), expiry(ends, LONG_AGO));
            assert_eq!(calendar.begins(&end, Stage::Day), at(day), "{zone} {ends}");
            assert_eq!(calendar.begins(&end, Stage::Overdue(1)), at(again), "{zone} {ends}");
        }
    }

    #[test]
    fn what_had_begun_when_the_end_became_known_is_not_told() {
        for (since, now, stage, next) in [
            // A consent for seven days: its first stage is the last day.
            ("2027-04-04T09:00:00Z", "2027-04-04T09:00:00Z", None, "2027-04-10T09:00:00Z"),
            ("2027-04-04T09:00:00Z", "2027-04-10T09:00:00Z", Some(Stage::Day), "2027-04-11T09:00:00Z"),
            // For twelve hours: its end.
            ("2027-04-10T21:00:00Z", "2027-04-10T22:00:00Z", None, "2027-04-11T09:00:00Z"),
            ("2027-04-10T21:00:00Z", "2027-04-11T09:00:00Z", Some(Stage::Overdue(0)), "2027-04-18T09:00:00Z"),
            // One that is known only since it has come.
            ("2027-04-11T09:00:00Z", "2027-04-11T09:00:00Z", Some(Stage::Overdue(0)), "2027-04-18T09:00:00Z"),
        ] {
            let standing = calendar("UTC").standing(&expiry("2027-04-11T09:00:00Z", since), at(now));
            assert_eq!(standing, Standing { stage, next: Some(at(next)) }, "{since} {now}");
        }
    }

    #[test]
    fn a_consent_for_a_week_is_no_news_whatever_the_clocks_do() {
        // Clocks in Berlin go forward on 28 March 2027 and back on 31 October 2027, so that a week there
        // is an hour shorter or longer than seven days.
        for since in ["2027-03-25T09:00:00Z", "2027-10-28T09:00:00Z", "2027-06-01T09:00:00Z"] {
            for (hours, stage) in [(7 * 24, None), (7 * 24 + 12, None), (9 * 24, Some(Stage::Week))] {
                let ends = at(since) + SignedDuration::from_hours(hours);
                let end = Expiry { at: ends, governs: Governs::RefreshToken, since: at(since) };
                let calendar = calendar("Europe/Berlin");
                for now in [at(since), calendar.begins(&end, Stage::Week)] {
                    let told = calendar.standing(&end, now).stage;
                    assert_eq!(told, stage.filter(|_| now > at(since)), "{since} {hours} at {now}");
                }
                let last = calendar.begins(&end, Stage::Day);
                assert_eq!(calendar.standing(&end, last).stage, Some(Stage::Day), "{since} {hours}");
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_undoes_nothing_and_skips_nothing() {
        let end = expiry("2027-04-11T09:00:00Z", "2027-04-11T09:00:05Z");
        let standing = calendar("UTC").standing(&end, at("2027-04-11T08:59:58Z"));
        assert_eq!(standing, Standing { stage: None, next: Some(end.at) });
    }

    #[test]
    fn an_end_may_be_told_once_only() {
        let once = Calendar { zone: TimeZone::UTC, repeat_days: None };
        let end = expiry("2027-04-11T09:00:00Z", LONG_AGO);
        for now in ["2027-04-11T09:00:00Z", "2029-01-01T00:00:00Z"] {
            let standing = once.standing(&end, at(now));
            assert_eq!(standing, Standing { stage: Some(Stage::Overdue(0)), next: None });
        }
    }

    #[test]
    fn ends_at_the_edge_of_time_are_no_trouble() {
        for ends in [Timestamp::MIN, Timestamp::MAX] {
            let end = Expiry { at: ends, governs: Governs::IdleLimit, since: Timestamp::MIN };
            let calendar = calendar("Pacific/Kiritimati");
            let standing = calendar.standing(&end, at("2027-01-01T00:00:00Z"));
            assert_eq!(standing.stage.is_some(), ends == Timestamp::MIN);
        }
    }
}
