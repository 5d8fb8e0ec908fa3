//! Looking at what is due: what is to be told of it, to whom, and who has been told.

use crate::{
    Error,
    audience::Audience,
    decision::{Decision, Occasion},
    facts::{Facts, FactsReader},
    mailboxes::Mailboxes,
    matter::Matter,
    run::{Run, SIDE_BY_SIDE, loggable},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use postroom_lambda::chain;
use postroom_model::{Mailbox, Recipient, Rejection};
use postroom_registry::{DueSubject, Person};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What looking at a subject came to.
enum Looked {
    /// There is something to tell.
    Matter(Box<Matter>),
    /// There is nothing to tell before that moment, or before something changes.
    Quiet(Option<Timestamp>),
}

/// What looking at everything that is due came to.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// What is to be told.
    pub(crate) matters: Vec<Matter>,
    /// Of what there is nothing to tell now, and when it is looked at next.
    pub(crate) quiet: Vec<(DueSubject, Option<Timestamp>)>,
    /// What cannot be read.
    pub(crate) unread: Vec<DueSubject>,
}

impl Run<'_> {
    /// Looks at what is due, for as long as there is time.
    pub(crate) async fn look_at(&self, due: Vec<DueSubject>) -> Sight {
        let reader = FactsReader::new(self.check.registry.clone(), self.now);
        let mut sight = Sight::default();
        // In order, so that the same run tells the same things in the same order.
        let looks = stream::iter(due).map(|due| async {
            if self.is_over() {
                return None;
            }
            let looked = self.look(&due, &reader).await;
            Some((due, looked))
        });
        let mut looks = looks.buffered(SIDE_BY_SIDE);
        while let Some(looked) = looks.next().await {
            match looked {
                Some((_, Ok(Looked::Matter(matter)))) => sight.matters.push(*matter),
                Some((due, Ok(Looked::Quiet(next)))) => sight.quiet.push((due, next)),
                Some((due, Err(error))) => {
                    if !self.check.refusals.noted(error.refusal()) {
                        let error = chain(&error);
                        tracing::error!(subject = loggable(&due.subject), error, "a subject cannot be read");
                    }
                    sight.unread.push(due);
                }
                None => {}
            }
        }
        sight
    }

    async fn look(&self, due: &DueSubject, reader: &FactsReader) -> Result<Looked, Error> {
        let settings = &self.check.settings;
        let facts = reader.read(&due.subject).await?;
        let Decision { occasion, next } = Decision::of(&facts, &settings.calendar, self.now);
        let Some(occasion) = occasion else { return Ok(Looked::Quiet(next)) };
        let mailboxes = self.mailboxes(&facts).await?;
        let (mut told, mut is_repeated) = (BTreeMap::new(), false);
        if let Occasion::Stage { expiry, stage, began_at } = occasion {
            for reminder in self.check.registry.reminders_of(&due.subject, Some(expiry.at)).await? {
                if reminder.tells(stage, began_at) {
                    told.insert(reminder.recipient, reminder.sent_at);
                } else if reminder.recipient != Recipient::Events {
                    is_repeated |= reminder.stage.is_overdue();
                }
            }
        }
        let audience = Audience::of(&facts, &occasion, &mailboxes, settings);
        if audience.people.is_empty() && matches!(occasion, Occasion::Stage { .. }) {
            let subject = loggable(&due.subject);
            tracing::warn!(subject, "there is nobody to mail: name operators, or a fall-back address");
        }
        let (due, mailboxes) = (due.clone(), Mailboxes::of(&mailboxes));
        let matter = Matter { due, facts, occasion, next, mailboxes, audience, told, is_repeated };
        Ok(Looked::Matter(Box::new(matter)))
    }

    async fn mailboxes(&self, facts: &Facts) -> Result<Vec<Mailbox>, Error> {
        let Facts::Account { account, .. } = facts else { return Ok(Vec::new()) };
        let placed = self.check.registry.mailboxes_of(&account.id).await?;
        Ok(placed.into_iter().map(|placed| placed.mailbox).collect())
    }

    /// What is known of everybody who is to be told; with it the audiences are completed.
    ///
    /// # Errors
    /// [`Error::Registry`].
    pub(crate) async fn people(&mut self, matters: &mut [Matter]) -> Result<HashMap<String, Person>, Error> {
        let Self { check, now, .. } = *self;
        let invalid: BTreeSet<_> = matters.iter().flat_map(|m| &m.audience.invalid).cloned().collect();
        for text in invalid {
            // Operators hear of it when it is looked at.
            match check.registry.record_undeliverable(&text, Rejection::Invalid, "", now).await {
                Ok(_) => tracing::warn!("an owner's address is none"),
                Err(error) => {
                    if !check.refusals.noted(error.refusal()) {
                        tracing::error!(%error, "an address that is none could not be put on record");
                    }
                    self.tally.failed += 1;
                }
            }
        }
        if matters.iter().all(|matter| matter.audience.people.is_empty()) {
            return Ok(HashMap::new());
        }
        let everybody = matters.iter().flat_map(|matter| matter.audience.people.keys());
        let others = check.settings.fallback.iter().chain(&check.settings.operators);
        let everybody: BTreeSet<String> = everybody.chain(others).cloned().collect();
        let people = check.registry.people(&everybody.into_iter().collect::<Vec<_>>()).await?;
        let takes_mail =
            |address: &str| people.get(address).is_none_or(|person| person.undeliverable.is_none());
        for matter in matters {
            matter.audience.stand_in(takes_mail, &check.settings);
        }
        Ok(people)
    }
}
