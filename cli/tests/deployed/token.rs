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
        the file does not say when the refresh token ends
    ");
    let tokens =
        fixture.deployment.vault.token_set(&id("projects")).await.expect("answers").expect("is there");
    assert_eq!(tokens.access_token.expose_secret(), "s3cret");
    let without_refresh = json.replace("refresh_token", "refresh");
    let warned = imported(&fixture, &without_refresh).await.expect("imports");
    assert!(warned.contains("warning: there is no refresh token"), "{warned}");

    let error = imported(&fixture, "s3cret").await.expect_err("no token set");
    assert_eq!(error.exit_status(), 2);
    assert!(!error.to_string().contains("s3cret"));

    let args = StatusArgs { mailboxes: Vec::new(), json: true };
    let (json, _) =
        printed(async |out| status(&fixture.deployment, &args, now(), out).await).await.expect("reports");
    let mut report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    // A new batch is due at a random second of the next minute.
    let next_try = report["mailboxes"][1].as_object_mut().expect("a mailbox").remove("next_try");
    assert!(next_try.is_some());
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).expect("writes"), @r#"
    {
      "accounts": [
        {
          "access_expires_at": "2027-01-15T09:00:00Z",
          "client_secret_expires": "2027-09-30",
          "grant": "authorization_code",
          "id": "projects",
          "mailboxes": [
            "site-diary"
          ],
          "obtained_at": "2027-01-15T08:00:00Z",
          "provider": "contoso",
          "status": "authorised"
        }
      ],
      "at": "2027-01-15T08:00:00Z",
      "mailboxes": [
        {
          "auth": "basic",
          "backlog": 0,
          "bytes": 0,
          "host": "pop.example.com",
          "id": "legacy-plant",
          "interval": "5m",
          "messages": 0,
          "port": 995,
          "protocol": "pop3",
          "quarantined": 0,
          "status": "not_fetched"
        },
        {
          "auth": {
            "oauth": "projects"
          },
          "backlog": 0,
          "bytes": 0,
          "host": "outlook.office365.com",
          "id": "site-diary",
          "interval": "5m",
          "messages": 0,
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
