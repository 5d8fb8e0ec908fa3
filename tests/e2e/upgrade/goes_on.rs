//! A deployment of every earlier release: mail is fetched on from where it was, tokens are renewed, and
//! everything is shown.

use crate::cli::Stack;
use dispatch::{Dispatch, Settings};
use postroom_model::{AccountId, MailboxId};
use postroom_tests::{Generation, Lab, ahead, clock, environment, generations, invocation, later, message};
use serde_json::{Value, json};

fn id(name: &str) -> MailboxId {
    name.parse().expect("an id")
}

/// Every mailbox has its three messages, each stored once.
async fn assert_complete(lab: &Lab, generation: &Generation, what: &str) {
    for mailbox in generation.fetched() {
        let name = format!("{} {mailbox}, {what}", generation.name);
        let state = lab.states(&[id(mailbox)]).await.remove(0);
        assert_eq!((&state.failure, state.messages), (&None, 3), "{name}");
        let user = generation.user(mailbox);
        let mut expected: Vec<_> = (1..=3).map(|n| message(&user, n).into_bytes()).collect();
        expected.sort();
        assert_eq!(lab.archived(&id(mailbox)).await, expected, "{name}");
    }
    lab.assert_written_once().await;
}

/// The batch as dispatch sends it, worked.
async fn tick_and_fetch(lab: &Lab) {
    let settings = Settings {
        table: lab.settings.table.clone(),
        queue_url: lab.settings.queue_url.clone(),
        stack: lab.settings.stack.clone(),
    };
    let tick = Dispatch::new(settings, &lab.aws).tick(clock(), ahead::<60>()).await.expect("a tick");
    assert_eq!((tick.sent, tick.failed), (1, 0));
    let sqs = aws_sdk_sqs::Client::new(&lab.aws);
    let got = sqs.receive_message().queue_url(&lab.settings.queue_url).send().await.expect("an answer");
    let message = got.messages.unwrap_or_default().remove(0);
    let body = message.body.expect("a body");
    lab.fetch().work_message(&body, &invocation(90)).await.expect("a worked batch");
    let receipt = message.receipt_handle.expect("a receipt");
    sqs.delete_message()
        .queue_url(&lab.settings.queue_url)
        .receipt_handle(receipt)
        .send()
        .await
        .expect("done");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_fetched_on_and_nothing_is_stored_twice() {
    for generation in generations() {
        let lab = Lab::new().await;
        let (users, _alone) = generation.lay_into_with_mail(&lab).await;
        tick_and_fetch(&lab).await;
        assert_complete(&lab, &generation, "fetched on").await;
        let paused = generation.number() > 1;
        let rests = lab.registry.mailbox(&id("paused")).await.expect("an answer");
        assert_eq!(rests.and_then(|placed| placed.paused_at).is_some(), paused, "{}", generation.name);

        // Cursors say nothing any more; what is archived is known by its identity.
        for user in &users {
            user.renumber("INBOX");
        }
        for mailbox in generation.fetched() {
            lab.fetch_one(&lab.fetch(), &id(mailbox)).await;
        }
        assert_complete(&lab, &generation, "renumbered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_renewed_and_go_on_being_renewed() {
    let ann: AccountId = "ann".parse().expect("an id");
    for generation in generations() {
        let lab = Lab::new().await;
        let (_, _alone) = generation.lay_into_with_mail(&lab).await;
        let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
        // The first release knew no schedule of renewals: the first fetch that needs a token renews it.
        let renewed = u64::from(generation.number() > 1);
        assert_eq!((tally.refreshed, tally.failed), (renewed, 0), "{}", generation.name);
        tick_and_fetch(&lab).await;
        let status = lab.registry.account_status(&ann).await.expect("a status");
        assert!(status.fault.is_none() && status.obtained_at > Some(ahead::<-120>()), "{status:?}");
        assert!(status.due_at > Some(clock()), "{}: it is due again by itself: {status:?}", generation.name);
        // Listed where people and programs look for an account's mailboxes, though it was not at first.
        let listed = lab.registry.mailboxes_of(&ann).await.expect("mailboxes");
        let listed: Vec<&str> = listed.iter().map(|placed| placed.mailbox.id.as_str()).collect();
        assert_eq!(listed, ["site"], "{}", generation.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_shown_and_the_same_manifest_changes_nothing() {
    for generation in generations() {
        let lab = Lab::new().await;
        let (_, _alone) = generation.lay_into_with_mail(&lab).await;
        tick_and_fetch(&lab).await;
        let stack = Stack::of(&lab).await;
        let status: Value =
            serde_json::from_str(&stack.postroom(&["status", "--json"]).well()).expect("JSON");
        let names = |list: &str| -> Vec<String> {
            let entries = status[list].as_array().expect("a list").iter();
            entries.map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
        };
        for mailbox in generation.fetched() {
            assert!(names("mailboxes").contains(&mailbox.to_owned()), "{}: {status}", generation.name);
        }
        assert!(names("accounts").contains(&"ann".to_owned()), "{}: {status}", generation.name);
        let plant = stack.postroom(&["status", "plant"]).well();
        assert!(plant.contains("made up"), "{}: what is in quarantine is listed: {plant}", generation.name);

        let manifest = manifest(&generation);
        let planned = stack.postroom(&["apply", "--dry-run", &manifest.to_string_lossy()]).well();
        // The address that takes no mail is nobody's here.
        let changes: Vec<_> = planned.lines().filter(|line| line.starts_with(['+', '~', '-'])).collect();
        let forgets = changes.iter().all(|line| line.starts_with("- record that gone@contoso.test"));
        assert!(forgets && changes.len() <= 1, "{}: {planned}", generation.name);
        assert_eq!(changes.is_empty(), planned.contains("nothing to do"), "{}: {planned}", generation.name);
    }
}

/// The manifest from which such a deployment comes.
fn manifest(generation: &Generation) -> std::path::PathBuf {
    let (issuer, client) = (environment("POSTROOM_TEST_ISSUER"), environment("POSTROOM_TEST_CLIENT_ID"));
    let port = environment("POSTROOM_TEST_IMAPS_PORT");
    let idle = if generation.number() > 1 { "idle_days = 90\n" } else { "" };
    let ends = if generation.number() > 2 { "password_expires = 2027-04-01\n" } else { "" };
    let mut text = format!(
        "[[provider]]\nid = \"sso\"\npreset = \"custom\"\nissuer = \"{issuer}\"\nclient_id = \"{client}\"\n{idle}\
         client_secret = {{ env = \"TEST_CLIENT_SECRET\" }}\nclient_secret_expires = 2027-05-01\n\
         scopes = [\"openid\", \"offline_access\", \"mail\"]\n"
    );
    for account in ["ann", "old"] {
        let address = format!("{account}@contoso.test");
        text += &format!(
            "[[account]]\nid = \"{account}\"\nprovider = \"sso\"\ngrant = \"authorization_code\"\n\
             login = \"{address}\"\nowners = [\"{address}\"]\n"
        );
    }
    let password = crate::stack::file("password", &format!("pw-{}", generation.user("plant")));
    let password = format!("password = {{ file = \"{}\" }}\n{ends}", password.display());
    for (mailbox, auth) in [("plant", password.as_str()), ("site", "auth = { oauth = \"ann\" }\n")] {
        text += &format!(
            "[[mailbox]]\nid = \"{mailbox}\"\nprotocol = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\n\
             user = \"{}\"\ninterval = \"5m\"\nowners = [\"ann@contoso.test\"]\n{auth}tags = {{ site = \"north\" }}\n",
            generation.user(mailbox)
        );
    }
    crate::stack::file("manifest.toml", &text)
}

/// What a release counts is counted on.
#[test]
fn every_generation_has_what_the_tests_ask_for() {
    for generation in generations() {
        assert!(generation.fetched().len() >= 2, "{}", generation.name);
        assert_eq!(generation.objects.len(), 2 * generation.fetched().len(), "{}", generation.name);
        let made_up = json!(generation.secrets).to_string();
        assert!(made_up.contains("made-up"), "{}", generation.name);
    }
}
