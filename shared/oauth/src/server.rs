//! Authorization servers: where one answers and what it can do.

use crate::{
    http::Http,
    metadata::{self, Metadata},
    microsoft,
};
use postroom_model::{Endpoints, Fault, Provider};
use serde::{Deserialize, Serialize};
use url::Url;

/// Where an authorization server answers and what it can do. It holds no secret and may be kept for
/// a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServer {
    /// Its issuer, exactly as it writes it; `None` where only its addresses are known.
    pub issuer: Option<String>,
    /// Authorization endpoint (RFC 6749 section 3.1); a server for apps alone has none.
    pub authorize_url: Option<Url>,
    /// Token endpoint (RFC 6749 section 3.2).
    pub token_url: Url,
    /// Revocation endpoint (RFC 7009).
    pub revoke_url: Option<Url>,
    /// Device authorization endpoint (RFC 8628).
    pub device_url: Option<Url>,
    /// Where the keys of its id_tokens lie (RFC 7517).
    pub jwks_url: Option<Url>,
    /// What it tells of a person to whoever has that person's access token (OpenID Connect Core 1.0
    /// section 5.3).
    pub userinfo_url: Option<Url>,
    /// Whether every authorization response names the issuer (RFC 9207).
    pub iss_parameter: bool,
    /// How clients may prove themselves at the token endpoint, where the server says so.
    pub token_auth_methods: Vec<String>,
    /// Whether it issues id_tokens that can be checked.
    pub openid: bool,
}

impl AuthorizationServer {
    /// The authorization server of a provider: by discovery where an issuer is given, else as the
    /// provider says, without a request.
    ///
    /// # Errors
    /// A [`Fault`], when discovery finds nothing, another issuer, or no answer now.
    pub async fn of(http: &Http, provider: &Provider) -> Result<Self, Fault> {
        let server = match &provider.endpoints {
            Endpoints::Issuer(issuer) => Self::discovered(&Metadata::of(http, issuer).await?)?,
            Endpoints::Explicit { issuer, jwks_url, authorize_url, token_url, revoke_url, device_url } => {
                Self {
                    issuer: issuer.as_ref().map(Url::to_string),
                    authorize_url: Some(authorize_url.clone()),
                    token_url: token_url.clone(),
                    revoke_url: revoke_url.clone(),
                    device_url: device_url.clone(),
                    jwks_url: jwks_url.clone(),
                    userinfo_url: None,
                    iss_parameter: false,
                    token_auth_methods: Vec::new(),
                    openid: issuer.is_some() || microsoft::tenant(provider).is_some(),
                }
            }
        };
        // A browser is sent there, so it is checked here; the others are when they are used.
        server.authorize_url.as_ref().map_or(Ok(()), |url| http.check(url))?;
        Ok(server)
    }

    fn discovered(metadata: &Metadata) -> Result<Self, Fault> {
        let jwks_url = metadata.url("jwks_uri");
        Ok(Self {
            issuer: Some(metadata.issuer()?.to_owned()),
            authorize_url: metadata.url("authorization_endpoint"),
            token_url: metadata.token_url()?,
            revoke_url: metadata.url("revocation_endpoint"),
            device_url: metadata.url("device_authorization_endpoint"),
            userinfo_url: metadata.url("userinfo_endpoint"),
            iss_parameter: metadata.flag("authorization_response_iss_parameter_supported"),
            token_auth_methods: metadata.texts("token_endpoint_auth_methods_supported"),
            openid: metadata.openid && jwks_url.is_some(),
            jwks_url,
        })
    }

    /// Whether an authorization response with this `iss` parameter, or without one, can be this
    /// server's (RFC 9207 section 2.4).
    pub fn accepts_iss(&self, iss: Option<&str>) -> bool {
        match (iss, &self.issuer) {
            (Some(iss), Some(issuer)) => same_issuer(issuer, iss),
            // Nothing to compare it with: the server is known by its addresses alone.
            (Some(_), None) => true,
            (None, _) => !self.iss_parameter,
        }
    }
}

/// Whether two issuers are the same one; see [`metadata::is_issuer`].
pub(crate) fn same_issuer(known: &str, said: &str) -> bool {
    known == said || Url::parse(known).is_ok_and(|known| metadata::is_issuer(&known, said))
}
