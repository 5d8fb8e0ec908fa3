//! Spans of the calendar: months and years are as long as they are.

use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A span of whole days, weeks, months or years, up to ten years. Written as `90d`, `2w`, `6mo` or
/// `1y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    count: i16,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

impl Unit {
    /// The unit, how it is written, and how many of it ten years are.
    const ALL: [(Self, &str, i16); 4] =
        [(Self::Months, "mo", 120), (Self::Days, "d", 3650), (Self::Weeks, "w", 520), (Self::Years, "y", 10)];
}

/// Why a text is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a valid period: write whole days, weeks, months or years from \"1d\" to \"10y\", such as \"90d\" or \"6mo\""
)]
pub struct PeriodError(String);

impl Period {
    /// The moment this much after another, at the same time of day in UTC. Where the month has no such
    /// day it is the month's last: a month after 31 January is 28 or 29 February.
    pub fn after(self, at: Timestamp) -> Timestamp {
        at.to_zoned(TimeZone::UTC).checked_add(self.span()).map_or(Timestamp::MAX, |at| at.timestamp())
    }

    fn span(self) -> Span {
        match self.unit {
            Unit::Days => self.count.days(),
            Unit::Weeks => self.count.weeks(),
            Unit::Months => self.count.months(),
            Unit::Years => self.count.years(),
        }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let bad = || PeriodError(text.to_owned());
        let split = |(unit, suffix, most)| text.strip_suffix(suffix).map(|digits| (unit, digits, most));
        let (unit, digits, most) = Unit::ALL.into_iter().find_map(split).ok_or_else(bad)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        match digits.parse() {
            Ok(count) if (1..=most).contains(&count) => Ok(Self { count, unit }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::ALL.into_iter().find(|(unit, ..)| *unit == self.unit);
        write!(f, "{}{}", self.count, unit.map_or("", |(_, suffix, _)| suffix))
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

/// When something ends that a person noted down: a day, or a moment.
///
/// A day is over for it when it begins in UTC, which is early enough for most people: write a moment
/// with its offset from UTC where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EndDate {
    /// `2027-09-30`.
    Day(Date),
    /// `2027-09-30T12:00:00+02:00`, kept in UTC.
    Moment(Timestamp),
}

/// Why a text is not an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a day such as 2027-09-30, or a moment with its offset from UTC such as 2027-09-30T12:00:00+02:00"
)]
pub struct NotAnEndDate;

impl EndDate {
    /// The moment.
    pub fn at(self) -> Timestamp {
        match self {
            Self::Day(day) => day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |day| day.timestamp()),
            Self::Moment(at) => at,
        }
    }

    /// The day in UTC.
    pub fn day(self) -> Date {
        self.at().to_zoned(TimeZone::UTC).date()
    }
}

impl fmt::Display for EndDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Moment(at) => at.fmt(f),
        }
    }
}

impl FromStr for EndDate {
    type Err = NotAnEndDate;

    fn from_str(text: &str) -> Result<Self, NotAnEndDate> {
        // A time of day without an offset is no moment, and more than a day.
        if text.len() == "2027-09-30".len() {
            text.parse().map(Self::Day).map_err(|_| NotAnEndDate)
        } else {
            text.parse().map(Self::Moment).map_err(|_| NotAnEndDate)
        }
    }
}

impl TryFrom<String> for EndDate {
    type Error = NotAnEndDate;

    fn try_from(text: String) -> Result<Self, NotAnEndDate> {
        text.parse()
    }
}

impl From<EndDate> for String {
    fn from(end: EndDate) -> Self {
        end.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_calendar() {
        for (period, from, to) in [
            ("90d", "2027-01-01T10:00:00Z", "2027-04-01T10:00:00Z"),
            ("2w", "2028-02-20T00:00:00Z", "2028-03-05T00:00:00Z"),
            ("1mo", "2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z"),
            ("1mo", "2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z"),
            ("6mo", "2026-08-31T23:59:59Z", "2027-02-28T23:59:59Z"),
            ("1y", "2028-02-29T10:00:00Z", "2029-02-28T10:00:00Z"),
        ] {
            let period: Period = period.parse().expect("a period");
            assert_eq!(
                period.after(from.parse().expect("a moment")).to_string(),
                to,
                "{period} after {from}"
            );
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for bad in ["", "d", "0d", "3651d", "11y", "-1d", "1.5y", "1 y", "1m", "6", "1Y", "+1d", "mo", "1dd"]
        {
            let error = bad.parse::<Period>().expect_err(bad);
            assert!(error.to_string().contains("such as \"90d\""), "{error}");
        }
        for good in ["1d", "3650d", "520w", "120mo", "10y"] {
            assert_eq!(good.parse::<Period>().expect(good).to_string(), good);
        }
    }

    #[test]
    fn ends_are_days_or_moments() {
        for (stored, at) in [
            ("\"2027-09-30\"", "2027-09-30T00:00:00Z"),
            ("\"2027-09-30T12:00:00+02:00\"", "2027-09-30T10:00:00Z"),
        ] {
            let end: EndDate = serde_json::from_str(stored).expect("an end");
            assert_eq!(end.at().to_string(), at);
        }
        for bad in ["2027-13-30", "2027-02-29", "2027-09-30T12:00:00", "tomorrow", ""] {
            assert_eq!(bad.parse::<EndDate>(), Err(NotAnEndDate), "{bad}");
        }
    }
}
