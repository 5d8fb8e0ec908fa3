//! Dates, spans, intervals and numbers in words.

use crate::{Fill, calendar::Calendar};
use jiff::{SignedDuration, Timestamp, Zoned, civil::Date, tz::TimeZone};
use postroom_model::{Interval, Language, Period};

/// The day on which a moment lies in a time zone.
pub fn day_in(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned(zone.clone()).date()
}

/// What a [`Language`] says. A moment names its time zone.
pub trait Words: Copy {
    /// The language's own name: "Deutsch".
    fn name(self) -> &'static str;

    /// A day: "4 December 2026".
    fn date(self, day: Date) -> String;

    /// A day with its weekday: "Friday, 4 December 2026".
    fn full_date(self, day: Date) -> String;

    /// A month's short name: "Dec".
    fn short_month(self, day: Date) -> &'static str;

    /// A month and its year: "December 2026".
    fn month(self, day: Date) -> String;

    /// A moment in a time zone: "4 December 2026, 10:30 CET".
    fn moment(self, at: Timestamp, zone: &TimeZone) -> String;

    /// The same with the weekday: "Friday, 4 December 2026, 10:30 CET".
    fn moment_in(self, at: Timestamp, zone: &TimeZone) -> String;

    /// How far off a moment is: "in 12 days", "3 hours ago", "just now".
    fn distance(self, at: Timestamp, now: Timestamp) -> String;

    /// A number with its thousands apart: "1,204,000".
    fn number(self, number: u64) -> String;

    /// How often: "Every 5 minutes".
    fn interval(self, interval: Interval) -> String;

    /// How often, in a sentence: "every 6 months".
    fn period(self, period: Period) -> String;
}

impl Words for Language {
    fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    fn date(self, day: Date) -> String {
        let t = Calendar::of(self);
        let month = month_in(t.months, day);
        t.date.fill(&[("day", &day.day()), ("month", &month), ("year", &day.year())])
    }

    fn full_date(self, day: Date) -> String {
        let t = Calendar::of(self);
        let weekday = nth(t.weekdays, day.weekday().to_monday_zero_offset());
        t.on_weekday.fill(&[("weekday", &weekday), ("date", &self.date(day))])
    }

    fn short_month(self, day: Date) -> &'static str {
        month_in(Calendar::of(self).months_short, day)
    }

    fn month(self, day: Date) -> String {
        format!("{} {}", month_in(Calendar::of(self).months, day), day.year())
    }

    fn moment(self, at: Timestamp, zone: &TimeZone) -> String {
        let at = at.to_zoned(zone.clone());
        in_zone(self, &self.date(at.date()), &at)
    }

    fn moment_in(self, at: Timestamp, zone: &TimeZone) -> String {
        let at = at.to_zoned(zone.clone());
        in_zone(self, &self.full_date(at.date()), &at)
    }

    fn distance(self, at: Timestamp, now: Timestamp) -> String {
        let t = Calendar::of(self);
        let distance = at.duration_since(now);
        match (span(t, distance.abs()), distance.is_positive()) {
            (None, true) => t.at_once.to_owned(),
            (None, false) => t.just_now.to_owned(),
            (Some(span), true) => t.ahead.fill(&[("span", &span)]),
            (Some(span), false) => t.ago.fill(&[("span", &span)]),
        }
    }

    fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                grouped.push_str(Calendar::of(self).thousands);
            }
            grouped.push(digit);
        }
        grouped
    }

    fn interval(self, interval: Interval) -> String {
        let t = Calendar::of(self);
        match interval.seconds() / 60 {
            1 => t.every_minute.to_owned(),
            60 => t.every_hour.to_owned(),
            1440 => t.every_day.to_owned(),
            minutes if minutes % 60 == 0 => t.every_hours.fill(&[("n", &(minutes / 60))]),
            minutes => t.every_minutes.fill(&[("n", &minutes)]),
        }
    }

    fn period(self, period: Period) -> String {
        let t = Calendar::of(self);
        let text = period.to_string();
        let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (n, unit) = text.split_at(unit);
        let (one, many) = match unit {
            "d" => (t.period_day, t.period_days),
            "w" => (t.period_week, t.period_weeks),
            "mo" => (t.period_month, t.period_months),
            _ => (t.period_year, t.period_years),
        };
        if n == "1" { one.to_owned() } else { many.fill(&[("n", &n)]) }
    }
}

/// A date with the time of day and the zone: by its letters, such as "CEST", or where it has none by
/// its distance from UTC.
fn in_zone(language: Language, date: &str, at: &Zoned) -> String {
    let zone = at.strftime("%Z").to_string();
    let zone = if zone.starts_with(['+', '-']) { format!("UTC{zone}") } else { zone };
    Calendar::of(language).moment.fill(&[("date", &date), ("time", &at.strftime("%H:%M")), ("zone", &zone)])
}

/// A span in its largest fitting unit, rounded down; nothing below a minute.
fn span(t: &Calendar, span: SignedDuration) -> Option<String> {
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

/// The month's name in a list of twelve.
fn month_in(months: &'static str, day: Date) -> &'static str {
    nth(months, day.month() - 1)
}

fn nth(list: &'static str, position: i8) -> &'static str {
    list.split(' ').nth(usize::try_from(position).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn moments_are_words_with_the_name_of_their_zone() {
        let (moment, utc) = (at("2026-12-04T09:30:59Z"), TimeZone::UTC);
        assert_eq!(Language::En.moment(moment, &utc), "4 December 2026, 09:30 UTC");
        assert_eq!(Language::De.moment(moment, &utc), "4. Dezember 2026, 09:30 UTC");
        let tokyo = TimeZone::get("Asia/Tokyo").expect("a zone");
        assert_eq!(Language::En.moment(at("2026-12-04T19:30:00Z"), &tokyo), "5 December 2026, 04:30 JST");
        assert_eq!(Language::De.short_month(day_in(at("2027-03-01T00:00:00Z"), &utc)), "Mär");
    }

    #[test]
    fn moments_are_words_in_any_zone() {
        for (moment, zone, en, de) in [
            (
                "2027-04-11T09:00:00Z",
                "Europe/Berlin",
                "Sunday, 11 April 2027, 11:00 CEST",
                "Sonntag, 11. April 2027, 11:00 CEST",
            ),
            (
                "2027-10-31T01:30:00Z",
                "Europe/Berlin",
                "Sunday, 31 October 2027, 02:30 CET",
                "Sonntag, 31. Oktober 2027, 02:30 CET",
            ),
            (
                "2027-12-31T10:00:00Z",
                "Pacific/Kiritimati",
                "Saturday, 1 January 2028, 00:00 UTC+14",
                "Samstag, 1. Januar 2028, 00:00 UTC+14",
            ),
            (
                "2026-12-07T23:59:59Z",
                "UTC",
                "Monday, 7 December 2026, 23:59 UTC",
                "Montag, 7. Dezember 2026, 23:59 UTC",
            ),
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            assert_eq!(Language::En.moment_in(at(moment), &zone), en);
            assert_eq!(Language::De.moment_in(at(moment), &zone), de);
        }
    }

    #[test]
    fn periods_are_words() {
        for (period, en, de) in [
            ("1d", "every day", "jeden Tag"),
            ("90d", "every 90 days", "alle 90 Tage"),
            ("2w", "every 2 weeks", "alle 2 Wochen"),
            ("1mo", "every month", "jeden Monat"),
            ("6mo", "every 6 months", "alle 6 Monate"),
            ("1y", "every year", "jedes Jahr"),
        ] {
            let period = period.parse().expect("a period");
            assert_eq!(Language::En.period(period), en);
            assert_eq!(Language::De.period(period), de);
        }
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
