//! One run: what is due is looked at, told, put on record, and moved on.

use crate::{
    Error, ExpiryCheck, Tally, announcement,
    audience::{Audience, Role},
    block::Reader,
    decision::{Decision, Occasion},
    event::{Detail, State},
    facts::{ENDED, FAILING, Facts, FactsReader},
    lag, letter,
    matter::Matter,
    round::{Delivered, Mail, Round},
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_letter::{LinkKey, personal_link};
use postroom_model::{AccountId, Mailbox, ProviderId, Recipient, Rejection, Subject};
use postroom_registry::{DueSubject, Person};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use url::Url;

/// Subjects that one run looks at, at most.
const MOST: usize = 10_000;
/// Subjects that are looked at, or moved on, at once.
const SIDE_BY_SIDE: usize = 16;
/// Things that one mail tells of at most; a mail's size is bounded, and the next run tells the rest.
const IN_ONE_MAIL: usize = 50;

/// What looking at a subject came to.
enum Looked {
    /// There is something to tell.
    Matter(Box<Matter>),
    /// There is nothing to tell now.
    Quiet(DueSubject, Option<Timestamp>),
    /// It cannot be read.
    Failed,
    /// There was no time.
    NoTime,
}

/// A run at one moment.
pub(crate) struct Run<'a> {
    check: &'a ExpiryCheck,
    /// The moment that rules go by.
    now: Timestamp,
    /// When nothing further is begun.
    end: Timestamp,
    tally: Tally,
}

impl<'a> Run<'a> {
    pub(crate) fn new(check: &'a ExpiryCheck, now: Timestamp, end: Timestamp) -> Self {
        Self { check, now, end, tally: Tally::default() }
    }

    /// Does everything that is due.
    ///
    /// # Errors
    /// [`Error::Registry`], when what is due cannot be found out.
    pub(crate) async fn go(mut self) -> Result<Tally, Error> {
        let due = self.check.registry.due_subjects(self.now, MOST).await?;
        self.tally.due = count(due.len());
        let (mut matters, quiet) = self.look_at(due).await;
        let people = self.people(&mut matters).await?;
        self.announce(&mut matters).await;
        self.announce_lag().await;
        let delivered = self.mail(&matters, &people).await;
        self.tally.mails = delivered.mails;
        self.tally.failed += delivered.failed;
        for (position, recipient) in delivered.told {
            if let Some(matter) = matters.get_mut(position) {
                matter.told.insert(recipient);
            }
        }
        let done = self.move_on(&matters, &quiet).await;
        self.tally.left = self.tally.due.saturating_sub(done);
        Ok(self.tally)
    }

    async fn look_at(&mut self, due: Vec<DueSubject>) -> (Vec<Matter>, Vec<(DueSubject, Option<Timestamp>)>) {
        let reader = FactsReader::new(self.check.registry.clone(), self.now);
        let (mut matters, mut quiet) = (Vec::new(), Vec::new());
        let this = &*self;
        // In order, so that the same run tells the same things in the same order.
        let mut looks = stream::iter(due).map(|due| this.look(due, &reader)).buffered(SIDE_BY_SIDE);
        let mut failed = 0;
        while let Some(looked) = looks.next().await {
            match looked {
                Looked::Matter(matter) => matters.push(*matter),
                Looked::Quiet(due, next) => quiet.push((due, next)),
                Looked::Failed => failed += 1,
                Looked::NoTime => {}
            }
        }
        drop(looks);
        self.tally.failed += failed;
        (matters, quiet)
    }

    async fn look(&self, due: DueSubject, reader: &FactsReader) -> Looked {
        if (self.check.clock)() > self.end {
            return Looked::NoTime;
        }
        match self.matter(&due, reader).await {
            Ok(Ok(matter)) => Looked::Matter(Box::new(matter)),
            Ok(Err(next)) => Looked::Quiet(due, next),
            Err(error) => {
                let error = error.chain();
                tracing::error!(subject = loggable(&due.subject), error, "a subject cannot be looked at");
                Looked::Failed
            }
        }
    }

    /// What is to be told of a subject, or else when it is looked at next.
    async fn matter(
        &self,
        due: &DueSubject,
        reader: &FactsReader,
    ) -> Result<Result<Matter, Option<Timestamp>>, Error> {
        let settings = &self.check.settings;
        let facts = reader.read(&due.subject).await?;
        let Decision { occasion, next } = Decision::of(&facts, &settings.calendar, self.now);
        let Some(occasion) = occasion else { return Ok(Err(next)) };
        let mailboxes = self.mailboxes(&facts).await?;
        let told = match occasion {
            Occasion::Incident { .. } => BTreeSet::new(),
            Occasion::Stage { expiry, stage } => {
                let told = self.check.registry.reminders_of(&due.subject, Some(expiry.at)).await?;
                let told = told.into_iter().filter(|reminder| reminder.stage == stage);
                told.map(|reminder| reminder.recipient).collect()
            }
        };
        let audience = Audience::of(&facts, &occasion, &mailboxes, settings);
        if audience.people.is_empty() && matches!(occasion, Occasion::Stage { .. }) {
            let subject = loggable(&due.subject);
            tracing::warn!(subject, "there is nobody to mail: name operators, or a fall-back address");
        }
        Ok(Ok(Matter { due: due.clone(), facts, occasion, next, mailboxes, audience, told }))
    }

    async fn mailboxes(&self, facts: &Facts) -> Result<Vec<Mailbox>, Error> {
        let Facts::Account { account, .. } = facts else { return Ok(Vec::new()) };
        let placed = self.check.registry.mailboxes_of(&account.id).await?;
        Ok(placed.into_iter().map(|placed| placed.mailbox).collect())
    }

    /// What is known of everybody who is to be told; with it the audiences are completed.
    async fn people(&mut self, matters: &mut [Matter]) -> Result<HashMap<String, Person>, Error> {
        let Self { check, now, .. } = *self;
        let invalid: BTreeSet<_> = matters.iter().flat_map(|m| &m.audience.invalid).cloned().collect();
        for text in invalid {
            // Operators hear of it when it is looked at.
            match check.registry.record_undeliverable(&text, Rejection::Invalid, "", now).await {
                Ok(_) => tracing::warn!("an owner's address is none"),
                Err(error) => {
                    tracing::error!(%error, "an address that is none could not be put on record");
                    self.tally.failed += 1;
                }
            }
        }
        let everybody = matters.iter().flat_map(|matter| matter.audience.people.keys());
        let fallback = check.settings.fallback.iter().chain(&check.settings.operators);
        let everybody: BTreeSet<String> = everybody.chain(fallback).cloned().collect();
        let nobody = matters.iter().all(|matter| matter.audience.people.is_empty());
        if nobody {
            return Ok(HashMap::new());
        }
        let people = check.registry.people(&everybody.into_iter().collect::<Vec<_>>()).await?;
        let takes_mail =
            |address: &str| people.get(address).is_none_or(|person| person.undeliverable.is_none());
        for matter in matters {
            matter.audience.stand_in(takes_mail, &check.settings);
        }
        Ok(people)
    }

    /// Tells machines of what they have not been told.
    async fn announce(&mut self, matters: &mut [Matter]) {
        let (mut positions, mut details) = (Vec::new(), Vec::new());
        for (position, matter) in matters.iter().enumerate() {
            let news = matter.news().filter(|_| !matter.told.contains(&Recipient::Events));
            let Some(news) = news else { continue };
            if let Err(error) = self.end(matter).await {
                tracing::error!(%error, "the end of an incident could not be put on record");
                self.tally.failed += 1;
                continue;
            }
            positions.push(position);
            details.push(Detail::new(&self.check.settings.stack, &matter.due.subject, self.now, news));
        }
        let taken = announcement::put(&self.check.events, &details).await;
        for (position, id) in positions.into_iter().zip(taken) {
            let Some(matter) = matters.get_mut(position) else { continue };
            let Some(id) = id else {
                self.tally.failed += 1;
                continue;
            };
            self.tally.events += 1;
            match self.remember(matter, id).await {
                Ok(()) => {
                    matter.told.insert(Recipient::Events);
                }
                Err(error) => {
                    let error = error.chain();
                    tracing::error!(error, "an event was put and is on no record: it is put again");
                    self.tally.failed += 1;
                }
            }
        }
    }

    /// Notes that the end of a provider's incident is about to be told: should it begin again before it
    /// is forgotten, that is news.
    async fn end(&self, matter: &Matter) -> Result<(), postroom_registry::Error> {
        let Some(provider) = matter.ended_incident() else { return Ok(()) };
        let (registry, key) = (&self.check.registry, provider.as_str());
        registry.take_ephemeral::<Timestamp>(ENDED, key, self.now).await?;
        registry.put_ephemeral(ENDED, key, &self.now, remembered(self.now), None, self.now).await.map(drop)
    }

    /// Puts on record that machines were told.
    async fn remember(&self, matter: &Matter, id: String) -> Result<(), Error> {
        let registry = &self.check.registry;
        match (&matter.occasion, &matter.due.subject) {
            (Occasion::Incident { state: State::Closed, .. }, Subject::Mailbox(id)) => {
                registry.take_ephemeral::<Timestamp>(FAILING, id.as_str(), self.now).await?;
            }
            (Occasion::Incident { since, .. }, Subject::Mailbox(id)) => {
                let until = remembered(self.now);
                registry.put_ephemeral(FAILING, id.as_str(), since, until, None, self.now).await?;
            }
            _ => {
                if let Some(reminder) = matter.reminder(Recipient::Events, self.now, Some(id)) {
                    registry.record_reminder(&reminder).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells machines that mail is fetched late, or no longer.
    async fn announce_lag(&mut self) {
        match lag::announce(self.check, self.now).await {
            Ok(None) => {}
            Ok(Some(true)) => self.tally.events += 1,
            Ok(Some(false)) => self.tally.failed += 1,
            Err(error) => {
                let error = error.chain();
                tracing::error!(error, "it is not known whether mail is fetched late");
                self.tally.failed += 1;
            }
        }
    }

    /// Mails everybody who has not been told, once each.
    async fn mail(&mut self, matters: &[Matter], people: &HashMap<String, Person>) -> Delivered {
        let Some(post) = &self.check.post else { return Delivered::default() };
        let mut by_person: BTreeMap<&str, Vec<(usize, Role)>> = BTreeMap::new();
        for (position, matter) in matters.iter().enumerate() {
            for (address, role) in &matter.audience.people {
                if !matter.told.contains(&Recipient::Person(address.clone())) {
                    by_person.entry(address).or_default().push((position, *role));
                }
            }
        }
        if by_person.is_empty() {
            return Delivered::default();
        }
        let key = match self.check.vault.console_key().await {
            Ok(key) => key.as_ref().map(LinkKey::of),
            Err(error) => {
                tracing::error!(%error, "no mail can be written: the console's key cannot be read");
                return Delivered { failed: count(by_person.len()), ..Delivered::default() };
            }
        };
        let mut mails = Vec::with_capacity(by_person.len());
        for (address, mut about) in by_person {
            let ends_at =
                |position: usize| matters.get(position).and_then(Matter::stage).map(|(end, _)| end.at);
            about.sort_by_key(|(position, _)| ends_at(*position));
            about.truncate(IN_ONE_MAIL);
            match self.write(address, &about, matters, people, key.as_ref()) {
                Ok(letter) => mails.push((
                    ends_at(about.first().map_or(0, |(p, _)| *p)),
                    Mail { address, matters: about, letter },
                )),
                Err(error) => {
                    tracing::error!(%error, "a mail could not be written");
                    self.tally.failed += 1;
                }
            }
        }
        // The most urgent go first, should not all of them go.
        mails.sort_by_key(|(ends_at, _)| *ends_at);
        let mails = mails.into_iter().map(|(_, mail)| mail).collect();
        let ExpiryCheck { registry, clock, .. } = self.check;
        Round { post, registry, matters, now: self.now, clock: *clock, end: self.end }.go(mails).await
    }

    fn write(
        &self,
        address: &str,
        about: &[(usize, Role)],
        matters: &[Matter],
        people: &HashMap<String, Person>,
        key: Option<&LinkKey>,
    ) -> Result<postroom_letter::Letter, askama::Error> {
        let settings = &self.check.settings;
        let language = people.get(address).and_then(|person| person.language).unwrap_or(settings.language);
        let link = |account: &AccountId, owner: &str, until: Timestamp| -> Option<Url> {
            Some(personal_link(key?, &settings.public_url, account, owner, until))
        };
        let about: Vec<_> =
            about.iter().filter_map(|(position, role)| Some((matters.get(*position)?, *role))).collect();
        letter::write(&about, Reader { address, language, now: self.now, settings, link: &link })
    }

    /// Moves on what everybody has been told of, and what there is nothing to tell of: how many.
    async fn move_on(&mut self, matters: &[Matter], quiet: &[(DueSubject, Option<Timestamp>)]) -> u64 {
        let mails = self.check.post.is_some();
        let told = matters.iter().filter(|matter| matter.is_told(mails));
        let steps = told.map(|matter| (&matter.due, matter.next, matter.ended_incident()));
        let steps = steps.chain(quiet.iter().map(|(due, next)| (due, *next, None)));
        let registry = &self.check.registry;
        let steps = steps.map(|(due, next, closed)| async move {
            let moved = match closed {
                Some(provider) => registry.forget_incident(provider).await,
                None => registry.set_reminder(due, next).await,
            };
            // `false`: something has brought it forward meanwhile, and the next run looks at it.
            moved.inspect_err(|error| {
                let subject = loggable(&due.subject);
                tracing::error!(subject, %error, "a subject could not be moved on");
            })
        });
        let mut steps = stream::iter(steps.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE);
        let (mut done, mut failed) = (0, 0);
        while let Some(moved) = steps.next().await {
            match moved {
                Ok(_) => done += 1,
                Err(_) => failed += 1,
            }
        }
        drop(steps);
        self.tally.failed += failed;
        done
    }
}

impl Matter {
    /// The provider whose incident is over.
    fn ended_incident(&self) -> Option<&ProviderId> {
        match (&self.due.subject, self.occasion) {
            (Subject::Incident(provider), Occasion::Incident { .. }) => Some(provider),
            _ => None,
        }
    }

    /// Whether everybody has been told; people only where mails are sent at all.
    fn is_told(&self, mails: bool) -> bool {
        let told = |address: &String| self.told.contains(&Recipient::Person(address.clone()));
        let people = !mails || self.audience.people.keys().all(told);
        people && (self.told.contains(&Recipient::Events) || self.news().is_none())
    }
}

/// A subject as a log line may name it: a person's address is left out.
fn loggable(subject: &Subject) -> String {
    match subject {
        Subject::Address(_) => subject.kind().to_owned(),
        other => other.to_string(),
    }
}

/// Until when it is remembered that machines were told of a failure.
pub(crate) fn remembered(now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24 * 400)).unwrap_or(Timestamp::MAX)
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
