//! Token sets under seal: they open for their own account, and for nobody else.

use crate::support::{id, tokens};
use aws_sdk_kms::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use postroom_model::AccountId;
use postroom_vault::{Error, Sealer};
use secrecy::ExposeSecret;

fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// A sealer with a key of its own.
async fn sealer() -> Sealer {
    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT")
        .expect("this test needs an AWS API: run `make test`, or set POSTROOM_TEST_AWS_ENDPOINT");
    let client = client(&endpoint);
    let key = client.create_key().send().await.expect("a key").key_metadata.expect("described");
    Sealer::new(client, key.key_id)
}

#[tokio::test]
async fn what_is_sealed_opens_for_its_account_and_for_no_other() {
    let sealer = sealer().await;
    let (ann, ben): (AccountId, AccountId) = (id("ann"), id("ben"));
    let key = sealer.prepare(&ann).await.expect("a key");
    let sealed = key.seal(&tokens("s3cret"));
    assert!(!sealed.contains("s3cret") && !format!("{key:?} {sealer:?}").contains("s3cret"));
    let bytes = BASE64_STANDARD.decode(&sealed).expect("base64");
    assert!(!bytes.windows(6).any(|window| window == b"s3cret"));

    let opened = sealer.open(&ann, &sealed).await.expect("opens");
    assert_eq!(opened.access_token.expose_secret(), "s3cret");
    assert_eq!(opened.refresh_token.expect("a refresh token").expose_secret(), "r-s3cret");
    assert_eq!((opened.expires_at, opened.obtained_at), (tokens("x").expires_at, tokens("x").obtained_at));

    let error = sealer.open(&ben, &sealed).await.expect_err("another's");
    assert!(matches!(&error, Error::Unsealable { account } if *account == ben) && !error.is_transient());
    let text = "what is sealed for account ben does not open: it is damaged, or was sealed for another";
    assert_eq!(error.to_string(), text);
    assert_ne!(key.seal(&tokens("s3cret")), sealed, "no two nonces are the same");
}

#[tokio::test]
async fn a_text_that_was_changed_anywhere_does_not_open() {
    let sealer = sealer().await;
    let ann: AccountId = id("ann");
    let sealed = sealer.prepare(&ann).await.expect("a key").seal(&tokens("s3cret"));
    let bytes = BASE64_STANDARD.decode(&sealed).expect("base64");
    for at in [0, 1, 2, 10, bytes.len() / 2, bytes.len() - 100, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let error = sealer.open(&ann, &BASE64_STANDARD.encode(&changed)).await.expect_err("changed");
        assert!(matches!(error, Error::Unsealable { .. }), "byte {at}: {error}");
    }
    for length in [0, 1, 3, 20, bytes.len() - 1] {
        let error = sealer.open(&ann, &BASE64_STANDARD.encode(&bytes[..length])).await.expect_err("cut");
        assert!(matches!(error, Error::Unsealable { .. }), "{length} bytes: {error}");
    }
    let error = sealer.open(&ann, "no base64!").await.expect_err("no sealed text");
    assert!(matches!(error, Error::Unsealable { .. }));
}

#[tokio::test]
async fn what_a_later_release_sealed_is_refused_by_name() {
    let sealer = sealer().await;
    let ann: AccountId = id("ann");
    let sealed = sealer.prepare(&ann).await.expect("a key").seal(&tokens("s3cret"));
    let bytes = BASE64_STANDARD.decode(&sealed).expect("base64");
    let open = async |version: u8, length: usize| {
        let later = [&[version], &bytes[1..length]].concat();
        sealer.open(&ann, &BASE64_STANDARD.encode(&later)).await.expect_err("not this version")
    };
    for version in [2, 16] {
        let error = open(version, bytes.len()).await;
        let text = format!("the value of secret sealed for account ann has version {version}, ");
        assert!(matches!(&error, Error::TooNew { .. }) && error.to_string().starts_with(&text), "{error}");
    }
    // What is damaged is not taken for a later one, which an account would wait for for ever.
    for (version, length) in [(0, bytes.len()), (17, bytes.len()), (255, bytes.len()), (2, 3), (2, 60)] {
        let error = open(version, length).await;
        assert!(matches!(error, Error::Unsealable { .. }), "version {version}, {length} bytes: {error}");
    }
}

#[tokio::test]
async fn a_key_that_is_away_is_transient_and_one_that_does_not_exist_is_not() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("address");
    let away = Sealer::new(client(&format!("http://{nobody}")), "alias/postroom");
    let error = away.prepare(&id("ann")).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "KMS GenerateDataKey on alias/postroom: not reached");
    assert!(error.is_transient());
    let sealer = sealer().await;
    let sealed = sealer.prepare(&id("ann")).await.expect("a key").seal(&tokens("s3cret"));
    let error = away.open(&id("ann"), &sealed).await.expect_err("nobody there");
    assert_eq!(error.to_string(), "KMS Decrypt on alias/postroom: not reached");

    let endpoint = std::env::var("POSTROOM_TEST_AWS_ENDPOINT").expect("an AWS API");
    let unknown = Sealer::new(client(&endpoint), "11111111-2222-3333-4444-555555555555");
    let error = unknown.prepare(&id("ann")).await.expect_err("no such key");
    assert!(matches!(error, Error::Request { service: "KMS", .. }) && !error.is_transient(), "{error}");
}
