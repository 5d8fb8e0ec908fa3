//! Dates, spans, intervals and numbers in words. All times are UTC, and say so.

use crate::{
    language::Language,
    texts::{Fill, calendar::Calendar},
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use postroom_model::Interval;

/// A moment as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// For machines: `<time datetime>`.
    pub(crate) iso: String,
    /// The day: "4 December 2026".
    pub(crate) date: String,
    /// Day and time: "4 December 2026, 09:30 UTC".
    pub(crate) moment: String,
    /// How far off it is: "in 12 days", "3 hours ago".
    pub(crate) distance: String,
}

impl When {
    /// A moment as it is seen at `now`.
    pub(crate) fn new(at: Timestamp, now: Timestamp, language: Language) -> Self {
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%MZ").to_string(),
            date: language.date(day_of(at)),
            moment: language.moment(at),
            distance: language.distance(at, now),
        }
    }
}

/// The day on which a moment lies.
pub(crate) fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

impl Language {
    fn calendar(self) -> &'static Calendar {
        &self.texts().calendar
    }

    /// A day: "4 December 2026".
    pub(crate) fn date(self, day: Date) -> String {
        let month = name(self.calendar().months, day);
        self.calendar().date.fill(&[("day", &day.day()), ("month", &month), ("year", &day.year())])
    }

    /// A month's short name: "Dec".
    pub(crate) fn short_month(self, day: Date) -> &'static str {
        name(self.calendar().months_short, day)
    }

    /// A month and its year: "December 2026".
    pub(crate) fn month(self, day: Date) -> String {
        format!("{} {}", name(self.calendar().months, day), day.year())
    }

    /// A moment: "4 December 2026, 09:30 UTC".
    pub(crate) fn moment(self, at: Timestamp) -> String {
        let time = at.strftime("%H:%M");
        self.calendar().moment.fill(&[("date", &self.date(day_of(at))), ("time", &time)])
    }

    /// How far off a moment is: "in 12 days", "3 hours ago", "just now".
    pub(crate) fn distance(self, at: Timestamp, now: Timestamp) -> String {
        let t = self.calendar();
        let distance = at.duration_since(now);
        match (self.span(distance.abs()), distance.is_positive()) {
            (None, true) => t.at_once.to_owned(),
            (None, false) => t.just_now.to_owned(),
            (Some(span), true) => t.ahead.fill(&[("span", &span)]),
            (Some(span), false) => t.ago.fill(&[("span", &span)]),
        }
    }

    /// A span in its largest fitting unit, rounded down; nothing below a minute.
    fn span(self, span: SignedDuration) -> Option<String> {
        let t = self.calendar();
        let (minutes, hours) = (span.as_mins(), span.as_hours());
        let days = hours / 24;
        let (n, one, many) = match () {
            () if minutes < 1 => return None,
            () if hours < 1 => (minutes, t.minute, t.minutes),
            () if hours < 24 => (hours, t.hour, t.hours),
            () if days < 90 => (days, t.day, t.days),
            () => (days * 12 / 365, t.months_long, t.months_long),
        };
        Some(if n == 1 { one.to_owned() } else { many.fill(&[("n", &n)]) })
    }

    /// A number with its thousands apart: "1,204".
    pub(crate) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                grouped.push_str(self.calendar().thousands);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// How often: "Every 5 minutes".
    pub(crate) fn interval(self, interval: Interval) -> String {
        let t = self.calendar();
        match interval.seconds() / 60 {
            1 => t.every_minute.to_owned(),
            60 => t.every_hour.to_owned(),
            1440 => t.every_day.to_owned(),
            minutes if minutes % 60 == 0 => t.every_hours.fill(&[("n", &(minutes / 60))]),
            minutes => t.every_minutes.fill(&[("n", &minutes)]),
        }
    }
}

/// The month's name in a list of twelve.
fn name(months: &'static str, day: Date) -> &'static str {
    let position = usize::try_from(day.month() - 1).unwrap_or_default();
    months.split(' ').nth(position).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn moments_are_words_in_utc() {
        let moment = at("2026-12-04T09:30:59Z");
        assert_eq!(Language::En.moment(moment), "4 December 2026, 09:30 UTC");
        assert_eq!(Language::De.moment(moment), "4. Dezember 2026, 09:30 UTC");
        assert_eq!(Language::De.short_month(day_of(at("2027-03-01T00:00:00Z"))), "Mär");
    }

    #[test]
    fn distances_are_rounded_down() {
        let now = at("2026-11-22T12:00:00Z");
        for (moment, en, de) in [
            ("2026-11-22T12:00:59Z", "now", "jetzt"),
            ("2026-11-22T11:59:30Z", "just now", "gerade eben"),
            ("2026-11-22T12:01:00Z", "in 1 minute", "in 1 Minute"),
            ("2026-11-22T11:01:00Z", "59 minutes ago", "vor 59 Minuten"),
            ("2026-11-22T10:00:00Z", "2 hours ago", "vor 2 Stunden"),
            ("2026-11-23T12:00:00Z", "in 1 day", "in 1 Tag"),
            ("2026-12-04T12:00:00Z", "in 12 days", "in 12 Tagen"),
            ("2027-02-20T11:00:00Z", "in 89 days", "in 89 Tagen"),
            ("2027-11-22T12:00:00Z", "in 12 months", "in 12 Monaten"),
        ] {
            assert_eq!(Language::En.distance(at(moment), now), en);
            assert_eq!(Language::De.distance(at(moment), now), de);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 999, 1000, 1_204_000].map(|n| Language::En.number(n)),
            ["0", "999", "1,000", "1,204,000"]
        );
        assert_eq!(Language::De.number(10_000), "10.000");
    }

    #[test]
    fn intervals_are_words() {
        for (interval, en, de) in [
            ("1m", "Every minute", "Jede Minute"),
            ("5m", "Every 5 minutes", "Alle 5 Minuten"),
            ("90m", "Every 90 minutes", "Alle 90 Minuten"),
            ("2h", "Every 2 hours", "Alle 2 Stunden"),
            ("1d", "Once a day", "Einmal am Tag"),
        ] {
            let interval = interval.parse().expect("an interval");
            assert_eq!(Language::En.interval(interval), en);
            assert_eq!(Language::De.interval(interval), de);
        }
    }
}
