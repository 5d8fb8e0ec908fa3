//! What the tests of pages show: one of each kind, at one moment.

use crate::{
    assets,
    calendar::Clock,
    language::Language,
    session::{Administrator, Session, Who},
};
use askama::Template;
use jiff::{Timestamp, tz::TimeZone};
use postroom_model::{Account, AccountStatus, MailboxState, Provider, Reminder, Undeliverable};
use postroom_registry::{Incident, PlacedMailbox, QuarantineRecord};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The moment at which every page is looked at.
pub(crate) fn now() -> Timestamp {
    at("2026-11-22T12:00:00Z")
}

static ZONE: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Berlin").expect("a zone"));

/// The clock by which every page is made.
pub(crate) fn clock(language: Language) -> Clock<'static> {
    Clock { now: now(), zone: &ZONE, language }
}

/// A moment.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn value<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a fixture")
}

/// The page as it is compared: without what changes with the style sheet.
pub(crate) fn html(template: &impl Template) -> String {
    let html = template.render().expect("renders");
    let plain = [
        (assets::stylesheet(), "/assets/style.css"),
        (assets::icon(), "/assets/postroom.svg"),
        (assets::script(), "/assets/comfort.js"),
    ];
    plain.into_iter().fold(html, |html, (path, plain)| html.replace(path, plain))
}

/// An administrator who is signed in.
pub(crate) fn administrator() -> Administrator {
    let who = Who::Administrator { key: "key".into(), name: "ann@contoso.com".into() };
    let session = Session::new(who, now());
    Administrator { name: "ann@contoso.com".into(), csrf: "form-token".into(), key: "key".into(), session }
}

/// A provider of Microsoft's and one of our own.
pub(crate) fn providers() -> Vec<Provider> {
    vec![
        value(
            json!({"id": "acme-sso", "preset": "custom", "endpoints": {"issuer": "https://sso.acme.example/"},
            "client_id": "postroom", "client_auth": "secret", "client_auth_expires": "2026-12-04",
            "scopes": ["openid", "offline_access", "imap"], "allow_password_grant": true}),
        ),
        value(json!({"id": "contoso", "preset": "microsoft", "tenant": "contoso.onmicrosoft.com",
            "endpoints": {"explicit": {
                "authorize_url": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/authorize",
                "token_url": "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"}},
            "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e", "client_auth": "certificate",
            "client_auth_expires": "2027-09-30", "sasl": "xoauth2", "idle_days": 90,
            "scopes": ["offline_access", "https://outlook.office.com/IMAP.AccessAsUser.All"]})),
    ]
}

/// An incident at the second of them.
pub(crate) fn incident() -> Incident {
    value(json!({"id": "acme-sso", "since": seconds("2026-11-22T07:00:00Z"),
        "seen_at": seconds("2026-11-22T11:50:00Z"), "seen_with": "shop",
        "fault": {"class": "app_registration", "reason": "invalid_client: the client secret has expired"}}))
}

fn seconds(text: &str) -> i64 {
    at(text).as_second()
}

/// An account with its status, in each of the states that matter.
pub(crate) fn accounts() -> Vec<(Account, AccountStatus)> {
    let account = |id: &str, provider: &str, grant: &str| -> Account {
        value(json!({"id": id, "provider": provider, "grant": grant, "login": format!("{id}@contoso.com"),
            "owners": ["ann@contoso.com", "ben@contoso.com"]}))
    };
    let well = || -> AccountStatus {
        value(
            json!({"obtained_at": seconds("2026-11-22T11:18:00Z"), "authorised_at": seconds("2026-09-01T08:30:00Z"),
            "identity": "projects@contoso.com", "access_expires_at": seconds("2026-11-22T12:31:00Z"),
            "due_at": seconds("2026-11-22T12:16:00Z"), "ends_at": seconds("2027-02-20T11:18:00Z"),
            "ended_by": "idle_limit"}),
        )
    };
    let fault = |class: &str, reason: &str| value(json!({"class": class, "reason": reason}));
    let code = "authorization_code";
    vec![
        (
            account("archive", "contoso", code),
            AccountStatus {
                fault: fault(
                    "authorization_ended",
                    "AADSTS700082: The refresh token has expired due to inactivity.",
                ),
                ..well()
            },
        ),
        (account("bridge-17", "contoso", code), AccountStatus::default()),
        (
            account("reports", "contoso", code),
            AccountStatus {
                ends_at: Some(at("2026-12-04T09:00:00Z")),
                ended_by: Some(postroom_model::Governs::RefreshToken),
                ..well()
            },
        ),
        (account("projects", "contoso", code), well()),
        (
            Account {
                scopes: vec!["https://outlook.office365.com/.default".into()],
                ..account("robot", "contoso", "client_credentials")
            },
            AccountStatus { ends_at: None, ended_by: None, authorised_at: None, identity: None, ..well() },
        ),
        (
            Account { owners: Vec::new(), ..account("shop", "acme-sso", "password") },
            AccountStatus {
                fault: fault("app_registration", "invalid_client: the client secret has expired"),
                ..well()
            },
        ),
        (
            account("tenders", "acme-sso", "device_code"),
            AccountStatus { fault: fault("timed_out", "no answer within 10 s"), ..well() },
        ),
    ]
}

/// One of the accounts.
pub(crate) fn account(id: &str) -> (Account, AccountStatus) {
    accounts().into_iter().find(|(account, _)| account.id.as_str() == id).expect("an account")
}

/// A mailbox that an account opens, or its own password.
pub(crate) fn mailbox(id: &str, account: Option<&str>) -> PlacedMailbox {
    let mut mailbox = json!({"id": id, "protocol": "imap", "host": "outlook.office365.com", "port": 993,
        "tls": "implicit", "user": format!("{id}@contoso.com"), "owners": ["ann@contoso.com"]});
    match account {
        Some(account) => mailbox["auth"] = json!({"oauth": account}),
        None => mailbox["host"] = json!("imap.plant.example"),
    }
    value(mailbox)
}

/// What is known of a mailbox that works.
pub(crate) fn fetched() -> MailboxState {
    value(json!({"messages": 1204, "bytes": 734_003_200, "last_success": seconds("2026-11-22T11:40:00Z")}))
}

/// What is known of a mailbox that fails.
pub(crate) fn failing() -> MailboxState {
    let failure = json!({"fault": {"class": "password_refused", "reason": "NO [AUTHENTICATIONFAILED] <b>Invalid</b>"},
        "since": seconds("2026-11-21T02:00:00Z"), "at": seconds("2026-11-22T11:00:00Z"), "count": 9,
        "not_before": seconds("2026-11-22T13:00:00Z")});
    value(
        json!({"messages": 88, "bytes": 5_000_000, "last_success": seconds("2026-11-20T18:00:00Z"), "failure": failure}),
    )
}

/// A message of a maildrop and one of a folder that the archive lacks.
pub(crate) fn quarantine() -> Vec<QuarantineRecord> {
    let record = |folder: &str, validity: u32, uid: u32| {
        value(json!({"folder": folder, "uid_validity": validity, "uid": uid, "attempts": 3,
            "fault": {"class": "protocol", "reason": "the server answered <nothing>"},
            "at": seconds("2026-11-19T08:00:00Z")}))
    };
    vec![record("INBOX", 0, 17), record("Bridge 17/\u{202e}Rebar", 3, 42)]
}

/// What was told, the latest first.
pub(crate) fn reminders() -> Vec<Reminder> {
    let told = |subject: &str, ends: &str, governs: &str, stage: &str, recipient: &str, message: Value| {
        value(json!({"subject": subject, "ends_at": seconds(ends), "governs": governs, "stage": stage,
            "began_at": seconds("2026-11-22T11:00:00Z"), "recipient": recipient, "sent_at": seconds("2026-11-22T11:10:00Z"), "message_id": message}))
    };
    let (secret, ends) = ("2026-12-04T00:00:00Z", "2026-12-04T09:00:00Z");
    vec![
        told("account:reports", ends, "refresh_token", "month", "ann@contoso.com", json!("0100")),
        told("account:reports", ends, "refresh_token", "month", "ben@contoso.com", Value::Null),
        told("account:reports", ends, "refresh_token", "month", "events", json!("e1")),
        told("provider:acme-sso", secret, "client_secret", "month", "ops@contoso.com", json!("0101")),
        told("incident:acme-sso", "2026-11-22T07:00:00Z", "incident", "overdue-0", "events", json!("e2")),
        told(
            "address:ben@contoso.com",
            "2026-11-01T08:00:00Z",
            "refused",
            "overdue-0",
            "ops@contoso.com",
            json!("0103"),
        ),
        told(
            "account:archive",
            "2026-11-08T08:00:00Z",
            "refused",
            "overdue-2",
            "ann@contoso.com",
            json!("0102"),
        ),
    ]
}

/// An owner whose mail came back.
pub(crate) fn undeliverable() -> Undeliverable {
    value(
        json!({"address": "ben@contoso.com", "because": "bounced", "said": "smtp; 550 5.1.1 <b>user</b> unknown",
        "since": seconds("2026-11-01T08:00:00Z"), "seen_at": seconds("2026-11-20T08:00:00Z")}),
    )
}
