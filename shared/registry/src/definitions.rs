//! Definitions: providers, accounts and mailboxes, as a manifest wrote them, and their batches.

use crate::{
    Error, Registry, Result,
    table::{Item, KIND_INDEX, Key, Kind, VERSION, attributes, number, text},
    update::Update,
};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, Batch, BatchId, Mailbox, MailboxId, Provider, ProviderId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A mailbox, and where it has its place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlacedMailbox {
    /// The mailbox.
    #[serde(flatten)]
    pub mailbox: Mailbox,
    /// The batch it is polled with; absent until [`Registry::put_batch`] places it.
    #[serde(default)]
    pub batch: Option<BatchId>,
    /// Since when.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub batched_at: Option<Timestamp>,
}

impl Registry {
    /// Every provider, in order of their ids. May lag behind a write by a moment.
    ///
    /// # Errors
    /// [`Error`]; one item that cannot be read fails the list, because a list that lacks something
    /// invites its deletion.
    pub async fn providers(&self) -> Result<Vec<Provider>> {
        self.list(Kind::Provider).await
    }

    /// Every account, as [`Registry::providers`] lists providers.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        self.list(Kind::Account).await
    }

    /// Every mailbox, as [`Registry::providers`] lists providers.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn mailboxes(&self) -> Result<Vec<PlacedMailbox>> {
        self.list(Kind::Mailbox).await
    }

    /// Every batch, empty ones included, as [`Registry::providers`] lists providers.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn batches(&self) -> Result<Vec<Batch>> {
        self.list(Kind::Batch).await
    }

    /// One provider.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn provider(&self, id: &ProviderId) -> Result<Option<Provider>> {
        self.value(&Key::provider(id)).await
    }

    /// One account.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        self.value(&Key::account(id)).await
    }

    /// One mailbox.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn mailbox(&self, id: &MailboxId) -> Result<Option<PlacedMailbox>> {
        self.value(&Key::mailbox(id)).await
    }

    /// One batch.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn batch(&self, id: &BatchId) -> Result<Option<Batch>> {
        self.value(&Key::batch(id)).await
    }

    /// Writes a provider, in place of what was there.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_provider(&self, provider: &Provider) -> Result<()> {
        self.put(Kind::Provider, Key::provider(&provider.id), provider).await
    }

    /// Writes an account, in place of what was there. Its status stays.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_account(&self, account: &Account) -> Result<()> {
        self.put(Kind::Account, Key::account(&account.id), account).await
    }

    /// Writes a mailbox, in place of what was there. Its batch and its state stay; a new one is
    /// polled once [`Registry::put_batch`] has placed it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_mailbox(&self, mailbox: &Mailbox) -> Result<()> {
        // An update of every field, not a put: `batch` and `batched_at` belong to somebody else.
        let key = Key::mailbox(&mailbox.id);
        let item = definition(Kind::Mailbox, &key, mailbox)?;
        let update = item.into_iter().fold(Update::of(key), |update, (name, value)| update.set(&name, value));
        self.update(update).await.map(drop)
    }

    /// Deletes a provider; nothing happens where there is none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_provider(&self, id: &ProviderId) -> Result<()> {
        self.delete(&Key::provider(id)).await
    }

    /// Deletes an account and its status; nothing happens where there is none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_account(&self, id: &AccountId) -> Result<()> {
        self.delete(&Key::account_status(id)).await?;
        self.delete(&Key::account(id)).await
    }

    /// Deletes a mailbox's definition; nothing happens where there is none. Its state and its
    /// quarantine stay, so that a mailbox which comes back fetches nothing a second time.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_mailbox(&self, id: &MailboxId) -> Result<()> {
        self.delete(&Key::mailbox(id)).await
    }

    async fn list<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .index_name(KIND_INDEX)
            .key_condition_expression("#kind = :kind")
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_values(":kind", text(kind.name()));
        let mut pages = query.into_paginator().send();
        let mut values = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| Error::request(&self.table, "Query", e))?;
            for item in page.items.unwrap_or_default() {
                values.push(self.decode(item)?);
            }
        }
        Ok(values)
    }

    async fn put<T: Serialize>(&self, kind: Kind, key: Key, value: &T) -> Result<()> {
        let mut item = definition(kind, &key, value)?;
        item.extend(key.item());
        let request = self.client.put_item().table_name(&*self.table).set_item(Some(item));
        request.send().await.map(drop).map_err(|e| Error::request(&self.table, "PutItem", e))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let request = self.client.delete_item().table_name(&*self.table).set_key(Some(key.item()));
        request.send().await.map(drop).map_err(|e| Error::request(&self.table, "DeleteItem", e))
    }
}

/// A definition's attributes besides its key. Its own field `id` is the `kind` index's range key.
pub(crate) fn definition<T: Serialize>(kind: Kind, key: &Key, value: &T) -> Result<Item> {
    let mut item = attributes(key, value)?;
    item.insert("kind".into(), text(kind.name()));
    item.insert("v".into(), number(VERSION.into()));
    Ok(item)
}
