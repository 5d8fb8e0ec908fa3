//! A browser: it keeps cookies, and sends forms with the token that the page has.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
};
use std::collections::BTreeMap;
use tower::ServiceExt;
use url::{Url, form_urlencoded};

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    /// The token of the last page that had forms.
    pub(crate) csrf: Option<String>,
}

/// A page, or whatever else was answered.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), csrf: None }
    }

    /// The same browser at another console.
    pub(crate) fn with(self, router: Router) -> Self {
        Self { router, ..self }
    }

    /// Asks for a page.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// Asks for a page, and for those that it redirects to.
    pub(crate) async fn follow(&mut self, path: &str) -> Page {
        let mut page = self.get(path).await;
        for _ in 0..5 {
            let Some(to) = page.location().filter(|to| to.starts_with('/')) else { return page };
            page = self.get(&to).await;
        }
        panic!("too many redirects");
    }

    /// Sends a form of a page that was seen.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.csrf.clone();
        let token = csrf.as_deref().map(|token| ("csrf", token));
        let fields: Vec<_> = fields.iter().copied().chain(token).collect();
        self.post_as(path, &fields, "http://console.test", "same-origin").await
    }

    /// Sends a form and follows where it leads.
    pub(crate) async fn post_and_follow(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.post(path, fields).await;
        match page.location() {
            Some(to) => self.follow(&to).await,
            None => page,
        }
    }

    /// Sends a form as if another page had made it.
    pub(crate) async fn post_as(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        origin: &str,
        site: &str,
    ) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, origin)
            .header("sec-fetch-site", site)
            .body(body.into());
        self.send(request.expect("a request")).await
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Page {
        if !self.cookies.is_empty() {
            let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            let cookies = cookies.collect::<Vec<_>>().join("; ");
            request.headers_mut().insert(header::COOKIE, cookies.parse().expect("cookies"));
        }
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        self.keep_cookies(&response);
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.expect("a body");
        let text = String::from_utf8(bytes.to_vec()).expect("a text");
        let page = Page { status: parts.status, headers: parts.headers, text };
        if let Some(token) = page.field("csrf") {
            self.csrf = Some(token);
        }
        page
    }

    fn keep_cookies(&mut self, response: &Response<Body>) {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a text");
            let (pair, attributes) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a cookie");
            for wanted in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
                assert!(attributes.contains(wanted), "{cookie}");
            }
            assert!(name.starts_with("__Host-") && !attributes.contains("Domain"), "{cookie}");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Presses the button that leads to an authorization server: where it leads.
    pub(crate) async fn leave(&mut self, path: &str, fields: &[(&str, &str)]) -> Url {
        let page = self.post(path, fields).await;
        page.leads_to().unwrap_or_else(|| panic!("{path} does not lead away: {page:?}"))
    }
}

impl Page {
    /// Where a redirect leads.
    pub(crate) fn location(&self) -> Option<String> {
        let location = self.headers.get(header::LOCATION)?;
        Some(location.to_str().expect("a text").to_owned())
    }

    /// Where the browser is sent by itself, to another host.
    pub(crate) fn leads_to(&self) -> Option<Url> {
        let refresh = self.headers.get(header::REFRESH)?.to_str().expect("a text");
        let (_, url) = refresh.split_once("; url=").expect("an address");
        Some(Url::parse(url).expect("a URL"))
    }

    /// The value of the first hidden field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        Some(rest.split('"').next().unwrap_or_default().to_owned())
    }

    /// Whether the page says this, with HTML's own characters written as they are meant.
    pub(crate) fn says(&self, text: &str) -> bool {
        let plain = self.text.replace("&#39;", "'").replace("&#38;", "&");
        plain.contains(text)
    }

    /// Asserts that this is the page of a problem: with a reference number, and nothing that happened
    /// inside.
    pub(crate) fn is_problem(&self, status: StatusCode, title: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.says(title), "no {title:?} in {self:?}");
        assert!(self.says("reference number") && self.says("<code>"), "{self:?}");
        for inside in ["panicked", "src/", "DynamoDB", "Err(", "::"] {
            assert!(!self.text.replace("http://", "").contains(inside), "{inside} in {self:?}");
        }
    }
}
