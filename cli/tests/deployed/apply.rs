//! `postroom apply`.

use crate::support::{Fixture, id, now};
use jiff::{SignedDuration, Timestamp};
use postroom_cli::Error;
use postroom_model::{Interval, Language, Lease, ProviderId, Rejection, Subject, TokenSet};
use postroom_registry::LeasedAccount;
use postroom_tokens::Consent;
use secrecy::ExposeSecret;

const MANIFEST: &str = include_str!("../manifest.example.toml");

#[tokio::test]
async fn applying_again_writes_nothing_and_pruning_leaves_nothing() {
    let fixture = Fixture::new().await;
    let planned = fixture.apply(MANIFEST, "s3cret", &["--dry-run"]).await.expect("plans");
    assert!(planned.ends_with("10 changes\n") && !planned.contains("s3cret"), "{planned}");
    assert!(fixture.items().await.is_empty(), "a dry run writes nothing");

    let applied = fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    assert_eq!(applied, format!("{planned}applied 10 changes\n"));
    let before = fixture.items().await;
    let again = fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies again");
    assert_eq!(again, "nothing to do\n");
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
    let Error::BrokenOff { done, all: 10, because } = &error else { panic!("unexpected {error:?}") };
    assert!((7..=8).contains(done), "the secrets, the owner, providers and the account were first: {done}");
    assert!(matches!(**because, Error::Registry(_)), "{because:?}");
    assert_eq!(error.exit_status(), 1);
    let continued = fixture.apply(MANIFEST, "s3cret", &[]).await.expect("continues");
    assert!(!continued.contains("provider") && continued.contains("+ mailbox site-diary"), "{continued}");
    assert!(fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies").ends_with("nothing to do\n"));
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

/// When a subject's item is looked at, in seconds after `now`.
async fn looked_at(fixture: &Fixture, subject: &str) -> Option<i64> {
    let due = fixture.deployment.registry.due_subjects(Timestamp::MAX, 100).await.expect("answers");
    let due = due.into_iter().find(|due| due.subject.to_string() == subject)?;
    // What is due and brought forward again is due a second earlier.
    Some(due.remind_at.duration_since(now()).as_secs().max(0))
}

/// Has everything that is to be looked at looked at a year from now only.
async fn put_off(fixture: &Fixture) {
    let registry = &fixture.deployment.registry;
    for due in registry.due_subjects(Timestamp::MAX, 100).await.expect("answers") {
        let later = now() + SignedDuration::from_hours(24 * 365);
        assert!(registry.set_reminder(&due, Some(later)).await.expect("answers"));
    }
}

#[tokio::test]
async fn accounts_are_looked_at_when_their_provider_lets_them_end_at_another_time() {
    let fixture = Fixture::new().await;
    let manifest = r#"
        [[provider]]
        id = "contoso"
        issuer = "https://sso.example"
        client_id = "postroom"
        client_secret = { env = "SECRET" }

        [[provider]]
        id = "other"
        issuer = "https://other.example"
        client_id = "postroom"

        [[account]]
        id = "ann"
        provider = "contoso"

        [[account]]
        id = "app"
        provider = "contoso"
        grant = "client_credentials"

        [[account]]
        id = "ben"
        provider = "other"

        [[account]]
        id = "new"
        provider = "contoso"
    "#;
    let with = |keys: &str| manifest.replacen("client_id", &format!("{keys}\nclient_id"), 1);
    fixture.apply(manifest, "s3cret", &[]).await.expect("applies");
    for account in ["ann", "app", "ben"] {
        let tokens = r#"{"access_token":"access","refresh_token":"refresh","token_type":"Bearer"}"#;
        let tokens = TokenSet::from_response(tokens, now()).expect("a token set");
        let (consent, until) = (Consent { at: now(), identity: None }, now() + SignedDuration::from_mins(1));
        fixture.deployment.tokens.accept(&id(account), tokens, consent, until).await.expect("accepts");
        let registry = &fixture.deployment.registry;
        assert!(registry.remind_now(&Subject::Account(id(account)), now()).await.expect("answers"));
    }
    let year = Some(365 * 86_400);
    for (keys, ann) in [
        ("scopes = [\"imap\"]", year),
        ("idle_days = 90", Some(0)),
        ("idle_days = 90\nscopes = [\"imap\"]", year),
        ("idle_days = 90\nauthorization_days = 30", Some(0)),
        ("", Some(0)),
    ] {
        put_off(&fixture).await;
        let applied = fixture.apply(&with(keys), "s3cret", &[]).await.expect("applies");
        assert!(applied.contains("~ provider contoso: "), "{applied}");
        assert_eq!(looked_at(&fixture, "account:ann").await, ann, "{keys}");
        assert_eq!(looked_at(&fixture, "account:app").await, year, "nobody consents to it");
        assert_eq!(looked_at(&fixture, "account:ben").await, year, "another provider's");
        assert_eq!(looked_at(&fixture, "account:new").await, None, "nobody has authorised it");
    }
    put_off(&fixture).await;
    let every = manifest.replace("id = \"ben\"", "id = \"ben\"\nreauthorise_every = \"6mo\"");
    let applied = fixture.apply(&every, "s3cret", &[]).await.expect("applies");
    assert!(applied.contains("~ account ben: reauthorise_every nothing → 6mo\n"), "{applied}");
    assert_eq!(looked_at(&fixture, "account:ben").await, Some(0));
}

#[tokio::test]
async fn owners_are_written_changed_and_pruned_and_ends_are_looked_at() {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let registry = &fixture.deployment.registry;
    let language = async || registry.owner("ben@contoso.com").await.expect("answers").map(|o| o.language);
    assert_eq!(language().await, Some(Some(Language::De)));
    assert_eq!(looked_at(&fixture, "provider:contoso").await, Some(0), "its client secret ends");
    assert_eq!(looked_at(&fixture, "provider:acme-sso").await, None, "its end is not known");
    assert_eq!(looked_at(&fixture, "password:legacy-plant").await, Some(0));

    let without = MANIFEST.replace("language = \"de\"", "").replace("password_expires = 2027-06-30", "");
    let applied = fixture.apply(&without, "s3cret", &[]).await.expect("applies");
    assert!(applied.contains("~ owner ben@contoso.com: language de → nothing\n"), "{applied}");
    assert_eq!(language().await, Some(None));
    assert_eq!(looked_at(&fixture, "password:legacy-plant").await, None);
    let pruned = fixture.apply("", "", &["--prune"]).await.expect("prunes");
    assert!(pruned.contains("- owner ben@contoso.com\n"), "{pruned}");
    assert_eq!(language().await, None);
}

#[tokio::test]
async fn what_is_on_record_of_an_address_goes_with_the_last_that_names_it() {
    let fixture = Fixture::new().await;
    let manifest = |owner: &str| {
        format!(
            "[[mailbox]]\nid = \"plant\"\nhost = \"h.example\"\nuser = \"plant\"\n\
             password = {{ env = \"SECRET\" }}\nowners = [\"{owner}\"]\n"
        )
    };
    fixture.apply(&manifest("Bne@contoso.com"), "s3cret", &[]).await.expect("applies");
    let registry = &fixture.deployment.registry;
    for address in ["bne@contoso.com", "gone@contoso.com", "operators@contoso.com"] {
        let new = registry.record_undeliverable(address, Rejection::Bounced, "550", now()).await;
        assert!(new.expect("recorded"), "{address}");
    }
    let known = async || {
        let page = registry.undeliverables(None, 10).await.expect("answers");
        let mut known: Vec<String> = page.items.into_iter().map(|known| known.address).collect();
        known.sort();
        known
    };
    let planned = fixture.apply(&manifest("Bne@contoso.com"), "s3cret", &["--dry-run"]).await.expect("plans");
    insta::assert_snapshot!(planned, @"
    - record that gone@contoso.com takes no mail: nobody owns anything by this address
    1 change
    ");
    fixture.apply(&manifest("Bne@contoso.com"), "s3cret", &[]).await.expect("applies");
    assert_eq!(
        known().await,
        ["bne@contoso.com", "operators@contoso.com"],
        "the operators are nobody's owner"
    );
    let corrected = fixture.apply(&manifest("ben@contoso.com"), "s3cret", &[]).await.expect("applies");
    assert!(corrected.contains("- record that bne@contoso.com takes no mail"), "{corrected}");
    assert_eq!(known().await, ["operators@contoso.com"]);
    let again = fixture.apply(&manifest("ben@contoso.com"), "s3cret", &[]).await.expect("applies");
    assert!(again.ends_with("nothing to do\n"), "{again}");
}
