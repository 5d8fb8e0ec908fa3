//! Mailboxes as people look for them.

use crate::{
    LoadedMailbox, Page, PlacedMailbox, Position, Registry, Result,
    account_list::contains,
    definitions::BASIC,
    index::IndexQuery,
    page::Source,
    table::{Item, Key, Kind},
};
use jiff::Timestamp;
use postroom_model::{AccountId, Auth, Mailbox, MailboxId, MailboxState};
use std::collections::HashMap;

/// Index entries that are read at once where most may be passed over; docs/scale.md says what reading a
/// page of them takes.
const WIDE: usize = 250;
/// The same where each entry's mailbox and its state are reads of their own.
const LOOKED_UP: usize = 100;

/// What somebody should look at a mailbox with Basic auth for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// It fails, and nobody has paused it.
    Fails,
    /// Its password ends until then, or has ended.
    PasswordEndsBefore(Timestamp),
}

impl Concern {
    /// The list of what somebody may have to be told of ([`Registry::due_of`]) has all of them. One whose
    /// password has ended comes again within a month there, unless people are told of it more seldom.
    fn source(self) -> Source {
        match self {
            Self::Fails => {
                let query = IndexQuery::remind("mailbox", Timestamp::MAX).limit(LOOKED_UP);
                Source { query, key: Key::mailbox_state }
            }
            Self::PasswordEndsBefore(until) => {
                let query = IndexQuery::remind("password", until).limit(LOOKED_UP);
                Source { query, key: Key::mailbox }
            }
        }
    }

    fn is_of(self, placed: &PlacedMailbox, state: &MailboxState) -> bool {
        let ends = placed.mailbox.password_expires;
        placed.mailbox.auth == Auth::Basic
            && match self {
                Self::Fails => state.failure.is_some() && placed.paused_at.is_none(),
                Self::PasswordEndsBefore(until) => ends.is_some_and(|end| end.at() <= until),
            }
    }
}

impl Registry {
    /// Every mailbox of an account, by id. What cannot be read is left out, and a line in the log tells
    /// of it: whoever asks has something to do for the others.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn mailboxes_of(&self, account: &AccountId) -> Result<Vec<PlacedMailbox>> {
        let items = self.index_entries(&IndexQuery::account(account.as_str()), usize::MAX).await?;
        Ok(items.into_iter().filter_map(|item| self.readable(item)).collect())
    }

    /// The first mailboxes of an account by id, at most so many.
    ///
    /// # Errors
    /// As [`Registry::providers`].
    pub async fn first_mailboxes_of(&self, account: &AccountId, most: usize) -> Result<Vec<PlacedMailbox>> {
        let query = IndexQuery::account(account.as_str()).limit(most.max(1));
        let items = self.index_entries(&query, most).await?;
        items.into_iter().take(most).map(|item| self.decode(item)).collect()
    }

    /// Mailboxes by id, all or the basic ones, `size` at most, from a position on; those with a text
    /// in the id, the user name, the host or an owner's address, in whatever case. Work is bounded,
    /// and what cannot be read is left out, as in [`Registry::accounts_page`].
    ///
    /// # Errors
    /// As [`Registry::accounts_page`].
    pub async fn mailboxes_page(
        &self,
        basic_only: bool,
        text: Option<&str>,
        from: Option<&Position>,
        size: usize,
    ) -> Result<Page<PlacedMailbox>> {
        let query = if basic_only { IndexQuery::account(BASIC) } else { IndexQuery::kind(Kind::Mailbox) };
        let query = if text.is_some() { query.limit(WIDE) } else { query.shown(size) };
        let source = Source { query, key: Key::mailbox };
        let matches = move |placed: &PlacedMailbox| text.is_none_or(|text| has(&placed.mailbox, text));
        self.page(&source, from, size, |entries| async move {
            let mailboxes = entries.into_iter().map(|item| self.readable::<PlacedMailbox>(item));
            Ok(mailboxes.map(|placed| placed.filter(matches)).collect())
        })
        .await
    }

    /// Mailboxes with Basic auth that somebody should look at, with their states, `size` at most, from a
    /// position on; those with a text, as in [`Registry::mailboxes_page`]. They come in the order in which
    /// they are to be told of. Work is bounded, and what cannot be read is left out.
    ///
    /// # Errors
    /// As [`Registry::accounts_page`].
    pub async fn basic_mailboxes_of_concern(
        &self,
        concern: Concern,
        text: Option<&str>,
        from: Option<&Position>,
        size: usize,
    ) -> Result<Page<(PlacedMailbox, MailboxState)>> {
        self.page(&concern.source(), from, size, |entries| async move {
            let ids: Vec<Option<MailboxId>> = entries.iter().map(mailbox_id).collect();
            let wanted: Vec<MailboxId> = ids.iter().flatten().cloned().collect();
            let mut found: HashMap<MailboxId, LoadedMailbox> = HashMap::new();
            for (id, loaded) in self.load(&wanted).await? {
                match loaded {
                    Ok(loaded) => drop(found.insert(id, loaded)),
                    Err(error) => tracing::error!(%error, "a mailbox is left out of a list"),
                }
            }
            let matching = |id: Option<MailboxId>| {
                let LoadedMailbox { placed, state } = found.remove(&id?)?;
                let matches = text.is_none_or(|text| has(&placed.mailbox, text));
                (matches && concern.is_of(&placed, &state)).then_some((placed, state))
            };
            Ok(ids.into_iter().map(matching).collect())
        })
        .await
    }
}

fn mailbox_id(entry: &Item) -> Option<MailboxId> {
    entry.get("pk")?.as_s().ok()?.strip_prefix("MAILBOX#")?.parse().ok()
}

fn has(mailbox: &Mailbox, text: &str) -> bool {
    let names = [mailbox.id.as_str(), &mailbox.user, &mailbox.server.host];
    contains(names.into_iter().chain(mailbox.owners.iter().map(String::as_str)), text)
}
