//! `console`: the pages behind API Gateway: consent, its answers, bulk re-authorising, status.
//!
//! Guarantees: without a session nothing answers but the console's health, its style sheet, the
//! beginning of a sign-in and the answers of authorization servers; what opens a session is a sign-in
//! as an administrator, or an owner's personal link. A page changes tokens only through
//! `postroom-tokens`, and only after everything that a browser brought was checked; whatever goes
//! wrong before leaves the account as it was. Every answer carries what makes browsers careful.
//!
//! Rooms: `session`, `csrf` and `security` guard every page; `flow` starts what an authorization
//! server must answer and recognises the answer; `sign_in` and `consent` are what such an answer may
//! be about; `chain` strings consents together; `migration` moves mailboxes onto an account, and
//! `way_back` back; `letter` and `mine` let owners in. `page`, `texts` and `language` are the frame of
//! every page, and the rest are the pages themselves.
//!
//! Left out: fetching, refreshing, reminding. Those are functions of their own.

mod account;
mod account_page;
mod addressee;
mod app;
mod assets;
mod calendar;
mod candidates;
mod chain;
mod chain_page;
mod coming;
mod condition;
mod consent;
mod csrf;
mod destination;
#[cfg(test)]
mod fixtures;
mod flow;
mod goal;
mod guide;
mod keys;
mod language;
mod letter;
mod mailbox;
mod mailbox_form;
mod mailbox_page;
mod mailbox_state;
mod migration;
mod migration_page;
mod mine;
mod notice;
mod outcome;
mod overview;
mod ownership;
mod page;
mod problem;
mod quarantine;
mod registration;
mod rehearsal;
mod reminder;
mod reminder_page;
mod revocation;
mod run;
mod search;
mod security;
mod session;
mod settings;
mod sign_in;
mod texts;
mod timeline;
mod trial;
mod verdict;
mod way_back;

pub use app::{App, StartError};
pub use postroom_lambda::SettingsError;
pub use postroom_model::Language;
pub use settings::Settings;
pub use sign_in::{Administrators, Group, NotAGroup};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use problem::Problem;
use serde_json::{Value, json};

/// What API Gateway lets through: method and path of every page.
pub const ROUTES: &[&str] = &[
    "GET /",
    "GET /accounts/{id}",
    "GET /assets/{file}",
    "GET /callback",
    "GET /chain",
    "GET /health",
    "GET /link/{token}",
    "GET /mailboxes/{id}",
    "GET /migration",
    "GET /mine",
    "GET /providers",
    "GET /reminders",
    "GET /sign-in",
    "POST /accounts/selected",
    "POST /accounts/{id}/{action}",
    "POST /chain/{action}",
    "POST /language",
    "POST /link",
    "POST /mailboxes/{id}",
    "POST /mailboxes/{id}/{action}",
    "POST /migration/{action}",
    "POST /mine/authorise",
    "POST /sign-out",
];

/// The router, which is the function's handler too.
pub fn router(app: App) -> Router {
    let pages = Router::new()
        .route("/", get(overview::overview))
        .route("/accounts/selected", post(chain_page::selected))
        .route("/accounts/{id}", get(account::account))
        .route("/accounts/{id}/authorise", post(consent::authorise))
        .route("/accounts/{id}/check", post(account::check))
        .route("/accounts/{id}/link", post(letter::send))
        .route("/accounts/{id}/move", post(migration_page::begin))
        .route("/accounts/{id}/revoke", post(revocation::revoke))
        .route("/callback", get(consent::callback))
        .route("/chain", get(chain_page::page))
        .route("/chain/{action}", post(chain_page::act))
        .route("/language", post(language::choose))
        .route("/link", post(mine::open))
        .route("/link/{token}", get(mine::link))
        .route("/mailboxes/{id}", get(mailbox::mailbox).post(mailbox::save))
        .route("/mailboxes/{id}/back", post(way_back::back))
        .route("/mailboxes/{id}/pause", post(mailbox::pause))
        .route("/mailboxes/{id}/resume", post(mailbox::resume))
        .route("/mailboxes/{id}/test", post(mailbox::test))
        .route("/mailboxes/{id}/transcript", post(mailbox::transcript))
        .route("/migration", get(migration_page::page))
        .route("/migration/{action}", post(migration_page::act))
        .route("/mine", get(mine::mine))
        .route("/mine/authorise", post(consent::authorise_mine))
        .route("/providers", get(registration::registrations))
        .route("/reminders", get(reminder_page::reminders))
        .route("/sign-in", get(sign_in::page))
        .route("/sign-out", post(session::sign_out))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::not_found())
        .layer(middleware::from_fn_with_state(app.clone(), session::recognise))
        .layer(middleware::from_fn_with_state(app.clone(), csrf::same_origin))
        .layer(middleware::from_fn_with_state(app.clone(), app::settled))
        .layer(csrf::limit());
    Router::new()
        .route("/health", get(health))
        .route("/assets/{file}", get(assets::asset))
        .merge(pages)
        .layer(middleware::from_fn_with_state(app.clone(), problem::explain))
        .layer(middleware::from_fn_with_state(app.clone(), security::headers))
        .with_state(app)
}

/// `GET /health`: 200 with `{"status":"ok"}`, or 503 with `{"status":"registry unavailable"}`. The
/// answer has no detail, because anybody may ask; the log has it, and no oftener than once a minute.
async fn health(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let (code, status) = match app.registry.ping().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => {
            let is_noted = app.refusals.noted(error.refusal());
            if app.refusals.tell_at_times(app::FUNCTION, &app.metrics, app.now()) && !is_noted {
                tracing::error!(%error, "the registry does not answer");
            }
            (StatusCode::SERVICE_UNAVAILABLE, "registry unavailable")
        }
    };
    (code, Json(json!({"status": status})))
}
