//! Mailboxes that an account may take over: which are found, and which are chosen.

use crate::{app::App, csrf::Fields, problem::Problem};
use postroom_model::{AccountId, Auth, Mailbox, MailboxId};
use serde::Deserialize;
use std::collections::{BTreeSet, HashSet};

/// Mailboxes that are offered at once, one by one.
const OFFERED: usize = 25;
/// Pages of mailboxes that one search reads: the account's own are left out, so that a page of them
/// must not end it.
const PAGES: usize = 4;
/// Mailboxes of one server that are read at once.
const AT_ONCE: usize = 100;

/// A search for mailboxes to move, as the address says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    /// The text to search for; absent until somebody searches.
    find: Option<String>,
}

/// Mailboxes that may be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// What was searched for.
    pub(crate) text: String,
    /// What was found.
    pub(crate) mailboxes: Vec<Mailbox>,
    /// Whether there may be more.
    pub(crate) is_cut: bool,
}

impl Candidates {
    /// The account that opens a mailbox now; `None` where its own password does.
    pub(crate) fn account(mailbox: &Mailbox) -> Option<&AccountId> {
        match &mailbox.auth {
            Auth::Basic => None,
            Auth::Oauth(account) => Some(account),
        }
    }

    /// The servers of what was found and has a password: all such mailboxes there can be chosen at once.
    pub(crate) fn hosts(&self) -> BTreeSet<String> {
        let basic = self.mailboxes.iter().filter(|mailbox| mailbox.auth == Auth::Basic);
        basic.map(|mailbox| mailbox.server.host.to_ascii_lowercase()).collect()
    }
}

/// What a search finds, without the account's own mailboxes; `None` where nobody searched.
pub(crate) async fn found(
    app: &App,
    account: &AccountId,
    search: &Search,
) -> Result<Option<Candidates>, Problem> {
    let Some(find) = &search.find else { return Ok(None) };
    let text = find.trim();
    let filter = Some(text).filter(|text| !text.is_empty());
    let mut mailboxes = Vec::new();
    let mut from = None;
    for _ in 0..PAGES {
        let page = app.registry.mailboxes_page(false, filter, from.as_ref(), OFFERED).await?;
        let others = page.items.into_iter().map(|placed| placed.mailbox);
        mailboxes.extend(others.filter(|mailbox| Candidates::account(mailbox) != Some(account)));
        from = page.next;
        if from.is_none() || mailboxes.len() >= OFFERED {
            break;
        }
    }
    let is_cut = from.is_some() || mailboxes.len() > OFFERED;
    mailboxes.truncate(OFFERED);
    Ok(Some(Candidates { text: text.to_owned(), mailboxes, is_cut }))
}

/// The mailboxes that a form chooses, each once: those that it names, and those with a password at the
/// servers that it names. Of the latter reading ends beyond `most`.
///
/// # Errors
/// [`Problem`], where a name is none, or the registry does not answer.
pub(crate) async fn chosen(app: &App, fields: &Fields, most: usize) -> Result<Vec<MailboxId>, Problem> {
    let named = fields.all("mailbox").map(str::parse).collect::<Result<Vec<MailboxId>, _>>();
    let mut ids = named.map_err(Problem::invalid)?;
    for host in fields.all("server") {
        let mut from = None;
        loop {
            let page = app.registry.mailboxes_page(true, Some(host), from.as_ref(), AT_ONCE).await?;
            let there = page.items.into_iter().map(|placed| placed.mailbox);
            let there = there.filter(|mailbox| mailbox.server.host.eq_ignore_ascii_case(host));
            ids.extend(there.map(|mailbox| mailbox.id));
            from = page.next;
            if from.is_none() || ids.len() > most {
                break;
            }
        }
    }
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    Ok(ids)
}
