//! Authorization requests, as a browser takes them along.

use crate::{explicit, http, provider, texts};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postroom_model::{Account, Endpoints, FaultClass, Grant, Preset, Provider};
use postroom_oauth::{Authorization, AuthorizationRequest, AuthorizationServer, Client, RESERVED_PARAMETERS};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use url::Url;

fn account(login: Option<&str>, scopes: &[&str]) -> Account {
    Account {
        id: "projects".parse().expect("an id"),
        provider: "acme".parse().expect("an id"),
        grant: Grant::AuthorizationCode,
        login: login.map(str::to_owned),
        scopes: texts(scopes),
        owners: Vec::new(),
        reauthorise_every: None,
    }
}

/// A provider with explicit endpoints whose id_tokens can be checked.
fn identified(preset: Preset) -> Provider {
    let mut endpoints = explicit(&Url::parse("https://sso.example").expect("a URL"));
    if let Endpoints::Explicit { issuer, .. } = &mut endpoints {
        *issuer = Url::parse("https://sso.example").ok();
    }
    Provider { preset, ..provider(endpoints) }
}

async fn authorize(
    provider: &Provider,
    account: Option<&Account>,
    scopes: &[&str],
    another: bool,
) -> Authorization {
    let http = http();
    let server = AuthorizationServer::of(&http, provider).await.expect("no request");
    let redirect = Url::parse("https://post.example/callback").expect("a URL");
    let request = AuthorizationRequest {
        account,
        scopes: &texts(scopes),
        state: "st&te=",
        redirect: &redirect,
        another_user: another,
    };
    Client::new(&http, &server, provider, None).authorize(&request).expect("a request")
}

fn query(authorization: &Authorization) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = authorization.url.query_pairs().into_owned().collect();
    let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "no parameter twice: {pairs:?}");
    map
}

#[tokio::test]
async fn the_request_is_bound_to_the_browser_the_code_and_the_id_token() {
    let provider = identified(Preset::Custom);
    let account = account(Some("ann@example.com"), &[]);
    let authorization = authorize(&provider, Some(&account), &[], false).await;
    let query = query(&authorization);
    assert!(authorization.url.as_str().starts_with("https://sso.example/authorize?"));
    let hash = digest(&SHA256, authorization.verifier.expose_secret().as_bytes());
    assert_eq!(query["code_challenge"], BASE64_URL_SAFE_NO_PAD.encode(hash));
    assert_eq!(query["code_challenge_method"], "S256");
    assert!(authorization.verifier.expose_secret().len() >= 43, "RFC 7636 section 4.1");
    assert_eq!(query["nonce"], authorization.nonce.expose_secret());
    assert_eq!(query["state"], "st&te=");
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "post room");
    assert_eq!(query["redirect_uri"], "https://post.example/callback");
    assert_eq!(query["login_hint"], "ann@example.com");
    assert_eq!(query["scope"], "imap offline_access openid", "the provider's, and who it is");
    assert!(!authorization.url.as_str().contains(authorization.verifier.expose_secret()));
    let again = authorize(&provider, Some(&account), &[], false).await;
    assert_ne!(again.verifier.expose_secret(), authorization.verifier.expose_secret());
    assert_ne!(again.nonce.expose_secret(), authorization.nonce.expose_secret());
    assert!(!format!("{again:?}").contains("st&te"));
}

#[tokio::test]
async fn scopes_are_the_requests_the_accounts_or_the_providers() {
    let provider = identified(Preset::Google);
    let own = account(None, &["https://mail.google.com/", "openid"]);
    let scope = |authorization: &Authorization| query(authorization)["scope"].clone();
    let asked = authorize(&provider, Some(&own), &[], false).await;
    assert_eq!(scope(&asked), "https://mail.google.com/ openid email profile");
    let asked = authorize(&provider, Some(&own), &["a"], false).await;
    assert_eq!(scope(&asked), "a openid email profile");
    // A server whose id_tokens cannot be checked is not asked for one.
    let unknown = crate::provider(explicit(&Url::parse("https://sso.example").expect("a URL")));
    let asked = authorize(&unknown, Some(&own), &["a"], false).await;
    assert_eq!(scope(&asked), "a");
    assert!(!query(&asked).contains_key("nonce"));
}

#[tokio::test]
async fn each_server_is_told_in_its_words_what_to_ask_the_person() {
    type Parameters<'a> = &'a [(&'a str, &'a str)];
    type Row<'a> = (Preset, Parameters<'a>, Option<&'a str>, &'a str, bool, Option<&'a str>);
    let google: Parameters<'_> = &[("access_type", "offline"), ("prompt", "consent")];
    let consent: Parameters<'_> = &[("prompt", "consent")];
    let (ann, offline) = (Some("ann"), "offline_access");
    let table: [Row<'_>; 12] = [
        (Preset::Custom, &[], None, "imap", false, None),
        (Preset::Custom, &[], None, offline, false, Some("consent")),
        (Preset::Custom, &[], ann, "imap", false, Some("login")),
        (Preset::Custom, &[], ann, offline, false, Some("login consent")),
        (Preset::Custom, &[], ann, offline, true, Some("login consent")),
        (Preset::Custom, &[], None, "imap", true, Some("login")),
        (Preset::Google, google, ann, "imap", false, Some("consent")),
        (Preset::Google, google, ann, "imap", true, Some("select_account consent")),
        // Microsoft takes one word, and an administrator may have consented for all.
        (Preset::Microsoft, &[], ann, offline, false, None),
        (Preset::Microsoft, &[], ann, offline, true, Some("select_account")),
        (Preset::Microsoft, consent, ann, offline, false, Some("consent")),
        (Preset::Microsoft, consent, ann, offline, true, Some("select_account")),
    ];
    for (preset, parameters, login, scope, another, prompt) in table {
        let mut provider = identified(preset);
        provider.authorize_parameters =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let account = account(login, &[scope]);
        let query = query(&authorize(&provider, Some(&account), &[], another).await);
        let asked = query.get("prompt").map(String::as_str);
        assert_eq!(asked, prompt, "{preset:?} {login:?} {scope} {another}");
        assert_eq!(query.contains_key("access_type"), preset == Preset::Google);
    }
}

#[tokio::test]
async fn whoever_only_signs_in_is_not_asked_for_lasting_access() {
    let mut provider = identified(Preset::Google);
    for (name, value) in [("access_type", "offline"), ("prompt", "consent"), ("hd", "example.com")] {
        provider.authorize_parameters.insert(name.to_owned(), value.to_owned());
    }
    let signed_in = authorize(&provider, None, &["openid", "email"], false).await;
    let parameters = query(&signed_in);
    assert!(!parameters.contains_key("access_type") && !parameters.contains_key("prompt"));
    assert_eq!(parameters["hd"], "example.com");
    assert_eq!(query(&authorize(&provider, None, &["openid"], true).await)["prompt"], "select_account");
}

#[tokio::test]
async fn configured_parameters_replace_none_of_the_requests_own() {
    let mut provider = identified(Preset::Custom);
    for name in RESERVED_PARAMETERS {
        provider.authorize_parameters.insert((*name).to_owned(), "evil".to_owned());
    }
    provider.authorize_parameters.insert("audience".to_owned(), "mail & more".to_owned());
    let account = account(None, &[]);
    let query = query(&authorize(&provider, Some(&account), &[], false).await);
    assert!(!query.values().any(|value| value == "evil"), "{query:?}");
    assert_eq!(query["audience"], "mail & more");
}

#[tokio::test]
async fn a_server_without_an_authorization_endpoint_cannot_be_consented_at() {
    let provider = identified(Preset::Custom);
    let http = http();
    let mut server = AuthorizationServer::of(&http, &provider).await.expect("no request");
    server.authorize_url = None;
    let request = AuthorizationRequest {
        account: None,
        scopes: &[],
        state: "s",
        redirect: &Url::parse("https://post.example/callback").expect("a URL"),
        another_user: false,
    };
    let fault = Client::new(&http, &server, &provider, None).authorize(&request).expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
}
