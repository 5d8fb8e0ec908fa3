//! `postroom reminders`.

use crate::support::{Fixture, id, now, printed};
use jiff::{SignedDuration, Timestamp};
use postroom_cli::{Error, args::RemindersArgs, reminders::reminders};
use postroom_model::{Failure, Fault, FaultClass, Governs, Recipient, Rejection, Reminder, Stage, TokenSet};
use postroom_tokens::Consent;

/// Two accounts, a client secret and a password, each with an end of its own.
const MANIFEST: &str = r#"
    [[provider]]
    id = "contoso"
    issuer = "https://sso.example"
    client_id = "postroom"
    client_secret = { env = "SECRET" }
    client_secret_expires = 2027-02-01
    idle_days = 90

    [[account]]
    id = "minutes"
    provider = "contoso"

    [[account]]
    id = "projects"
    provider = "contoso"
    owners = ["ann@contoso.com"]

    [[mailbox]]
    id = "plant"
    host = "imap.example.com"
    user = "plant"
    password = { env = "SECRET" }
    password_expires = 2027-06-30T12:00:00+02:00
"#;

/// The id of a mail, as SES makes them.
const MAIL: &str = "010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000";

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

/// What was told of an end in five days, a week before it.
fn reminder(subject: &str, recipient: &str, sent_at: Timestamp) -> Reminder {
    Reminder {
        subject: id(subject),
        ends_at: now() + SignedDuration::from_hours(24 * 5),
        governs: Governs::RefreshToken,
        stage: Stage::Week,
        began_at: now() - SignedDuration::from_hours(24 * 2),
        recipient: Recipient::from(recipient.to_owned()),
        sent_at,
        message_id: Some(MAIL.to_owned()),
    }
}

async fn shown(fixture: &Fixture, subject: Option<&str>, limit: u16, json: bool) -> Result<String, Error> {
    let args = RemindersArgs { subject: subject.map(id), limit, json };
    printed(async |out| reminders(&fixture.deployment, &args, now(), out).await).await.map(|(text, _)| text)
}

/// A deployment in which much was told and much comes.
async fn busy() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let registry = &fixture.deployment.registry;
    let overdue = reminder("account:minutes", "operators@contoso.com", ago(400));
    for told in [
        reminder("account:projects", "ann@contoso.com", ago(20)),
        reminder("account:projects", "events", ago(19)),
        Reminder { message_id: None, ..reminder("account:projects", "ben@contoso.com", ago(18)) },
        Reminder {
            ends_at: ago(750),
            governs: Governs::Refused,
            stage: Stage::Overdue(2),
            began_at: ago(414),
            ..overdue.clone()
        },
        Reminder {
            subject: id("incident:contoso"),
            ends_at: ago(47),
            governs: Governs::Incident,
            stage: Stage::Overdue(0),
            began_at: ago(47),
            sent_at: ago(46),
            ..overdue
        },
    ] {
        assert!(registry.record_reminder(&told).await.expect("records"));
    }
    let said = "smtp; 550 5.1.1 the account that you tried to reach does not exist; check the address for \
        unnecessary spaces";
    let put = registry.record_undeliverable("Ben@contoso.com", Rejection::Bounced, said, ago(18));
    assert!(put.await.expect("records"));
    let consent = Consent { at: now(), identity: None };
    let tokens = r#"{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":3600}"#;
    let tokens = TokenSet::from_response(tokens, now()).expect("a token set");
    let until = now() + SignedDuration::from_mins(1);
    fixture.deployment.tokens.accept(&id("projects"), tokens, consent, until).await.expect("accepts");
    let fault = Fault::new(FaultClass::AppRegistration, "AADSTS7000222: the client secret has expired");
    registry.open_incident(&id("contoso"), &id("minutes"), &fault, ago(47)).await.expect("opens");
    let failure = Failure::next(None, Fault::new(FaultClass::TimedOut, "no answer"), ago(2), 0.0);
    registry.record_failure(&id("plant"), &failure, None).await.expect("records");
    fixture
}

#[tokio::test]
async fn it_says_what_was_told_what_comes_and_who_cannot_be_told_in_100_columns() {
    let fixture = busy().await;
    let text = shown(&fixture, None, 20, false).await.expect("reports");
    insta::assert_snapshot!(text, @"
    TOLD                  STAGE           SUBJECT           TO
    2027-01-14 14:00 UTC  1 week          account:projects  ben@contoso.com
        ends 2027-01-20 08:00 UTC: the server lets the refresh token end
        nothing could be sent to that address
    2027-01-14 13:00 UTC  1 week          account:projects  machines (EventBridge)
        ends 2027-01-20 08:00 UTC: the server lets the refresh token end
        id 010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000
    2027-01-14 12:00 UTC  1 week          account:projects  ann@contoso.com
        ends 2027-01-20 08:00 UTC: the server lets the refresh token end
        id 010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000
    2027-01-13 10:00 UTC  at once         incident:contoso  operators@contoso.com
        since 2027-01-13 09:00 UTC: the provider's app registration fails
        id 010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000
    2026-12-29 16:00 UTC  overdue, no. 3  account:minutes   operators@contoso.com
        ended 2026-12-15 02:00 UTC: it was revoked, or is refused
        id 010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000

    NEXT                  STAGE         SUBJECT
    at the next run       at once       address:ben@contoso.com
        since 2027-01-14 14:00 UTC: it takes no mail
    at the next run       1 month       provider:contoso
        ends 2027-02-01 00:00 UTC: the app's client secret or certificate ends
    2027-01-20 09:00 UTC  again, no. 2  incident:contoso
        since 2027-01-13 09:00 UTC: the provider's app registration fails
    2027-03-15 08:00 UTC  1 month       account:projects
        ends 2027-04-15 08:00 UTC: a refresh token that nobody uses dies; each renewal puts that off
    2027-05-30 10:00 UTC  1 month       password:plant
        ends 2027-06-30 10:00 UTC: the mailbox's password ends

    ADDRESS THAT TAKES NO MAIL  SINCE                 LAST
    ben@contoso.com             2027-01-14 14:00 UTC  2027-01-14 14:00 UTC
        mail to it came back: smtp; 550 5.1.1 the account that you tried to reach does not exist; check
        the address for unnecessary spaces
    what helps: correct the owner in the manifest and apply it; or, where the address takes mail again,
        aws sesv2 delete-suppressed-destination --email-address ADDRESS

    stages are counted in the time zone UTC; what has ended is said again every 7 days
    ");
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|columns| columns <= 100), "{longest:?}");
}

#[tokio::test]
async fn machines_read_the_same() {
    let fixture = busy().await;
    let json = shown(&fixture, None, 20, true).await.expect("reports");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("writes"), @r#"
    {
      "at": "2027-01-15T08:00:00Z",
      "coming": [
        {
          "ended_by": "refused",
          "ends_at": "2027-01-14T14:00:00Z",
          "looked_at": "2027-01-14T14:00:00Z",
          "stage": "overdue-0",
          "subject": "address:ben@contoso.com"
        },
        {
          "ended_by": "client_secret",
          "ends_at": "2027-02-01T00:00:00Z",
          "looked_at": "2027-01-15T08:00:00Z",
          "stage": "month",
          "subject": "provider:contoso"
        },
        {
          "at": "2027-01-20T09:00:00Z",
          "ended_by": "incident",
          "ends_at": "2027-01-13T09:00:00Z",
          "looked_at": "2027-01-13T09:00:00Z",
          "stage": "overdue-1",
          "subject": "incident:contoso"
        },
        {
          "at": "2027-03-15T08:00:00Z",
          "ended_by": "idle_limit",
          "ends_at": "2027-04-15T08:00:00Z",
          "looked_at": "2027-03-14T08:00:00Z",
          "stage": "month",
          "subject": "account:projects"
        },
        {
          "at": "2027-05-30T10:00:00Z",
          "ended_by": "password",
          "ends_at": "2027-06-30T10:00:00Z",
          "looked_at": "2027-01-15T08:00:00Z",
          "stage": "month",
          "subject": "password:plant"
        }
      ],
      "coming_more": false,
      "repeat_days": 7,
      "sent": [
        {
          "ended_by": "refresh_token",
          "ends_at": "2027-01-20T08:00:00Z",
          "recipient": "ben@contoso.com",
          "sent_at": "2027-01-14T14:00:00Z",
          "stage": "week",
          "subject": "account:projects"
        },
        {
          "ended_by": "refresh_token",
          "ends_at": "2027-01-20T08:00:00Z",
          "message_id": "010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000",
          "recipient": "events",
          "sent_at": "2027-01-14T13:00:00Z",
          "stage": "week",
          "subject": "account:projects"
        },
        {
          "ended_by": "refresh_token",
          "ends_at": "2027-01-20T08:00:00Z",
          "message_id": "010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000",
          "recipient": "ann@contoso.com",
          "sent_at": "2027-01-14T12:00:00Z",
          "stage": "week",
          "subject": "account:projects"
        },
        {
          "ended_by": "incident",
          "ends_at": "2027-01-13T09:00:00Z",
          "message_id": "010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000",
          "recipient": "operators@contoso.com",
          "sent_at": "2027-01-13T10:00:00Z",
          "stage": "overdue-0",
          "subject": "incident:contoso"
        },
        {
          "ended_by": "refused",
          "ends_at": "2026-12-15T02:00:00Z",
          "message_id": "010001942f6e8a3c-5f0c2b7e-9d1a-4c55-8e0b-1f2a3b4c5d6e-000000",
          "recipient": "operators@contoso.com",
          "sent_at": "2026-12-29T16:00:00Z",
          "stage": "overdue-2",
          "subject": "account:minutes"
        }
      ],
      "sent_more": false,
      "time_zone": "UTC",
      "undeliverable": [
        {
          "address": "ben@contoso.com",
          "because": "bounced",
          "said": "smtp; 550 5.1.1 the account that you tried to reach does not exist; check the address for unnecessary spaces",
          "seen_at": "2027-01-14T14:00:00Z",
          "since": "2027-01-14T14:00:00Z"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_limit_cuts_both_lists_and_says_so() {
    let fixture = busy().await;
    let json = shown(&fixture, None, 2, true).await.expect("reports");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["sent_more"], &json["coming_more"]), (&true.into(), &true.into()));
    let recipients: Vec<_> =
        json["sent"].as_array().expect("a list").iter().map(|s| &s["recipient"]).collect();
    assert_eq!(recipients, ["ben@contoso.com", "events"], "the latest first");
    assert_eq!(json["undeliverable"].as_array().map(Vec::len), Some(1));
    let text = shown(&fixture, None, 2, false).await.expect("reports");
    assert_eq!(text.matches("there are more: --limit shows them\n").count(), 2, "{text}");
}

#[tokio::test]
async fn one_subject_alone_is_shown_with_those_who_were_to_be_told() {
    let fixture = busy().await;
    let of = async |subject: &str| shown(&fixture, Some(subject), 20, false).await;
    let projects = of("account:projects").await.expect("reports");
    assert!(projects.contains("ben@contoso.com") && projects.contains("2027-03-15"), "{projects}");
    assert!(!projects.contains("provider:") && !projects.contains("operators@"), "{projects}");
    let failing = of("mailbox:plant").await.expect("reports");
    assert!(failing.contains("nothing is known to come"), "only machines hear of it: {failing}");
    let plant = of("password:plant").await.expect("reports");
    insta::assert_snapshot!(plant, @"
    nothing was told yet

    NEXT                  STAGE    SUBJECT
    2027-05-30 10:00 UTC  1 month  password:plant
        ends 2027-06-30 10:00 UTC: the mailbox's password ends

    stages are counted in the time zone UTC; what has ended is said again every 7 days
    ");
    let minutes = of("account:minutes").await.expect("reports");
    assert!(minutes.contains("overdue, no. 3") && minutes.contains("nothing is known to come"), "{minutes}");
    let ben = of("address:Ben@contoso.com").await.expect("reports");
    assert!(ben.contains("ben@contoso.com"), "{ben}");
    of("incident:contoso").await.expect("reports");
    of("schedule:batches").await.expect("nothing is wrong with that");

    for unknown in
        ["account:project", "provider:p", "password:p", "incident:p", "mailbox:p", "address:a@b.example"]
    {
        let error = of(unknown).await.expect_err("there is no such thing");
        assert_eq!(error.exit_status(), 2);
        let said = format!("nothing is known of {unknown}; `postroom reminders` lists what there is");
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test]
async fn a_stage_comes_with_the_next_run_until_it_is_on_record() {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let coming = async || {
        let json = shown(&fixture, Some("provider:contoso"), 20, true).await.expect("reports");
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let coming = &json["coming"][0];
        (coming["at"].as_str().map(str::to_owned), coming["stage"].as_str().map(str::to_owned))
    };
    assert_eq!(coming().await, (None, Some("month".to_owned())), "it is a month or less");
    let ends_at = "2027-02-01T00:00:00Z".parse().expect("a moment");
    let told = Reminder { ends_at, stage: Stage::Month, ..reminder("provider:contoso", "events", now()) };
    // One of another end does not count.
    let other = Reminder { ends_at: now(), ..told.clone() };
    assert!(fixture.deployment.registry.record_reminder(&other).await.expect("records"));
    assert_eq!(coming().await.0, None);
    assert!(fixture.deployment.registry.record_reminder(&told).await.expect("records"));
    assert_eq!(coming().await, (Some("2027-01-25T00:00:00Z".to_owned()), Some("week".to_owned())));
}

#[tokio::test]
async fn what_is_over_is_told_once_or_not_at_all() {
    let fixture = busy().await;
    let registry = &fixture.deployment.registry;
    registry.close_incident(&id("contoso"), now()).await.expect("closes");
    let told = Reminder {
        ends_at: ago(18),
        stage: Stage::Overdue(0),
        began_at: ago(18),
        ..reminder("address:ben@contoso.com", "operators@contoso.com", now())
    };
    assert!(registry.record_reminder(&told).await.expect("records"));
    let text = shown(&fixture, None, 20, false).await.expect("reports");
    let (_, coming) = text.split_once("\nNEXT").expect("what comes");
    assert!(!coming.contains("address:"), "the operators know of it: {text}");
    assert!(
        coming.contains("-        incident:contoso\n    machines hear that the provider gives"),
        "{text}"
    );
    let address = shown(&fixture, Some("address:Ben@Contoso.com"), 20, false).await.expect("reports");
    assert!(address.contains("    since 2027-01-14 14:00 UTC: it takes no mail\n"), "{address}");
}

#[tokio::test]
async fn an_empty_deployment_has_nothing_to_say() {
    let fixture = Fixture::new().await;
    insta::assert_snapshot!(shown(&fixture, None, 20, false).await.expect("reports"), @"
    nothing was told yet

    nothing is known to come

    stages are counted in the time zone UTC; what has ended is said again every 7 days
    ");
}

#[tokio::test]
async fn what_cannot_be_read_or_has_nothing_to_say_hides_nothing_else() {
    let fixture = busy().await;
    // Accounts that are looked at first, and of which nothing is to be said.
    let many: String =
        (0..9).map(|n| format!("[[account]]\nid = \"new-{n}\"\nprovider = \"contoso\"\n")).collect();
    fixture.apply(&many, "", &[]).await.expect("applies");
    fixture.spoil("ACCOUNT#minutes", "ACCOUNT", "grant").await;
    let registry = &fixture.deployment.registry;
    for n in 0..9 {
        assert!(registry.remind_now(&id(&format!("account:new-{n}")), ago(2)).await.expect("answers"), "{n}");
    }
    assert!(registry.remind_now(&id("account:minutes"), ago(1)).await.expect("answers"));
    let json = shown(&fixture, None, 4, true).await.expect("reports");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let subjects: Vec<_> = json["coming"].as_array().expect("a list").iter().map(|c| &c["subject"]).collect();
    assert_eq!(subjects, ["provider:contoso", "incident:contoso", "account:projects", "password:plant"]);
    assert_eq!(json["unreadable"][0]["subject"], "account:minutes");
    let text = shown(&fixture, None, 4, false).await.expect("reports");
    assert!(text.contains("\naccount:minutes: item ACCOUNT#minutes/ACCOUNT of table"), "{text}");
}
