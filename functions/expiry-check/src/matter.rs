//! One thing that is to be told: what it is, whom it concerns, and who has been told already.

use crate::{
    audience::Audience,
    decision::Occasion,
    event::{Expiring, News, State, Trouble},
    facts::Facts,
};
use jiff::Timestamp;
use postroom_model::{Expiry, Governs, Mailbox, Recipient, Reminder, Stage};
use postroom_registry::DueSubject;
use std::collections::BTreeSet;

/// One thing that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matter {
    /// What it is about, as it stood in the index.
    pub(crate) due: DueSubject,
    /// What is known of it.
    pub(crate) facts: Facts,
    /// What is to be told.
    pub(crate) occasion: Occasion,
    /// When it is looked at next.
    pub(crate) next: Option<Timestamp>,
    /// The mailboxes that use an account.
    pub(crate) mailboxes: Vec<Mailbox>,
    /// Who is to be told.
    pub(crate) audience: Audience,
    /// Who has been told this already.
    pub(crate) told: BTreeSet<Recipient>,
}

impl Matter {
    /// The end and the stage that people are told of.
    pub(crate) fn stage(&self) -> Option<(Expiry, Stage)> {
        match self.occasion {
            Occasion::Stage { expiry, stage } => Some((expiry, stage)),
            Occasion::Incident { .. } => None,
        }
    }

    /// The record of somebody's having been told.
    pub(crate) fn reminder(
        &self,
        recipient: Recipient,
        sent_at: Timestamp,
        message_id: Option<String>,
    ) -> Option<Reminder> {
        let (expiry, stage) = self.stage()?;
        let (subject, ends_at, governs) = (self.due.subject.clone(), expiry.at, expiry.governs);
        Some(Reminder { subject, ends_at, governs, stage, recipient, sent_at, message_id })
    }

    /// What machines are told. Of a person's address they are told nothing.
    pub(crate) fn news(&self) -> Option<News> {
        let class = match &self.facts {
            Facts::Incident(incident) => Some(incident.fault.class),
            Facts::Mailbox { failure, .. } => failure.as_ref().map(|failure| failure.fault.class),
            _ => None,
        };
        let trouble = |state, since| News::Incident(Trouble { state, since, class });
        let (expiry, stage) = match self.occasion {
            Occasion::Incident { state, since } => return Some(trouble(state, since)),
            Occasion::Stage { expiry, stage } => (expiry, stage),
        };
        let expiring = Expiring::new(&expiry, stage);
        match &self.facts {
            Facts::Account { account, .. } => {
                Some(News::Expiry(expiring.of_account(account, self.mailboxes.len())))
            }
            Facts::Provider(provider) => {
                Some(News::Expiry(Expiring { client_auth: Some(provider.client_auth), ..expiring }))
            }
            Facts::Incident(_) => {
                let state = if stage == Stage::Overdue(0) { State::Opened } else { State::Open };
                Some(trouble(state, expiry.at))
            }
            Facts::Address(_) => None,
            _ => Some(News::Expiry(expiring)),
        }
    }

    /// Whether mail is no longer collected because of it.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stage().is_some_and(|(expiry, stage)| stage.is_overdue() && expiry.governs != Governs::Policy)
    }
}
