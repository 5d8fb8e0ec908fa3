//! The end of an account's authorization at a person's wish.
//!
//! Guarantees: it asks before it does anything, and says what became of it at the provider.

use crate::{
    account::{PATIENCE, page},
    app::{App, Id},
    csrf::Posted,
    language::{Language, Speak},
    page::{self, Page},
    problem::Problem,
    session::Administrator,
    texts::Fill,
    verdict::{Verdict, Verdicts},
};
use askama::Template;
use axum::{extract::State as FromState, response::Response};
use jiff::Timestamp;
use postroom_model::AccountId;
use postroom_tokens::Revoked;

#[derive(Template)]
#[template(path = "revoke.html")]
struct RevokePage<'a> {
    page: Page<'a>,
    id: &'a str,
    stops: String,
}

/// `POST /accounts/{id}/revoke`: asks, and does it once the answer is yes.
pub(crate) async fn revoke(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let t = &language.texts().account;
    if posted.fields.get("confirmed") != Some("yes") {
        app.registry.account(&id).await?.ok_or_else(Problem::not_found)?;
        let mailboxes = app.registry.mailboxes_of(&id).await?;
        let page =
            page(&posted.visitor, language, t.revoke_title.fill(&[("id", &id)]), format!("/accounts/{id}"));
        let stops = t.revoke_count.fill(&[("n", &mailboxes.len())]);
        return Ok(page::html(&RevokePage { page, id: id.as_str(), stops }));
    }
    let until = app.now().saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let said = |text: &str| Verdict::well(id.as_str(), t.revoke, text.to_owned());
    let verdict = match app.tokens.revoke(&id, until).await? {
        Revoked::AtServer => said(t.revoked_at_server),
        Revoked::OnlyHere => said(t.revoked_here),
        Revoked::Nothing => said(t.revoked_nothing),
        Revoked::Refused(fault) => Verdict::failed(id.as_str(), t.revoked_refused, &fault, language),
    };
    tracing::info!(account = %id, "an authorization was revoked by hand");
    let page =
        page(&posted.visitor, language, t.revoked_title.fill(&[("id", &id)]), format!("/accounts/{id}"));
    Ok(page::html(&Verdicts {
        page,
        lead: String::new(),
        verdicts: vec![verdict],
        note: None,
        back: format!("/accounts/{id}"),
        back_label: t.back_to,
    }))
}
