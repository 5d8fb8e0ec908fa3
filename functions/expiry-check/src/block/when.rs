//! When something ends, in words: a day as it was noted, whatever the time zone; a moment in the
//! deployment's; and how far off that is, to the nearest unit.

use super::{Reader, Row};
use crate::texts::Distance;
use jiff::{SignedDuration, Timestamp, civil::Date};
use postroom_language::{Fill, Words, day_in};
use postroom_model::{EndDate, Language};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Reader<'_> {
    /// The day of an end, as a subject line names it.
    pub(crate) fn date(&self, end: EndDate) -> String {
        self.language.date(match end {
            EndDate::Day(day) => day,
            EndDate::Moment(at) => self.day(at),
        })
    }

    /// A moment, in full.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        self.language.moment_in(at, &self.settings.calendar.zone)
    }

    /// When something ends, and how far off that is.
    pub(super) fn when(&self, label: &'static str, end: EndDate) -> Row {
        let (when, distance) = match end {
            EndDate::Day(day) => {
                let days = day.duration_since(self.day(self.now)).as_hours() / 24;
                // It ends when it begins in UTC, which may be another day here.
                let days = if end.at() <= self.now { days.min(0) } else { days };
                (self.language.full_date(day), in_days(self.language, days))
            }
            EndDate::Moment(at) => (self.moment(at), distance(self.language, at.duration_since(self.now))),
        };
        Row::new(label, self.letter().when.fill(&[("moment", &when), ("distance", &distance)]))
    }

    fn day(&self, at: Timestamp) -> Date {
        day_in(at, &self.settings.calendar.zone)
    }
}

/// How far off something is that is so far ahead, or behind where that is negative.
fn distance(language: Language, ahead: SignedDuration) -> String {
    let t = Distance::of(language);
    let seconds = ahead.abs().as_secs();
    let rounded = |unit: i64| (seconds + unit / 2) / unit;
    let (n, one, many) = match () {
        () if rounded(MINUTE) < 1 => {
            return if ahead.is_positive() { t.at_once } else { t.just_now }.to_owned();
        }
        () if rounded(MINUTE) < 60 => (rounded(MINUTE), t.minute, t.minutes),
        () if rounded(HOUR) < 22 => (rounded(HOUR), t.hour, t.hours),
        () => return in_days(language, rounded(DAY) * i64::from(ahead.signum())),
    };
    placed(t, n, one, many, ahead.is_positive())
}

/// The same of so many days.
fn in_days(language: Language, days: i64) -> String {
    let t = Distance::of(language);
    let (n, one, many) = match days.abs() {
        0 => return t.today.to_owned(),
        7 => (1, t.week, t.week),
        n @ ..60 => (n, t.day, t.days),
        n => ((n * 12 + 182) / 365, t.months, t.months),
    };
    placed(t, n, one, many, days > 0)
}

fn placed(t: &Distance, n: i64, one: &str, many: &str, is_ahead: bool) -> String {
    let span = if n == 1 { one.to_owned() } else { many.with("n", n) };
    if is_ahead { t.ahead.with("span", span) } else { t.ago.with("span", span) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, settings};
    use jiff::tz::TimeZone;
    use postroom_model::Calendar;

    #[test]
    fn distances_are_rounded_to_the_nearest_unit() {
        let now = at("2027-04-11T12:00:00Z");
        for (moment, en, de) in [
            ("2027-04-11T12:00:20Z", "now", "jetzt"),
            ("2027-04-11T11:59:40Z", "just now", "gerade eben"),
            ("2027-04-11T12:01:20Z", "in 1 minute", "in 1 Minute"),
            ("2027-04-11T11:01:00Z", "59 minutes ago", "vor 59 Minuten"),
            ("2027-04-11T12:59:50Z", "in 1 hour", "in 1 Stunde"),
            ("2027-04-11T17:40:00Z", "in 6 hours", "in 6 Stunden"),
            ("2027-04-12T11:10:00Z", "in 1 day", "in 1 Tag"),
            ("2027-04-10T10:50:00Z", "1 day ago", "vor 1 Tag"),
            ("2027-04-18T11:10:00Z", "in a week", "in einer Woche"),
            ("2027-04-04T11:10:00Z", "a week ago", "vor einer Woche"),
            ("2027-05-11T11:10:00Z", "in 30 days", "in 30 Tagen"),
            ("2028-04-11T11:10:00Z", "in 12 months", "in 12 Monaten"),
        ] {
            assert_eq!(distance(Language::En, at(moment).duration_since(now)), en);
            assert_eq!(distance(Language::De, at(moment).duration_since(now)), de);
        }
    }

    #[test]
    fn a_day_is_that_day_everywhere() {
        let day: EndDate = "2027-04-20".parse().expect("a day");
        for (zone, now, row) in [
            ("America/Los_Angeles", "2027-04-13T02:00:00Z", "Tuesday, 20 April 2027, in 8 days"),
            ("Pacific/Kiritimati", "2027-04-13T02:00:00Z", "Tuesday, 20 April 2027, in a week"),
            ("America/Los_Angeles", "2027-04-20T00:10:00Z", "Tuesday, 20 April 2027, today"),
            ("Europe/Berlin", "2027-04-20T00:10:00Z", "Tuesday, 20 April 2027, today"),
            ("Europe/Berlin", "2027-04-27T00:10:00Z", "Tuesday, 20 April 2027, a week ago"),
        ] {
            let zone = TimeZone::get(zone).expect("a zone");
            let settings = crate::Settings { calendar: Calendar { zone, repeat_days: None }, ..settings() };
            let (address, language, link) = ("ann@contoso.com", Language::En, &|_: &_, _, _| None);
            let reader = Reader { address, language, now: at(now), settings: &settings, link };
            assert_eq!(reader.when("Ends", day).lines, [row]);
            assert_eq!(reader.date(day), "20 April 2027");
        }
    }
}
