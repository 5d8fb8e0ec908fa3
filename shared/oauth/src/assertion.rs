//! Signed assertions: how a client with a certificate proves itself, and how a service account asks
//! for tokens (RFC 7523).

use crate::certificate::Thumbprint;
use aws_lc_rs::rand;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postroom_model::{Fault, FaultClass};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// How long an assertion is good for: it is used at once, and clocks differ.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// A client's assertion of itself (RFC 7523 section 3).
#[derive(Serialize)]
struct ClientClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// A service account's request for a person's mailbox
/// (<https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>).
#[derive(Serialize)]
struct ServiceAccountClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    scope: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// A `client_assertion` for the server at `audience`, signed with the key of a certificate in PEM.
/// `sha1` adds the thumbprint that Microsoft looks certificates up by
/// (<https://learn.microsoft.com/entra/identity-platform/certificate-credentials>).
pub(crate) fn of_client(
    client_id: &str,
    audience: &str,
    certificate: &str,
    key: &SecretString,
    sha1: bool,
    now: Timestamp,
) -> Result<SecretString, Fault> {
    let thumbprint = Thumbprint::of(certificate).ok_or_else(|| {
        unusable("the provider's certificate is not one with an RSA, P-256, P-384 or Ed25519 key")
    })?;
    let mut header = Header::new(thumbprint.algorithm);
    header.x5t_s256 = Some(thumbprint.sha256);
    header.x5t = sha1.then_some(thumbprint.sha1);
    let claims = ClientClaims {
        iss: client_id,
        sub: client_id,
        aud: audience,
        jti: unique()?,
        iat: now.as_second(),
        nbf: now.as_second(),
        exp: end(now),
    };
    sign(&header, &claims, key)
}

/// An assertion by which a service account asks for tokens for `subject`.
pub(crate) fn of_service_account(
    email: &str,
    key_id: &str,
    key: &SecretString,
    (subject, scopes): (&str, &[String]),
    audience: &str,
    now: Timestamp,
) -> Result<SecretString, Fault> {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key_id.to_owned());
    let scope = scopes.join(" ");
    let claims = ServiceAccountClaims {
        iss: email,
        sub: subject,
        scope,
        aud: audience,
        iat: now.as_second(),
        exp: end(now),
    };
    sign(&header, &claims, key)
}

fn sign(header: &Header, claims: &impl Serialize, key: &SecretString) -> Result<SecretString, Fault> {
    let pem = key.expose_secret().as_bytes();
    let key = match header.alg {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(pem),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
        _ => EncodingKey::from_ec_pem(pem),
    };
    // Their errors may quote what they could not read.
    let key = key
        .map_err(|_| unusable("the provider's key is not a private key in PEM that fits its certificate"))?;
    let signed = jsonwebtoken::encode(header, claims, &key)
        .map_err(|_| unusable("the provider's key does not sign as its certificate says"))?;
    Ok(signed.into())
}

fn end(now: Timestamp) -> i64 {
    now.as_second().saturating_add(LIFETIME.as_secs())
}

/// 128 random bits.
fn unique() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes)
        .map_err(|_| Fault::new(FaultClass::Unknown, "the system gives no random numbers"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn unusable(reason: &str) -> Fault {
    Fault::new(FaultClass::AppRegistration, reason)
}
