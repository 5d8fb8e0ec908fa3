//! Mailboxes that come to be fetched in another way, and the way back.
//!
//! Guarantees: a mailbox is changed only as somebody saw it, in one conditional write that also keeps
//! how it was; what somebody else changes at the same moment is not lost. Its state stays: nothing is
//! fetched a second time. How it was is kept only while an account opens it: whoever gives it a password
//! in another way ends the way back, so that a new password never goes to an older host.

use crate::{
    PlacedMailbox, Registry, Result,
    definitions::OPTIONAL,
    table::{Item, Key, attribute},
    update::Update,
};
use jiff::Timestamp;
use postroom_model::{Auth, Mailbox, MailboxId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a mailbox was before it was migrated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The mailbox as it was.
    pub mailbox: Mailbox,
    /// When it was migrated.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub at: Timestamp,
}

impl Former {
    /// The mailbox as the way back makes it: owners, interval and tags stay as they are now.
    pub fn restored(&self, now: &Mailbox) -> Mailbox {
        let Mailbox { owners, interval, tags, .. } = now.clone();
        Mailbox { owners, interval, tags, ..self.mailbox.clone() }
    }
}

/// The part of a mailbox's item that nobody else reads.
#[derive(Deserialize)]
struct Kept {
    #[serde(default)]
    auth: Auth,
    former: Option<Former>,
}

impl Kept {
    /// How it was, while an account opens it.
    fn former(self) -> Option<Former> {
        self.former.filter(|_| self.auth != Auth::Basic)
    }
}

impl Registry {
    /// Puts a mailbox that an account opens in place of itself as it was `seen`, and keeps that; where it
    /// was migrated from a password before, the way back stays the one to the password. It rests no longer
    /// after a failure: what failed may be mended. `false`: it is not as it was seen any more, or gone, or
    /// no account opens it then, and nothing was written.
    ///
    /// # Errors
    /// [`Error`](crate::Error); the call may then be repeated, and is `false` if it was made the first
    /// time.
    pub async fn migrate_mailbox(
        &self,
        id: &MailboxId,
        seen: &Mailbox,
        to: &Mailbox,
        now: Timestamp,
    ) -> Result<bool> {
        let key = Key::mailbox(id);
        let Some(item) = self.item(&key).await? else { return Ok(false) };
        let placed: PlacedMailbox = self.decode(item.clone())?;
        if placed.mailbox != *seen || to.id != *id || to.auth == Auth::Basic {
            return Ok(false);
        }
        let kept = self.decode::<Kept>(item.clone())?.former();
        if kept.is_some_and(|former| former.mailbox.auth == Auth::Basic) {
            return self.replace(&item, to, now, |update| update).await;
        }
        let former = attribute(&key, &Former { mailbox: seen.clone(), at: now })?;
        self.replace(&item, to, now, |update| update.set("former", former)).await
    }

    /// How a mailbox was before it was migrated, if it was and has not gone back.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn former(&self, id: &MailboxId) -> Result<Option<Former>> {
        let kept: Option<Kept> = self.value(&Key::mailbox(id)).await?;
        Ok(kept.and_then(Kept::former))
    }

    /// Has a mailbox, as it was `seen`, fetched as it was before it was migrated: as what
    /// [`Former::restored`] made of that, and somebody has tried out. `false`: no account opens it, it
    /// was not migrated, or either is not as it was seen any more, and nothing was written.
    ///
    /// # Errors
    /// As [`Registry::migrate_mailbox`].
    pub async fn migrate_back(
        &self,
        id: &MailboxId,
        seen: &Mailbox,
        to: &Mailbox,
        now: Timestamp,
    ) -> Result<bool> {
        let Some(item) = self.item(&Key::mailbox(id)).await? else { return Ok(false) };
        let former = self.decode::<Kept>(item.clone())?.former();
        let placed: PlacedMailbox = self.decode(item.clone())?;
        if placed.mailbox != *seen || former.is_none_or(|former| former.restored(seen) != *to) {
            return Ok(false);
        }
        self.replace(&item, to, now, |update| update.remove("former")).await
    }

    /// Ends the way back of a mailbox; nothing happens where there is none. Whoever gives a mailbox a new
    /// password does this first: it was entered for another place than the former one.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub async fn forget_former(&self, id: &MailboxId) -> Result<()> {
        let update = Update::of(Key::mailbox(id)).remove("former");
        self.update(update.when("attribute_exists(#former)").name("former")).await.map(drop)
    }

    /// Writes a mailbox in place of an item that is still as it was read.
    async fn replace(
        &self,
        item: &Item,
        mailbox: &Mailbox,
        now: Timestamp,
        with: impl FnOnce(Update) -> Update,
    ) -> Result<bool> {
        let unchanged = |update: Update, name: &str| match item.get(name) {
            Some(value) => {
                let old = format!("old_{name}");
                update.when(format!("#{name} = :{old}")).name(name).value(&old, value.clone())
            }
            None => update.when(format!("attribute_not_exists(#{name})")).name(name),
        };
        let is_done = self.write_mailbox(mailbox, now, |update, names| {
            let names = names.iter().map(String::as_str).chain(OPTIONAL).chain(["former"]);
            let names: BTreeSet<&str> = names.collect();
            with(names.into_iter().fold(update, unchanged))
        });
        let is_done = is_done.await?;
        if is_done {
            self.end_rest(&mailbox.id, now).await?;
        }
        Ok(is_done)
    }
}
