//! Mailboxes as people look for them.

use crate::{
    Page, PlacedMailbox, Position, Registry, Result,
    account_list::contains,
    definitions::BASIC,
    index::IndexQuery,
    page::Source,
    table::{Key, Kind},
};
use postroom_model::{AccountId, Mailbox};

/// Index entries that are read at once where most may be passed over.
const WIDE: usize = 1000;

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
}

fn has(mailbox: &Mailbox, text: &str) -> bool {
    let names = [mailbox.id.as_str(), &mailbox.user, &mailbox.server.host];
    contains(names.into_iter().chain(mailbox.owners.iter().map(String::as_str)), text)
}
