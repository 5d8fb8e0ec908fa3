//! One account for many mailboxes: moving mailboxes that other accounts or their own passwords open
//! onto an account whose person may open them too.
//!
//! Guarantees: a mailbox is moved only when it has just been opened with the account's token, which
//! goes to no mail server where the account is not at home ([`Destinations`]); one that does not open is left as it was, with the reason. Its name, cursors and archive stay, so that
//! nothing is fetched again.

use crate::{
    account::page,
    app::{App, Id},
    condition::{Mark, State},
    csrf::Posted,
    destination::{Destinations, Refusal},
    language::{Language, Speak},
    page,
    problem::Problem,
    session::Administrator,
    texts::Fill,
    trial,
    verdict::{Verdict, Verdicts},
};
use axum::{extract::State as FromState, response::Response};
use postroom_model::{Account, AccountId, Auth, Fault, FaultClass, Mailbox, MailboxId, Provider};
use serde::Deserialize;
use std::collections::HashSet;

/// Mailboxes that are offered at once, and that one form may move: each is tried for up to ten
/// seconds, side by side.
const MOST: usize = 25;

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
}

/// What a search finds, without the account's own mailboxes; `None` where nobody searched.
pub(crate) async fn candidates(
    app: &App,
    account: &AccountId,
    search: &Search,
) -> Result<Option<Candidates>, Problem> {
    let Some(find) = &search.find else { return Ok(None) };
    let text = find.trim();
    let filter = Some(text).filter(|text| !text.is_empty());
    let mut mailboxes = Vec::new();
    let mut from = None;
    // The account's own are left out, so that a page of them must not end the search.
    for _ in 0..4 {
        let page = app.registry.mailboxes_page(false, filter, from.as_ref(), MOST).await?;
        let others = page.items.into_iter().map(|placed| placed.mailbox);
        mailboxes.extend(others.filter(|mailbox| Candidates::account(mailbox) != Some(account)));
        from = page.next;
        if from.is_none() || mailboxes.len() >= MOST {
            break;
        }
    }
    let is_cut = from.is_some() || mailboxes.len() > MOST;
    mailboxes.truncate(MOST);
    Ok(Some(Candidates { text: text.to_owned(), mailboxes, is_cut }))
}

/// What came of one mailbox.
enum Adopted {
    /// It opened, and is the account's now; its first folder has so many messages.
    Moved(u32),
    /// It was the account's before.
    Already,
    /// It is gone.
    Gone,
    /// It did not open, or could not be written down, and is what it was.
    Left(Fault),
    /// The account's token does not go there, and it is what it was.
    Elsewhere(Refusal),
}

/// `POST /accounts/{id}/adopt`.
pub(crate) async fn adopt(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let account = app.registry.account(&id).await?.ok_or_else(Problem::not_found)?;
    let provider = app.registry.provider(&account.provider).await?.ok_or_else(Problem::not_found)?;
    let mut seen = HashSet::new();
    let chosen = posted.fields.all("mailbox").filter_map(|id| id.parse::<MailboxId>().ok());
    let chosen: Vec<MailboxId> = chosen.filter(|id| seen.insert(id.clone())).collect();
    if chosen.len() > MOST {
        return Err(Problem::invalid("more mailboxes than a page offers"));
    }
    let destinations = Destinations::of(&app, &account, Some(provider.clone()), None).await?;
    let adopted = futures::future::join_all(chosen.into_iter().map(|mailbox| async {
        let adopted = adopt_one(&app, &account, &provider, &destinations, &mailbox).await;
        (mailbox, adopted)
    }));
    let adopted: Vec<(MailboxId, Adopted)> = adopted.await;
    let t = &language.texts().account;
    let moved = adopted.iter().filter(|(_, adopted)| matches!(adopted, Adopted::Moved(_))).count();
    tracing::info!(account = %id, moved, of = adopted.len(), "mailboxes were moved onto an account");
    let lead = match adopted.len() {
        0 => t.adopted_nothing.to_owned(),
        all => t.adopted_lead.fill(&[("moved", &moved), ("all", &all)]),
    };
    let verdicts = adopted.iter().map(|(mailbox, adopted)| match adopted {
        Adopted::Moved(n) => Verdict::well(mailbox.as_str(), t.moved, t.moved_because.fill(&[("n", n)])),
        Adopted::Already => Verdict::idle(mailbox.as_str(), t.already),
        Adopted::Gone => Verdict::idle(mailbox.as_str(), t.gone),
        Adopted::Left(fault) => Verdict::failed(mailbox.as_str(), t.left, fault, language),
        Adopted::Elsewhere(refusal) => {
            let because = match refusal {
                Refusal::Host => t.left_host,
                Refusal::User => t.left_user,
            };
            let state = State { mark: Mark::Bad, words: t.left, because: Some(because.to_owned()) };
            Verdict { name: mailbox.to_string(), state, fault: None }
        }
    });
    Ok(page::html(&Verdicts {
        page: page(
            &posted.visitor,
            language,
            t.adopted_title.fill(&[("id", &id)]),
            format!("/accounts/{id}"),
        ),
        lead,
        verdicts: verdicts.collect(),
        note: None,
        back: format!("/accounts/{id}"),
        back_label: t.back_to,
    }))
}

async fn adopt_one(
    app: &App,
    account: &Account,
    provider: &Provider,
    destinations: &Destinations,
    id: &MailboxId,
) -> Adopted {
    let placed = match app.registry.mailbox(id).await {
        Ok(Some(placed)) => placed,
        Ok(None) => return Adopted::Gone,
        Err(error) => return Adopted::Left(Fault::new(FaultClass::Storage, error.to_string())),
    };
    let Some(moved) = moved(placed.mailbox, account, provider) else { return Adopted::Already };
    if let Some(refusal) = destinations.refuses(&moved) {
        return Adopted::Elsewhere(refusal);
    }
    let messages = match trial::try_out(app, &moved).await {
        Ok(messages) => messages,
        Err(fault) => return Adopted::Left(fault),
    };
    if let Err(error) = app.registry.put_mailbox(&moved, app.now()).await {
        return Adopted::Left(Fault::new(FaultClass::Storage, error.to_string()));
    }
    if let Err(error) = app.registry.end_rest(id, app.now()).await {
        tracing::warn!(%error, mailbox = %id, "a mailbox rests on until its pause is over");
    }
    Adopted::Moved(messages)
}

/// The mailbox as it is on the account; `None` where it is there already. It signs in as the
/// account's provider wants it, and has no password whose end would matter.
fn moved(mailbox: Mailbox, account: &Account, provider: &Provider) -> Option<Mailbox> {
    if Candidates::account(&mailbox) == Some(&account.id) {
        return None;
    }
    let auth = Auth::Oauth(account.id.clone());
    Some(Mailbox { auth, sasl: provider.sasl, password_expires: None, ..mailbox })
}
