//! What came of a consent, carried to the page that is seen next.
//!
//! Guarantees: it is shown once, to the browser that it is for, and about one account.

use crate::{
    app::App,
    language::Language,
    outcome::{Outcome, Report},
    problem::Problem,
    session::{dropped, jar, opened, sealed},
};
use axum::{extract::FromRequestParts, http::request::Parts};
use axum_extra::extract::PrivateCookieJar;
use postroom_model::AccountId;
use serde::{Deserialize, Serialize};

const COOKIE: &str = "__Host-postroom-notice";

/// What came of an account's consent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// The account.
    pub(crate) account: AccountId,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

impl Notice {
    /// The jar with the notice for the next page.
    pub(crate) fn kept_in(&self, jar: PrivateCookieJar) -> PrivateCookieJar {
        jar.add(sealed(COOKIE.to_owned(), self))
    }
}

/// The notice that a page is to show, if there is one. The page's answer takes [`Noticed::jar`] with
/// it, so that the notice is not shown again.
pub(crate) struct Noticed {
    notice: Option<Notice>,
    /// The cookies without the notice.
    pub(crate) jar: PrivateCookieJar,
}

impl Noticed {
    /// What came of the account's consent, in words.
    pub(crate) fn report(&self, account: &AccountId, language: Language) -> Option<Report> {
        let notice = self.notice.as_ref().filter(|notice| notice.account == *account)?;
        Some(Report::new(account, &notice.outcome, language))
    }
}

impl FromRequestParts<App> for Noticed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let jar = jar(app, &parts.headers).await?;
        let notice = opened(&jar, COOKIE);
        Ok(Self { notice, jar: dropped(jar, COOKIE.to_owned()) })
    }
}
