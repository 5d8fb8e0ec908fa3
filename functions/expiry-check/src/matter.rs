//! One thing that is to be told: what it is, whom it concerns, and who has been told already.

use crate::{
    audience::Audience,
    decision::Occasion,
    event::{Expiring, News, State, Trouble},
    facts::Facts,
    mailboxes::Mailboxes,
    run::AGAIN,
};
use jiff::Timestamp;
use postroom_model::{EndDate, Expiry, Governs, ProviderId, Recipient, Reminder, Stage, Subject};
use postroom_registry::DueSubject;
use std::collections::BTreeMap;

/// One thing that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matter {
    /// What it is about, as it stood in the index.
    pub(crate) due: DueSubject,
    /// What is known of it.
    pub(crate) facts: Facts,
    /// What is to be told.
    pub(crate) occasion: Occasion,
    /// When there is something else to tell, or to look for.
    pub(crate) next: Option<Timestamp>,
    /// The mailboxes that use an account.
    pub(crate) mailboxes: Mailboxes,
    /// Who is to be told.
    pub(crate) audience: Audience,
    /// Who has been told this, and when.
    pub(crate) told: BTreeMap<Recipient, Timestamp>,
    /// Whether people were told before that its end has come.
    pub(crate) is_repeated: bool,
}

/// What people read first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Something has stopped, and nobody was told.
    Stopped,
    /// Something ends, or is wanted by a date.
    Coming,
    /// It has been told before.
    Repeated,
    /// An address takes no mail.
    Address,
}

impl Matter {
    /// The end and the stage that people are told of.
    pub(crate) fn stage(&self) -> Option<(Expiry, Stage)> {
        match self.occasion {
            Occasion::Stage { expiry, stage, .. } => Some((expiry, stage)),
            Occasion::Incident { .. } => None,
        }
    }

    /// Its end as it is written: a day where a person noted a day.
    pub(crate) fn end(&self) -> Option<EndDate> {
        let noted = match &self.facts {
            Facts::Provider(provider) => provider.client_auth_expires,
            Facts::Password(mailbox) => mailbox.password_expires,
            _ => None,
        };
        noted.or_else(|| self.stage().map(|(expiry, _)| EndDate::Moment(expiry.at)))
    }

    /// How early people read of it, among other things.
    pub(crate) fn urgency(&self) -> (Urgency, Timestamp) {
        let urgency = match &self.facts {
            Facts::Address(_) => Urgency::Address,
            _ if self.is_repeated => Urgency::Repeated,
            _ if self.is_over() => Urgency::Stopped,
            _ => Urgency::Coming,
        };
        (urgency, self.stage().map_or(Timestamp::MAX, |(expiry, _)| expiry.at))
    }

    /// The record of somebody's having been told.
    pub(crate) fn reminder(
        &self,
        recipient: Recipient,
        sent_at: Timestamp,
        message_id: Option<String>,
    ) -> Option<Reminder> {
        let Occasion::Stage { expiry, stage, began_at } = self.occasion else { return None };
        let (subject, ends_at, governs) = (self.due.subject.clone(), expiry.at, expiry.governs);
        Some(Reminder { subject, ends_at, governs, stage, began_at, recipient, sent_at, message_id })
    }

    /// What machines are told. Of a person's address they are told nothing here.
    pub(crate) fn news(&self) -> Option<News> {
        let class = match &self.facts {
            Facts::Incident(incident) => Some(incident.fault.class),
            Facts::Mailbox { failure, .. } => failure.as_ref().map(|failure| failure.fault.class),
            _ => None,
        };
        let trouble = |state, since| News::Incident(Trouble { state, since, class, rejection: None });
        let (expiry, stage) = match self.occasion {
            Occasion::Incident { state, since } => return Some(trouble(state, since)),
            Occasion::Stage { expiry, stage, .. } => (expiry, stage),
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

    /// Whether its end has come, and mail does not go on all the same.
    pub(crate) fn is_over(&self) -> bool {
        self.stage().is_some_and(|(expiry, stage)| stage.is_overdue() && expiry.governs != Governs::Policy)
    }

    /// The provider whose incident is over.
    pub(crate) fn ended_incident(&self) -> Option<&ProviderId> {
        match (&self.due.subject, self.occasion) {
            (Subject::Incident(provider), Occasion::Incident { .. }) => Some(provider),
            _ => None,
        }
    }

    /// Whether everybody has been told; people only where mails are sent at all.
    pub(crate) fn is_told(&self, mails: bool) -> bool {
        let told = |address: &String| self.told.contains_key(&Recipient::Person(address.clone()));
        let people = !mails || self.audience.people.keys().all(told);
        people && (self.told.contains_key(&Recipient::Events) || self.news().is_none())
    }

    /// When it is looked at again, once everybody has been told: soon, while a mail may still come back,
    /// so that somebody stands in for whom it did not reach.
    pub(crate) fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let mailed = self.told.iter().filter(|(recipient, _)| **recipient != Recipient::Events);
        let settled = mailed.filter_map(|(_, sent_at)| sent_at.saturating_add(AGAIN).ok()).max();
        self.next.into_iter().chain(settled.filter(|settled| *settled > now)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, incident, matter};

    #[test]
    fn what_was_mailed_is_looked_at_once_more() {
        let began = "2027-04-11T09:00:00Z";
        let mut matter = matter(Facts::Incident(incident(began, None)), &[], at(began));
        let week = Some(at("2027-04-18T09:00:00Z"));
        assert_eq!(matter.next_look(at(began)), week, "nobody was mailed");
        matter.told.insert(Recipient::Events, at(began));
        assert_eq!(matter.next_look(at(began)), week, "no event comes back");
        matter.told.insert(Recipient::Person("ops@contoso.com".into()), at(began));
        assert_eq!(matter.next_look(at(began)), Some(at("2027-04-11T09:55:00Z")));
        assert_eq!(matter.next_look(at("2027-04-11T10:00:00Z")), week, "once");
        matter.next = Some(at("2027-04-11T09:10:00Z"));
        assert_eq!(matter.next_look(at(began)), matter.next, "no stage waits for it");
    }
}
