//! `postroom status`: what is in quarantine, message by message, and which owners cannot be told.

use crate::support::{Fixture, id, now, printed};
use postroom_cli::{args::StatusArgs, status::status};
use postroom_model::{Fault, FaultClass, MailboxId, Rejection, Stuck};

async fn shown(fixture: &Fixture, mailboxes: &[&str], json: bool) -> String {
    let args = StatusArgs { mailboxes: mailboxes.iter().map(|name| id(name)).collect(), json };
    printed(async |out| status(&fixture.deployment, &args, now(), out).await).await.expect("reports").0
}

#[tokio::test]
async fn a_mailbox_that_is_named_shows_each_message_in_quarantine() {
    let fixture = Fixture::new().await;
    fixture.apply(include_str!("../manifest.example.toml"), "s3cret", &[]).await.expect("applies");
    let diary: MailboxId = id("site-diary");
    for uid in [17, 23] {
        let fault = Fault::new(FaultClass::Protocol, "the message has no end");
        let stuck =
            Stuck { uid_validity: 4, uid, unique_id: None, size: None, message_id: None, attempts: 3, fault };
        let put = fixture.deployment.registry.quarantine(&diary, "Zeichnungen \"A\"", &stuck, now());
        put.await.expect("is on record");
    }

    let overview = shown(&fixture, &[], false).await;
    assert!(overview.contains("\n    2 messages in quarantine\n") && !overview.contains("UID"), "{overview}");
    let named = shown(&fixture, &["site-diary"], false).await;
    let details: String = named
        .lines()
        .filter(|line| line.contains("quarantine") || line.contains("UID"))
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(details, @r#"
        2 messages in quarantine
            folder "Zeichnungen \"A\"", UID 17 (UIDVALIDITY 4), now (2027-01-15 08:00 UTC): protocol: the message has no end
            folder "Zeichnungen \"A\"", UID 23 (UIDVALIDITY 4), now (2027-01-15 08:00 UTC): protocol: the message has no end
    "#);

    let overview: serde_json::Value = serde_json::from_str(&shown(&fixture, &[], true).await).expect("JSON");
    assert!(overview["mailboxes"][1].get("quarantine").is_none());
    let json: serde_json::Value =
        serde_json::from_str(&shown(&fixture, &["site-diary", "legacy-plant"], true).await).expect("JSON");
    assert_eq!(json["mailboxes"][0]["quarantine"], serde_json::json!([]));
    let expected = serde_json::json!({
        "folder": "Zeichnungen \"A\"", "uid_validity": 4, "uid": 23, "class": "protocol",
        "reason": "the message has no end", "at": "2027-01-15T08:00:00Z",
    });
    assert_eq!(json["mailboxes"][1]["quarantine"][1], expected);
}

#[tokio::test]
async fn an_owner_who_takes_no_mail_is_marked_wherever_the_address_is_named() {
    let fixture = Fixture::new().await;
    fixture.apply(include_str!("../manifest.example.toml"), "s3cret", &[]).await.expect("applies");
    let registry = &fixture.deployment.registry;
    let refused = registry.record_undeliverable("Ann@contoso.com", Rejection::Refused, "on the list", now());
    refused.await.expect("records");
    let marked = "    owner ann@contoso.com cannot be told: SES does not send to it since now (2027-01-15 08:00 UTC): on the list\n";
    let all = shown(&fixture, &[], false).await;
    assert_eq!(all.matches(marked).count(), 2, "at the account and at the mailbox: {all}");
    assert!(!all.contains("owner ben@contoso.com"), "{all}");
    assert!(registry.clear_undeliverable("ann@contoso.com").await.expect("answers"));
    assert!(!shown(&fixture, &[], false).await.contains("cannot be told"));
}
