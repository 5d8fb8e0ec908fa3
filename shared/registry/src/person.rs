//! People: what is known of the owners that accounts and mailboxes name by their addresses.
//!
//! Guarantees: addresses that [`mail_address`](postroom_model::mail_address) holds for the same are one.
//! Anything may be asked for, an address or not.
//!
//! Left out: who owns what; that stands in the definitions.

use crate::{
    Error, Page, Position, Registry, Result,
    definitions::definition,
    latest::listed_at,
    remind::due_for_a_look,
    table::{Key, Kind, address_in_key, attribute, seconds, text},
    update::Update,
};
use jiff::Timestamp;
use postroom_model::{Language, Owner, Rejection, Subject, Undeliverable};
use std::collections::{BTreeSet, HashMap};

/// How often a rejection is noted while somebody else makes or clears the same address's.
const ATTEMPTS: usize = 4;

/// What is known of a person besides the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The language that the person is written to in, where one was chosen.
    pub language: Option<Language>,
    /// Why the address takes no mail, where it takes none.
    pub undeliverable: Option<Undeliverable>,
}

impl Registry {
    /// Writes an owner, in place of what was there.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_owner(&self, owner: &Owner) -> Result<()> {
        let address = address_in_key(&owner.address);
        let key = Key::owner(&address);
        let owner = Owner { address, ..owner.clone() };
        self.put(key.clone(), definition(Kind::Owner, &key, &owner)?).await
    }

    /// Every owner of whom more is known than the address, as [`Registry::providers`] lists providers.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn owners(&self) -> Result<Vec<Owner>> {
        self.list(Kind::Owner).await
    }

    /// One owner; `None`: no more is known than the address.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn owner(&self, address: &str) -> Result<Option<Owner>> {
        self.value(&Key::owner(&address_in_key(address))).await
    }

    /// Deletes an owner's definition; nothing happens where there is none. Whether the address takes
    /// mail stays on record.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_owner(&self, address: &str) -> Result<()> {
        self.delete(&Key::owner(&address_in_key(address))).await
    }

    /// What is known of people, one for each address as it is written in `addresses`; fifty in one
    /// request. What cannot be read counts as unknown.
    ///
    /// # Errors
    /// [`Error::Request`], [`Error::Throttled`].
    pub async fn people(&self, addresses: &[String]) -> Result<HashMap<String, Person>> {
        let known: BTreeSet<String> = addresses.iter().map(|address| address_in_key(address)).collect();
        let keys = known.iter().flat_map(|address| [Key::owner(address), Key::delivery(address)]);
        let items = self.items(keys).await?;
        let person = |address: &String| {
            let known = address_in_key(address);
            let owner = items.get(&Key::owner(&known)).cloned();
            let owner: Option<Owner> = owner.and_then(|item| self.readable(item));
            let undeliverable = items.get(&Key::delivery(&known)).cloned();
            let undeliverable = undeliverable.and_then(|item| self.readable(item));
            (address.clone(), Person { language: owner.and_then(|owner| owner.language), undeliverable })
        };
        Ok(addresses.iter().map(person).collect())
    }

    /// Notes that an address takes no mail. `true`: that is new, and it is looked at from `now` on.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn record_undeliverable(
        &self,
        address: &str,
        because: Rejection,
        said: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let address = address_in_key(address);
        let key = Key::delivery(&address);
        let because = attribute(&key, &because)?;
        let listed_at = listed_at(now, &key);
        let seen = Update::of(key)
            .set("kind", text(Kind::Undeliverable.name()))
            .set("address", text(&address))
            .set("because", because)
            .set("said", text(said))
            .set("seen_at", seconds(now))
            .name("since");
        let new = seen.clone().set("since", seconds(now)).set("id", text(&listed_at));
        let new = due_for_a_look(new, &Subject::Address(address), now);
        for _ in 0..ATTEMPTS {
            if self.update(new.clone().when("attribute_not_exists(#since)")).await?.is_done() {
                return Ok(true);
            }
            if self.update(seen.clone().when("attribute_exists(#since)")).await?.is_done() {
                return Ok(false);
            }
        }
        Err(Error::Throttled { table: self.table.to_string(), action: "UpdateItem" })
    }

    /// Notes that an address takes mail again. `false`: nothing else was on record.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn clear_undeliverable(&self, address: &str) -> Result<bool> {
        Ok(self.take(&Key::delivery(&address_in_key(address))).await?.is_some())
    }

    /// The addresses that take no mail, those since the latest first, `size` at most, from a position on.
    /// What cannot be read is left out.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn undeliverables(&self, from: Option<&Position>, size: usize) -> Result<Page<Undeliverable>> {
        self.latest(Kind::Undeliverable, from, size).await
    }
}
