//! Moments as pages show them. All times are UTC, and say so.

use jiff::Timestamp;
use postroom_language::{Words, day_of};
use postroom_model::Language;

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
