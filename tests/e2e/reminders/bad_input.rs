//! What people write down wrongly, and what tables hold that should not be there: reported, and the
//! others are told.

use super::{
    Clock, Watch, account, at, brought, consent, days, hours, lab, later, mailbox, on_record, provider, read,
    set, to,
};
use jiff::Timestamp;
use postroom_model::{Recipient, Rejection, Subject};
use postroom_tests::{Lab, answer, run_at};
use serde_json::{Value, json};

static CLOCK: Clock = Clock::new(0);

fn now() -> Timestamp {
    read(&CLOCK)
}

const BEGIN: &str = "2027-01-01T10:00:00Z";
const MONTH: &str = "2027-03-01T11:05:00Z";

/// An account that is a month from its end at [`MONTH`].
async fn due(lab: &Lab, id: &str, provider: &str, change: impl FnOnce(&mut Value)) {
    let begin = at(BEGIN);
    set(&CLOCK, begin);
    let id = account(lab, id, provider, &["anna"], begin, change).await;
    consent(&lab.tokens(now), &id, begin, brought(begin, None)).await;
}

async fn idle(lab: &Lab, id: &str) {
    provider(lab, id, at(BEGIN), |json| json["idle_days"] = 90.into()).await;
}

/// Changes an item of the table as no release of ours would.
async fn spoil(lab: &Lab, pk: &str, sk: &str, attribute: &str, value: &str) {
    let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let update = dynamodb.update_item().table_name(&lab.settings.table);
    let update = update.key("pk", S(pk.to_owned())).key("sk", S(sk.to_owned()));
    let update = update.update_expression("SET #a = :a").expression_attribute_names("#a", attribute);
    update.expression_attribute_values(":a", S(value.to_owned())).send().await.expect("spoilt");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_without_an_address_is_reported_once_and_the_others_are_told() {
    let lab = lab().await;
    idle(&lab, "contoso").await;
    let wrong = [
        "anna",
        "Anna Example",
        "a@b@c",
        "anna@",
        "@test",
        "two@x.test,three@x.test",
        "x@y.test\r\nBcc: z@y.test",
        "",
    ];
    due(&lab, "diary", "contoso", |json| {
        let owners = wrong.iter().map(|owner| json!(owner)).chain([json!(lab.person("bernd"))]);
        json["owners"] = owners.collect();
    })
    .await;
    due(&lab, "plans", "contoso", |_| {}).await;
    let mut watch = Watch::new(&lab);
    let mut mails = watch.run(at(MONTH)).await.mails;
    for hour in 1..4 {
        mails.extend(watch.run(hours(at(MONTH), hour)).await.mails);
    }
    assert_eq!((to(&mails, &lab, "bernd").len(), to(&mails, &lab, "anna").len()), (1, 1), "{mails:#?}");
    let operators = to(&mails, &lab, "operators");
    assert_eq!(operators.len(), 1, "{operators:#?}");
    assert!(
        operators[0].body_text.contains("Anna Example") || operators[0].body_text.contains("anna example")
    );
    assert_eq!(mails.len(), 3, "nobody else");
    let known = lab.registry.undeliverables(None, 100).await.expect("an answer").items;
    assert!(known.iter().all(|address| address.because == Rejection::Invalid), "{known:?}");
    assert!(!known.is_empty());
}

/// Where none of the owners can be mailed, somebody is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_owners_have_no_address_goes_to_the_fall_back() {
    let lab = lab().await;
    idle(&lab, "contoso").await;
    due(&lab, "diary", "contoso", |json| json["owners"] = json!(["nobody", "anna at work"])).await;
    let mut deployment = lab.deployment();
    deployment.insert("FALLBACK_ADDRESS".to_owned(), lab.person("desk"));
    let mut watch = Watch::of(&lab, lab.checker_of(&deployment));
    let mut mails = watch.run(at(MONTH)).await.mails;
    mails.extend(watch.run(hours(at(MONTH), 1)).await.mails);
    let desk = to(&mails, &lab, "desk");
    assert!(desk.iter().any(|mail| mail.body_text.contains("diary")), "{mails:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_stops_nobody_and_is_not_forgotten() {
    let lab = lab().await;
    let begin = at(BEGIN);
    idle(&lab, "contoso").await;
    idle(&lab, "leaving").await;
    due(&lab, "diary", "contoso", |_| {}).await;
    due(&lab, "orphan", "leaving", |json| json["owners"] = json!([lab.person("bernd")])).await;
    due(&lab, "spoilt", "contoso", |json| json["owners"] = json!([lab.person("carla")])).await;
    mailbox(&lab, "archive", None, &["dora"], begin, |json| json["password_expires"] = "2027-03-20".into())
        .await;
    lab.registry.delete_provider(&"leaving".parse().expect("an id")).await.expect("deleted");
    spoil(&lab, "ACCOUNT#spoilt", "ACCOUNT", "grant", "a grant of a later release").await;
    spoil(&lab, "MAILBOX#archive", "CONFIG", "tls", "quantum").await;
    // Entries of the index that name nothing.
    for (pk, kind) in [("ACCOUNT#Not An Id", "account"), ("STRANGE", "provider"), ("OWNER#", "address")] {
        spoil(&lab, pk, "STATUS", "remind", kind).await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
        use aws_sdk_dynamodb::types::AttributeValue::{N, S};
        let update = dynamodb.update_item().table_name(&lab.settings.table);
        let update = update.key("pk", S(pk.to_owned())).key("sk", S("STATUS".to_owned()));
        let update = update
            .update_expression("SET remind_at = :at")
            .expression_attribute_values(":at", N("1".to_owned()));
        update.send().await.expect("spoilt");
    }
    let check = lab.checker();
    let result = run_at(&check, at(MONTH)).await;
    let mails = lab.mails().await;
    assert_eq!(to(&mails, &lab, "anna").len(), 1, "the others are told: {mails:#?}");
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert!(result["failed"].as_u64().is_some_and(|failed| failed >= 3), "{result}");
    // Once it can be read, it is told: nothing has moved it out of sight.
    idle(&lab, "leaving").await;
    spoil(&lab, "ACCOUNT#spoilt", "ACCOUNT", "grant", "authorization_code").await;
    spoil(&lab, "MAILBOX#archive", "CONFIG", "tls", "implicit").await;
    run_at(&check, hours(at(MONTH), 1)).await;
    let mails = lab.mails().await;
    assert_eq!(mails.len(), 4, "{mails:#?}");
    for name in ["bernd", "carla", "dora"] {
        assert_eq!(to(&mails, &lab, name).len(), 1, "{name}");
    }
}

/// Many that cannot be read come first at every run, and hide nobody.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_cannot_be_read_hide_nobody() {
    let lab = lab().await;
    idle(&lab, "leaving").await;
    idle(&lab, "contoso").await;
    for n in 0..150 {
        let begin = at("2026-12-01T10:00:00Z");
        let id = account(&lab, &format!("orphan-{n}"), "leaving", &["bernd"], begin, |_| {}).await;
        let due = lab.registry.remind_now(&Subject::Account(id), begin).await;
        assert!(due.expect("an answer"));
    }
    lab.registry.delete_provider(&"leaving".parse().expect("an id")).await.expect("deleted");
    due(&lab, "diary", "contoso", |_| {}).await;
    let mut mails = Vec::new();
    let mut watch = Watch::new(&lab);
    for hour in 0..3 {
        mails.extend(watch.run(hours(at(MONTH), hour)).await.mails);
    }
    assert_eq!(to(&mails, &lab, "anna").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_text_in_mails() {
    let lab = lab().await;
    provider(&lab, "contoso", at(BEGIN), |json| json["idle_days"] = 90.into()).await;
    let hostile = "<script>alert(1)</script>\"'&\r\nBcc: everybody@x.test\u{202e}";
    due(&lab, "diary", "contoso", |json| json["login"] = hostile.into()).await;
    mailbox(&lab, "diary-1", Some("diary"), &["anna"], at(BEGIN), |json| json["user"] = hostile.into()).await;
    let told = Watch::new(&lab).run(at(MONTH)).await;
    let [mail] = told.mails.as_slice() else { panic!("{:#?}", told.mails) };
    let html = mail.body_html.as_deref().expect("HTML");
    assert!(!html.contains("<script"), "{html}");
    assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
    assert!(!mail.body_text.contains("\nBcc:") && !html.contains("\nBcc:"), "{}", mail.body_text);
    assert!(!mail.body_text.contains('\u{202e}') && !html.contains('\u{202e}'), "{}", mail.body_text);
}

/// A date that lies in the past is overdue, not nothing, and is said once.
#[tokio::test(flavor = "multi_thread")]
async fn a_date_in_the_past_is_overdue_at_once() {
    let lab = lab().await;
    let begin = at(BEGIN);
    provider(&lab, "contoso", begin, |json| json["client_auth_expires"] = "2020-02-29".into()).await;
    mailbox(&lab, "archive", None, &["anna"], begin, |json| json["password_expires"] = "2026-12-31".into())
        .await;
    let mut watch = Watch::new(&lab);
    let told = watch.run(later(begin, 300)).await;
    assert_eq!((to(&told.mails, &lab, "anna").len(), to(&told.mails, &lab, "operators").len()), (1, 1));
    assert!(watch.run(later(begin, 3900)).await.mails.is_empty());
    let stages: Vec<String> = on_record(&lab)
        .await
        .iter()
        .filter(|r| r.recipient != Recipient::Events)
        .map(|r| r.stage.to_string())
        .collect();
    assert!(stages.iter().all(|stage| stage.starts_with("overdue-")), "{stages:?}");
    assert_eq!(watch.run(later(days(begin, 7), 300)).await.mails.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_is_only_taken_on_a_developers_machine() {
    let lab = lab().await;
    let mut deployment = lab.deployment();
    deployment.insert("ALLOW_LOCAL_SERVERS".to_owned(), "false".to_owned());
    let check = lab.checker_of(&deployment);
    let error = answer(&check, json!({"at": MONTH})).await.expect_err("it is not taken");
    assert!(error.contains("developer"), "{error}");
    answer(&check, json!({})).await.expect("the present");
    for wrong in ["2027-01-01", "soon", "2027-01-01T00:00:00"] {
        answer(&lab.checker(), json!({"at": wrong})).await.expect_err(wrong);
    }
}
