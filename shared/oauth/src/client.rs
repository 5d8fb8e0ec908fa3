//! A client at its authorization server, and how it proves itself there.

use crate::{
    assertion,
    http::{Http, HttpAnswer},
    server::AuthorizationServer,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use oauth2::{
    AuthType, ClientId, EndpointNotSet, EndpointSet, TokenUrl, basic::BasicClient, http::HeaderValue,
};
use postroom_model::{ClientAuth, ClientSecret, Fault, FaultClass, Preset, Provider};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

/// `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client of the `oauth2` crate that knows its token endpoint.
pub(crate) type TokenClient =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What a request of that client sends in addition.
pub(crate) type ExtraParameters = Vec<(&'static str, String)>;

/// An app registration at its authorization server. Every answer that is an error is a [`Fault`] whose
/// class says who must act.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    pub(crate) http: &'a Http,
    pub(crate) server: &'a AuthorizationServer,
    pub(crate) provider: &'a Provider,
    pub(crate) secret: Option<&'a ClientSecret>,
}

/// What a client sends beside a request to prove itself.
pub(crate) enum Proof {
    /// Nothing but its id: a public client.
    None,
    /// Its secret (RFC 6749 section 2.3.1).
    Secret { secret: SecretString, how: AuthType },
    /// A signed assertion (RFC 7523 section 2.2).
    Assertion(SecretString),
}

impl<'a> Client<'a> {
    /// The client of a provider, with what the vault has to prove it.
    pub fn new(
        http: &'a Http,
        server: &'a AuthorizationServer,
        provider: &'a Provider,
        secret: Option<&'a ClientSecret>,
    ) -> Self {
        Self { http, server, provider, secret }
    }

    /// How this client proves itself at `now`.
    pub(crate) fn proof(&self, now: Timestamp) -> Result<Proof, Fault> {
        match (self.provider.client_auth, self.secret) {
            (ClientAuth::Public, _) => Ok(Proof::None),
            (ClientAuth::Secret, Some(ClientSecret::Secret(secret))) => {
                Ok(Proof::Secret { secret: secret.clone(), how: self.secret_method() })
            }
            (ClientAuth::Certificate, Some(ClientSecret::Certificate { certificate, key })) => {
                let audience = self.server.token_url.as_str();
                let microsoft = self.provider.preset == Preset::Microsoft;
                let id = &self.provider.client_id;
                assertion::of_client(id, audience, certificate, key, microsoft, now).map(Proof::Assertion)
            }
            (ClientAuth::ServiceAccount, _) => Err(Fault::new(
                FaultClass::Configuration,
                "a provider with a service account's key serves accounts with grant = \"service_account\" only",
            )),
            _ => Err(Fault::new(
                FaultClass::Configuration,
                "what the provider proves itself with is not in the vault: apply it again",
            )),
        }
    }

    /// `client_secret_basic`, which every server must take (RFC 6749 section 2.3.1), unless this one
    /// says that it takes `client_secret_post` alone.
    fn secret_method(&self) -> AuthType {
        let offers = |method: &str| self.server.token_auth_methods.iter().any(|offered| offered == method);
        if offers("client_secret_post") && !offers("client_secret_basic") {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        }
    }

    /// The `oauth2` crate's client, with what else proves it as extra parameters.
    pub(crate) fn token_client(&self, now: Timestamp) -> Result<(TokenClient, ExtraParameters), Fault> {
        let client = BasicClient::new(ClientId::new(self.provider.client_id.clone()))
            .set_token_uri(TokenUrl::from_url(self.server.token_url.clone()));
        Ok(match self.proof(now)? {
            Proof::None => (client.set_auth_type(AuthType::RequestBody), Vec::new()),
            Proof::Secret { secret, how } => {
                let secret = oauth2::ClientSecret::new(secret.expose_secret().to_owned());
                (client.set_client_secret(secret).set_auth_type(how), Vec::new())
            }
            Proof::Assertion(assertion) => {
                let extra = [
                    ("client_assertion_type", ASSERTION_TYPE.to_owned()),
                    ("client_assertion", assertion.expose_secret().to_owned()),
                ];
                (client.set_auth_type(AuthType::RequestBody), extra.into())
            }
        })
    }

    /// Posts a form of this client's that the `oauth2` crate has no request for.
    pub(crate) async fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<HttpAnswer, Fault> {
        let id = self.provider.client_id.as_str();
        let mut form = form.to_vec();
        match self.proof(now)? {
            Proof::None => {
                form.push(("client_id", id));
                self.http.post(url, None, &form).await
            }
            Proof::Secret { secret, how: AuthType::BasicAuth } => {
                self.http.post(url, basic(id, &secret), &form).await
            }
            Proof::Secret { secret, .. } => {
                form.extend([("client_id", id), ("client_secret", secret.expose_secret())]);
                self.http.post(url, None, &form).await
            }
            Proof::Assertion(assertion) => {
                form.extend([
                    ("client_id", id),
                    ("client_assertion_type", ASSERTION_TYPE),
                    ("client_assertion", assertion.expose_secret()),
                ]);
                self.http.post(url, None, &form).await
            }
        }
    }
}

/// The value of an `Authorization` header (RFC 6749 section 2.3.1: both parts form-encoded first).
fn basic(id: &str, secret: &SecretString) -> Option<HeaderValue> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose_secret()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
