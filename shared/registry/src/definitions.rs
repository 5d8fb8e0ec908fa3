//! Definitions: providers, accounts and mailboxes, as a manifest wrote them, and their batches.

use crate::{
    Registry, Result,
    index::IndexQuery,
    remind::brought_forward,
    table::{Item, Key, Kind, attributes, moment, seconds, text},
    update::{Outcome, Update},
};
use jiff::Timestamp;
use postroom_model::{
    Account, AccountId, Auth, Batch, BatchId, Mailbox, MailboxId, Provider, ProviderId, Subject,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What basic mailboxes are listed under: no account's id.
pub(crate) const BASIC: &str = "-";

/// The fields of a mailbox that are left out where they say nothing.
pub(crate) const OPTIONAL: [&str; 5] =
    ["password_expires", "exclude_folders", "filter", "daily_bytes", "inline_images"];

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
    /// Since when somebody has it paused.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub paused_at: Option<Timestamp>,
    /// Until when its runs leave a protocol transcript.
    #[serde(default, with = "jiff::fmt::serde::timestamp::second::optional")]
    pub transcript_until: Option<Timestamp>,
    /// What it is listed under: its account's id, or `-` for basic. Absent where an earlier release
    /// wrote it: then [`Registry::mailboxes_of`] and the list of the basic mailboxes lack it until
    /// [`Registry::list_mailbox`] has been called or [`Registry::put_mailbox`] has written it again.
    #[serde(default, rename = "account")]
    pub listed_under: Option<String>,
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

    /// Writes a provider, in place of what was there. Where its secret or certificate has an end, that
    /// is looked at from `now` on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_provider(&self, provider: &Provider, now: Timestamp) -> Result<()> {
        let key = Key::provider(&provider.id);
        let mut item = definition(Kind::Provider, &key, provider)?;
        if provider.client_auth_expires.is_some() {
            let held = self.item(&key).await?.and_then(|held| moment(&held, "remind_at"));
            let subject = Subject::Provider(provider.id.clone());
            item.insert("remind".into(), text(subject.kind()));
            item.insert("remind_at".into(), seconds(brought_forward(held, now)));
        }
        self.put(key, item).await
    }

    /// Writes an account, in place of what was there. What is known of its tokens stays; without
    /// any, it waits for a person to authorise it, or is due at `now` where its grant needs nobody. When
    /// it ends is looked at from `now` on, because that may have changed.
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn put_account(&self, account: &Account, now: Timestamp) -> Result<()> {
        // The status first: a status alone is passed over, an account alone would never be due.
        self.open_status(account, now).await?;
        let key = Key::account(&account.id);
        let write = self.put(key.clone(), definition(Kind::Account, &key, account)?);
        self.looking_at_status(&account.id, now, write).await
    }

    /// Makes a write that may change who is told of an account's end, or when, and has its end looked at.
    /// Before it, because a crash after it must not leave it unseen; and after it, because whoever looked
    /// in between found what was.
    async fn looking_at_status<T>(
        &self,
        id: &AccountId,
        now: Timestamp,
        write: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.look_at_status(id, now).await?;
        let written = write.await?;
        self.look_at_status(id, now).await?;
        Ok(written)
    }

    /// Writes a mailbox, in place of what was there. Its batch, its pause and its state stay; a new
    /// one, or one with another interval, is polled by that once [`Registry::put_batch`] or
    /// [`Registry::place_mailbox`] has placed it. Where its password has an end, that is looked at from
    /// `now` on; so is its account's, where that is another or has other people to tell. It rests no longer
    /// because its day was used up: another limit may be in force. One that signs in with a password has no
    /// way back any more ([`Registry::former`]).
    ///
    /// # Errors
    /// [`Error`]; the call may then be repeated.
    pub async fn put_mailbox(&self, mailbox: &Mailbox, now: Timestamp) -> Result<()> {
        let with = |update: Update, _: &[String]| match mailbox.auth {
            Auth::Basic => update.remove("former"),
            Auth::Oauth(_) => update,
        };
        self.write_mailbox(mailbox, now, with).await.map(drop)
    }

    /// Writes a mailbox as [`Registry::put_mailbox`] does. `with` gets the update and the names of what it
    /// sets, and may add to it, conditions too. `false`: they do not hold.
    pub(crate) async fn write_mailbox(
        &self,
        mailbox: &Mailbox,
        now: Timestamp,
        with: impl FnOnce(Update, &[String]) -> Update,
    ) -> Result<bool> {
        // An update of every field, not a put: the fields of `PlacedMailbox` belong to others.
        let key = Key::mailbox(&mailbox.id);
        let mut item = definition(Kind::Mailbox, &key, mailbox)?;
        item.insert("account".into(), text(listed_under(&mailbox.auth)));
        let names: Vec<String> = item.keys().cloned().collect();
        let update = item.into_iter().fold(Update::of(key), |update, (name, value)| update.set(&name, value));
        let gone = OPTIONAL.into_iter().filter(|name| !names.iter().any(|set| set == name));
        let update = with(gone.fold(update, Update::remove), &names).returning_old();
        let write = async {
            let subject = Subject::Password(mailbox.id.clone());
            let outcome = match mailbox.password_expires {
                Some(_) => self.update_and_look(&update, &subject, now).await?,
                None => self.update(update.remove("remind").remove("remind_at")).await?,
            };
            let Outcome::Done(before) = outcome else { return Ok(false) };
            self.note_change(before.as_ref()).await?;
            self.end_quota(&mailbox.id).await?;
            Ok(true)
        };
        match &mailbox.auth {
            Auth::Oauth(account) if !self.tells_the_same(mailbox).await? => {
                self.looking_at_status(account, now, write).await
            }
            Auth::Oauth(_) | Auth::Basic => write.await,
        }
    }

    /// Lists a mailbox that an earlier release wrote as [`PlacedMailbox::listed_under`] says; nothing
    /// happens where it is listed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list_mailbox(&self, mailbox: &Mailbox) -> Result<()> {
        let update = Update::of(Key::mailbox(&mailbox.id)).set("account", text(listed_under(&mailbox.auth)));
        let update = update.when("attribute_exists(#pk) AND attribute_not_exists(#account)").name("pk");
        self.update(update).await.map(drop)
    }

    /// Whether a mailbox is on record with the same account and the same owners.
    async fn tells_the_same(&self, mailbox: &Mailbox) -> Result<bool> {
        let held = self.item(&Key::mailbox(&mailbox.id)).await?;
        let held: Option<PlacedMailbox> = held.and_then(|item| self.readable(item));
        Ok(held.is_some_and(|held| {
            let is_listed = held.listed_under.as_deref() == Some(listed_under(&mailbox.auth));
            is_listed && held.mailbox.owners == mailbox.owners
        }))
    }

    /// Pauses a mailbox from a moment on, or ends its pause. `false`: there is no such mailbox.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn pause_mailbox(&self, id: &MailboxId, since: Option<Timestamp>) -> Result<bool> {
        self.set_on_mailbox(id, "paused_at", since).await
    }

    /// Has a mailbox's runs leave a protocol transcript until a moment, or no longer. `false`: there
    /// is no such mailbox.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn set_transcript(&self, id: &MailboxId, until: Option<Timestamp>) -> Result<bool> {
        self.set_on_mailbox(id, "transcript_until", until).await
    }

    async fn set_on_mailbox(&self, id: &MailboxId, name: &str, at: Option<Timestamp>) -> Result<bool> {
        let update = Update::of(Key::mailbox(id)).set_or_remove(name, at.map(seconds)).returning_old();
        let outcome = self.update(update.when("attribute_exists(#pk)").name("pk")).await?;
        let Outcome::Done(before) = outcome else { return Ok(false) };
        self.note_change(before.as_ref()).await?;
        Ok(true)
    }

    /// Deletes a provider and its incident; nothing happens where there is none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_provider(&self, id: &ProviderId) -> Result<()> {
        self.delete(&Key::incident(id)).await?;
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
    /// quarantine stay, so that a mailbox which comes back fetches nothing a second time. Of a maildrop
    /// the cursor stays and the set of known ids does not: where messages were deleted meanwhile, the
    /// headers of the others are looked at again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_mailbox(&self, id: &MailboxId) -> Result<()> {
        let before = self.take(&Key::mailbox(id)).await?;
        self.note_change(before.as_ref()).await?;
        self.delete_known(id, |_| true).await
    }

    pub(crate) async fn list<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>> {
        let items = self.index_entries(&IndexQuery::kind(kind), usize::MAX).await?;
        items.into_iter().map(|item| self.decode(item)).collect()
    }
}

/// A mailbox's value of `account`, the `account` index's partition key.
fn listed_under(auth: &Auth) -> &str {
    match auth {
        Auth::Basic => BASIC,
        Auth::Oauth(account) => account.as_str(),
    }
}

/// A definition's attributes besides its key. Its own field `id` is the `kind` index's range key.
pub(crate) fn definition<T: Serialize>(kind: Kind, key: &Key, value: &T) -> Result<Item> {
    let mut item = attributes(key, value)?;
    item.insert("kind".into(), text(kind.name()));
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_field_that_may_be_left_out_is_removed_then() {
        let plain = serde_json::json!({
            "id": "m", "protocol": "imap", "host": "h", "port": 1, "tls": "implicit", "user": "u",
        });
        let mut full = plain.clone();
        full["exclude_folders"] = serde_json::json!(["Trash"]);
        full["filter"] = serde_json::json!({"min_bytes": 1});
        full["daily_bytes"] = 1.into();
        full["inline_images"] = true.into();
        full["password_expires"] = "2027-01-01".into();
        let fields = |value: serde_json::Value| -> BTreeSet<String> {
            let mailbox: Mailbox = serde_json::from_value(value).expect("a mailbox");
            let item: Item = attributes(&Key::mailbox(&mailbox.id), &mailbox).expect("an item");
            item.into_keys().collect()
        };
        let (plain, full) = (fields(plain), fields(full));
        let optional: BTreeSet<&str> = full.difference(&plain).map(String::as_str).collect();
        assert_eq!(optional, BTreeSet::from(OPTIONAL));
        // A field that is added to `Mailbox` is added here, and above if it may be left out.
        assert_eq!(full.len(), 19);
    }
}
