//! Reminders as pages show them: what was told to whom, about what, at which stage.

use crate::{
    calendar::{Clock, When},
    language::{Language, Speak},
    texts::{Fill, Texts},
};
use jiff::Timestamp;
use postroom_model::{Governs, Recipient, Rejection, Reminder, Stage, Subject};

/// One thing that was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// When.
    pub(crate) sent: When,
    /// Who: an address, or that it was machines.
    pub(crate) to: String,
    /// What it was about.
    pub(crate) about: About,
    /// How near the end was.
    pub(crate) stage: String,
    /// The end that it was about.
    pub(crate) ends: Ends,
    /// Whether nothing could be sent.
    pub(crate) is_unsent: bool,
}

/// An end, and what makes it one.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    /// The moment.
    pub(crate) when: When,
    /// The day, in words.
    pub(crate) words: String,
    /// What makes it end then, where that says more than what it is about.
    pub(crate) governs: Option<&'static str>,
}

/// What a reminder is about, with the page that tells more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// In a few words.
    pub(crate) words: String,
    /// The page; none where there is none.
    pub(crate) href: Option<String>,
}

impl Told {
    pub(crate) fn new(reminder: &Reminder, clock: Clock<'_>) -> Self {
        let t = clock.language.texts();
        Self {
            sent: clock.when(reminder.sent_at),
            to: match &reminder.recipient {
                Recipient::Person(address) => address.clone(),
                Recipient::Events => t.reminder.to_events.to_owned(),
            },
            about: About::new(&reminder.subject, clock.language),
            stage: t.stage(reminder.stage, &reminder.subject),
            ends: Ends::new(&reminder.subject, reminder.ends_at, reminder.governs, clock),
            is_unsent: reminder.message_id.is_none(),
        }
    }
}

impl Ends {
    pub(crate) fn new(subject: &Subject, at: Timestamp, governs: Governs, clock: Clock<'_>) -> Self {
        let t = clock.language.texts();
        let when = clock.when(at);
        if is_trouble(subject) {
            return Self { words: t.reminder.since_date.with("date", &when.date), when, governs: None };
        }
        Self { words: when.date.clone(), when, governs: Some(t.governs(governs)) }
    }
}

/// Whether it is something that began, and nothing that ends.
fn is_trouble(subject: &Subject) -> bool {
    match subject {
        Subject::Account(_) | Subject::Provider(_) | Subject::Password(_) => false,
        Subject::Incident(_) | Subject::Mailbox(_) | Subject::Address(_) | Subject::Schedule => true,
    }
}

impl About {
    pub(crate) fn new(subject: &Subject, language: Language) -> Self {
        let t = &language.texts().reminder;
        let of = |text: &'static str, id: &str| text.fill(&[("id", &id)]);
        let (words, href) = match subject {
            Subject::Account(id) => (of(t.account, id.as_str()), Some(format!("/accounts/{id}"))),
            Subject::Provider(id) => (of(t.provider, id.as_str()), Some(format!("/providers#{id}"))),
            Subject::Incident(id) => (of(t.incident, id.as_str()), Some(format!("/providers#{id}"))),
            Subject::Password(id) => (of(t.password, id.as_str()), Some(format!("/mailboxes/{id}"))),
            Subject::Mailbox(id) => (of(t.mailbox, id.as_str()), Some(format!("/mailboxes/{id}"))),
            Subject::Address(address) => (of(t.blocked_subject, address), None),
            Subject::Schedule => (t.schedule.to_owned(), None),
        };
        Self { words, href }
    }
}

impl Texts {
    /// A stage of a subject in a few words.
    pub(crate) fn stage(&self, stage: Stage, subject: &Subject) -> String {
        let t = &self.reminder;
        match (stage, is_trouble(subject)) {
            (Stage::Month, _) => t.month.to_owned(),
            (Stage::Week, _) => t.week.to_owned(),
            (Stage::Day, _) => t.day.to_owned(),
            (Stage::Overdue(0), false) => t.overdue.to_owned(),
            (Stage::Overdue(n), false) => t.overdue_again.fill(&[("n", &n)]),
            (Stage::Overdue(0), true) => t.at_once.to_owned(),
            (Stage::Overdue(n), true) => t.goes_on.fill(&[("n", &n)]),
        }
    }

    /// Why an address takes no mail.
    pub(crate) fn rejection(&self, because: Rejection) -> &'static str {
        let t = &self.reminder;
        match because {
            Rejection::Invalid => t.invalid,
            Rejection::Refused => t.refused,
            Rejection::Returned => t.returned,
            Rejection::Bounced => t.bounced,
            Rejection::Complained => t.complained,
        }
    }
}
