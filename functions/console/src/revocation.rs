//! The end of an account's authorization at a person's wish.
//!
//! Guarantees: it asks before it does anything, and says what became of it at the provider, and until
//! when mailboxes may open all the same: a warm `fetch` uses an access token to its end, and a mail server
//! may take it whatever the provider has revoked (RFC 7009 section 3).
//!
//! Left out: accounts that need nobody's consent. Whatever of theirs is revoked, the next fetch gets anew.

use crate::{
    account::{PATIENCE, page},
    app::{App, Id},
    calendar::Clock,
    csrf::Posted,
    language::{Language, Speak},
    page::{self, Page},
    problem::Problem,
    session::Administrator,
    texts::{Fill, account::Account as AccountTexts},
    verdict::{Verdict, Verdicts},
};
use askama::Template;
use axum::{extract::State as FromState, response::Response};
use jiff::Timestamp;
use postroom_model::{AccountId, AccountStatus, Grant};
use postroom_tokens::Revoked;

#[derive(Template)]
#[template(path = "revoke.html")]
struct RevokePage<'a> {
    page: Page<'a>,
    id: &'a str,
    stops: String,
    still_opens: Option<String>,
}

/// `POST /accounts/{id}/revoke`: asks, and does it once the answer is yes.
pub(crate) async fn revoke(
    FromState(app): FromState<App>,
    language: Language,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    let t = &language.texts().account;
    let (account, status) = futures::try_join!(app.registry.account(&id), app.registry.account_status(&id))?;
    let account = account.ok_or_else(Problem::not_found)?;
    if let Some(because) = irrevocable(account.grant, t) {
        let verdict = Verdict::refused(id.as_str(), t.revoke, because);
        return Ok(revoked_page(&posted.visitor, language, &id, verdict, None));
    }
    let still_opens = still_opens(&status, app.clock(language));
    if posted.fields.get("confirmed") != Some("yes") {
        let mailboxes = app.registry.mailboxes_of(&id).await?;
        let page =
            page(&posted.visitor, language, t.revoke_title.fill(&[("id", &id)]), format!("/accounts/{id}"));
        let stops = t.revoke_count.fill(&[("n", &mailboxes.len())]);
        return Ok(page::html(&RevokePage { page, id: id.as_str(), stops, still_opens }));
    }
    let until = app.now().saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let said = |text: &str| Verdict::well(id.as_str(), t.revoke, text.to_owned());
    let revoked = app.tokens.revoke(&id, until).await?;
    match &revoked {
        Revoked::AtServer | Revoked::OnlyHere => {
            tracing::info!(account = %id, "an authorization was revoked by hand");
        }
        Revoked::Refused(fault) => {
            tracing::warn!(account = %id, class = %fault.class, "an authorization was not revoked");
        }
        Revoked::Nothing => {}
    }
    let (verdict, note) = match revoked {
        Revoked::AtServer => (said(t.revoked_at_server), still_opens),
        Revoked::OnlyHere => (said(t.revoked_here), still_opens),
        Revoked::Nothing => (said(t.revoked_nothing), None),
        Revoked::Refused(fault) => (Verdict::failed(id.as_str(), t.revoked_refused, &fault, language), None),
    };
    Ok(revoked_page(&posted.visitor, language, &id, verdict, note))
}

fn revoked_page(
    administrator: &Administrator,
    language: Language,
    id: &AccountId,
    verdict: Verdict,
    note: Option<String>,
) -> Response {
    let t = &language.texts().account;
    let page = page(administrator, language, t.revoked_title.fill(&[("id", id)]), format!("/accounts/{id}"));
    let (back, back_label) = (format!("/accounts/{id}"), t.back_to);
    page::html(&Verdicts { page, lead: String::new(), verdicts: vec![verdict], note, back, back_label })
}

/// Why revoking would stop nothing, where nobody's consent is needed.
pub(crate) fn irrevocable(grant: Grant, t: &AccountTexts) -> Option<&'static str> {
    match grant {
        Grant::AuthorizationCode | Grant::DeviceCode => None,
        Grant::ClientCredentials | Grant::ServiceAccount => Some(t.revoke_not),
        Grant::Password => Some(t.revoke_not_password),
    }
}

/// Until when mailboxes may open with what was issued already; `None`: they do not.
fn still_opens(status: &AccountStatus, clock: Clock<'_>) -> Option<String> {
    let t = &clock.language.texts().account;
    if status.obtained_at.is_none() && status.journal.is_none() {
        return None;
    }
    match status.access_expires_at {
        Some(end) if end <= clock.now => None,
        Some(end) => Some(t.revoke_until.fill(&[("when", &clock.moment(end))])),
        None => Some(t.revoke_until_unknown.to_owned()),
    }
}
