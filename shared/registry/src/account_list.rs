//! Accounts as people look for them.

use crate::{
    Page, Position, Registry, Result,
    account_lease::ENDING,
    index::IndexQuery,
    page::Source,
    table::{ACCOUNT_PREFIX, Item, Key, Kind, STATUS, address_in_key, moment},
};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, AccountStatus, Governs, MailboxId, ProviderId};
use std::collections::BTreeSet;

/// Index entries that are read at once where most may be passed over; docs/scale.md says what reading a
/// page of them takes.
const WIDE: usize = 250;
/// The same where each entry's account is a read of its own.
const LOOKED_UP: usize = 200;
/// Endings that are listed at most.
const ENDINGS: usize = 2000;

/// Which accounts are asked for; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// How they stand.
    pub standing: Standing,
    /// Of this provider only.
    pub provider: Option<ProviderId>,
    /// Of this owner only, however the address is written.
    pub owner: Option<String>,
    /// With this text in the id, the login or an owner's address, in whatever case.
    pub text: Option<String>,
}

/// How accounts stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// However. They come by id.
    #[default]
    Any,
    /// Waiting for a person to authorise them. They come by id.
    NeedsConsent,
    /// Ending until then, or ended already. The first to end comes first.
    EndingBefore(Timestamp),
    /// To be authorised by a person, as things are then. First come those that wait for a person, by id;
    /// then those whose authorization has ended by its date, or that a policy wants authorised anew, the
    /// first to end first.
    MustBeAuthorised(Timestamp),
}

/// Accounts as an index lists them.
#[derive(Debug, Clone, Copy)]
enum List {
    All,
    /// Those that wait for a person.
    Waiting,
    /// Those that end until then.
    Ending(Timestamp),
    /// Of those, what a consent mends and the list of the waiting does not have.
    Ended(Timestamp),
}

impl AccountQuery {
    fn is_filtered(&self) -> bool {
        self.provider.is_some() || self.owner.is_some() || self.text.is_some()
    }

    fn matches(&self, account: &Account) -> bool {
        let of_provider = self.provider.as_ref().is_none_or(|provider| *provider == account.provider);
        let owned = |owner: &String| {
            let owner = address_in_key(owner);
            account.owners.iter().any(|listed| address_in_key(listed) == owner)
        };
        let names = [account.id.as_str()].into_iter().chain(account.login.as_deref());
        let names = names.chain(account.owners.iter().map(String::as_str));
        let fits = !matches!(self.standing, Standing::MustBeAuthorised(_)) || account.grant.needs_consent();
        fits && of_provider
            && self.owner.as_ref().is_none_or(owned)
            && self.text.as_ref().is_none_or(|text| contains(names, text))
    }

    fn source(&self, list: List, size: usize) -> Source {
        let (query, key, looked_at): (_, fn(&MailboxId) -> Key, _) = match list {
            List::All => (IndexQuery::kind(Kind::Account), account_key, WIDE),
            List::Waiting => (IndexQuery::kind(Kind::Unauthorised), status_key, LOOKED_UP),
            List::Ending(until) | List::Ended(until) => {
                (IndexQuery::ending(ENDING, until), status_key, LOOKED_UP)
            }
        };
        let query = if self.is_filtered() { query.limit(looked_at) } else { query.shown(size) };
        Source { query, key }
    }
}

impl Registry {
    /// Accounts with what is known of them, `size` at most, from a position on. Each call does a
    /// bounded amount of work, so that a page may have fewer and still go on ([`Page::next`]). An
    /// account that cannot be read is left out.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request), [`Error::Throttled`](crate::Error::Throttled).
    pub async fn accounts_page(
        &self,
        query: &AccountQuery,
        from: Option<&Position>,
        size: usize,
    ) -> Result<Page<(Account, AccountStatus)>> {
        match query.standing {
            Standing::Any => self.listed(List::All, query, from, size).await,
            Standing::NeedsConsent => self.listed(List::Waiting, query, from, size).await,
            Standing::EndingBefore(until) => self.listed(List::Ending(until), query, from, size).await,
            Standing::MustBeAuthorised(now) => self.to_be_authorised(now, query, from, size).await,
        }
    }

    /// One list after the other; a position with a moment is one of the second.
    async fn to_be_authorised(
        &self,
        now: Timestamp,
        query: &AccountQuery,
        from: Option<&Position>,
        size: usize,
    ) -> Result<Page<(Account, AccountStatus)>> {
        let ended = List::Ended(now);
        if from.is_some_and(|from| from.moment().is_some()) {
            return self.listed(ended, query, from, size).await;
        }
        let mut page = self.listed(List::Waiting, query, from, size).await?;
        if page.next.is_some() {
            return Ok(page);
        }
        let left = size.max(1).saturating_sub(page.items.len());
        let rest = self.listed(ended, query, None, left).await?;
        page.looked_at += rest.looked_at;
        if left > 0 {
            page.items.extend(rest.items);
            page.next = rest.next;
        } else if !rest.items.is_empty() || rest.next.is_some() {
            let last = page.items.last();
            page.next = last.and_then(|(account, _)| Position::at(Timestamp::MIN, account.id.as_str()));
        }
        Ok(page)
    }

    async fn listed(
        &self,
        list: List,
        query: &AccountQuery,
        from: Option<&Position>,
        size: usize,
    ) -> Result<Page<(Account, AccountStatus)>> {
        let found = self
            .page(&query.source(list, size), from, size, |entries| async move {
                let accounts = match list {
                    List::All => entries.into_iter().map(|item| self.readable(item)).collect(),
                    List::Waiting | List::Ending(_) | List::Ended(_) => self.accounts_of(&entries).await?,
                };
                Ok(accounts.into_iter().map(|a: Option<Account>| a.filter(|a| query.matches(a))).collect())
            })
            .await?;
        let keys = found.items.iter().map(|account| Key::account_status(&account.id));
        let mut statuses = self.items(keys).await?;
        let with_status = |account: Account| {
            let status = statuses.remove(&Key::account_status(&account.id)).unwrap_or_default();
            let waits = status.contains_key("kind");
            let status = self.readable(status)?;
            // The index lags: whoever came back from consent a moment ago is no longer waiting.
            list.has(&status, waits).then_some((account, status))
        };
        let items = found.items.into_iter().filter_map(with_status).collect();
        Ok(Page { items, next: found.next, looked_at: found.looked_at })
    }

    /// The accounts whose authorization ends until a moment, or has ended, the first to end first;
    /// 2,000 of them at most.
    ///
    /// # Errors
    /// [`Error::Request`](crate::Error::Request).
    pub async fn endings(&self, until: Timestamp) -> Result<Vec<(AccountId, Timestamp)>> {
        let query = IndexQuery::ending(ENDING, until).limit(ENDINGS);
        let entries = self.index_entries(&query, ENDINGS).await?;
        Ok(entries.iter().filter_map(|item| Some((account_id(item)?, moment(item, "ends_at")?))).collect())
    }

    /// The accounts of some statuses, in their order.
    async fn accounts_of(&self, statuses: &[Item]) -> Result<Vec<Option<Account>>> {
        let ids: Vec<Option<AccountId>> = statuses.iter().map(account_id).collect();
        let wanted: BTreeSet<&AccountId> = ids.iter().flatten().collect();
        let mut items = self.items(wanted.into_iter().map(Key::account)).await?;
        let account = |id: Option<AccountId>| self.readable(items.remove(&Key::account(&id?))?);
        Ok(ids.into_iter().map(account).collect())
    }
}

fn account_id(status: &Item) -> Option<AccountId> {
    Key::account_id(status.get("pk")?.as_s().ok()?)
}

fn account_key(id: &MailboxId) -> Key {
    Key { pk: format!("{ACCOUNT_PREFIX}{id}"), sk: "ACCOUNT".into() }
}

fn status_key(id: &MailboxId) -> Key {
    Key { sk: STATUS.into(), ..account_key(id) }
}

impl List {
    /// Whether an account is in the list, by its status and whether it waits for a person.
    fn has(self, status: &AccountStatus, waits: bool) -> bool {
        let ends_before = |until: Timestamp| status.ends_at.is_some_and(|at| at <= until);
        match self {
            Self::All => true,
            Self::Waiting => waits,
            Self::Ending(until) => ends_before(until),
            // A new client secret is nothing that a consent brings.
            Self::Ended(now) => ends_before(now) && !waits && status.ended_by != Some(Governs::ClientSecret),
        }
    }
}

/// Whether one of the texts contains another, in whatever case.
pub(crate) fn contains<'a>(mut texts: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    texts.any(|text| text.to_lowercase().contains(&wanted))
}
