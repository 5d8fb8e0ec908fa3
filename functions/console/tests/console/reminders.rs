//! Reminders: what was sent to whom, what comes next, and who cannot be told.

use crate::{
    browser::Browser,
    imap::MailServer,
    support::{ADMIN, Fixture, now},
    traffic::Traffic,
};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::StatusCode;
use console::App;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use postroom_letter::{LinkKey, personal_link};
use postroom_model::{
    Account, AccountId, EndDate, Expiry, Failure, Fault, FaultClass, Governs, Lease, Recipient, Rejection,
    Reminder, Stage, Subject,
};
use postroom_registry::{LeasedAccount, TokenRecord};
use url::Url;

fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * n)
}

/// A whole second: that is what is stored.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("in range")
}

/// Has somebody consented to an account; its refresh token ends in a number of days.
async fn authorised(fixture: &Fixture, id: &AccountId, ends_in: i64) -> Timestamp {
    let (begun, until) = (second(now() - days(100)), now() + SignedDuration::from_secs(60));
    let lease = Lease { owner: "test".into(), until };
    let LeasedAccount::Held(status) =
        fixture.registry.lease_account(id, &lease, now()).await.expect("answers")
    else {
        panic!("busy")
    };
    let at = second(now() + days(ends_in));
    let record = TokenRecord {
        obtained_at: begun,
        access_expires_at: Some(until),
        refresh_expires_at: Some(at),
        refresh_expires_since: Some(begun),
        unrefreshable: false,
        ends: Some(Expiry { at, governs: Governs::RefreshToken, since: begun }),
        remind_at: Some(at - days(32)),
        missing_scopes: Vec::new(),
        due_at: Some(until),
        consent: Some((begun, None)),
    };
    assert!(fixture.registry.record_tokens(id, status.fence, &record).await.expect("answers"));
    at
}

fn reminder(subject: &Subject, ends_at: Timestamp, stage: Stage, to: &str, ago: i64) -> Reminder {
    Reminder {
        subject: subject.clone(),
        ends_at,
        governs: Governs::RefreshToken,
        stage,
        began_at: second(now() - days(30)),
        recipient: Recipient::from(to.to_owned()),
        sent_at: second(now() - SignedDuration::from_mins(ago)),
        message_id: Some("0100".into()),
    }
}

async fn record(fixture: &Fixture, reminder: &Reminder) {
    assert!(fixture.registry.record_reminder(reminder).await.expect("recorded"));
}

#[tokio::test]
async fn the_page_tells_what_comes_next_and_what_was_sent() {
    let fixture = Fixture::new().await;
    // A month is left, and everybody was told so; then a week.
    let projects = fixture.account("projects").await;
    let ends_at = authorised(&fixture, &projects, 20).await;
    let subject = Subject::Account(projects);
    record(&fixture, &reminder(&subject, ends_at, Stage::Month, "ann@post.test", 5)).await;
    record(&fixture, &reminder(&subject, ends_at, Stage::Month, "events", 5)).await;
    // A week is left, and nobody was told.
    let plans = fixture.account("plans").await;
    authorised(&fixture, &plans, 5).await;
    // A provider's secret has ended, another's app registration is refused.
    let mut provider = fixture.server.provider("acme");
    provider.client_auth_expires = Some(EndDate::Moment(second(now() - days(3))));
    fixture.registry.put_provider(&provider, now()).await.expect("stored");
    let sso = "sso".parse().expect("id");
    let fault = Fault::new(FaultClass::AppRegistration, "invalid_client");
    assert!(fixture.registry.open_incident(&sso, &plans, &fault, now()).await.expect("answers"));
    // One account has no end that is known.
    fixture.account("endless").await;
    let said = "smtp; 550 <b>user</b> unknown";
    let (registry, bounced) = (&fixture.registry, Rejection::Bounced);
    assert!(registry.record_undeliverable("Ben@post.test", bounced, said, now()).await.expect("recorded"));

    let mut browser = fixture.administrator().await;
    let page = browser.get("/reminders").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    let (next, rest) = page.text.split_once("id=\"blocked\"").expect("two parts");
    let (blocked, sent) = rest.split_once("id=\"sent\"").expect("three parts");
    for expected in [
        "Authorization of projects",
        "A week before",
        "in the next run, within the hour",
        "Authorization of plans",
        "Client secret or certificate of acme",
        "Overdue",
        "App registration sso is refused",
        "At once",
    ] {
        assert!(next.contains(expected), "{expected}: {page:?}");
    }
    assert!(!next.contains("endless") && !next.contains("ben@post.test"), "{page:?}");
    assert!(blocked.contains("ben@post.test") && blocked.contains("Mail came back"), "{page:?}");
    assert!(blocked.contains("550") && !page.says("<b>user"), "{page:?}");
    assert!(sent.contains("ann@post.test") && sent.contains("A month before"), "{page:?}");
    assert!(sent.contains("Machines, by an EventBridge event"), "{page:?}");
    assert!(page.says("aria-current=\"page\">Reminders"), "{page:?}");

    let page = browser.get("/accounts/projects").await;
    assert!(page.says("Next: “A week before”, ") && page.says("ann@post.test"), "{page:?}");
    let page = browser.get("/accounts/plans").await;
    assert!(page.says("Next: “A week before”, in the next run"), "{page:?}");
    let page = browser.get("/accounts/endless").await;
    assert!(page.says("As things are, nothing is going to be told."), "{page:?}");
}

#[tokio::test]
async fn what_was_sent_is_read_page_by_page_at_the_same_cost() {
    let fixture = Fixture::new().await;
    let subject: Subject = "account:gone".parse().expect("a subject");
    for n in 0..30 {
        let at = second(now()) + days(n);
        record(&fixture, &reminder(&subject, at, Stage::Day, &format!("owner-{n:02}@post.test"), n)).await;
    }
    let traffic = Traffic::to(&fixture.aws).await;
    let app = App::new(fixture.settings.clone(), &traffic.aws, now).expect("starts");
    let mut browser = fixture.administrator().await.with(console::router(app));
    browser.get("/reminders").await; // what a warm function has read already
    traffic.reset();
    let page = browser.get("/reminders").await;
    let requests = traffic.requests();
    assert!(page.says("owner-00@post.test") && page.says("owner-24@post.test"), "{page:?}");
    assert!(!page.says("owner-25@post.test"), "{page:?}");
    let sum: usize = requests.values().sum();
    assert!(sum <= 6 + 8 && requests.keys().all(|action| action != "Scan"), "{requests:?}");
    let next = page.text.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let next = next.expect("a next page").replace("&#38;", "&");
    let page = browser.get(&next).await;
    assert!(page.says("owner-25@post.test") && page.says("owner-29@post.test"), "{page:?}");
    assert!(!page.says("owner-24@post.test") && !page.says("What comes next"), "{page:?}");
    assert!(page.says("Previous page") && !page.says("rel=\"next\""), "{page:?}");
    let page = browser.get("/reminders?from=%2F..%2F").await;
    page.is_problem(StatusCode::BAD_REQUEST, "cannot be understood");
}

#[tokio::test]
async fn reminders_are_for_administrators() {
    let fixture = Fixture::new().await;
    let page = fixture.browser().get("/reminders").await;
    assert!(!page.says(ADMIN) && page.location().is_some_and(|to| to.starts_with("/sign-in")), "{page:?}");
    let id = fixture.account("projects").await;
    let mut owner = fixture.browser();
    opened(&mut owner, &link(&fixture, &id, "owner-of-projects@post.test").await).await;
    let page = owner.get("/reminders").await;
    assert!(!page.says("What was sent") && page.status != StatusCode::OK, "{page:?}");
}

#[tokio::test]
async fn owners_who_cannot_be_told_are_marked_where_they_are_shown() {
    let fixture = Fixture::new().await;
    let id = fixture.account("projects").await;
    let mut account = fixture.registry.account(&id).await.expect("answers").expect("there");
    account.owners = vec!["Ann@post.test".into(), "ben@post.test".into(), "not an address".into()];
    account.reauthorise_every = Some("6mo".parse().expect("a period"));
    fixture.registry.put_account(&account, now()).await.expect("stored");
    let mut mailbox = fixture.mailbox("diary", &id, 1).await;
    mailbox.owners = vec!["ann@post.test".into()];
    mailbox.auth = postroom_model::Auth::Basic;
    mailbox.password_expires = Some(EndDate::Day("2020-02-29".parse().expect("a day")));
    fixture.registry.put_mailbox(&mailbox, now()).await.expect("stored");
    let mut browser = fixture.administrator().await;
    for path in ["/accounts/projects", "/mailboxes/diary"] {
        assert!(!browser.get(path).await.says("Takes no mail"), "{path}");
    }
    for (address, because) in
        [("ann@post.test", Rejection::Complained), ("not an address", Rejection::Invalid)]
    {
        let new = fixture.registry.record_undeliverable(address, because, "", now()).await;
        assert!(new.expect("recorded"));
    }
    let page = browser.get("/accounts/projects").await;
    assert_eq!(page.text.matches("Takes no mail since").count(), 2, "{page:?}");
    assert!(page.says("reported mail as unwanted") && page.says("every 6 months"), "{page:?}");
    let page = browser.get("/mailboxes/diary").await;
    assert!(page.says("Takes no mail since") && page.says("29 February 2020"), "{page:?}");
    assert!(page.says("enter the new one below") && page.says("value=\"2020-02-29\""), "{page:?}");
}

/// A link as a reminder has it.
pub(crate) async fn link(fixture: &Fixture, account: &AccountId, owner: &str) -> Url {
    let secret = fixture.vault.link_key().await.expect("answers").expect("a key");
    let key = LinkKey::of(&secret);
    let status = fixture.registry.account_status(account).await.expect("answers");
    let authorised_at = status.authorised_at.map_or(0, Timestamp::as_second);
    personal_link(&key, &fixture.settings.public_url, account, authorised_at, owner, now() + days(32))
}

async fn opened(owner: &mut Browser, link: &Url) -> crate::browser::Page {
    owner.get(link.path()).await;
    let token = link.path().strip_prefix("/link/").expect("a link");
    owner.post_and_follow("/link", &[("token", token)]).await
}

#[tokio::test]
async fn owners_of_a_mailbox_come_by_a_link_to_its_account() {
    let fixture = Fixture::new().await;
    let id = fixture.account("projects").await;
    let server = MailServer::start(true).await;
    let mut mailbox = fixture.mailbox("diary", &id, server.port).await;
    mailbox.owners = vec!["Cleo@Post.test".into()];
    fixture.registry.put_mailbox(&mailbox, now()).await.expect("stored");
    let mut cleo = fixture.browser();
    let page = opened(&mut cleo, &link(&fixture, &id, "cleo@post.test").await).await;
    assert!(page.says("Your account") && page.says("diary"), "{page:?}");
    let request = cleo.leave("/mine/authorise", &[]).await;
    let page = cleo.follow(&fixture.server.approve(&request, "projects@post.test")).await;
    assert!(page.says("Done: you can close this page."), "{page:?}");

    let second = link(&fixture, &id, "cleo@post.test").await;
    mailbox.owners.clear();
    fixture.registry.put_mailbox(&mailbox, now()).await.expect("stored");
    for (browser, path) in [(&mut cleo, "/mine"), (&mut fixture.browser(), second.path())] {
        let page = browser.get(path).await;
        assert!(page.says("no longer an owner of it or of a mailbox"), "{path}: {page:?}");
    }
    // Somebody who owns a mailbox of another account.
    let other: Account = serde_json::from_value(serde_json::json!({
        "id": "other", "provider": "sso", "grant": "authorization_code",
    }))
    .expect("an account");
    fixture.registry.put_account(&other, now()).await.expect("stored");
    let mut theirs = fixture.mailbox("theirs", &other.id, 1).await;
    theirs.owners = vec!["dora@post.test".into()];
    fixture.registry.put_mailbox(&theirs, now()).await.expect("stored");
    let stray = link(&fixture, &id, "dora@post.test").await;
    let page = fixture.browser().get(stray.path()).await;
    assert!(page.says("no longer an owner of it or of a mailbox"), "{page:?}");
}

#[tokio::test]
async fn the_end_of_a_password_is_noted_down_with_it() {
    let fixture = Fixture::new().await;
    let id = fixture.account("projects").await;
    let mut mailbox = fixture.mailbox("plant", &id, 1).await;
    mailbox.auth = postroom_model::Auth::Basic;
    fixture.registry.put_mailbox(&mailbox, now()).await.expect("stored");
    let mut browser = fixture.administrator().await;
    let form = |end: &'static str| {
        [
            ("auth", "basic"),
            ("protocol", "imap"),
            ("host", "127.0.0.1"),
            ("port", "1"),
            ("tls", "none"),
            ("user", "plant"),
            ("folders", "INBOX"),
            ("interval", "5m"),
            ("after", "leave"),
            ("password", "secret"),
            ("password_expires", end),
        ]
    };
    let page = browser.post("/mailboxes/plant", &form("tomorrow")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.says("id=\"password_expires-wrong\"") && page.says("value=\"tomorrow\""), "{page:?}");
    let page = browser.post_and_follow("/mailboxes/plant", &form("2090-09-30")).await;
    assert!(page.says("30 September 2090") && !page.says("secret"), "{page:?}");
    let due = fixture.registry.due_subjects(now(), 10).await.expect("answers");
    assert!(due.iter().any(|due| due.subject == Subject::Password(mailbox.id.clone())), "{due:?}");
    let page = browser.post_and_follow("/mailboxes/plant", &form("")).await;
    assert!(page.says("Not known; say it below"), "{page:?}");
}

/// Writes an attribute of an item as nobody of ours would.
async fn spoil(fixture: &Fixture, pk: &str, sk: &str, name: &str) {
    let dynamodb = aws_sdk_dynamodb::Client::new(&fixture.aws);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = dynamodb.update_item().table_name(&fixture.settings.table);
    let update = update.key("pk", text(pk)).key("sk", text(sk)).update_expression("SET #name = :value");
    let update = update.expression_attribute_names("#name", name);
    update.expression_attribute_values(":value", text("spoilt")).send().await.expect("spoilt");
}

#[tokio::test]
async fn what_cannot_be_read_hides_nothing_else() {
    let fixture = Fixture::new().await;
    for id in ["projects", "plans", "spoilt", "estranged"] {
        let id = fixture.account(id).await;
        authorised(&fixture, &id, 5).await;
    }
    for id in ["acme", "broken"] {
        let mut provider = fixture.server.provider(id);
        provider.client_auth_expires = Some(EndDate::Moment(second(now() - days(3))));
        fixture.registry.put_provider(&provider, now()).await.expect("stored");
    }
    let mut estranged =
        fixture.registry.account(&"estranged".parse().expect("id")).await.expect("answers").expect("there");
    estranged.provider = "broken".parse().expect("id");
    fixture.registry.put_account(&estranged, now()).await.expect("stored");
    for address in ["ann@post.test", "ben@post.test"] {
        let new =
            fixture.registry.record_undeliverable(address, Rejection::Returned, "552 full", now()).await;
        assert!(new.expect("recorded"));
    }
    spoil(&fixture, "ACCOUNT#spoilt", "ACCOUNT", "grant").await;
    spoil(&fixture, "PROVIDER#broken", "PROVIDER", "client_auth").await;
    spoil(&fixture, "OWNER#ben@post.test", "DELIVERY", "because").await;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/reminders").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    for expected in ["Authorization of projects", "Authorization of plans", "certificate of acme"] {
        assert!(page.says(expected), "{expected}: {page:?}");
    }
    assert!(page.says("ann@post.test") && page.says("as from a full mailbox"), "{page:?}");
    for missing in ["spoilt", "estranged", "of broken", "ben@post.test"] {
        assert!(!page.says(missing), "{missing}: {page:?}");
    }
}

#[tokio::test]
async fn what_has_nothing_to_say_does_not_crowd_out_what_has() {
    let fixture = Fixture::new().await;
    // Sixty accounts that are looked at and have no end, and as many mailboxes that fail.
    for n in 0..60 {
        let id = fixture.account(&format!("endless-{n:02}")).await;
        let subject = Subject::Account(id.clone());
        assert!(fixture.registry.remind_now(&subject, now() - days(1)).await.expect("answers"));
        let mailbox = fixture.mailbox(&format!("failing-{n:02}"), &id, 1).await;
        let failure =
            Failure::next(None, Fault::new(FaultClass::TimedOut, "no answer"), now() - days(9), 0.5);
        fixture.registry.record_failure(&mailbox.id, &failure, None).await.expect("recorded");
    }
    let projects = fixture.account("projects").await;
    authorised(&fixture, &projects, 40).await;
    let mut browser = fixture.administrator().await;
    let page = browser.get("/reminders").await;
    assert!(page.says("Authorization of projects") && page.says("A month before"), "{page:?}");
    assert!(!page.says("endless") && !page.says("failing"), "{page:?}");
}

#[tokio::test]
async fn addresses_that_take_no_mail_are_shown_a_hundred_at_most() {
    let fixture = Fixture::new().await;
    for n in 0..104 {
        let address = format!("owner-{n:03}@post.test");
        let at = now() - SignedDuration::from_mins(n);
        let new = fixture.registry.record_undeliverable(&address, Rejection::Bounced, "550", at).await;
        assert!(new.expect("recorded"));
    }
    let mut browser = fixture.administrator().await;
    let page = browser.get("/reminders").await;
    assert_eq!(page.text.matches("Mail came back for good").count(), 100, "{page:?}");
    assert!(page.says("There are more: “postroom reminders” lists them all."), "{page:?}");
    let command = "aws sesv2 delete-suppressed-destination --email-address ADDRESS";
    assert!(page.says(command) && page.says("run “postroom apply”"), "{page:?}");
}

#[tokio::test]
async fn times_are_those_of_the_deployments_zone() {
    let fixture = Fixture::new().await;
    let projects = fixture.account("projects").await;
    let ends_at = authorised(&fixture, &projects, 20).await;
    let subject = Subject::Account(projects);
    record(&fixture, &reminder(&subject, ends_at, Stage::Month, "ann@post.test", 5)).await;
    let zone = TimeZone::get("Asia/Tokyo").expect("a zone");
    let router = fixture.reconfigured(|settings| settings.calendar.zone = zone.clone());
    let mut browser = fixture.administrator().await.with(router);
    let sent = second(now() - SignedDuration::from_mins(5)).to_zoned(zone);
    let sent = sent.strftime("%-d %B %Y, %H:%M JST").to_string();
    for path in ["/reminders", "/accounts/projects"] {
        let page = browser.get(path).await;
        assert!(page.says(&sent) && !page.says(" UTC"), "{path}, {sent}: {page:?}");
    }
    assert!(browser.get("/reminders").await.says("in the time zone Asia/Tokyo"));
}

#[tokio::test]
async fn what_a_server_said_is_shown_without_what_cannot_be_seen() {
    let fixture = Fixture::new().await;
    let id = fixture.account("projects").await;
    let said = "550 \u{202e}moc.live\u{202c} \u{200b}unknown";
    let owner = "owner-of-projects@post.test";
    let new = fixture.registry.record_undeliverable(owner, Rejection::Bounced, said, now()).await;
    assert!(new.expect("recorded"));
    let fault = Fault::new(FaultClass::TokenRefused, said);
    fixture.registry.record_account_fault(&id, Some(&fault), now()).await.expect("recorded");
    let mut browser = fixture.administrator().await;
    for path in ["/reminders", "/accounts/projects"] {
        let page = browser.get(path).await;
        assert!(page.says("550 moc.live unknown"), "{path}: {page:?}");
        assert!(!page.text.contains(['\u{202e}', '\u{200b}']), "{path}: {page:?}");
    }
}
