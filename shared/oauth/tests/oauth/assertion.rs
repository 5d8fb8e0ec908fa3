//! Signed assertions, checked with the public key as a server would.

use crate::{
    explicit, http,
    keys::{EC, OTHER_RSA, Pair, RSA},
    now, provider,
    server::{Reply, Request, Server},
    texts,
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header, jwk::Jwk};
use postroom_model::{ClientAuth, ClientSecret, FaultClass, Preset};
use postroom_oauth::{AuthorizationServer, Client, certificate_ends};
use serde_json::{Value, json};
use std::collections::HashSet;

fn tokens() -> Reply {
    Reply::json(&json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 3600 }))
}

fn certificate(pair: &Pair) -> ClientSecret {
    ClientSecret::Certificate { certificate: pair.certificate.clone(), key: pair.key.as_str().into() }
}

/// The claims of a token that the public key has signed.
fn verified(token: &str, pair: &Pair, algorithm: Algorithm) -> Value {
    let jwk: Jwk = serde_json::from_value(pair.public("any")).expect("a key");
    let mut validation = Validation::new(algorithm);
    // The time is the test's own.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims = HashSet::new();
    let key = DecodingKey::from_jwk(&jwk).expect("a key");
    jsonwebtoken::decode::<Value>(token, &key, &validation).expect("signed with the key").claims
}

/// One request of a client with a certificate.
async fn prove(secret: &ClientSecret, preset: Preset) -> (Server, Request) {
    let server = Server::saying(tokens).await;
    let mut provider = provider(explicit(&server.url));
    provider.client_auth = ClientAuth::Certificate;
    provider.preset = preset;
    provider.tenant = Some("contoso.onmicrosoft.com".to_owned());
    let http = http();
    let found = AuthorizationServer::of(&http, &provider).await.expect("no request");
    let client = Client::new(&http, &found, &provider, Some(secret));
    let scopes = texts(&["https://outlook.office365.com/.default"]);
    client.client_credentials(&scopes, now()).await.expect("tokens");
    let request = server.only();
    (server, request)
}

#[tokio::test]
async fn a_client_with_a_certificate_proves_itself_by_its_signature() {
    for (pair, algorithm) in [(&*RSA, Algorithm::RS256), (&*EC, Algorithm::ES256)] {
        let (server, request) = prove(&certificate(pair), Preset::Microsoft).await;
        let form = &request.form;
        let jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(form["client_assertion_type"], jwt_bearer);
        assert_eq!(form["client_id"], "post room");
        assert!(!form.contains_key("client_secret") && !request.headers.contains_key("authorization"));
        let assertion = &form["client_assertion"];
        let claims = verified(assertion, pair, algorithm);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("post room"), &json!("post room")));
        assert_eq!(claims["aud"], server.url.join("/token").expect("a path").as_str());
        assert_eq!(claims["exp"], now().as_second() + 300);
        assert_eq!((&claims["iat"], &claims["nbf"]), (&json!(now().as_second()), &json!(now().as_second())));
        let header = decode_header(assertion).expect("a header");
        let thumbprint = |hash| Some(BASE64_URL_SAFE_NO_PAD.encode(digest(hash, &pair.der)));
        assert_eq!(header.x5t_s256, thumbprint(&SHA256));
        assert_eq!(header.x5t, thumbprint(&SHA1_FOR_LEGACY_USE_ONLY));
        let (_, again) = prove(&certificate(pair), Preset::Custom).await;
        let assertion = &again.form["client_assertion"];
        assert_ne!(verified(assertion, pair, algorithm)["jti"], claims["jti"], "each has its own");
        assert_eq!(decode_header(assertion).expect("a header").x5t, None, "SHA-1 is Microsoft's alone");
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_the_operators_to_mend() {
    let server = Server::saying(tokens).await;
    let mut provider = provider(explicit(&server.url));
    provider.client_auth = ClientAuth::Certificate;
    let http = http();
    let found = AuthorizationServer::of(&http, &provider).await.expect("no request");
    let pair = |certificate: &str, key: &str| ClientSecret::Certificate {
        certificate: certificate.to_owned(),
        key: key.into(),
    };
    for secret in [
        pair("no certificate", &RSA.key),
        pair(&RSA.certificate, "s3cret, no key"),
        pair(&RSA.certificate, &EC.key),
        pair(&EC.certificate, &RSA.key),
    ] {
        let client = Client::new(&http, &found, &provider, Some(&secret));
        let fault = client.client_credentials(&[], now()).await.expect_err("refused");
        assert_eq!(fault.class, FaultClass::AppRegistration, "{fault}");
        assert!(!fault.reason.contains("s3cret"), "{fault}");
    }
    // A secret is not sent in a certificate's place.
    let secret = ClientSecret::Secret("s3cret".into());
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let fault = client.client_credentials(&[], now()).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_service_account_asks_for_a_mailbox_by_its_signature() {
    let server = Server::saying(tokens).await;
    let mut provider = provider(explicit(&server.url));
    provider.client_auth = ClientAuth::ServiceAccount;
    let http = http();
    let found = AuthorizationServer::of(&http, &provider).await.expect("no request");
    let secret = ClientSecret::ServiceAccount {
        email: "post@project.iam.example".to_owned(),
        key_id: "k1".to_owned(),
        key: OTHER_RSA.key.as_str().into(),
    };
    let client = Client::new(&http, &found, &provider, Some(&secret));
    let scopes = texts(&["https://mail.google.com/", "b"]);
    client.service_account("plans@example.com", &scopes, now()).await.expect("tokens");
    let request = server.only();
    assert_eq!(request.form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(request.form.len(), 2, "the assertion is all the proof: {:?}", request.form);
    let claims = verified(&request.form["assertion"], &OTHER_RSA, Algorithm::RS256);
    let token_url = server.url.join("/token").expect("a path");
    assert_eq!(
        claims,
        json!({
            "iss": "post@project.iam.example", "sub": "plans@example.com",
            "scope": "https://mail.google.com/ b", "aud": token_url.as_str(),
            "iat": now().as_second(), "exp": now().as_second() + 300,
        })
    );
    let header = decode_header(&request.form["assertion"]).expect("a header");
    assert_eq!(header.kid.as_deref(), Some("k1"));
    // Such a key is good for nothing else, and nothing else is good for it.
    let fault = client.client_credentials(&scopes, now()).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
    let client = Client::new(&http, &found, &provider, None);
    let fault = client.service_account("plans@example.com", &scopes, now()).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
}

#[test]
fn a_certificates_end_is_read_from_it() {
    let ends = certificate_ends(&RSA.certificate).expect("it has one");
    assert_eq!(ends.to_string(), "2027-09-30T00:00:00Z");
    let with_key_first = format!("{}{}", EC.key, EC.certificate);
    assert_eq!(certificate_ends(&with_key_first), Some(ends));
    for bad in ["", "no PEM", &RSA.key, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(certificate_ends(bad), None);
    }
}
