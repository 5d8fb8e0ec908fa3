//! What starts a run.

use crate::feedback::{Feedback, NotFeedback};
use jiff::Timestamp;
use serde_json::Value;

/// What started the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The schedule.
    Tick,
    /// Somebody on a developer's machine who wants to see another day: `{"at": "2027-01-01T00:00:00Z"}`.
    At(Timestamp),
    /// SES, by EventBridge: what became of a mail.
    Feedback(Feedback),
}

/// An event that is nothing to act on.
#[derive(Debug, thiserror::Error)]
pub enum NotATrigger {
    /// A date was given where time is the clock's.
    #[error("a run's date may be given on a developer's machine only")]
    DateNotAllowed,
    /// A date that is none.
    #[error("\"at\" must be a moment such as \"2027-01-01T00:00:00Z\"")]
    NotADate,
    /// SES said something that cannot be read.
    #[error(transparent)]
    Feedback(#[from] NotFeedback),
}

impl Trigger {
    /// Reads an event.
    ///
    /// # Errors
    /// [`NotATrigger`].
    pub(crate) fn read(event: Value, may_be_told_the_date: bool) -> Result<Self, NotATrigger> {
        if event.get("source").and_then(Value::as_str) == Some("aws.ses") {
            return Ok(Self::Feedback(Feedback::read(event)?));
        }
        match event.get("at") {
            None => Ok(Self::Tick),
            Some(_) if !may_be_told_the_date => Err(NotATrigger::DateNotAllowed),
            Some(at) => {
                let at = at.as_str().and_then(|text| text.parse().ok());
                at.map(Self::At).ok_or(NotATrigger::NotADate)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_date_is_given_to_developers_only() {
        let event = || json!({ "at": "2027-01-01T00:00:00Z" });
        let at = "2027-01-01T00:00:00Z".parse().expect("a moment");
        assert_eq!(Trigger::read(event(), true).expect("reads"), Trigger::At(at));
        assert!(matches!(Trigger::read(event(), false), Err(NotATrigger::DateNotAllowed)));
        for wrong in [json!("soon"), json!("2027-01-01"), json!(1_800_000_000), Value::Null] {
            let read = Trigger::read(json!({ "at": wrong }), true);
            assert!(matches!(read, Err(NotATrigger::NotADate)), "{wrong}");
        }
    }

    #[test]
    fn whatever_a_schedule_sends_is_a_tick() {
        for event in [json!({}), Value::Null, json!({ "source": "aws.scheduler", "detail": {} })] {
            assert_eq!(Trigger::read(event, false).expect("reads"), Trigger::Tick);
        }
    }
}
