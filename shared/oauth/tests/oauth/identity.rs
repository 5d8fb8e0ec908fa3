//! Who consented: id_tokens that are good, and all the ways in which they are not.

use crate::{
    explicit, http,
    keys::{EC, OTHER_RSA, RSA},
    now, provider,
    server::{Reply, Server},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postroom_model::{ClientAuth, ClientSecret, Endpoints, Preset, Provider};
use postroom_oauth::{AuthorizationServer, Client, Identity, IdentityError};
use serde_json::{Value, json};
use url::Url;

const NONCE: &str = "n0nce";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// A server with two keys; its Microsoft metadata is that of a shared tenant.
async fn start() -> Server {
    // Made before a request waits for them.
    let keys = json!({ "keys": [RSA.public("rsa"), EC.public("ec"), { "kty": "unheard of" }] });
    Server::start(move |request, url| {
        let base = url.as_str().trim_end_matches('/');
        match request.line.as_str() {
            "GET /.well-known/openid-configuration" => Reply::json(&json!({
                "issuer": base, "authorization_endpoint": format!("{base}/authorize"),
                "token_endpoint": format!("{base}/token"), "jwks_uri": format!("{base}/keys"),
                "userinfo_endpoint": format!("{base}/me"),
            })),
            "GET /common/v2.0/.well-known/openid-configuration" => Reply::json(&json!({
                "issuer": format!("{base}/{{tenantid}}/v2.0"), "jwks_uri": format!("{base}/keys"),
            })),
            "GET /contoso.example/v2.0/.well-known/openid-configuration" => Reply::json(&json!({
                "issuer": format!("{base}/{TENANT}/v2.0"), "jwks_uri": format!("{base}/keys"),
            })),
            "GET /elsewhere.example/v2.0/.well-known/openid-configuration" => Reply::json(&json!({
                "issuer": format!("https://evil.example/{TENANT}/v2.0"), "jwks_uri": format!("{base}/keys"),
            })),
            "GET /keys" => Reply::json(&keys),
            "GET /me" => Reply::json(&json!({
                "sub": "42", "email": "ann@example.com", "email_verified": "true", "groups": ["other"],
            })),
            _ => Reply::not_found(),
        }
    })
    .await
}

/// The claims of a good id_token.
fn good(server: &Server) -> Value {
    json!({
        "iss": server.url.as_str().trim_end_matches('/'), "sub": "42", "aud": "post room",
        "iat": now().as_second() - 5, "exp": now().as_second() + 3600, "nonce": NONCE,
        "email": "Ann@Example.com", "email_verified": true, "groups": ["post"],
    })
}

fn changed(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

async fn identity_at(
    provider: &Provider,
    token: &str,
    nonce: Option<&str>,
) -> Result<Identity, IdentityError> {
    let http = http();
    let server = AuthorizationServer::of(&http, provider).await.expect("metadata");
    let secret = ClientSecret::Secret("a client secret of some length".into());
    let client = Client::new(&http, &server, provider, Some(&secret));
    client.identity(&token.into(), nonce.map(Into::into).as_ref(), now()).await
}

async fn identity(server: &Server, token: &str) -> Result<Identity, IdentityError> {
    identity_at(&provider(Endpoints::Issuer(server.url.clone())), token, Some(NONCE)).await
}

#[tokio::test]
async fn a_good_id_token_says_who_it_is() {
    let server = start().await;
    for (pair, kid) in [(&*RSA, "rsa"), (&*EC, "ec")] {
        let identity = identity(&server, &pair.sign(kid, &good(&server))).await.expect("good");
        assert_eq!((identity.subject.as_str(), identity.shown()), ("42", "Ann@Example.com"));
        assert_eq!(identity.claims["groups"], json!(["post"]));
        assert!(identity.is("ann@example.com") && identity.is("42") && !identity.is("ben@example.com"));
    }
    // Within what two clocks may differ.
    for odd in [
        json!({ "exp": now().as_second() - 60 }),
        json!({ "iat": now().as_second() + 60 }),
        json!({ "aud": ["post room"], "azp": "post room" }),
    ] {
        let token = RSA.sign("rsa", &changed(&good(&server), &odd));
        identity(&server, &token).await.expect("good");
    }
    // A device flow has no nonce.
    let provider = provider(Endpoints::Issuer(server.url.clone()));
    let token = RSA.sign("rsa", &changed(&good(&server), &json!({ "nonce": null })));
    identity_at(&provider, &token, None).await.expect("good");
}

#[tokio::test]
async fn wrong_claims_are_refused() {
    let server = start().await;
    let second = now().as_second();
    let table: [(Value, &str); 16] = [
        (json!({ "iss": "https://evil.example" }), "Issuer"),
        (json!({ "iss": format!("{}a", server.url) }), "Issuer"),
        (json!({ "aud": "another" }), "Audience"),
        (json!({ "aud": [] }), "Audience"),
        (json!({ "aud": ["post room", "another"] }), "Audience"),
        (json!({ "aud": ["post room", "another"], "azp": "post room" }), "Audience"),
        (json!({ "azp": "another" }), "Audience"),
        (json!({ "azp": 1 }), "Malformed"),
        (json!({ "nonce": "another" }), "Nonce"),
        (json!({ "nonce": null }), "Nonce"),
        (json!({ "exp": second - 301 }), "Time"),
        (json!({ "exp": null }), "Malformed"),
        (json!({ "iat": second + 301 }), "Time"),
        (json!({ "iat": null }), "Malformed"),
        (json!({ "nbf": second + 301 }), "Time"),
        (json!({ "sub": null }), "Malformed"),
    ];
    for (changes, expected) in table {
        let token = RSA.sign("rsa", &changed(&good(&server), &changes));
        let error = identity(&server, &token).await.expect_err("refused");
        assert_eq!(format!("{error:?}"), expected, "{changes}");
        assert!(!error.to_string().contains("evil"), "{error}");
    }
}

#[tokio::test]
async fn what_the_server_has_not_signed_is_refused() {
    let server = start().await;
    let claims = good(&server);
    let token = RSA.sign("rsa", &claims);
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let (header, _) = signed.split_once('.').expect("three parts");
    let text = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = |header: Value| format!("{}.{}.", text(&header), text(&claims));
    let by_secret = |secret: &[u8]| {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))
            .expect("signs")
    };
    let admin = changed(&claims, &json!({ "email": "admin@example.com" }));
    for (what, forged) in [
        ("another's claims", format!("{header}.{}.{signature}", text(&admin))),
        ("no signature", format!("{signed}.")),
        ("half a signature", format!("{signed}.{}", &signature[..100])),
        ("alg none", unsigned(json!({ "alg": "none" }))),
        ("alg None", unsigned(json!({ "alg": "None", "kid": "rsa" }))),
        ("another key", OTHER_RSA.sign("rsa", &claims)),
        ("another key, unknown id", OTHER_RSA.sign("other", &claims)),
        ("another kind of key", EC.sign("rsa", &claims)),
        ("the client secret", by_secret(b"a client secret of some length")),
        ("the public key as a secret", by_secret(RSA.certificate.as_bytes())),
        ("a critical header", {
            let header = json!({ "alg": "RS256", "kid": "rsa", "crit": ["exp"] });
            format!("{}.{}.{signature}", text(&header), text(&claims))
        }),
        ("an access token", {
            let header = json!({ "alg": "RS256", "kid": "rsa", "typ": "at+jwt" });
            format!("{}.{}.{signature}", text(&header), text(&claims))
        }),
        ("two parts", signed.to_owned()),
        ("garbage", "....".to_owned()),
        ("nothing", String::new()),
    ] {
        let error = identity(&server, &forged).await.expect_err(what);
        assert!(matches!(error, IdentityError::Signature | IdentityError::Malformed), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn a_shared_microsoft_directory_is_known_by_the_token() {
    let server = start().await;
    let mut provider = provider(explicit(&server.url));
    provider.preset = Preset::Microsoft;
    provider.tenant = Some("common".to_owned());
    provider.client_auth = ClientAuth::Public;
    let base = server.url.as_str();
    let of = |iss: &str, tid: &str| {
        let changes = json!({
            "iss": iss, "tid": tid, "email_verified": null, "preferred_username": "ann@contoso.com",
            "email": "admin@example.com",
        });
        RSA.sign("rsa", &changed(&good(&server), &changes))
    };
    let token = of(&format!("{base}{TENANT}/v2.0"), TENANT);
    let identity = identity_at(&provider, &token, Some(NONCE)).await.expect("good");
    assert!(identity.is("ANN@contoso.com"));
    assert!(!identity.is("admin@example.com"), "a directory's administrator may write any address");
    for (iss, tid) in [
        (format!("{base}{TENANT}/v2.0"), "22222222-2222-3333-4444-555555555555"),
        (format!("{base}{TENANT}/v2.0"), ""),
        (format!("{base}{{tenantid}}/v2.0"), "{tenantid}"),
        (format!("{base}evil/x/v2.0"), "evil/x"),
        (format!("https://evil.example/{TENANT}/v2.0"), TENANT),
    ] {
        let error = identity_at(&provider, &of(&iss, tid), Some(NONCE)).await.expect_err("refused");
        assert!(matches!(error, IdentityError::Issuer), "{iss} {tid}: {error:?}");
    }
}

#[tokio::test]
async fn one_microsoft_directory_is_the_only_one_whose_people_count() {
    let server = start().await;
    let mut provider = provider(explicit(&server.url));
    provider.preset = Preset::Microsoft;
    provider.tenant = Some("contoso.example".to_owned());
    let of = |tid: &str| {
        let changes =
            json!({ "iss": format!("{}{tid}/v2.0", server.url), "tid": tid, "email_verified": null });
        RSA.sign("rsa", &changed(&good(&server), &changes))
    };
    let identity = identity_at(&provider, &of(TENANT), Some(NONCE)).await.expect("good");
    assert!(identity.is("ann@example.com"), "its own administrator stands in for the address");
    let other = of("22222222-2222-3333-4444-555555555555");
    let error = identity_at(&provider, &other, Some(NONCE)).await.expect_err("refused");
    assert!(matches!(error, IdentityError::Issuer), "{error:?}");
    provider.tenant = Some("elsewhere.example".to_owned());
    let error = identity_at(&provider, &of(TENANT), Some(NONCE)).await.expect_err("refused");
    assert!(matches!(error, IdentityError::Keys(_)), "{error:?}");
}

#[tokio::test]
async fn identities_are_not_guessed_where_they_cannot_be_checked() {
    let server = start().await;
    let token = RSA.sign("rsa", &good(&server));
    let blind = provider(explicit(&server.url));
    let error = identity_at(&blind, &token, Some(NONCE)).await.expect_err("refused");
    assert!(matches!(error, IdentityError::NotOffered), "{error:?}");
    let known = |keys: Option<&str>| {
        let mut endpoints = explicit(&server.url);
        if let Endpoints::Explicit { issuer, jwks_url, .. } = &mut endpoints {
            *issuer = Some(server.url.clone());
            *jwks_url = keys.map(|url| Url::parse(url).expect("a URL"));
        }
        provider(endpoints)
    };
    // An issuer without its keys is asked for them.
    identity_at(&known(None), &token, Some(NONCE)).await.expect("good");
    let html = Server::saying(|| Reply::html(200)).await;
    for keys in ["http://127.0.0.1:9/keys", html.url.as_str(), server.url.as_str()] {
        let error = identity_at(&known(Some(keys)), &token, Some(NONCE)).await.expect_err("no keys");
        assert!(matches!(error, IdentityError::Keys(_)), "{keys}: {error:?}");
    }
}

#[tokio::test]
async fn userinfo_adds_what_the_id_token_leaves_out_and_only_for_the_same_person() {
    let server = start().await;
    let provider = provider(Endpoints::Issuer(server.url.clone()));
    let http = http();
    let found = AuthorizationServer::of(&http, &provider).await.expect("metadata");
    let client = Client::new(&http, &found, &provider, None);
    for (sub, email) in [("42", Some("ann@example.com")), ("43", None)] {
        let changes = json!({ "sub": sub, "email": null, "email_verified": null });
        let token = RSA.sign("rsa", &changed(&good(&server), &changes));
        let identity = identity(&server, &token).await.expect("good");
        let identity = client.with_userinfo(identity, &"acc3ss".into()).await;
        assert_eq!(identity.email.as_deref(), email);
        assert_eq!(identity.claims["groups"], json!(["post"]), "what is signed stands");
    }
    let asked = server.seen().into_iter().filter(|request| request.line == "GET /me");
    assert!(asked.into_iter().all(|request| request.headers["authorization"] == "Bearer acc3ss"));
    // An address that is there already is not asked for again.
    let before = server.seen().len();
    let known = identity(&server, &RSA.sign("rsa", &good(&server))).await.expect("good");
    let after = server.seen().len();
    assert_eq!(client.with_userinfo(known.clone(), &"acc3ss".into()).await, known);
    assert_eq!((before < after, server.seen().len()), (true, after));
}
