//! The language of a page: what the person chose, else what the browser asks for, else the
//! deployment's own.

pub(crate) use crate::texts::Speak;
use crate::{app::App, csrf::Fields, keys::same, problem::Problem, session::Session, sign_in::own_path};
use axum::{
    Extension,
    extract::{FromRequestParts, State},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
pub(crate) use postroom_model::Language;
use std::convert::Infallible;

/// The cookie that keeps the choice. It names a language and nothing else.
pub(crate) const COOKIE: &str = "__Host-language";

/// The language of an answer to a request with these headers.
pub(crate) fn of(headers: &HeaderMap, fallback: Language) -> Language {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let chosen = text(header::COOKIE).and_then(chosen);
    chosen.or_else(|| text(header::ACCEPT_LANGUAGE).and_then(accepted)).unwrap_or(fallback)
}

/// The language of the answer to a request.
impl FromRequestParts<App> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(of(&parts.headers, app.settings.language))
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
        let Ok(language) = primary.to_ascii_lowercase().parse::<Language>() else { continue };
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
            ("", "EN-gb", Language::En),
            ("", "de;q=high", Language::De),
        ] {
            assert_eq!(of(&headers(cookie, accept), Language::De), language, "{cookie} {accept}");
        }
    }
}
