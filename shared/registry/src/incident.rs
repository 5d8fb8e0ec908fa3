//! Incidents: one for a provider whose app registration fails, not one for each of its accounts.
//!
//! One that is closed stays until whoever tells people of it forgets it. If the provider fails again
//! before that, it is the same incident, because nobody has heard of its end.

use crate::{
    Error, Registry, Result,
    remind::first_look,
    table::{Item, Key, Kind, attribute, seconds, text},
    update::{Outcome, Update},
    version,
};
use aws_sdk_dynamodb::{error::SdkError, operation::delete_item::DeleteItemError};
use jiff::Timestamp;
use postroom_model::{AccountId, Fault, ProviderId, Subject};
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
    /// When the provider gave tokens again; absent while the incident is open.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub closed_at: Option<Timestamp>,
}

impl Registry {
    /// A provider's incident, open or closed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn incident(&self, provider: &ProviderId) -> Result<Option<Incident>> {
        self.value(&Key::incident(provider)).await
    }

    /// Opens an incident, or notes that an open one was seen again. `true`: it is new, or was closed.
    /// One that nobody looks at yet is looked at from `now` on.
    ///
    /// # Errors
    /// [`Error`].
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
            .remove("closed_at")
            .returning_old();
        let update = first_look(update, &Subject::Incident(provider.clone()), now);
        let is_open = |before: Item| before.contains_key("since") && !before.contains_key("closed_at");
        Ok(match self.update(update).await? {
            Outcome::Done(before) => !before.is_some_and(is_open),
            Outcome::Refused(_) | Outcome::NoSuchPath => false,
        })
    }

    /// Closes a provider's incident, because it gives tokens again, and has it looked at from `now` on:
    /// the incident, for the one who closed it; `None`: none was open.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn close_incident(&self, provider: &ProviderId, now: Timestamp) -> Result<Option<Incident>> {
        let update = Update::of(Key::incident(provider))
            .set("closed_at", seconds(now))
            .remove("kind")
            .when("attribute_exists(#pk) AND attribute_not_exists(#closed_at)")
            .name("pk")
            .returning();
        match self.update_and_look(&update, &Subject::Incident(provider.clone()), now).await? {
            Outcome::Done(Some(item)) => self.decode(item).map(Some),
            Outcome::Done(None) | Outcome::Refused(_) | Outcome::NoSuchPath => Ok(None),
        }
    }

    /// Deletes a closed incident. `false`: there is none, it is open again, or a later release has written into
    /// it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn forget_incident(&self, provider: &ProviderId) -> Result<bool> {
        let request = self.client.delete_item().table_name(&*self.table);
        let request = request.set_key(Some(Key::incident(provider).item()));
        let request = request
            .condition_expression(format!("attribute_exists(closed_at) AND ({})", version::IS_KNOWN))
            .expression_attribute_names("#v", version::NAME)
            .expression_attribute_values(":v", version::value());
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(Error::request(&self.table, "DeleteItem", error)),
        }
    }

    /// Every open incident, as [`Registry::providers`] lists providers.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn incidents(&self) -> Result<Vec<Incident>> {
        self.list(Kind::Incident).await
    }
}

fn is_refused(error: &SdkError<DeleteItemError>) -> bool {
    error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception)
}
