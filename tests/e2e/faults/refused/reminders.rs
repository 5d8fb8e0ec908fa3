//! `expiry-check` without something: whoever should have been told is told by the next run, once.

use super::{LACKS, Log, Refused, Way, gated};
use jiff::Timestamp;
use postroom_model::Mailbox;
use postroom_tests::{Act, Call, Lab, answer, clock, later};
use serde_json::json;

const BEGIN: &str = "2027-01-01T10:00:00Z";
const WEEK_BEFORE: &str = "2027-03-14T10:05:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// A mailbox whose password ends in a week, and its owner.
async fn due(lab: &Lab) {
    let json = json!({
        "id": "archive", "protocol": "imap", "host": "mail.test", "port": 993, "tls": "implicit",
        "user": "archive", "owners": [lab.person("anna")], "password_expires": "2027-03-20",
    });
    let mailbox: Mailbox = serde_json::from_value(json).expect("a mailbox");
    lab.registry.put_mailbox(&mailbox, at(BEGIN)).await.expect("a stored mailbox");
}

async fn run(lab: &Lab, now: Timestamp) -> Result<serde_json::Value, String> {
    answer(&lab.checker(), json!({"at": now.to_string()})).await
}

/// Mails that the owner has had.
async fn mails(lab: &Lab) -> usize {
    let all = lab.mails().await;
    all.iter().filter(|mail| mail.to == [lab.person("anna")]).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_could_not_be_told_is_told_by_the_next_run() {
    const FAILED: &str = "RemindersFailedAlarm";
    for (refused, mailed) in [
        (Refused::new(Way::Denied, "dynamodb:Query", ".Query", LACKS), 0),
        (Refused::new(Way::Missing, "dynamodb:Query", ".Query", LACKS), 0),
        (Refused::new(Way::Throttled, "dynamodb:Query", ".Query", "NoReminderRunAlarm"), 0),
        (Refused::new(Way::Denied, "dynamodb:UpdateItem", ".UpdateItem", LACKS), 0),
        (Refused::new(Way::Denied, "secretsmanager:GetSecretValue", ".GetSecretValue", LACKS), 0),
        (Refused::new(Way::Throttled, "secretsmanager:GetSecretValue", ".GetSecretValue", FAILED), 0),
        (Refused::new(Way::Denied, "ses:GetAccount", "GET /v2/email/account", LACKS), 0),
        (Refused::new(Way::Denied, "ses:SendEmail", "POST /v2/email/outbound-emails", LACKS), 0),
        (Refused::new(Way::Missing, "ses:SendEmail", "POST /v2/email/outbound-emails", LACKS), 0),
        // People are told all the same.
        (Refused::new(Way::Denied, "events:PutEvents", ".PutEvents", LACKS), 1),
        (Refused::new(Way::Throttled, "events:PutEvents", ".PutEvents", FAILED), 1),
    ] {
        let (lab, gate) = gated().await;
        lab.open_post().await;
        lab.make_link_key().await;
        due(&lab).await;
        refused.at(&gate, &lab);
        let log = Log::now();
        let now = at(WEEK_BEFORE);
        let is_error = run(&lab, now).await.is_err();
        let stops = matches!(refused.operation, ".Query" | ".UpdateItem");
        assert_eq!(is_error, stops, "{refused:?}");
        refused.assert_told_once("expiry-check", &lab, &log);
        refused.assert_rings(&lab, clock());
        assert_eq!(mails(&lab).await, mailed, "{refused:?}");
        gate.open();
        lab.forget_run().await;
        for hour in 1..3 {
            run(&lab, later(now, hour * 3600)).await.expect("a run");
        }
        assert_eq!((mails(&lab).await, lab.events().await.len()), (1, 1), "{refused:?}: once each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_of_links_is_told_and_people_hear_in_time_all_the_same() {
    let (lab, _gate) = gated().await;
    lab.open_post().await;
    due(&lab).await;
    let log = Log::now();
    run(&lab, at(WEEK_BEFORE)).await.expect("a run");
    let lines = log.since(&lab.settings.stack);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(line["fields"]["message"], "a resource is missing");
    assert_eq!(line["fields"]["right"], "secretsmanager:GetSecretValue");
    assert_eq!(line["fields"]["resource"], format!("secret {}/links", lab.settings.secret_prefix));
    assert_eq!(mails(&lab).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_ses_rejects_is_told_for_what_it_is_and_sent_by_the_next_run() {
    let (lab, gate) = gated().await;
    lab.open_post().await;
    lab.make_link_key().await;
    due(&lab).await;
    let said = format!("Message contains a virus: {}", lab.settings.stack);
    let rejected = json!({"__type": "MessageRejected", "message": said}).to_string();
    gate.rule(Call::MAIL, Act::RefuseWith(400, rejected));
    let (log, now) = (Log::now(), at(WEEK_BEFORE));
    let tally = run(&lab, now).await.expect("a run");
    assert_eq!((&tally["failed"], mails(&lab).await), (&json!(1), 0), "{tally}");
    let lines = log.since(&lab.settings.stack);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    let fields = &line["fields"];
    assert_eq!(
        (&fields["message"], &fields["right"]),
        (&json!("AWS refuses a request"), &json!("ses:SendEmail"))
    );
    assert_eq!(fields["said"], format!("MessageRejected: {said}"));
    assert!(fields["advice"].as_str().is_some_and(|advice| advice.contains("the mail itself")), "{line}");
    gate.open();
    run(&lab, later(now, 3600)).await.expect("a run");
    assert_eq!(mails(&lab).await, 1);
}
