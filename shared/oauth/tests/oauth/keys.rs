//! Keys, certificates and signed tokens.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd};
use serde_json::{Value, json};
use std::sync::LazyLock;
use x509_parser::{
    pem::parse_x509_pem,
    prelude::{FromDer as _, X509Certificate},
    public_key::PublicKey,
};

/// A key with a certificate for it.
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) certificate: String,
    pub(crate) der: Vec<u8>,
}

/// RSA keys take seconds to make: one is the server's, or the client's, and one is another's.
pub(crate) static RSA: LazyLock<Pair> = LazyLock::new(|| Pair::new(&PKCS_RSA_SHA256));
pub(crate) static OTHER_RSA: LazyLock<Pair> = LazyLock::new(|| Pair::new(&PKCS_RSA_SHA256));
pub(crate) static EC: LazyLock<Pair> = LazyLock::new(|| Pair::new(&PKCS_ECDSA_P256_SHA256));

impl Pair {
    fn new(kind: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(kind).expect("a key");
        let mut params = CertificateParams::new(["client.example".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 9, 30);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { key: key.serialize_pem(), certificate: certificate.pem(), der: certificate.der().to_vec() }
    }

    /// The public key as a server publishes it (RFC 7517), or as a verifier takes it.
    pub(crate) fn public(&self, kid: &str) -> Value {
        let (_, pem) = parse_x509_pem(self.certificate.as_bytes()).expect("PEM");
        let (_, certificate) = X509Certificate::from_der(&pem.contents).expect("a certificate");
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match certificate.public_key().parsed().expect("a key") {
            PublicKey::RSA(rsa) => {
                let modulus = rsa.modulus.strip_prefix(&[0]).unwrap_or(rsa.modulus);
                json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": text(modulus), "e": text(rsa.exponent) })
            }
            PublicKey::EC(point) => {
                let (x, y) = point.data()[1..].split_at(32);
                json!({ "kty": "EC", "kid": kid, "use": "sig", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            _ => panic!("neither RSA nor EC"),
        }
    }

    /// A token of these claims, signed with this key.
    pub(crate) fn sign(&self, kid: &str, claims: &Value) -> String {
        let ec = self.key == EC.key;
        let mut header = Header::new(if ec { Algorithm::ES256 } else { Algorithm::RS256 });
        header.kid = Some(kid.to_owned());
        let pem = self.key.as_bytes();
        let key = if ec { EncodingKey::from_ec_pem(pem) } else { EncodingKey::from_rsa_pem(pem) };
        jsonwebtoken::encode(&header, claims, &key.expect("a key")).expect("signs")
    }
}
