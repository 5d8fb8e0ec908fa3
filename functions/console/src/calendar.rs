//! Moments as pages show them: in the deployment's time zone, which each of them names.

use crate::app::App;
use jiff::{Timestamp, tz::TimeZone};
use postroom_language::{Words, day_in};
use postroom_model::{EndDate, Language};

/// When a page is looked at, in which time zone it tells times, and in which language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock<'a> {
    /// The present moment.
    pub(crate) now: Timestamp,
    /// The time zone.
    pub(crate) zone: &'a TimeZone,
    /// The language.
    pub(crate) language: Language,
}

/// A moment as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// For machines: `<time datetime>`, in UTC.
    pub(crate) iso: String,
    /// The day: "4 December 2026".
    pub(crate) date: String,
    /// Day and time: "4 December 2026, 10:30 CET".
    pub(crate) moment: String,
    /// How far off it is: "in 12 days", "3 hours ago".
    pub(crate) distance: String,
}

impl App {
    /// The clock of a page that is made now.
    pub(crate) fn clock(&self, language: Language) -> Clock<'_> {
        Clock { now: self.now(), zone: &self.settings.calendar.zone, language }
    }
}

impl Clock<'_> {
    /// A moment in full.
    pub(crate) fn when(self, at: Timestamp) -> When {
        When {
            iso: at.strftime("%Y-%m-%dT%H:%MZ").to_string(),
            date: self.date(at),
            moment: self.moment(at),
            distance: self.distance(at),
        }
    }

    /// The day: "4 December 2026".
    pub(crate) fn date(self, at: Timestamp) -> String {
        self.language.date(day_in(at, self.zone))
    }

    /// The day of an end that somebody noted: a day is that day in every time zone.
    pub(crate) fn end_date(self, end: EndDate) -> String {
        match end {
            EndDate::Day(day) => self.language.date(day),
            EndDate::Moment(at) => self.date(at),
        }
    }

    /// Day and time: "4 December 2026, 10:30 CET".
    pub(crate) fn moment(self, at: Timestamp) -> String {
        self.language.moment(at, self.zone)
    }

    /// How far off it is: "in 12 days", "3 hours ago".
    pub(crate) fn distance(self, at: Timestamp) -> String {
        self.language.distance(at, self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_deployments_time_zone() {
        let at = |text: &str| -> Timestamp { text.parse().expect("a moment") };
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let clock = Clock { now: at("2027-07-01T12:00:00Z"), zone: &zone, language: Language::En };
        let when = clock.when(at("2027-07-01T22:30:00Z"));
        assert_eq!((when.iso.as_str(), when.date.as_str()), ("2027-07-01T22:30Z", "2 July 2027"));
        assert_eq!(
            (when.moment.as_str(), when.distance.as_str()),
            ("2 July 2027, 00:30 CEST", "in 10 hours")
        );
    }
}
