//! `postroom token import`, and what `postroom status` then says.

use crate::support::{Fixture, id, now, printed};
use postroom_cli::{
    Error,
    args::{ImportArgs, StatusArgs},
    status::status,
    token::import,
};
use secrecy::ExposeSecret;
use std::io::Write;

#[tokio::test]
async fn the_stored_refresh_token_and_its_end_are_kept_when_none_comes_back() {
    let fixture = Fixture::new().await;
    fixture.apply(include_str!("../manifest.example.toml"), "s3cret", &[]).await.expect("applies");
    let without = r#"{"access_token":"first","token_type":"Bearer","expires_in":3600}"#;
    let warned = imported(&fixture, without).await.expect("imports");
    assert!(warned.contains("warning: there is no refresh token"), "{warned}");
    let with = r#"{"access_token":"second","token_type":"Bearer","expires_in":3600,"refresh_token":"r3fresh",
        "refresh_token_expires_in":86400}"#;
    imported(&fixture, with).await.expect("imports");

    insta::assert_snapshot!(imported(&fixture, without).await.expect("imports"), @"
    account projects: the token set is in the vault
        the file has no refresh token: the one in the vault is kept
        the access token ends in 60 min (2027-01-15 09:00 UTC)
        the authorization ends in 24 h (2027-01-16 08:00 UTC), because the server lets the refresh token end
    ");
    let vault = &fixture.deployment.vault;
    let kept = vault.token_set(&id("projects")).await.expect("answers").expect("is there");
    assert_eq!(kept.access_token.expose_secret(), "first");
    assert_eq!(kept.refresh_token.expect("is kept").expose_secret(), "r3fresh");
    let known = fixture.deployment.registry.account_status(&id("projects")).await.expect("answers");
    assert_eq!(kept.refresh_expires_at, known.refresh_expires_at);
    assert_eq!(known.refresh_expires_at.map(|at| at.duration_since(now()).as_hours()), Some(24));
}

async fn imported(fixture: &Fixture, json: &str) -> Result<String, Error> {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(json.as_bytes()).expect("writes");
    let args = ImportArgs { account: id("projects"), from: file.path().to_owned() };
    printed(async |out| import(&fixture.deployment, &args, now(), out).await).await.map(|(text, _)| text)
}

#[tokio::test]
async fn a_token_set_is_stored_once_and_its_end_is_known() {
    let fixture = Fixture::new().await;
    let json =
        r#"{"access_token":"s3cret","token_type":"Bearer","expires_in":3600,"refresh_token":"r3fresh"}"#;
    let error = imported(&fixture, json).await.expect_err("there is no such account");
    assert_eq!(error.exit_status(), 2);
    fixture.apply(include_str!("../manifest.example.toml"), "s3cret", &[]).await.expect("applies");

    insta::assert_snapshot!(imported(&fixture, json).await.expect("imports"), @"
    account projects: the token set is in the vault
        the access token ends in 60 min (2027-01-15 09:00 UTC)
        the authorization ends in 90 days (2027-04-15 08:00 UTC), because a refresh token that nobody uses dies; each renewal puts that off
    ");
    let tokens =
        fixture.deployment.vault.token_set(&id("projects")).await.expect("answers").expect("is there");
    assert_eq!(tokens.access_token.expose_secret(), "s3cret");
    let error = imported(&fixture, "s3cret").await.expect_err("no token set");
    assert_eq!(error.exit_status(), 2);
    assert!(!error.to_string().contains("s3cret"));

    let args = StatusArgs { mailboxes: Vec::new(), json: true };
    let (json, _) =
        printed(async |out| status(&fixture.deployment, &args, now(), out).await).await.expect("reports");
    let mut report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    // A new batch is due at a random second of the next minute.
    for mailbox in report["mailboxes"].as_array_mut().expect("mailboxes") {
        let next_try = mailbox.as_object_mut().expect("a mailbox").remove("next_try");
        assert!(next_try.is_some());
    }
    // A renewal's time is spread over the lead.
    let next_renewal = report["accounts"][0].as_object_mut().expect("an account").remove("next_renewal");
    assert!(next_renewal.is_some());
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).expect("writes"), @r#"
    {
      "accounts": [
        {
          "access_expires_at": "2027-01-15T09:00:00Z",
          "authorised_at": "2027-01-15T08:00:00Z",
          "client_secret_expires": "2027-09-30",
          "ended_by": "idle_limit",
          "ends_at": "2027-04-15T08:00:00Z",
          "failures": 0,
          "grant": "authorization_code",
          "id": "projects",
          "login": "projects@contoso.com",
          "mailboxes": [
            "site-diary"
          ],
          "missing_scopes": [],
          "obtained_at": "2027-01-15T08:00:00Z",
          "owners": [
            {
              "address": "ann@contoso.com"
            },
            {
              "address": "ben@contoso.com"
            }
          ],
          "provider": "contoso",
          "reminder": {
            "ended_by": "idle_limit",
            "ends_at": "2027-04-15T08:00:00Z",
            "next_at": "2027-03-15T08:00:00Z",
            "next_stage": "month"
          },
          "status": "authorised"
        }
      ],
      "at": "2027-01-15T08:00:00Z",
      "incidents": [],
      "mailboxes": [
        {
          "attachments": false,
          "auth": "basic",
          "backlog": 0,
          "bytes": 0,
          "host": "pop.example.com",
          "id": "legacy-plant",
          "interval": "5m",
          "left_out": 0,
          "messages": 0,
          "owners": [
            {
              "address": "ann@contoso.com"
            }
          ],
          "password_expires": "2027-06-30",
          "port": 995,
          "protocol": "pop3",
          "quarantined": 0,
          "status": "waiting"
        },
        {
          "attachments": true,
          "auth": {
            "oauth": "projects"
          },
          "backlog": 0,
          "bytes": 0,
          "host": "outlook.office365.com",
          "id": "site-diary",
          "interval": "5m",
          "left_out": 0,
          "messages": 0,
          "owners": [],
          "port": 993,
          "protocol": "imap",
          "quarantined": 0,
          "status": "waiting"
        }
      ],
      "unreadable": []
    }
    "#);
}
