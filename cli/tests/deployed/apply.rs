//! `postroom apply`.

use crate::support::{Fixture, id, now};
use postroom_cli::Error;
use postroom_model::{Interval, Lease, ProviderId, TokenSet};
use postroom_registry::LeasedAccount;
use secrecy::ExposeSecret;

const MANIFEST: &str = include_str!("../manifest.example.toml");

#[tokio::test]
async fn applying_again_writes_nothing_and_pruning_leaves_nothing() {
    let fixture = Fixture::new().await;
    let planned = fixture.apply(MANIFEST, "s3cret", &["--dry-run"]).await.expect("plans");
    assert!(planned.ends_with("9 changes\n") && !planned.contains("s3cret"), "{planned}");
    assert!(fixture.items().await.is_empty(), "a dry run writes nothing");

    let applied = fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    assert_eq!(applied, format!("{planned}applied 9 changes\n"));
    let before = fixture.items().await;
    let again = fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies again");
    assert!(again.ends_with("\nnothing to do\n"), "{again}");
    assert_eq!(fixture.items().await, before);

    let later = MANIFEST.replace("interval = \"5m\"", "interval = \"1h\"");
    let changed = fixture.apply(&later, "an0ther", &[]).await.expect("applies");
    assert!(changed.contains("~ mailbox site-diary: interval 5m → 1h\n"), "{changed}");
    assert!(
        changed.contains("~ password of legacy-plant (from environment variable PLANT_PASSWORD)\n")
            && !changed.contains("an0ther"),
        "{changed}"
    );
    let registry = &fixture.deployment.registry;
    let diary = registry.mailbox(&id("site-diary")).await.expect("answers").expect("is there");
    assert_eq!(diary.mailbox.interval, "1h".parse::<Interval>().expect("interval"));
    assert_eq!((diary.batch, diary.batched_at), (Some(id("1h-0001")), Some(now())));

    let pruned = fixture.apply("", "", &["--prune"]).await.expect("prunes");
    assert!(pruned.contains("- mailbox site-diary\n") && pruned.contains("- provider contoso\n"), "{pruned}");
    assert!(fixture.items().await.keys().all(|(pk, _)| pk.starts_with("BATCH#")), "empty batches remain");
    let vault = &fixture.deployment.vault;
    assert!(vault.password(&id("legacy-plant")).await.expect("answers").is_none());
    assert!(vault.client_secret(&id::<ProviderId>("contoso")).await.expect("answers").is_none());
    assert_eq!(fixture.apply("", "", &["--prune"]).await.expect("prunes again"), "nothing to do\n");
}

#[tokio::test]
async fn a_manifest_with_a_mistake_changes_nothing() {
    let fixture = Fixture::new().await;
    let wrong = MANIFEST.replace("auth = { oauth = \"projects\" }", "auth = { oauth = \"project\" }");
    let error = fixture.apply(&wrong, "s3cret", &[]).await.expect_err("refused");
    assert_eq!(error.exit_status(), 2);
    let report = error.to_string();
    assert!(report.contains(": there is no account project\n    hint: there are projects\n"), "{report}");
    assert!(fixture.items().await.is_empty());
}

#[tokio::test]
async fn what_is_deployed_may_be_referred_to_unless_it_is_about_to_be_pruned() {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let more = r#"
        [[mailbox]]
        id = "minutes"
        user = "minutes@contoso.com"
        auth = { oauth = "projects" }

        [[mailbox]]
        id = "legacy-plant"
        host = "pop.example.com"
        user = "plant"
    "#;
    let applied =
        fixture.apply(more, "", &[]).await.expect("applies: the account and the password are there");
    assert!(
        applied.contains("+ mailbox minutes (imap outlook.office365.com, oauth projects, every 5m)\n"),
        "{applied}"
    );
    assert!(applied.contains("    mailbox site-diary\n"), "left alone and mentioned: {applied}");
    let error = fixture.apply(more, "", &["--prune"]).await.expect_err("the account would go");
    assert!(matches!(&error, Error::Manifest(problems) if problems.len() == 1), "{error}");
}

#[tokio::test]
async fn what_broke_off_is_said_and_applying_again_continues() {
    let fixture = Fixture::new().await;
    // More than an item of DynamoDB holds.
    let huge = format!("tags = {{ project = \"{}\" }}", "x".repeat(500_000));
    let broken = MANIFEST.replace("tags = { project = \"bridge-17\" }", &huge);
    let error = fixture.apply(&broken, "s3cret", &[]).await.expect_err("cannot be stored");
    let Error::BrokenOff { done, all: 9, because } = &error else { panic!("unexpected {error:?}") };
    assert!((6..=7).contains(done), "the secrets, providers and the account were first: {done}");
    assert!(matches!(**because, Error::Registry(_)), "{because:?}");
    assert_eq!(error.exit_status(), 1);
    let continued = fixture.apply(MANIFEST, "s3cret", &[]).await.expect("continues");
    assert!(!continued.contains("provider") && continued.contains("+ mailbox site-diary"), "{continued}");
    assert!(fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies").ends_with("\nnothing to do\n"));
}

#[tokio::test]
async fn an_accounts_password_comes_and_goes_with_it() {
    let fixture = Fixture::new().await;
    let manifest = r#"
        [[provider]]
        id = "old"
        issuer = "https://sso.example"
        client_id = "postroom"
        allow_password_grant = true

        [[account]]
        id = "plant"
        provider = "old"
        grant = "password"
        login = "plant"
        password = { env = "PLANT_PASSWORD" }
    "#;
    let applied = fixture.apply(manifest, "s3cret", &[]).await.expect("applies");
    insta::assert_snapshot!(applied, @"
    + password of account plant (from environment variable PLANT_PASSWORD)
    + provider old (custom, sso.example)
    + account plant (provider old, password)
    warning: provider old has allow_password_grant: accounts may hand a person's password to the authorization server, which OAuth's security practice forbids; use it only for a server that knows no other way
    3 changes
    applied 3 changes
    ");
    assert!(fixture.apply(manifest, "s3cret", &[]).await.expect("applies").ends_with("\nnothing to do\n"));
    let changed = fixture.apply(manifest, "an0ther", &[]).await.expect("applies");
    assert!(changed.starts_with("~ password of account plant (from environment variable"), "{changed}");

    let vault = &fixture.deployment.vault;
    let password = vault.account_password(&id("plant")).await.expect("answers").expect("is there");
    assert_eq!(password.expose_secret(), "an0ther");
    fixture.apply("", "", &["--prune"]).await.expect("prunes");
    assert!(vault.account_password(&id("plant")).await.expect("answers").is_none());
}

#[tokio::test]
async fn a_deleted_account_leaves_no_tokens_and_nothing_that_could_bring_them_back() {
    let fixture = Fixture::new().await;
    let manifest = r#"
        [[provider]]
        id = "contoso"
        issuer = "https://sso.example"
        client_id = "postroom"

        [[account]]
        id = "ann"
        provider = "contoso"
        grant = "authorization_code"
        login = "ann@contoso.example"
    "#;
    fixture.apply(manifest, "", &[]).await.expect("applies");
    let (registry, vault, ann) = (&fixture.deployment.registry, &fixture.deployment.vault, id("ann"));
    let tokens = r#"{"access_token":"access","refresh_token":"refresh","token_type":"Bearer"}"#;
    let tokens = TokenSet::from_response(tokens, now()).expect("a token set");
    vault.replace_token_set(&ann, None, &tokens, &"1".repeat(32)).await.expect("puts");
    let lease = Lease { owner: "renewal".into(), until: now() };
    let leased = registry.lease_account(&ann, &lease, now()).await.expect("answers");
    let LeasedAccount::Held(renewal) = leased else { panic!("not held but {leased:?}") };
    registry.journal_tokens(&ann, renewal.fence, "sealed", now()).await.expect("journals");

    let pruned = fixture.apply("", "", &["--prune"]).await.expect("prunes");
    assert!(pruned.contains("- account ann"), "{pruned}");
    assert!(vault.token_set(&ann).await.expect("answers").is_none());
    assert!(fixture.items().await.is_empty(), "status and journal are gone too");
    let late = registry.journal_tokens(&ann, renewal.fence, "late", now()).await.expect("answers");
    assert!(!late, "whoever renewed meanwhile writes nothing any more");
    assert!(registry.account(&ann).await.expect("answers").is_none());
}
