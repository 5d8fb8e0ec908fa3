//! What is put is read back, written only when it changed, and can be deleted and had back.

use crate::support::{Fixture, exposed, id, tokens};
use jiff::Timestamp;
use postroom_model::{AccountId, ClientSecret, MailboxId, TokenSet};
use postroom_vault::{Change, Error, Replaced};
use secrecy::{ExposeSecret, SecretString};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

#[tokio::test]
async fn a_password_is_written_only_when_it_changed() {
    let fixture = Fixture::new();
    let (vault, name) = (&fixture.vault, id("plant"));
    assert!(vault.password(&name).await.expect("reads").is_none());
    assert_eq!(vault.put_password(&name, &"one".into()).await.expect("puts"), Change::Created);
    assert_eq!(vault.put_password(&name, &"one".into()).await.expect("puts"), Change::Unchanged);
    assert_eq!(fixture.raw("mailbox/plant", "AWSPREVIOUS").await, None, "one version, one write");

    let awkward = "tw\"o\\ \u{1F511} ' ü";
    assert_eq!(vault.put_password(&name, &awkward.into()).await.expect("puts"), Change::Replaced);
    assert_eq!(exposed(vault.password(&name).await.expect("reads").as_ref()), Some(awkward));
    let previous = fixture.raw("mailbox/plant", "AWSPREVIOUS").await;
    assert_eq!(previous.as_deref(), Some(r#"{"v":1,"password":"one"}"#));
}

#[tokio::test]
async fn a_deleted_password_is_absent_until_it_is_put_again() {
    let fixture = Fixture::new();
    let (vault, name) = (&fixture.vault, id("plant"));
    assert!(!vault.delete_password(&name).await.expect("answers"));
    vault.put_password(&name, &"one".into()).await.expect("puts");
    assert!(vault.delete_password(&name).await.expect("deletes"));
    assert!(!vault.delete_password(&name).await.expect("answers"), "it is gone already");
    assert!(vault.password(&name).await.expect("reads").is_none());
    assert!(vault.passwords(std::slice::from_ref(&name)).await.expect("reads").is_empty());

    assert_eq!(vault.put_password(&name, &"two".into()).await.expect("puts"), Change::Created);
    assert_eq!(exposed(vault.password(&name).await.expect("reads").as_ref()), Some("two"));
}

#[tokio::test]
async fn many_passwords_are_read_together_and_a_bad_one_hides_none() {
    let fixture = Fixture::new();
    let vault = &fixture.vault;
    let names: Vec<MailboxId> = (0..45).map(|n| id(&format!("m{n:02}"))).collect();
    for name in &names[..43] {
        vault.put_password(name, &format!("of {name}").into()).await.expect("puts");
    }
    fixture.put_raw("mailbox/m43", "s3cret as plain text").await;
    let passwords = vault.passwords(&names).await.expect("reads");
    assert_eq!(passwords.len(), 44, "m44 has none");
    for name in &names[..43] {
        let password = passwords[name].as_ref().ok();
        assert_eq!(exposed(password), Some(format!("of {name}").as_str()));
    }
    assert!(matches!(passwords[&names[43]], Err(Error::Unreadable { .. })));
    assert!(vault.passwords(&[]).await.expect("reads").is_empty());
}

#[tokio::test]
async fn many_token_sets_are_read_together_and_a_bad_one_hides_none() {
    let fixture = Fixture::new();
    let vault = &fixture.vault;
    let names: Vec<AccountId> = (0..23).map(|n| id(&format!("a{n:02}"))).collect();
    for name in &names[..21] {
        let request = format!("{name:0>32}");
        let put =
            vault.replace_token_set(name, None, &tokens(&format!("access-token-of-{name}")), &request).await;
        assert_eq!(put.expect("puts"), Replaced::Done);
    }
    fixture.put_raw("account/a21", "s3cret as plain text").await;
    let found = vault.token_sets(&names).await.expect("reads");
    assert_eq!(found.len(), 22, "a22 has none");
    for name in &names[..21] {
        let access = found[name].as_ref().ok().map(|tokens| &tokens.access_token);
        assert_eq!(exposed(access), Some(format!("access-token-of-{name}").as_str()));
    }
    assert!(matches!(found[&names[21]], Err(Error::Unreadable { .. })));
}

#[tokio::test]
async fn a_token_set_is_read_back_whole() {
    let Fixture { vault, .. } = Fixture::new();
    let name = id("projects");
    assert!(vault.token_set(&name).await.expect("reads").is_none());
    let full = TokenSet {
        access_token: "access".into(),
        refresh_token: Some("refresh".into()),
        expires_at: Some(at(2000)),
        refresh_expires_at: Some(at(3000)),
        scope: Some("imap".into()),
        obtained_at: at(1000),
        issued_by: Some(id("contoso")),
    };
    let put = vault.replace_token_set(&name, None, &full, &"1".repeat(32)).await.expect("puts");
    assert_eq!(put, Replaced::Done);
    let (version, read) = vault.token_set_version(&name).await.expect("reads").expect("is there");
    assert_eq!(read.access_token.expose_secret(), "access");
    assert_eq!(exposed(read.refresh_token.as_ref()), Some("refresh"));
    assert_eq!((read.expires_at, read.refresh_expires_at), (full.expires_at, full.refresh_expires_at));
    assert_eq!((read.scope, read.obtained_at), (full.scope.clone(), full.obtained_at));
    assert_eq!(read.issued_by, full.issued_by);

    let bare =
        TokenSet { refresh_token: None, expires_at: None, refresh_expires_at: None, scope: None, ..full };
    let put = vault.replace_token_set(&name, Some(&version), &bare, &"2".repeat(32)).await.expect("puts");
    assert_eq!(put, Replaced::Done);
    let read = vault.token_set(&name).await.expect("reads").expect("is there");
    assert!(read.refresh_token.is_none() && read.expires_at.is_none() && read.scope.is_none());
    assert!(vault.delete_token_set(&name).await.expect("deletes"));
    assert!(vault.token_set(&name).await.expect("reads").is_none());
}

#[tokio::test]
async fn a_provider_has_a_secret_or_a_certificate() {
    let Fixture { vault, .. } = Fixture::new();
    let name = id("contoso");
    assert!(vault.client_secret(&name).await.expect("reads").is_none());
    let secret = ClientSecret::Secret("s3cret".into());
    assert_eq!(vault.put_client_secret(&name, &secret).await.expect("puts"), Change::Created);
    let read = vault.client_secret(&name).await.expect("reads");
    assert!(matches!(read, Some(ClientSecret::Secret(secret)) if secret.expose_secret() == "s3cret"));

    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    let certificate = ClientSecret::Certificate { certificate: pem.into(), key: "s3cret".into() };
    assert_eq!(vault.put_client_secret(&name, &certificate).await.expect("puts"), Change::Replaced);
    let Some(ClientSecret::Certificate { certificate, key }) =
        vault.client_secret(&name).await.expect("reads")
    else {
        panic!("not a certificate");
    };
    assert_eq!((certificate.as_str(), key.expose_secret()), (pem, "s3cret"));
    assert!(vault.delete_client_secret(&name).await.expect("deletes"));
}

#[tokio::test]
async fn an_account_may_have_a_password_beside_its_tokens() {
    let Fixture { vault, .. } = Fixture::new();
    let name: AccountId = id("old-server");
    assert!(vault.account_password(&name).await.expect("reads").is_none());
    assert_eq!(vault.put_account_password(&name, &"one".into()).await.expect("puts"), Change::Created);
    assert_eq!(vault.put_account_password(&name, &"one".into()).await.expect("puts"), Change::Unchanged);
    assert_eq!(exposed(vault.account_password(&name).await.expect("reads").as_ref()), Some("one"));
    assert!(vault.token_set(&name).await.expect("reads").is_none());
    assert!(vault.delete_account_password(&name).await.expect("deletes"));
    assert!(vault.account_password(&name).await.expect("reads").is_none());
}

#[tokio::test]
async fn the_console_key_is_long_and_plain_or_in_json() {
    let long = "k".repeat(64);
    for (value, key) in [
        (long.clone(), Some(long.as_str())),
        (format!(r#"{{"key":"{long}"}}"#), Some(long.as_str())),
        (format!("{{{long}"), Some(&*format!("{{{long}"))),
        ("k".repeat(63), None),
        (
            r#"{"key":"short","padding":"0123456789012345678901234567890123456789012345678901234"}"#.into(),
            None,
        ),
    ] {
        let fixture = Fixture::new();
        assert!(fixture.vault.console_key().await.expect("reads").is_none(), "no console");
        fixture.put_raw("console", &value).await;
        match fixture.vault.console_key().await {
            Ok(read) => assert_eq!(exposed(read.as_ref()), key, "{value}"),
            Err(error) => {
                assert!(key.is_none() && matches!(error, Error::Unreadable { .. }), "{value}: {error}");
                assert!(!error.to_string().contains(&value));
            }
        }
    }
}

#[tokio::test]
async fn links_have_a_key_of_their_own() {
    let fixture = Fixture::new();
    let (console, links) = ("c".repeat(64), "l".repeat(64));
    fixture.put_raw("console", &console).await;
    assert!(fixture.vault.link_key().await.expect("reads").is_none(), "the console's serves no links");
    fixture.put_raw("links", &links).await;
    assert_eq!(exposed(fixture.vault.link_key().await.expect("reads").as_ref()), Some(&*links));
    assert_eq!(exposed(fixture.vault.console_key().await.expect("reads").as_ref()), Some(&*console));
}

#[tokio::test]
async fn a_secret_that_was_created_without_a_value_takes_one() {
    let fixture = Fixture::new();
    let name = format!("{}/mailbox/plant", fixture.prefix);
    fixture.client.create_secret().name(name).send().await.expect("creates");
    fixture.vault.put_password(&id("plant"), &"one".into()).await.expect("puts");
    let password = fixture.vault.password(&id("plant")).await.expect("reads");
    assert_eq!(exposed(password.as_ref()), Some("one"));
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_before_it_is_sent() {
    let Fixture { vault, .. } = Fixture::new();
    let name = id("plant");
    let fits = SecretString::from("x".repeat(65_536 - r#"{"v":1,"password":""}"#.len()));
    assert_eq!(vault.put_password(&name, &fits).await.expect("puts"), Change::Created);
    let error = vault.put_password(&name, &"x".repeat(65_536).into()).await.expect_err("refused");
    assert!(matches!(error, Error::TooLarge { bytes: 65_557, .. }), "{error}");
}
