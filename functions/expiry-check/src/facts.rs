//! What is known of a subject that is due.
//!
//! Guarantees: each subject is read for itself, so that one that cannot be read hides no other; a
//! provider is read once in a run, however many accounts have it.

use crate::{Error, decision::Whose};
use futures::future::try_join;
use jiff::Timestamp;
use postroom_model::{
    Account, AccountId, AccountStatus, Auth, Failure, Mailbox, MailboxId, Provider, ProviderId, Subject,
    Undeliverable,
};
use postroom_registry::{Incident, LoadedMailbox, Registry};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// The kind of short-lived items that say since when a mailbox's failure has been told.
pub(crate) const FAILING: &str = "failing";

/// The kind of short-lived items that say when machines were told that a provider's incident is over.
pub(crate) const ENDED: &str = "ended";

/// What is known of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most are accounts")]
pub(crate) enum Facts {
    /// Of an account.
    Account { account: Account, provider: Provider, status: AccountStatus },
    /// Of a provider, for the sake of its client secret or certificate.
    Provider(Provider),
    /// Of a mailbox, for the sake of its password.
    Password(Mailbox),
    /// Of a provider whose app registration fails, or failed. Where it began again while its end was
    /// being told, it counts as begun then.
    Incident(Incident),
    /// Of a mailbox that fails, or failed.
    Mailbox {
        failure: Option<Failure>,
        /// Whether nobody is told: it is paused, or it is told of its account or its provider.
        hushed: bool,
        /// Since when it fails, as machines were told last.
        told: Option<Timestamp>,
    },
    /// Of an address that takes no mail.
    Address(Undeliverable),
    /// There is no such thing any more.
    Gone,
}

/// Reads facts, for one run.
#[derive(Debug)]
pub(crate) struct FactsReader {
    registry: Registry,
    now: Timestamp,
    providers: Mutex<HashMap<ProviderId, Arc<OnceCell<Option<Provider>>>>>,
}

impl FactsReader {
    /// For a run at `now`.
    pub(crate) fn new(registry: Registry, now: Timestamp) -> Self {
        Self { registry, now, providers: Mutex::default() }
    }

    /// What is known of a subject.
    ///
    /// # Errors
    /// [`Error::Registry`]; [`Error::ProviderMissing`] of an account.
    pub(crate) async fn read(&self, subject: &Subject) -> Result<Facts, Error> {
        Ok(match subject {
            Subject::Account(id) => {
                let (account, status) =
                    try_join(self.registry.account(id), self.registry.account_status(id)).await?;
                let Some(account) = account else { return Ok(Facts::Gone) };
                let provider = self.provider(&account.provider).await?;
                let provider = provider.ok_or_else(|| Error::ProviderMissing(account.provider.clone()))?;
                Facts::Account { account, provider, status }
            }
            Subject::Provider(id) => self.provider(id).await?.map_or(Facts::Gone, Facts::Provider),
            Subject::Password(id) => {
                let placed = self.registry.mailbox(id).await?;
                placed.map_or(Facts::Gone, |placed| Facts::Password(placed.mailbox))
            }
            Subject::Incident(id) => self.incident(id).await?.map_or(Facts::Gone, Facts::Incident),
            Subject::Mailbox(id) => self.mailbox(id).await?,
            Subject::Address(address) => {
                let mut people = self.registry.people(std::slice::from_ref(address)).await?;
                let known = people.remove(address).and_then(|person| person.undeliverable);
                known.map_or(Facts::Gone, Facts::Address)
            }
            Subject::Schedule => Facts::Gone,
        })
    }

    async fn incident(&self, id: &ProviderId) -> Result<Option<Incident>, Error> {
        let Some(incident) = self.registry.incident(id).await? else { return Ok(None) };
        let ended: Option<(Timestamp, u64)> = self.registry.ephemeral(ENDED, id.as_str(), self.now).await?;
        let since = ended.map_or(incident.since, |(ended_at, _)| incident.since.max(ended_at));
        Ok(Some(Incident { since, ..incident }))
    }

    async fn mailbox(&self, id: &MailboxId) -> Result<Facts, Error> {
        let loaded = self.registry.load(std::slice::from_ref(id)).await?.pop();
        let told = self.registry.ephemeral(FAILING, id.as_str(), self.now).await?;
        let told = told.map(|(since, _)| since);
        let Some((_, loaded)) = loaded else {
            // One that was deleted fails no more.
            return Ok(Facts::Mailbox { failure: None, hushed: false, told });
        };
        let LoadedMailbox { placed, state } = loaded?;
        let whose = state.failure.as_ref().map(|failure| Whose::of(failure.fault.class));
        let elsewhere = match (whose, &placed.mailbox.auth) {
            (Some(Whose::Account), Auth::Oauth(account)) => self.is_on_record(account).await?,
            _ => false,
        };
        let hushed = elsewhere || placed.paused_at.is_some();
        Ok(Facts::Mailbox { failure: state.failure, hushed, told })
    }

    /// Whether people hear of an account's fault, or of its provider's.
    async fn is_on_record(&self, id: &AccountId) -> Result<bool, Error> {
        let (account, status) = try_join(self.registry.account(id), self.registry.account_status(id)).await?;
        if status.refused_at.or(status.mail_refused_at).is_some() {
            return Ok(true);
        }
        let Some(account) = account else { return Ok(false) };
        let incident = self.registry.incident(&account.provider).await?;
        Ok(incident.is_some_and(|incident| incident.closed_at.is_none()))
    }

    async fn provider(&self, id: &ProviderId) -> Result<Option<Provider>, Error> {
        let cell = {
            let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
            providers.entry(id.clone()).or_default().clone()
        };
        Ok(cell.get_or_try_init(|| self.registry.provider(id)).await?.clone())
    }
}
