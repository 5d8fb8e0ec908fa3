//! How often a mailbox is polled.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// Time between two polls: whole minutes from one minute to one day, because the schedule ticks
/// once a minute. Written as `5m`, `2h` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval {
    minutes: u32,
}

/// Why a text is not an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a valid interval: write whole minutes, hours or days from \"1m\" to \"1d\", such as \"5m\" or \"2h\""
)]
pub struct IntervalError(String);

impl Interval {
    const MAX_MINUTES: u32 = 24 * 60;

    /// The interval as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.minutes) * 60)
    }

    /// The interval in seconds.
    pub fn seconds(self) -> i64 {
        i64::from(self.minutes) * 60
    }
}

impl Default for Interval {
    /// Five minutes.
    fn default() -> Self {
        Self { minutes: 5 }
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        let bad = || IntervalError(text.to_owned());
        let unit = match text.as_bytes().last() {
            Some(b'm') => 1,
            Some(b'h') => 60,
            Some(b'd') => 24 * 60,
            _ => return Err(bad()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let minutes = digits.parse::<u32>().ok().and_then(|n| n.checked_mul(unit));
        match minutes {
            Some(minutes @ 1..=Self::MAX_MINUTES) => Ok(Self { minutes }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            m if m % (24 * 60) == 0 => write!(f, "{}d", m / (24 * 60)),
            m if m % 60 == 0 => write!(f, "{}h", m / 60),
            m => write!(f, "{m}m"),
        }
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;

    fn try_from(text: String) -> Result<Self, IntervalError> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> String {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_round_trip_in_their_shortest_form() {
        for (text, shown) in [("1m", "1m"), ("60m", "1h"), ("90m", "90m"), ("24h", "1d"), ("1d", "1d")] {
            assert_eq!(text.parse::<Interval>().map(|i| i.to_string()).as_deref(), Ok(shown));
        }
        for bad in ["", "m", "0m", "5", "5s", "-5m", "+5m", "1.5h", "2d", "99999999999m", "5µ"] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }
}
