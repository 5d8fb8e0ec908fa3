//! Incidents: one for a provider whose app registration fails, not one for each of its accounts.

use crate::{
    Registry, Result,
    table::{Key, Kind, attribute, seconds, text},
    update::{Outcome, Update},
};
use jiff::Timestamp;
use postroom_model::{AccountId, Fault, ProviderId};
use serde::Deserialize;

/// A provider that gives no tokens until its operator mends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Incident {
    /// The provider.
    #[serde(rename = "id")]
    pub provider: ProviderId,
    /// What it last said.
    pub fault: Fault,
    /// When that was first seen.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub since: Timestamp,
    /// When it was last seen.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub seen_at: Timestamp,
    /// The account with which it was last seen.
    // Not stored as `account`: that attribute puts an item into the index of the mailboxes.
    #[serde(rename = "seen_with")]
    pub account: AccountId,
}

impl Registry {
    /// Opens an incident, or notes that an open one was seen again. `true`: it is new.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn open_incident(
        &self,
        provider: &ProviderId,
        account: &AccountId,
        fault: &Fault,
        now: Timestamp,
    ) -> Result<bool> {
        let key = Key::incident(provider);
        let fault = attribute(&key, fault)?;
        let update = Update::of(key)
            .set("kind", text(Kind::Incident.name()))
            .set("id", text(provider.as_str()))
            .set("fault", fault)
            .set_if_absent("since", seconds(now))
            .set("seen_at", seconds(now))
            .set("seen_with", text(account.as_str()))
            .returning_old();
        Ok(match self.update(update).await? {
            Outcome::Done(before) => before.is_none_or(|item| item.is_empty()),
            Outcome::Refused(_) | Outcome::NoSuchPath => false,
        })
    }

    /// Closes a provider's incident, because it gives tokens again: the incident as it was, for the
    /// one who closed it; `None`: there was none.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn close_incident(&self, provider: &ProviderId) -> Result<Option<Incident>> {
        self.take(&Key::incident(provider)).await?.map(|item| self.decode(item)).transpose()
    }

    /// Every open incident, as [`Registry::providers`] lists providers.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn incidents(&self) -> Result<Vec<Incident>> {
        self.list(Kind::Incident).await
    }
}
