//! What every answer carries, and how often one place may ask.

use crate::{app::App, problem::Problem};
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderName, HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};
use jiff::SignedDuration;
use lambda_http::request::RequestContext;
use std::{convert::Infallible, net::IpAddr};

/// Everything comes from this host, forms go to it, and nobody frames its pages. No script or style
/// stands in a page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Two years, for this host alone: what lies below its name is not ours.
const HSTS: &str = "max-age=63072000";

/// Adds to every answer what makes browsers careful with it
/// (<https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html>).
pub(crate) async fn headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.settings.public_url.scheme() == "https" {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page that somebody goes to: no image, script or frame, by which another site would make a browser
/// ask for it unseen (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header>). Old browsers do
/// not say what they ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Navigation;

impl<S: Send + Sync> FromRequestParts<S> for Navigation {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.headers.get("sec-fetch-dest").map(HeaderValue::as_bytes) {
            None | Some(b"document" | b"empty") => Ok(Self),
            Some(_) => Err(Problem::invalid("the browser asks for it as a part of another page")),
        }
    }
}

/// What is counted, and how often it may come from one place within a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limited {
    /// Answers of authorization servers.
    Callback,
    /// Sign-ins that are begun.
    SignIn,
    /// Owners' links that are opened.
    Link,
}

impl Limited {
    fn name(self) -> &'static str {
        match self {
            Self::Callback => "callbacks",
            Self::SignIn => "sign-ins",
            Self::Link => "links",
        }
    }

    fn most(self) -> u64 {
        match self {
            Self::Callback => 30,
            Self::SignIn | Self::Link => 10,
        }
    }
}

/// Where a request comes from, as API Gateway saw it; no header that a client writes is believed.
#[derive(Debug, Clone)]
pub(crate) struct Source(String);

impl Source {
    /// Refuses what comes too often. What is counted cannot be traced back to an address. Where the
    /// registry cannot count, everything may pass: the pages behind it check all there is to check.
    pub(crate) async fn limit(&self, app: &App, what: Limited) -> Result<(), Problem> {
        let now = app.now();
        let minute = now.as_second() / 60;
        let key = app.keys().await?.name(&format!("{} {} {minute}", what.name(), self.0));
        let until = now.saturating_add(SignedDuration::from_mins(2)).unwrap_or(now);
        match app.registry.count_ephemeral("requests", &key, until, now).await {
            Ok(count) if count > what.most() => Err(Problem::too_many(what.name())),
            Ok(_) => Ok(()),
            Err(error) => {
                if !app.refusals.noted(error.refusal()) {
                    tracing::error!(%error, "requests could not be counted, and were not limited");
                }
                Ok(())
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let context = parts.extensions.get::<RequestContext>();
        let address = match context {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            _ => None,
        };
        Ok(Self(network(address.unwrap_or_default())))
    }
}

/// The network that one customer of a provider has: an IPv4 address, or the first half of an IPv6 one.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(v6)) => v6.segments()[..4].iter().map(|part| format!("{part:x}:")).collect(),
        Ok(v4) => v4.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:"),
            ("2001:db8:1:2::1", "2001:db8:1:2:"),
            ("", "unknown"),
        ] {
            assert_eq!(network(address), expected);
        }
    }
}
