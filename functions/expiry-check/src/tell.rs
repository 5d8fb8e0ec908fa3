//! Telling machines and people what they have not been told.

use crate::{
    Error, ExpiryCheck, announcement,
    audience::Role,
    block::Reader,
    dead_end,
    decision::Occasion,
    event::{Detail, State},
    facts::{ENDED, FAILING},
    lag, letter,
    matter::Matter,
    round::{Delivered, Mail, Round},
    run::{Run, count, remembered},
};
use jiff::Timestamp;
use postroom_lambda::chain;
use postroom_letter::{Letter, LinkKey, personal_link};
use postroom_model::{Account, Recipient, Subject};
use postroom_registry::Person;
use std::collections::{BTreeMap, HashMap};
use url::Url;

impl Run<'_> {
    /// Tells machines of what they have not been told.
    pub(crate) async fn announce(&mut self, matters: &mut [Matter]) {
        let (mut positions, mut details) = (Vec::new(), Vec::new());
        for (position, matter) in matters.iter().enumerate() {
            let news = matter.news().filter(|_| !matter.told.contains_key(&Recipient::Events));
            let Some(news) = news else { continue };
            if let Err(error) = self.note_end(matter).await {
                if !self.check.refusals.noted(error.refusal()) {
                    tracing::error!(%error, "the end of an incident could not be put on record");
                }
                self.tally.failed += 1;
                continue;
            }
            positions.push(position);
            details.push(Detail::new(&self.check.settings.stack, &matter.due.subject, self.now, news));
        }
        let taken = announcement::put(self.check, &details).await;
        for (position, id) in positions.into_iter().zip(taken) {
            let Some(matter) = matters.get_mut(position) else { continue };
            let Some(id) = id else {
                self.tally.failed += 1;
                continue;
            };
            self.tally.events += 1;
            match self.remember(matter, id).await {
                Ok(()) => {
                    matter.told.insert(Recipient::Events, self.now);
                }
                Err(error) => {
                    if !self.check.refusals.noted(error.refusal()) {
                        let error = chain(&error);
                        tracing::error!(error, "an event was put and is on no record: it is put again");
                    }
                    self.tally.failed += 1;
                }
            }
        }
    }

    /// Notes that the end of a provider's incident is about to be told: should it begin again before it
    /// is forgotten, that is news.
    async fn note_end(&self, matter: &Matter) -> Result<(), postroom_registry::Error> {
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

    /// Tells machines of what no subject stands for: mail that is fetched late, and operators whom no
    /// mail reaches.
    pub(crate) async fn announce_states(&mut self) {
        let late = lag::announce(self.check, self.now).await;
        let unreached = dead_end::announce(self.check, self.now).await;
        for announced in [late, unreached] {
            match announced {
                Ok(announced) => {
                    self.tally.events += announced.taken;
                    self.tally.failed += announced.failed;
                }
                Err(error) => {
                    if !self.check.refusals.noted(error.refusal()) {
                        let error = chain(&error);
                        tracing::error!(
                            error,
                            "it is not known whether machines are to be told of something"
                        );
                    }
                    self.tally.failed += 1;
                }
            }
        }
    }

    /// Mails everybody who has not been told, once each.
    pub(crate) async fn mail(&self, matters: &[Matter], people: &HashMap<String, Person>) -> Delivered {
        let Some(post) = &self.check.post else { return Delivered::default() };
        let mut by_person: BTreeMap<&str, Vec<(usize, Role)>> = BTreeMap::new();
        for (position, matter) in matters.iter().enumerate() {
            for (address, role) in &matter.audience.people {
                if !matter.told.contains_key(&Recipient::Person(address.clone())) {
                    by_person.entry(address).or_default().push((position, *role));
                }
            }
        }
        if by_person.is_empty() {
            return Delivered::default();
        }
        let Ok(key) = self.link_key().await else {
            return Delivered { failed: count(by_person.len()), ..Delivered::default() };
        };
        let mut mails: Vec<_> =
            by_person.into_iter().map(|(address, matters)| Mail { address, matters }).collect();
        // The most urgent go first, should not all of them go.
        mails.sort_by_cached_key(|mail| {
            let urgencies = mail.matters.iter().filter_map(|(position, _)| matters.get(*position));
            urgencies.map(Matter::urgency).min()
        });
        let write = |mail: &Mail<'_>| self.write(mail, matters, people, key.as_ref());
        let ExpiryCheck { registry, refusals, clock, .. } = self.check;
        let (now, until, clock) = (self.now, self.until, *clock);
        Round { post, registry, refusals, matters, write: &write, now, clock, until }.go(mails).await
    }

    /// What personal links are made with. A deployment that has lost it tells people without links, in time;
    /// where it cannot be read just now, they are told by the next run, with them.
    async fn link_key(&self) -> Result<Option<LinkKey>, ()> {
        let ExpiryCheck { vault, refusals, .. } = self.check;
        match vault.link_key().await {
            Ok(Some(key)) => Ok(Some(LinkKey::of(&key))),
            Ok(None) => {
                refusals.note(&vault.no_link_key());
                Ok(None)
            }
            Err(error) => {
                if !refusals.noted(error.refusal()) {
                    tracing::error!(%error, "no mail can be written: the key of links cannot be read");
                }
                Err(())
            }
        }
    }

    fn write(
        &self,
        mail: &Mail<'_>,
        matters: &[Matter],
        people: &HashMap<String, Person>,
        key: Option<&LinkKey>,
    ) -> Result<Letter, askama::Error> {
        let (settings, address, now) = (&self.check.settings, mail.address, self.now);
        let language = people.get(address).and_then(|person| person.language).unwrap_or(settings.language);
        let link = |account: &Account, authorised_at: Option<Timestamp>, until: Timestamp| -> Option<Url> {
            let authorised_at = authorised_at.map_or(0, Timestamp::as_second);
            Some(personal_link(key?, &settings.public_url, &account.id, authorised_at, address, until))
        };
        let about: Vec<_> =
            mail.matters.iter().filter_map(|(at, role)| Some((matters.get(*at)?, *role))).collect();
        letter::write(&about, Reader { address, language, now, settings, link: &link })
    }
}
