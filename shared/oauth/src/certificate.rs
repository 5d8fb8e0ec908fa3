//! Certificates with which clients prove themselves.

use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use x509_parser::{
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
    },
    pem::Pem,
    prelude::{FromDer as _, X509Certificate},
};

/// When a certificate in PEM ends: the first, where there are several. `None` for what is none.
pub fn certificate_ends(pem: &str) -> Option<Timestamp> {
    let der = der(pem)?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// What an assertion says of the certificate whose key signed it.
pub(crate) struct Thumbprint {
    /// How its key signs.
    pub(crate) algorithm: Algorithm,
    /// SHA-1 of the certificate, for servers that know nothing newer (RFC 7515 section 4.1.7).
    pub(crate) sha1: String,
    /// SHA-256 of the certificate (RFC 7515 section 4.1.8).
    pub(crate) sha256: String,
}

impl Thumbprint {
    /// `None` for what is no certificate, or one with a key that signs no JWT.
    pub(crate) fn of(pem: &str) -> Option<Self> {
        let der = der(pem)?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let hash = |algorithm| BASE64_URL_SAFE_NO_PAD.encode(digest::digest(algorithm, &der));
        Some(Self {
            algorithm: algorithm(&certificate)?,
            sha1: hash(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            sha256: hash(&digest::SHA256),
        })
    }
}

/// How the certificate's key signs (RFC 7518 section 3.1, RFC 8037).
fn algorithm(certificate: &X509Certificate<'_>) -> Option<Algorithm> {
    let key = &certificate.public_key().algorithm;
    let curve = key.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match (&key.algorithm, curve) {
        (kind, _) if *kind == OID_PKCS1_RSAENCRYPTION => Some(Algorithm::RS256),
        (kind, Some(curve)) if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == OID_EC_P256 => {
            Some(Algorithm::ES256)
        }
        (kind, Some(curve)) if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == OID_NIST_EC_P384 => {
            Some(Algorithm::ES384)
        }
        (kind, _) if *kind == OID_SIG_ED25519 => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// The first certificate in a PEM text.
fn der(pem: &str) -> Option<Vec<u8>> {
    let blocks = Pem::iter_from_buffer(pem.as_bytes());
    blocks.filter_map(Result::ok).find(|block| block.label == "CERTIFICATE").map(|block| block.contents)
}
