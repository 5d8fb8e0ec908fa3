//! The way back of a mailbox that was moved onto an account: to its password, or to the account that
//! opened it before.
//!
//! Guarantees: it is moved back only when somebody has confirmed it and it has just opened as it was
//! before; otherwise it stays what it is. An account's token goes back to no mail server where the
//! account is not at home any more ([`Destinations`]).

use crate::{
    account::page as frame,
    app::{App, Id},
    calendar::Clock,
    candidates::Candidates,
    csrf::Posted,
    destination::{Destinations, Refusal},
    language::{Language, Speak},
    page::{self, Page},
    problem::Problem,
    session::Administrator,
    texts::Fill,
    trial,
    verdict::{Verdict, Verdicts},
};
use askama::Template;
use axum::{
    extract::State as FromState,
    response::{IntoResponse, Redirect, Response},
};
use postroom_model::{Auth, Mailbox, MailboxId};
use postroom_registry::Former;

/// What a mailbox was before it was moved, in words.
pub(crate) struct WayBack {
    /// Until when, and where.
    pub(crate) was: String,
    /// What the button says.
    pub(crate) button: String,
}

impl WayBack {
    pub(crate) fn new(former: &Former, clock: Clock<'_>) -> Self {
        let t = &clock.language.texts().migration;
        let Former { mailbox, at } = former;
        let when = clock.moment(*at);
        let place = format!("{}:{}", mailbox.server.host, mailbox.server.port);
        match Candidates::account(mailbox) {
            None => Self {
                was: t.former_basic.fill(&[("when", &when), ("user", &mailbox.user), ("place", &place)]),
                button: t.back_basic.to_owned(),
            },
            Some(account) => Self {
                was: t.former_account.fill(&[
                    ("when", &when),
                    ("account", account),
                    ("user", &mailbox.user),
                    ("place", &place),
                ]),
                button: t.back_account.with("account", account),
            },
        }
    }
}

/// The question before it is moved back.
#[derive(Template)]
#[template(path = "way_back.html")]
struct BackPage<'a> {
    page: Page<'a>,
    id: &'a str,
    was: String,
    opens: String,
}

/// `POST /mailboxes/{id}/back`: rehearses and asks, and moves it back once the answer is yes.
pub(crate) async fn back(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<MailboxId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let Posted { visitor, fields } = posted;
    let t = &language.texts().migration;
    let path = format!("/mailboxes/{id}");
    let (placed, former) = futures::try_join!(app.registry.mailbox(&id), app.registry.former(&id))?;
    let (Some(placed), Some(former)) = (placed, former) else {
        return Ok(Redirect::to(&path).into_response());
    };
    let seen = placed.mailbox;
    let to = former.restored(&seen);
    let page = frame(&visitor, language, t.back_title.with("id", &id), path.clone());
    let tried = match refusal(&app, &seen, &to).await? {
        Some(Refusal::Host) => Err(Verdict::refused(id.as_str(), t.left, t.left_host)),
        Some(Refusal::User) => Err(Verdict::refused(id.as_str(), t.left, t.left_user)),
        None => {
            let tried = trial::try_out(&app, &to).await;
            tried.map_err(|fault| Verdict::failed(id.as_str(), t.back_fails, &fault, language))
        }
    };
    let messages = match tried {
        Ok(messages) => messages,
        Err(verdict) => {
            return Ok(page::html(&Verdicts {
                page,
                lead: t.back_left.to_owned(),
                verdicts: vec![verdict],
                note: None,
                back: path,
                back_label: t.to_mailbox,
            }));
        }
    };
    if fields.get("confirmed") != Some("yes") {
        let was = WayBack::new(&former, app.clock(language)).was;
        let opens = t.back_opens.with("n", messages);
        return Ok(page::html(&BackPage { page, id: id.as_str(), was, opens }));
    }
    if !app.registry.migrate_back(&id, &seen, &to, app.now()).await? {
        // Somebody has changed it just now: whoever asked sees what it is.
        return Ok(Redirect::to(&path).into_response());
    }
    tracing::info!(mailbox = %id, "a mailbox was moved back to how it signed in before");
    Ok(Redirect::to(&format!("{path}?done=moved_back")).into_response())
}

/// Why the token of the account that opened it before does not go back there; `None` where it may.
async fn refusal(app: &App, seen: &Mailbox, to: &Mailbox) -> Result<Option<Refusal>, Problem> {
    let Auth::Oauth(account) = &to.auth else { return Ok(None) };
    // Without its account it does not open, and the rehearsal says so.
    let Some(account) = app.registry.account(account).await? else { return Ok(None) };
    let provider = app.registry.provider(&account.provider).await?;
    Ok(Destinations::of(app, &account, provider, Some(seen)).await?.refuses(to))
}
