//! What the vault says when something is wrong: never a secret.

use crate::support::{Fixture, client, id};
use postroom_model::{ClientSecret, TokenSet};
use postroom_vault::{Error, Replaced, Vault};
use std::error::Error as _;

/// Everything that might be printed of an error.
fn printed(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_not_quoted() {
    let fixture = Fixture::new();
    let values = [
        "s3cret",
        "\"s3cret\"",
        r#"{"v":1,"pass":"s3cret"}"#,
        r#"{"password":{"s3cret":1}}"#,
        r#"{"access_token":"s3cret","obtained_at":"s3cret"}"#,
        "[\"s3cret\"]",
        "",
    ];
    for (n, value) in values.into_iter().enumerate() {
        let name = format!("v{n}");
        for kind in ["mailbox", "account", "provider"] {
            fixture.put_raw(&format!("{kind}/{name}"), value).await;
        }
        let errors = [
            fixture.vault.password(&id(&name)).await.expect_err("unreadable"),
            fixture.vault.token_set(&id(&name)).await.expect_err("unreadable"),
            fixture.vault.client_secret(&id(&name)).await.expect_err("unreadable"),
        ];
        for error in errors {
            assert!(matches!(error, Error::Unreadable { .. }) && !error.is_transient());
            assert!(!printed(&error).contains("s3cret"), "{error:?}");
        }
    }
    let error = fixture.vault.password(&id("v0")).await.expect_err("unreadable");
    let text = format!(
        r#"the value of secret {}/mailbox/v0 cannot be read; it should look like {{"v":1,"password":"…"}}"#,
        fixture.prefix
    );
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn versions_are_looked_at() {
    let fixture = Fixture::new();
    fixture.put_raw("mailbox/old", r#"{"password":"s3cret"}"#).await;
    fixture.put_raw("mailbox/new", r#"{"v":2,"password":"s3cret"}"#).await;
    assert!(fixture.vault.password(&id("old")).await.expect("reads").is_some());
    let error = fixture.vault.password(&id("new")).await.expect_err("too new");
    assert!(is_later(&error, "2"));
    assert!(!printed(&error).contains("s3cret"));
    let error = fixture.vault.put_password(&id("new"), &"another".into()).await.expect_err("too new");
    assert!(is_later(&error, "2"));
    let held = fixture.raw("mailbox/new", "AWSCURRENT").await;
    assert_eq!(held.as_deref(), Some(r#"{"v":2,"password":"s3cret"}"#), "it stays");
    fixture.put_raw("links", &format!(r#"{{"v":2,"key":"{}"}}"#, "k".repeat(64))).await;
    let error = fixture.vault.link_key().await.expect_err("too new");
    assert!(is_later(&error, "2"));
}

/// Whether it says that a later release wrote the value, and which version it has.
fn is_later(error: &Error, version: &str) -> bool {
    matches!(error, Error::TooNew { found, known: 1, .. } if found == version)
}

#[tokio::test]
async fn a_version_that_says_nothing_is_a_later_one() {
    let fixture = Fixture::new();
    let vault = &fixture.vault;
    let tokens = TokenSet::from_response(
        r#"{"access_token":"another","token_type":"Bearer"}"#,
        jiff::Timestamp::UNIX_EPOCH,
    )
    .expect("reads");
    for (n, version) in
        [r#""2""#, "2.0", "-1", r#""s3cret""#, r#"{"s3cret":2}"#, "null"].into_iter().enumerate()
    {
        let name = format!("later{n}");
        let value = format!(r#"{{"v":{version},"password":"s3cret","sealed":"s3cret"}}"#);
        let found = if matches!(version, "2.0" | "-1") { version } else { "unknown" };
        for kind in ["mailbox", "account"] {
            fixture.put_raw(&format!("{kind}/{name}"), &value).await;
        }
        for error in [
            vault.password(&id(&name)).await.expect_err("later"),
            vault.put_password(&id(&name), &"another".into()).await.expect_err("later"),
            vault.token_set(&id(&name)).await.expect_err("later"),
        ] {
            assert!(is_later(&error, found) && !printed(&error).contains("s3cret"), "{version}: {error}");
        }
        let replaced = vault.replace_token_set(&id(&name), None, &tokens, &"t".repeat(32)).await;
        assert_eq!(replaced.expect("an answer"), Replaced::ChangedUnderneath, "{version}");
        for kind in ["mailbox", "account"] {
            let held = fixture.raw(&format!("{kind}/{name}"), "AWSCURRENT").await;
            assert_eq!(held.as_deref(), Some(&*value), "{version}: it stays");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_transient_and_no_secret_is_in_the_error() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("address");
    let vault = Vault::new(client(&format!("http://{nobody}")), "p");
    let error = vault.put_password(&id("m"), &"s3cret".into()).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "Secrets Manager GetSecretValue on p/mailbox/m: not reached");
    assert!(error.is_transient() && !printed(&error).contains("s3cret"));
    let error = vault.passwords(&[id("m")]).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "Secrets Manager BatchGetSecretValue on p/mailbox/m: not reached");
}

#[tokio::test]
async fn debug_output_is_safe() {
    let fixture = Fixture::new();
    let (vault, name) = (&fixture.vault, id("m"));
    vault.put_password(&name, &"s3cret".into()).await.expect("puts");
    let tokens = TokenSet::from_response(
        r#"{"access_token":"s3cret","refresh_token":"s3cret","token_type":"Bearer"}"#,
        jiff::Timestamp::UNIX_EPOCH,
    )
    .expect("reads");
    let certificate = ClientSecret::Certificate { certificate: "public".into(), key: "s3cret".into() };
    let shown = format!(
        "{vault:?} {:?} {:?} {tokens:?} {:?} {certificate:?}",
        vault.password(&name).await,
        vault.passwords(std::slice::from_ref(&name)).await,
        ClientSecret::Secret("s3cret".into()),
    );
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains(&fixture.prefix) && shown.contains("public"));
}
