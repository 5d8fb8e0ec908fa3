//! The checks of an id_token (OpenID Connect Core 1.0 section 3.1.3.7).
//!
//! Signature, issuer and audience are the `openidconnect` crate's to check; what it leaves to its
//! user is checked here: authorized party, and the times, of which it counts the first by a clock.

use crate::{Identity, classify, client::Client, metadata::Metadata, microsoft, server::same_issuer};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    ClaimsVerificationError, ClientId, IssuerUrl, Nonce,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use postroom_model::{Fault, FaultClass};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

/// How much two clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Signatures by the server's own key. None by a shared secret, and none at all, are not among them.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = {
    use CoreJwsSigningAlgorithm::*;
    [
        RsaSsaPkcs1V15Sha256,
        RsaSsaPkcs1V15Sha384,
        RsaSsaPkcs1V15Sha512,
        RsaSsaPssSha256,
        RsaSsaPssSha384,
        RsaSsaPssSha512,
        EcdsaP256Sha256,
        EcdsaP384Sha384,
        EdDsa,
    ]
};

/// Why an id_token proves nobody's identity. It never quotes the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nothing is known to check this server's id_tokens with.
    #[error("the identities of this authorization server cannot be checked: its issuer is not known")]
    NotOffered,
    /// The keys could not be fetched.
    #[error("the keys of the authorization server could not be fetched")]
    Keys(#[source] Fault),
    /// It is not an id_token.
    #[error("the authorization server sent an id_token that cannot be read")]
    Malformed,
    /// It is not signed by the server's key, or by no signature that is accepted.
    #[error("the id_token is not signed by the authorization server's key")]
    Signature,
    /// Another issuer's.
    #[error("the id_token is of another issuer")]
    Issuer,
    /// Made for another client.
    #[error("the id_token was made for another client")]
    Audience,
    /// Made for another request.
    #[error("the id_token was made for another request")]
    Nonce,
    /// Over, or not valid yet.
    #[error("the id_token is not valid at this time")]
    Time,
}

impl Client<'_> {
    /// Who an id_token is about, after every check. `nonce` is the authorization request's; the device
    /// flow has none. The server's keys are fetched each time, so that a new one is known at once.
    ///
    /// # Errors
    /// [`IdentityError`], when it proves nobody's identity, or that could not be found out now.
    pub async fn identity(
        &self,
        id_token: &SecretString,
        nonce: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Identity, IdentityError> {
        let claims = claims(id_token.expose_secret()).ok_or(IdentityError::Malformed)?;
        let token: CoreIdToken = id_token.expose_secret().parse().map_err(|_| IdentityError::Malformed)?;
        let Authority { issuer, keys } = self.authority().await?;
        let expected = of_directory(&issuer, &claims);
        let said = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        if !same_issuer(&expected, said) {
            return Err(IdentityError::Issuer);
        }
        let issuer = IssuerUrl::new(said.to_owned()).map_err(|_| IdentityError::Issuer)?;
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.provider.client_id.clone()),
            issuer,
            self.keys(&keys).await.map_err(IdentityError::Keys)?,
        )
        .set_allowed_algs(ALGORITHMS)
        // The times are compared below, with `now`.
        .set_time_fn(Default::default);
        let nonce = nonce.map(|nonce| Nonce::new(nonce.expose_secret().to_owned()));
        match nonce {
            Some(nonce) => token.claims(&verifier, &nonce),
            None => token.claims(&verifier, |_: Option<&Nonce>| Ok(())),
        }
        .map_err(|error| refusal(&error))?;
        check_party(&claims, &self.provider.client_id)?;
        check_times(&claims, now)?;
        Identity::read(claims, !self.provider.is_shared_directory()).ok_or(IdentityError::Malformed)
    }

    /// Whose id_tokens are accepted, and where the keys are.
    async fn authority(&self) -> Result<Authority, IdentityError> {
        let tenant = microsoft::tenant(self.provider);
        let known = |issuer: &str, keys: &Url| Authority { issuer: issuer.to_owned(), keys: keys.clone() };
        let metadata = match (&self.server.issuer, &self.server.jwks_url, &self.server.authorize_url, tenant)
        {
            _ if !self.server.openid => return Err(IdentityError::NotOffered),
            (Some(issuer), Some(keys), ..) => return Ok(known(issuer, keys)),
            (Some(issuer), None, ..) => {
                let issuer = Url::parse(issuer).map_err(|_| IdentityError::NotOffered)?;
                Metadata::of(self.http, &issuer).await
            }
            (None, _, Some(authorize), Some(tenant)) => {
                Metadata::of_microsoft(self.http, authorize, tenant).await
            }
            _ => return Err(IdentityError::NotOffered),
        }
        .map_err(IdentityError::Keys)?;
        let keys = metadata.url("jwks_uri").ok_or(IdentityError::NotOffered)?;
        Ok(known(metadata.issuer().map_err(IdentityError::Keys)?, &keys))
    }

    async fn keys(&self, url: &Url) -> Result<CoreJsonWebKeySet, Fault> {
        let answer = self.http.get(url, None).await?;
        if !answer.is_success() {
            return Err(classify(answer.status, answer.body(), answer.retry_after));
        }
        serde_json::from_str(answer.body())
            .map_err(|_| Fault::new(FaultClass::Protocol, format!("{url} answers without a set of keys")))
    }
}

/// Whose id_tokens are accepted, and where the keys are.
struct Authority {
    issuer: String,
    keys: Url,
}

/// The issuer of a Microsoft directory that is shared: the token says which directory it is of
/// (<https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer>).
fn of_directory(issuer: &str, claims: &Map<String, Value>) -> String {
    let plain = |c: char| c.is_ascii_hexdigit() || c == '-';
    let tenant = claims.get("tid").and_then(Value::as_str).filter(|tid| tid.chars().all(plain));
    issuer.replace("{tenantid}", tenant.unwrap_or_default())
}

/// The claims of a token, unchecked.
fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn refusal(error: &ClaimsVerificationError) -> IdentityError {
    match error {
        ClaimsVerificationError::InvalidIssuer(_) => IdentityError::Issuer,
        ClaimsVerificationError::InvalidAudience(_) => IdentityError::Audience,
        ClaimsVerificationError::InvalidNonce(_) => IdentityError::Nonce,
        ClaimsVerificationError::Expired(_) => IdentityError::Time,
        ClaimsVerificationError::SignatureVerification(_) => IdentityError::Signature,
        _ => IdentityError::Malformed,
    }
}

/// Steps 4 and 5: a token for several must say for whom, and that must be us.
fn check_party(claims: &Map<String, Value>, client_id: &str) -> Result<(), IdentityError> {
    let several = claims.get("aud").and_then(Value::as_array).is_some_and(|aud| aud.len() > 1);
    match claims.get("azp") {
        None if !several => Ok(()),
        Some(party) if party == client_id => Ok(()),
        _ => Err(IdentityError::Audience),
    }
}

/// Steps 9 and 10, and `nbf` (RFC 7519 section 4.1.5).
fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), IdentityError> {
    let second = |name: &str| claims.get(name).and_then(Value::as_f64);
    let (now, skew) = (now.as_second() as f64, SKEW.as_secs_f64());
    let ended = second("exp").is_none_or(|exp| exp + skew <= now);
    let to_come = |name: &str| second(name).is_some_and(|at| at - skew > now);
    if ended || to_come("iat") || to_come("nbf") { Err(IdentityError::Time) } else { Ok(()) }
}
