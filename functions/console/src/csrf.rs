//! Forms: that a form came from a page of ours, in the session that it was made for.
//!
//! Guarantees: a POST that a browser says came from elsewhere is refused before anything looks at it
//! ([`same_origin`]); a form of a session carries that session's token, compared in constant time
//! ([`Posted`]). The session's cookie being `SameSite=Lax` is a third fence, in the browser.

use crate::{
    app::App,
    keys::same,
    problem::Problem,
    session::{Administrator, Owner, Session},
};
use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The largest form: a page of accounts, each of them selected, is far smaller.
pub(crate) const MAX_FORM: usize = 256 * 1024;

/// The limit on bodies, as a layer.
pub(crate) fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MAX_FORM)
}

/// A form that somebody who is signed in has sent from a page of this session.
#[derive(Debug)]
pub(crate) struct Posted<V> {
    /// Who sent it.
    pub(crate) visitor: V,
    /// What it holds.
    pub(crate) fields: Fields,
}

/// Whoever forms are made for.
pub(crate) trait Visitor: FromRequestParts<App, Rejection = Problem> + Send {
    /// The token of this session's forms.
    fn csrf(&self) -> &str;
}

impl Visitor for Session {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Visitor for Administrator {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Visitor for Owner {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl<V: Visitor> FromRequest<App> for Posted<V> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor = V::from_request_parts(&mut parts, app).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), app).await?;
        if !fields.get("csrf").is_some_and(|token| same(token, visitor.csrf())) {
            return Err(Problem::foreign_form("the form's token is missing or another session's"));
        }
        Ok(Self { visitor, fields })
    }
}

/// The fields of a form, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// A field's first value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the form has the field: a box that is checked, a button that was pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl FromRequest<App> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::invalid("the body is not a form"));
        }
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|_| Problem::invalid("the form is too large or was cut off"))?;
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }
}

/// Refuses whatever a browser sends from another site's page, unless it only reads.
pub(crate) async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match refusal(request.headers(), &app.settings.public_url.origin().ascii_serialization()) {
        Some(cause) if !reads => Problem::foreign_form(cause).into_response(),
        _ => next.run(request).await,
    }
}

/// Why a form with these headers is not from a page of `origin`, where they say so.
///
/// Browsers name the origin `null` where a page has `Referrer-Policy: no-referrer`, as ours have
/// (<https://fetch.spec.whatwg.org/#append-a-request-origin-header>): then `Sec-Fetch-Site` decides,
/// which no page can set, and where a browser is too old to send that, the token alone.
fn refusal(headers: &HeaderMap, origin: &str) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => {}
        Some(_) => return Some("the browser says that the form is another site's"),
    }
    match text("origin") {
        None | Some("null") => None,
        Some(named) if named.eq_ignore_ascii_case(origin) => None,
        Some(_) => Some("the form's origin is another one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn forms_of_other_origins_are_told_apart() {
        let origin = "https://post.example";
        for (site, named, refused) in [
            (Some("same-origin"), Some("https://post.example"), false),
            (Some("same-origin"), Some("null"), false),
            (Some("none"), None, false),
            (None, Some("https://post.example"), false),
            (None, Some("null"), false),
            (None, None, false),
            (Some("cross-site"), Some("null"), true),
            (Some("cross-site"), Some("https://post.example"), true),
            (Some("same-site"), None, true),
            (Some("same-origin"), Some("https://evil.example"), true),
            (None, Some("https://post.example.evil.example"), true),
            (None, Some("http://post.example"), true),
            (None, Some("https://post.example:8443"), true),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", named)] {
                if let Some(value) = value {
                    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
                }
            }
            assert_eq!(refusal(&headers, origin).is_some(), refused, "{site:?} {named:?}");
        }
    }

    #[test]
    fn a_field_may_have_several_values() {
        let fields = Fields(url::form_urlencoded::parse(b"a=1&b=%C3%A4&a=2").into_owned().collect());
        assert_eq!(fields.get("a"), Some("1"));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.get("b"), Some("ä"));
        assert!(!fields.has("c"));
    }
}
