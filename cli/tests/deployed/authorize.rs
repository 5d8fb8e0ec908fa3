//! `postroom authorize` and `postroom account revoke`, against a server that answers from a script.

use crate::{
    authserver::{AuthServer, CLIENT},
    support::{Fixture, id, now, printed},
};
use postroom_cli::{
    Error, Outcome,
    account::revoke,
    args::{AuthorizeArgs, RevokeArgs, StatusArgs},
    authorize::authorize,
    status::status,
};
use postroom_model::{ClientSecret, Failure, Fault, FaultClass};
use secrecy::ExposeSecret;
use serde_json::json;
use std::time::Duration;

/// A deployment with one account of each kind at one authorization server, and a mailbox each.
async fn fixture(server: &AuthServer) -> Fixture {
    let fixture = Fixture::new().await;
    let issuer = &server.issuer;
    let account = |id: &str, rest: &str| {
        format!(
            "[[account]]\nid = \"{id}\"\nprovider = \"sso\"\n{rest}\n\
             [[mailbox]]\nid = \"{id}-mail\"\nhost = \"127.0.0.1\"\nuser = \"{id}\"\nauth = {{ oauth = \"{id}\" }}\n"
        )
    };
    let manifest = [
        format!(
            "[[provider]]\nid = \"sso\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n\
             client_secret = {{ env = \"SECRET\" }}\nscopes = [\"imap\", \"offline_access\"]\n\
             idle_days = 90\nallow_password_grant = true\n"
        ),
        account("team", "login = \"ann@contoso.example\""),
        account("anyone", "grant = \"device_code\""),
        account("app", "grant = \"client_credentials\""),
        account("old", "grant = \"password\"\nlogin = \"bob\"\npassword = { env = \"PASSWORD\" }"),
    ];
    fixture.apply(&manifest.join("\n"), "s3cret", &[]).await.expect("applies");
    fixture
}

async fn authorized(fixture: &Fixture, account: &str, device: bool) -> Result<(String, Outcome), Error> {
    let args = AuthorizeArgs { account: id(account), device };
    let done = printed(async |out| authorize(&fixture.deployment, &args, now, out).await).await?;
    assert!(!done.0.contains("s3cret") && !done.0.contains("d3vice"), "{}", done.0);
    Ok(done)
}

async fn revoked(fixture: &Fixture, account: &str) -> (String, Outcome) {
    let args = RevokeArgs { account: id(account) };
    printed(async |out| revoke(&fixture.deployment, &args, now(), out).await).await.expect("answers")
}

/// What is shown, without what changes from run to run.
fn shown(server: &AuthServer, text: &str) -> String {
    text.replace(&server.issuer, "https://sso.example")
}

async fn refresh_token(fixture: &Fixture, account: &str) -> Option<String> {
    let tokens = fixture.deployment.vault.token_set(&id(account)).await.expect("answers");
    tokens?.refresh_token.map(|token| token.expose_secret().to_owned())
}

#[tokio::test]
async fn a_person_enters_a_code_on_any_device_and_the_mailboxes_go_on() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    let registry = &fixture.deployment.registry;
    let failure = Failure::next(None, Fault::new(FaultClass::TokenRefused, "NO"), now(), 0.5);
    registry.record_failure(&id("team-mail"), &failure, None).await.expect("is on record");
    let pending = |error| (400, json!({ "error": error }));
    server.answers_in_turn(
        "/token",
        [
            pending("authorization_pending"),
            pending("slow_down"),
            (200, server.tokens_of("Ann@contoso.example")),
        ],
    );
    let (text, outcome) = authorized(&fixture, "team", true).await.expect("authorises");
    assert_eq!(outcome, Outcome::Well);
    insta::assert_snapshot!(shown(&server, &text), @"
    account team: on any device, sign in as ann@contoso.example
        at         https://sso.example/enter
        with code  WDJB-MJHT
    waiting; the code ends in 15 min (2027-01-15 08:15 UTC)
    account team: authorised by Ann@contoso.example
        the access token ends in 60 min (2027-01-15 09:00 UTC)
        the authorization ends in 90 days (2027-04-15 08:00 UTC), because a refresh token that nobody uses dies; each renewal puts that off
        1 mailbox that failed is tried again at the next poll
    ");
    let polls = server.requests("/token");
    assert_eq!(polls[0].form["device_code"], "d3vice");
    assert!(polls[2].at - polls[1].at > Duration::from_millis(5_900), "slow_down adds five seconds");
    assert_eq!(refresh_token(&fixture, "team").await.as_deref(), Some("s3cret-refresh"));
    let known = registry.account_status(&id("team")).await.expect("answers");
    assert_eq!((known.identity.as_deref(), known.authorised_at), (Some("Ann@contoso.example"), Some(now())));
    let loaded = registry.load(&[id("team-mail")]).await.expect("answers").remove(0).1.expect("reads");
    assert!(!loaded.state.is_resting(now()), "it is tried again");
}

#[tokio::test]
async fn another_identity_is_refused_and_changes_nothing() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    server.answers("/token", server.tokens_of("eve@contoso.example"));
    let (text, outcome) = authorized(&fixture, "team", true).await.expect("answers");
    assert_eq!(outcome, Outcome::NotWell);
    insta::assert_snapshot!(text.lines().last().unwrap_or_default(), @"account team: not authorised, and nothing was changed: eve@contoso.example signed in, and the account is for ann@contoso.example; run the command again and sign in as ann@contoso.example");
    assert_eq!(refresh_token(&fixture, "team").await, None);

    server.answers("/token", server.forger().tokens_of("ann@contoso.example"));
    let (text, outcome) = authorized(&fixture, "team", true).await.expect("answers");
    assert!(outcome == Outcome::NotWell && text.contains("not signed by the authorization server"), "{text}");
    assert_eq!(refresh_token(&fixture, "team").await, None);
    let known = fixture.deployment.registry.account_status(&id("team")).await.expect("answers");
    assert_eq!((known.obtained_at, known.lease), (None, None));

    let (text, _) = authorized(&fixture, "anyone", false).await.expect("authorises");
    assert!(
        text.contains("cannot") || text.contains("not signed"),
        "a forged identity serves nobody: {text}"
    );
    server.answers("/token", server.tokens_of("eve@contoso.example"));
    let (text, outcome) = authorized(&fixture, "anyone", false).await.expect("authorises");
    assert!(outcome == Outcome::Well && text.contains("authorised by eve@contoso.example"), "{text}");
}

/// As in the console: tokens that work are not given up for such as read no mail, or for somebody's.
#[tokio::test]
async fn tokens_without_a_name_or_without_mail_change_nothing() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    server.answers("/token", server.tokens_of("ann@contoso.example"));
    assert_eq!(authorized(&fixture, "team", true).await.expect("authorises").1, Outcome::Well);
    let known = fixture.deployment.registry.account_status(&id("team")).await.expect("answers");

    let mut narrow = server.tokens_of("ann@contoso.example");
    (narrow["refresh_token"], narrow["scope"]) = (json!("s3cret-narrow"), json!("openid smtp"));
    let mut nobodys = server.tokens_of("ann@contoso.example");
    nobodys["refresh_token"] = json!("s3cret-nobodys");
    nobodys.as_object_mut().expect("an object").remove("id_token").expect("it was there");
    for (answer, why) in [
        (narrow, "what mail needs was asked for and not granted (imap)"),
        (nobodys, "the server was asked who signed in, and did not say"),
    ] {
        server.answers("/token", answer);
        let (text, outcome) = authorized(&fixture, "team", true).await.expect("answers");
        let last = text.lines().last().unwrap_or_default();
        let refused = format!("account team: not authorised, and nothing was changed: {why}");
        assert!(outcome == Outcome::NotWell && last.starts_with(&refused), "{text}");
        assert_eq!(refresh_token(&fixture, "team").await.as_deref(), Some("s3cret-refresh"));
        assert_eq!(fixture.deployment.registry.account_status(&id("team")).await.expect("answers"), known);
    }
}

#[tokio::test]
async fn a_refusal_is_explained() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    server.answers_in_turn("/token", [(400, json!({ "error": "access_denied" }))]);
    let (text, outcome) = authorized(&fixture, "team", true).await.expect("answers");
    assert_eq!(outcome, Outcome::NotWell);
    let last: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("the account")).collect();
    insta::assert_snapshot!(last.join("\n"), @"
    the account was not authorised
        consent_required: access_denied
        who must act: the owner. Authorise the account again and accept every permission that is asked for.
    ");

    server.answers_in_turn("/device", [(400, json!({ "error": "unauthorized_client" }))]);
    let (text, outcome) = authorized(&fixture, "team", true).await.expect("answers");
    assert_eq!(outcome, Outcome::NotWell);
    insta::assert_snapshot!(text, @"
    the authorization server gives no device code
        app_registration: unauthorized_client
        who must act: the operator. Mend the app registration: client id, secret or certificate, redirect address, scopes.
    ");

    let error = authorized(&fixture, "nobody", true).await.expect_err("there is none");
    assert_eq!(error.exit_status(), 2);
    let error = authorized(&fixture, "app", true).await.expect_err("no device");
    assert!(error.to_string().contains("leave out --device"), "{error}");
}

#[tokio::test]
async fn without_a_device_the_console_is_named() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    let (text, outcome) = authorized(&fixture, "team", false).await.expect("answers");
    assert_eq!(outcome, Outcome::Well);
    insta::assert_snapshot!(text, @"
    account team: open https://console.example/accounts/team and authorise it there
        sign in as ann@contoso.example
        or run `postroom authorize team --device`, if the provider takes device codes
    ");
    assert!(server.requests("/token").is_empty());
}

#[tokio::test]
async fn where_nobody_must_consent_a_token_is_asked_for_at_once() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    server.answers("/token", json!({ "access_token": "s3cret", "token_type": "Bearer", "expires_in": 3600 }));
    let (text, outcome) = authorized(&fixture, "app", false).await.expect("answers");
    assert_eq!(outcome, Outcome::Well);
    insta::assert_snapshot!(text, @"
    account app: a new token set is in the vault
        the access token ends in 60 min (2027-01-15 09:00 UTC)
    ");
    let (text, _) = authorized(&fixture, "app", false).await.expect("answers");
    assert!(text.starts_with("account app: its token set has just been renewed\n"), "{text}");
    assert_eq!(server.requests("/token").len(), 1);

    let (text, _) = authorized(&fixture, "old", false).await.expect("answers");
    insta::assert_snapshot!(text, @"
    warning: account old has the password grant: accounts may hand a person's password to the authorization server, which OAuth's security practice forbids; use it only for a server that knows no other way
    account old: a new token set is in the vault
        the access token ends in 60 min (2027-01-15 09:00 UTC)
    ");
    let asked = server.requests("/token").remove(1).form;
    assert_eq!(
        (&*asked["grant_type"], &*asked["username"], &*asked["password"]),
        ("password", "bob", "s3cret")
    );
}

#[tokio::test]
async fn an_app_registration_that_must_be_mended_is_one_incident() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    server.answers_in_turn("/token", [(401, json!({ "error": "invalid_client" }))]);
    for account in ["app", "old"] {
        let (text, outcome) = authorized(&fixture, account, false).await.expect("answers");
        assert!(outcome == Outcome::NotWell && text.contains("who must act: the operator"), "{text}");
    }
    let args = StatusArgs { mailboxes: Vec::new(), json: true };
    let (json, _) =
        printed(async |out| status(&fixture.deployment, &args, now(), out).await).await.expect("reports");
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let incidents = report["incidents"].as_array().expect("a list");
    assert_eq!(incidents.len(), 1);
    assert_eq!(
        (&incidents[0]["provider"], &incidents[0]["class"]),
        (&json!("sso"), &json!("app_registration"))
    );
    assert_eq!(report["accounts"][1]["failures"], 1);
}

#[tokio::test]
async fn revoking_asks_the_server_first_and_then_forgets() {
    let server = AuthServer::start().await;
    let fixture = fixture(&server).await;
    let (text, outcome) = revoked(&fixture, "team").await;
    assert_eq!((&*text, outcome), ("account team: there are no tokens to revoke\n", Outcome::Well));

    server.answers("/token", server.tokens_of("ann@contoso.example"));
    authorized(&fixture, "team", true).await.expect("authorises");
    server.answers_in_turn("/revoke", [(503, json!({}))]);
    let (text, outcome) = revoked(&fixture, "team").await;
    assert_eq!(outcome, Outcome::NotWell);
    insta::assert_snapshot!(shown(&server, &text), @"
    account team: not revoked, and nothing was forgotten
        temporarily_unavailable: HTTP 503 with an answer that names no error
        run the command again in a while
    ");
    assert!(refresh_token(&fixture, "team").await.is_some(), "nothing was forgotten");

    let vault = &fixture.deployment.vault;
    assert!(vault.delete_client_secret(&id("sso")).await.expect("answers"));
    let (text, outcome) = revoked(&fixture, "team").await;
    assert_eq!(outcome, Outcome::NotWell);
    let text = text.replace(&vault.no_client_secret(&id("sso")).reason, "there is no secret");
    insta::assert_snapshot!(text, @"
    account team: not revoked, and nothing was forgotten
        configuration: there is no secret
        who must act: the operator. Correct the manifest or the deployment and apply it again.
    ");
    assert!(refresh_token(&fixture, "team").await.is_some(), "nothing was forgotten");
    vault.put_client_secret(&id("sso"), &ClientSecret::Secret("s3cret".into())).await.expect("stored");

    server.answers("/revoke", json!({}));
    let (text, outcome) = revoked(&fixture, "team").await;
    assert_eq!(outcome, Outcome::Well);
    insta::assert_snapshot!(text, @"
    account team: revoked at the authorization server, and forgotten here
        what was issued may open mailboxes until it ends: in 60 min (2027-01-15 09:00 UTC)
        then mailbox team-mail is not fetched any more
        to authorise it again: `postroom authorize team`
    ");
    let asked = server.requests("/revoke");
    let asked: Vec<&str> = asked.iter().map(|request| &*request.form["token"]).collect();
    assert_eq!(asked, ["s3cret-refresh", "s3cret-refresh", "s3cret-access"]);
    assert_eq!(refresh_token(&fixture, "team").await, None);
    let known = fixture.deployment.registry.account_status(&id("team")).await.expect("answers");
    assert_eq!((known.obtained_at, known.identity), (None, None));
}

#[tokio::test]
async fn where_a_server_cannot_revoke_the_tokens_are_only_forgotten() {
    let server = AuthServer::start().await;
    let issuer = &server.issuer;
    server.answers(
        "/.well-known/openid-configuration",
        json!({
            "issuer": issuer, "token_endpoint": format!("{issuer}/token"),
            "authorization_endpoint": format!("{issuer}/authorize"), "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }),
    );
    let fixture = fixture(&server).await;
    server.answers("/token", json!({ "access_token": "s3cret", "token_type": "Bearer", "expires_in": 3600 }));
    authorized(&fixture, "app", false).await.expect("answers");
    let (text, outcome) = revoked(&fixture, "app").await;
    assert_eq!(outcome, Outcome::Well);
    insta::assert_snapshot!(text, @"
    account app: forgotten here; the authorization server offers no revocation
        what was issued may open mailboxes until it ends: in 60 min (2027-01-15 09:00 UTC)
        nobody's consent was needed, so the next fetch gets a new token; to keep it from that,
        delete the account from the manifest, or take the app's rights away at the provider
    ");
    let (text, outcome) = authorized(&fixture, "team", true).await.expect("answers");
    assert!(outcome == Outcome::NotWell && text.contains("offers no device authorization"), "{text}");
}
