//! Requests to authorization servers.
//!
//! An answer is read up to [`MAX_BODY`] and within one time limit for the whole request. Redirects are
//! not followed and proxies are not taken from the environment: a request with a secret in it goes
//! where the provider says, or nowhere.

use crate::{
    destination::{self, Resolver},
    failure,
};
use jiff::fmt::rfc2822::DateTimeParser;
use oauth2::{
    HttpRequest,
    http::{HeaderMap, HeaderValue, Method, header},
};
use postroom_model::{Fault, FaultClass};
use postroom_trust::TrustError;
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, sync::Arc, time::Duration};
use url::{Url, form_urlencoded};

/// The longest answer that is read, in bytes: 64 KiB. Token answers and metadata are a tenth of it.
const MAX_BODY: usize = 64 * 1024;
/// How long an unused connection is kept for the next request: as long as one run of accounts takes,
/// not until a later run, when the server may have closed it unseen.
const KEEP_UNUSED: Duration = Duration::from_secs(10);

/// What a deployment allows and how long it waits.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Private CAs in PEM, trusted in addition to the system's.
    pub extra_ca_pem: Option<String>,
    /// Whether addresses of this machine and its link may be connected to, those of this machine
    /// without TLS too; for local stacks only.
    pub allow_local: bool,
    /// Hosts that may be spoken to without TLS.
    pub plaintext_hosts: Vec<String>,
    /// The longest time for a whole request: name resolution, connection, and the answer to its end.
    pub timeout: Duration,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// There are no certificates to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Sends requests. Cheap to clone; one is enough for a process. `Debug` is safe to print.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

struct Inner {
    settings: HttpSettings,
    client: reqwest::Client,
}

impl Http {
    /// Loads the system's roots and reads the private CAs.
    ///
    /// # Errors
    /// [`HttpError`], when the private CAs cannot be read or there is no root at all.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(postroom_trust::client_config(settings.extra_ca_pem.as_deref())?)
            .dns_resolver(Arc::new(Resolver { allow_local: settings.allow_local }))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("postroom/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.timeout / 2)
            .timeout(settings.timeout)
            .pool_idle_timeout(KEEP_UNUSED)
            .build()
            .map_err(HttpError::Client)?;
        Ok(Self(Arc::new(Inner { settings, client })))
    }

    /// Refuses a URL to which nothing may be sent, and no browser either.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Fault> {
        destination::check(url, &self.0.settings).map_err(|refused| Fault::from(&refused))
    }

    /// Asks for a document of JSON, with the value of an `Authorization` header where there is one.
    pub(crate) async fn get(
        &self,
        url: &Url,
        authorization: Option<HeaderValue>,
    ) -> Result<HttpAnswer, Fault> {
        let mut request = reqwest::Request::new(Method::GET, url.clone());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        self.execute(request).await
    }

    /// Posts a form, with the value of an `Authorization` header where there is one.
    pub(crate) async fn post(
        &self,
        url: &Url,
        authorization: Option<HeaderValue>,
        form: &[(&str, &str)],
    ) -> Result<HttpAnswer, Fault> {
        let mut request = reqwest::Request::new(Method::POST, url.clone());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_type);
        headers.extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        *request.body_mut() = Some(body.into());
        self.execute(request).await
    }

    /// Sends a request that the `oauth2` crate built.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, Fault> {
        let request = reqwest::Request::try_from(request)
            .map_err(|_| Fault::new(FaultClass::Bug, "a request that cannot be sent"))?;
        self.execute(request).await
    }

    async fn execute(&self, request: reqwest::Request) -> Result<HttpAnswer, Fault> {
        self.check(request.url())?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let failed = |error: reqwest::Error| failure::fault(&host, &error);
        let mut response = self.0.client.execute(request).await.map_err(failed)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(too_long(status, retry_after));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body).into_owned().into();
        Ok(HttpAnswer { status, retry_after, body })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.0.settings).finish()
    }
}

/// What a server answered. The body may hold tokens: `Debug` does not print it.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// `Retry-After` (RFC 9110 section 10.2.3).
    pub(crate) retry_after: Option<Duration>,
    body: SecretString,
}

impl HttpAnswer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body; what is not UTF-8 in it is replaced.
    pub(crate) fn body(&self) -> &str {
        self.body.expose_secret()
    }
}

/// An answer that is longer than any of OAuth: judged by its status alone.
fn too_long(status: u16, retry_after: Option<Duration>) -> Fault {
    let class = crate::classify(status, "", None).class;
    let fault = Fault::new(class, format!("HTTP {status} with an answer of more than {MAX_BODY} bytes"));
    match retry_after {
        Some(pause) => fault.with_retry_after(pause),
        None => fault,
    }
}

/// `Retry-After` in seconds, or as a date, which is counted from the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let value: &str = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    date(value)?.duration_since(date(text(header::DATE)?)?).try_into().ok()
}
