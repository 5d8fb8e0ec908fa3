//! The language of a page: what the person chose, else what the browser asks for, else the
//! deployment's own.

use crate::{
    app::App,
    csrf::Fields,
    keys::same,
    problem::Problem,
    session::Session,
    sign_in::own_path,
    texts::{self, Texts},
};
use axum::{
    Extension,
    extract::{FromRequestParts, State},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use std::{convert::Infallible, fmt, str::FromStr};

/// The cookie that keeps the choice. It names a language and nothing else.
pub(crate) const COOKIE: &str = "__Host-language";

/// A language that pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Language {
    /// Every language, as the choice on each page offers them.
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::De];

    /// The language of an answer to a request with these headers.
    pub(crate) fn of(headers: &HeaderMap, fallback: Self) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let chosen = text(header::COOKIE).and_then(chosen);
        chosen.or_else(|| text(header::ACCEPT_LANGUAGE).and_then(accepted)).unwrap_or(fallback)
    }

    /// All texts in this language.
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::En => &texts::EN,
            Self::De => &texts::DE,
        }
    }

    /// The language's code (BCP 47), as in `<html lang>`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The language's own name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Not a language that pages are written in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a language of the pages: en or de")]
pub struct NotALanguage(String);

impl FromStr for Language {
    type Err = NotALanguage;

    fn from_str(text: &str) -> Result<Self, NotALanguage> {
        let known = Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(text));
        known.ok_or_else(|| NotALanguage(text.chars().take(16).collect()))
    }
}

/// The language of the answer to a request.
impl FromRequestParts<App> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, app.settings.language))
    }
}

/// `POST /language`: keeps a choice for a year, and shows the page again. Anybody may choose, also
/// whoever is not signed in: a choice is nobody's secret, and other sites' forms are refused.
pub(crate) async fn choose(
    State(app): State<App>,
    session: Option<Extension<Session>>,
    fields: Fields,
) -> Result<Response, Problem> {
    let token = fields.get("csrf").unwrap_or_default();
    if session.is_some_and(|Extension(session)| !same(token, &session.csrf)) {
        return Err(Problem::foreign_form("the form's token is missing or another session's"));
    }
    let chosen = fields.get("language").unwrap_or_default();
    let language: Language = chosen.parse().map_err(Problem::invalid)?;
    let to = fields.get("to").and_then(|to| own_path(&app.settings.public_url, to));
    let cookie = format!("{COOKIE}={language}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(to.as_deref().unwrap_or("/"))).into_response())
}

/// The choice kept in the cookies of a request.
fn chosen(cookies: &str) -> Option<Language> {
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).find_map(|(_, value)| value.parse().ok())
}

/// The best of what a browser accepts (RFC 9110 section 12.5.4).
fn accepted(header: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = quality.map_or(1.0, |text| text.parse().unwrap_or(0.0));
        let primary = tag.split('-').next().unwrap_or_default();
        let Ok(language) = primary.parse::<Language>() else { continue };
        if quality > 0.0 && best.is_none_or(|(known, _)| quality > known) {
            best = Some((quality, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_choice_comes_before_the_browser_and_that_before_the_deployment() {
        let headers = |cookie: &'static str, accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
            headers
        };
        for (cookie, accept, language) in [
            ("a=b; __Host-language=de", "en", Language::De),
            ("__Host-language=xx", "de-AT,de;q=0.9,en;q=0.8", Language::De),
            ("", "fr,en;q=0.7,de;q=0.8", Language::De),
            ("", "de;q=0, en-GB;q=0.1", Language::En),
            ("", "fr, *;q=0.5", Language::De),
            ("", "de;q=high", Language::De),
        ] {
            assert_eq!(Language::of(&headers(cookie, accept), Language::De), language, "{cookie} {accept}");
        }
    }
}
