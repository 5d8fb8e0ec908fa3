//! What a later release wrote: it is refused by name, stays as it is, and stops nothing else.

use crate::cli::Stack;
use aws_sdk_dynamodb::types::AttributeValue;
use postroom_model::{AccountId, BatchId, ClientSecret, Lease, MailboxId, Subject};
use postroom_registry::Error;
use postroom_tests::{Generation, Lab, answer, clock, generations, invocation, later};
use serde_json::json;
use tokio::sync::MutexGuard;

const LATER: &str = "99";

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

/// Makes an item one of a later release.
async fn outdate(lab: &Lab, pk: &str, sk: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
    let update =
        dynamodb.update_item().table_name(&lab.settings.table).key("pk", text(pk)).key("sk", text(sk));
    let update = update.update_expression("SET v = :v").condition_expression("attribute_exists(pk)");
    update.expression_attribute_values(":v", AttributeValue::N(LATER.into())).send().await.expect("an item");
}

/// The items of a later release, as they are.
async fn outdated(lab: &Lab) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let held = Generation::of_lab("0-now", lab).await;
    held.items.into_iter().filter(|item| item["v"]["N"] == LATER).collect()
}

fn newest() -> Generation {
    generations().pop().expect("a folder")
}

fn is_refusal(error: &Error) -> bool {
    let says = error.to_string();
    matches!(error, Error::TooNew { .. })
        && says.contains("version 99, and this release knows versions up to 1")
        && says.contains("deploy that one")
}

/// A lab in which the newest release was, with mail; the other value keeps other tests away from that.
async fn lab() -> (Lab, MutexGuard<'static, ()>) {
    let lab = Lab::new().await;
    let (_, alone) = newest().lay_into_with_mail(&lab).await;
    (lab, alone)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_left_alone_and_its_neighbours_are_fetched() {
    for sk in ["CONFIG", "STATE"] {
        let (lab, _alone) = lab().await;
        outdate(&lab, "MAILBOX#plant", sk).await;
        let before = outdated(&lab).await;
        let body = format!(r#"{{"batch":{{"id":"5m-0001","due_at":{}}}}}"#, clock().as_second());
        lab.fetch().work_message(&body, &invocation(90)).await.expect("a worked batch");
        let site = lab.states(&[id("site")]).await.remove(0);
        assert_eq!((site.failure, site.messages), (None, 3), "{sk}");
        assert_eq!(lab.keys(&id("plant")).await.len(), 2, "{sk}: nothing new");
        assert_eq!(outdated(&lab).await, before, "{sk}");
        let (_, loaded) = lab.registry.load(&[id("plant")]).await.expect("an answer").remove(0);
        assert!(is_refusal(&loaded.expect_err("later")), "{sk}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_leaves_it_as_it_is() {
    let (lab, _alone) = lab().await;
    for (pk, sk) in [
        ("ACCOUNT#ann", "ACCOUNT"),
        ("ACCOUNT#ann", "STATUS"),
        ("BATCH#5m-0001", "BATCH"),
        ("EPHEMERAL#consent#made-up", "EPHEMERAL"),
        ("INCIDENT#corp", "INCIDENT"),
        ("MAILBOX#plant", "CONFIG"),
        ("MAILBOX#plant", "STATE"),
        ("OWNER#ann@contoso.test", "OWNER"),
        ("OWNER#gone@contoso.test", "DELIVERY"),
        ("PROVIDER#sso", "PROVIDER"),
    ] {
        outdate(&lab, pk, sk).await;
    }
    let before = outdated(&lab).await;
    assert_eq!(before.len(), 10);
    let (registry, now) = (&lab.registry, clock());
    let (plant, ann): (MailboxId, AccountId) = (id("plant"), id("ann"));
    let lease = Lease { owner: "a test".into(), until: later(now, 60) };
    let batch: BatchId = id("5m-0001");
    let provider = serde_json::from_value(json!({
        "id": "sso", "preset": "custom", "endpoints": {"issuer": "https://sso.test/"}, "client_id": "c",
        "client_auth": "public",
    }));
    let account =
        serde_json::from_value(json!({"id": "ann", "provider": "sso", "grant": "authorization_code"}));
    let mailbox = serde_json::from_value(json!({
        "id": "plant", "protocol": "imap", "host": "h", "port": 1, "tls": "implicit", "user": "u",
    }));
    let refusals = [
        registry.lease_batch(&batch, &lease, now).await.expect_err("a batch's lease"),
        registry.claim(&batch, now, now).await.expect_err("a batch's claim"),
        registry.lease_mailbox(&plant, &lease, now).await.expect_err("a mailbox's lease"),
        registry.record_success(&plant, now, 0, None).await.expect_err("a success"),
        registry.lease_account(&ann, &lease, now).await.expect_err("an account's lease"),
        registry.put_provider(&provider.expect("a provider"), now).await.expect_err("a provider"),
        registry.put_account(&account.expect("an account"), now).await.expect_err("an account"),
        registry.put_mailbox(&mailbox.expect("a mailbox"), now).await.expect_err("a mailbox"),
        registry.pause_mailbox(&plant, Some(now)).await.expect_err("a pause"),
        registry.close_incident(&id("corp"), now).await.expect_err("an incident"),
        registry.remind_now(&Subject::Account(ann.clone()), now).await.expect_err("a reminder"),
        registry.clear_undeliverable("gone@contoso.test").await.expect_err("an address"),
        registry
            .take_ephemeral::<serde_json::Value>("consent", "made-up", later(now, -400 * 24 * 3600))
            .await
            .expect_err("short-lived"),
        registry.owner("ann@contoso.test").await.expect_err("an owner"),
    ];
    for error in refusals {
        assert!(is_refusal(&error), "{error}");
    }
    assert_eq!(outdated(&lab).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_and_renewals_of_the_others_go_on() {
    let (lab, _alone) = lab().await;
    lab.open_post().await;
    lab.make_link_key().await;
    outdate(&lab, "ACCOUNT#old", "STATUS").await;
    let before = outdated(&lab).await;
    let told = answer(&lab.checker(), json!({"at": "2026-08-29T20:00:00Z"})).await.expect("a run");
    assert!(told["failed"].as_u64() > Some(0), "what was left alone is counted: {told}");
    assert!(lab.mails().await.iter().any(|mail| mail.to == ["ann@contoso.test"]), "{told}");
    let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
    assert_eq!(tally.refreshed, 1, "{tally:?}");
    assert_eq!(outdated(&lab).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_what_to_do() {
    let (lab, _alone) = lab().await;
    outdate(&lab, "ACCOUNT#ann", "ACCOUNT").await;
    let stack = Stack::of(&lab).await;
    let said = stack.postroom(&["status"]);
    assert_ne!(said.code, 0);
    assert!(
        said.err.contains("item ACCOUNT#ann/ACCOUNT") && said.err.contains("deploy that one"),
        "{}",
        said.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_neither_read_nor_replaced() {
    let (lab, _alone) = lab().await;
    let vault = aws_sdk_secretsmanager::Client::new(&lab.aws);
    let value = r#"{"v":99,"sealed":"made-up"}"#;
    for name in ["mailbox/plant", "account/ann", "provider/sso"] {
        let name = format!("{}/{name}", lab.settings.secret_prefix);
        vault.put_secret_value().secret_id(name).secret_string(value).send().await.expect("put");
    }
    let secret = ClientSecret::Secret("made-up".into());
    for error in [
        lab.vault.password(&id("plant")).await.expect_err("a password"),
        lab.vault.put_password(&id("plant"), &"made-up".into()).await.expect_err("a password"),
        lab.vault.put_client_secret(&id("sso"), &secret).await.expect_err("a client secret"),
        lab.vault.token_set(&id("ann")).await.expect_err("a token set"),
    ] {
        let is_later =
            matches!(&error, postroom_vault::Error::TooNew { found, known: 1, .. } if found == "99");
        assert!(is_later, "{error}");
    }
    // The mailboxes say so, and mail that is there stays.
    let body = format!(r#"{{"batch":{{"id":"5m-0001","due_at":{}}}}}"#, clock().as_second());
    lab.fetch().work_message(&body, &invocation(90)).await.expect("a worked batch");
    for mailbox in ["plant", "site"] {
        let failure = lab.states(&[id(mailbox)]).await.remove(0).failure.expect("a failure");
        assert_eq!(failure.fault.class.name(), "unsupported", "{mailbox}: {failure:?}");
        assert!(failure.fault.reason.contains("deploy that one"), "{mailbox}: {failure:?}");
    }
    let held = Generation::of_lab("0-now", &lab).await.secrets;
    for name in ["mailbox/plant", "account/ann", "provider/sso"] {
        assert_eq!(held[name], value, "{name}");
    }
}
