//! The end that people are reminded of, and the stages on the way to it.

use jiff::Timestamp;
use postroom_model::{Calendar, Ends, Governs, Stage};
use serde::Serialize;

/// The end that presses, the stage that it has reached, and the stage that comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// When it ends.
    pub ends_at: Timestamp,
    /// What makes it end then.
    pub ended_by: Governs,
    /// The stage that it has reached; absent while there is time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The stage that comes next, of this end or of another, unless something changes; absent where
    /// nothing more is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_stage: Option<Stage>,
    /// When that begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// What makes the end of that stage one, where it is another end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ended_by: Option<Governs>,
}

impl Outlook {
    /// Where the ends of something stand at `now`; `None`: it has none.
    pub fn of(ends: &Ends, calendar: &Calendar, now: Timestamp) -> Option<Self> {
        let outlook = calendar.outlook(ends, now)?;
        let coming = calendar.coming(ends, now);
        Some(Self {
            ends_at: outlook.expiry.at,
            ended_by: outlook.expiry.governs,
            stage: outlook.standing.stage,
            next_stage: coming.and_then(|(_, then)| then.standing.stage),
            next_at: coming.map(|(at, _)| at),
            next_ended_by: coming
                .filter(|(_, then)| then.expiry.at != outlook.expiry.at)
                .map(|(_, then)| then.expiry.governs),
        })
    }
}

/// A stage as people read it.
pub(crate) fn words(stage: Stage) -> String {
    match stage {
        Stage::Month => "1 month".to_owned(),
        Stage::Week => "1 week".to_owned(),
        Stage::Day => "1 day".to_owned(),
        Stage::Overdue(0) => "overdue".to_owned(),
        Stage::Overdue(before) => format!("overdue, no. {}", u64::from(before) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use postroom_model::Expiry;

    #[test]
    fn an_outlook_names_the_stage_that_is_and_the_one_that_comes() {
        let at = |text: &str| -> Timestamp { text.parse().expect("a moment") };
        let calendar = |repeat_days| Calendar { zone: TimeZone::UTC, repeat_days };
        let ends = Ends {
            hard: Some(Expiry::noted(at("2027-04-11T09:00:00Z"), Governs::IdleLimit)),
            ..Ends::default()
        };
        for (now, repeat_days, stage, next) in [
            ("2027-02-01T00:00:00Z", Some(7), None, Some(("1 month", "2027-03-11T09:00:00Z"))),
            ("2027-03-12T00:00:00Z", Some(7), Some("1 month"), Some(("1 week", "2027-04-04T09:00:00Z"))),
            ("2027-04-10T09:00:00Z", Some(7), Some("1 day"), Some(("overdue", "2027-04-11T09:00:00Z"))),
            (
                "2027-04-12T00:00:00Z",
                Some(7),
                Some("overdue"),
                Some(("overdue, no. 2", "2027-04-18T09:00:00Z")),
            ),
            ("2027-04-12T00:00:00Z", None, Some("overdue"), None),
        ] {
            let outlook = Outlook::of(&ends, &calendar(repeat_days), at(now)).expect("an end");
            assert_eq!(outlook.stage.map(words).as_deref(), stage, "{now}");
            let coming = outlook.next_stage.map(words).zip(outlook.next_at);
            assert_eq!(coming, next.map(|(stage, next)| (stage.to_owned(), at(next))), "{now}");
        }
    }
}
