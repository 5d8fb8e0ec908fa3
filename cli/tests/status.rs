//! What `postroom status` says, at a fixed time.

use jiff::Timestamp;
use postroom_cli::status::{AccountReport, MailboxReport, Report, Unreadable};
use postroom_model::{Account, AccountStatus, Batch, Fault, FaultClass, Governs, Provider};
use postroom_registry::{Incident, LoadedMailbox, PlacedMailbox};
use serde_json::{Value, json};

/// 2027-01-15 08:00:00 UTC
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("in range")
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("id")
}

fn batch(completed_at: i64) -> Batch {
    serde_json::from_value(json!({
        "id": "5m-0001", "interval": "5m", "mailboxes": [], "due_at": NOW + 180, "completed_at": completed_at,
    }))
    .expect("batch")
}

fn loaded(name: &str, batched_at: i64, state: Value) -> LoadedMailbox {
    let mailbox = json!({
        "id": name, "protocol": if name == "plant" { "pop3" } else { "imap" }, "host": "imap.example.com",
        "port": 993, "tls": "implicit", "user": "u", "batch": "5m-0001", "batched_at": batched_at,
        "auth": if name == "plant" { json!("basic") } else { json!({ "oauth": "projects" }) },
    });
    let placed: PlacedMailbox = serde_json::from_value(mailbox).expect("mailbox");
    LoadedMailbox { placed, state: serde_json::from_value(state).expect("state") }
}

fn failure(class: &str, reason: &str) -> Value {
    json!({
        "fault": { "class": class, "reason": reason },
        "since": NOW - 7200, "at": NOW - 600, "count": 5, "not_before": NOW + 1200,
    })
}

fn account(name: &str, known: &AccountStatus) -> AccountReport {
    let account: Account = serde_json::from_value(json!({
        "id": name, "provider": "contoso", "grant": "authorization_code",
    }))
    .expect("account");
    let provider: Provider = serde_json::from_value(json!({
        "id": "contoso", "preset": "microsoft", "endpoints": { "issuer": "https://sso.example" },
        "client_id": "x", "client_auth": "secret", "client_auth_expires": "2027-09-30",
    }))
    .expect("provider");
    AccountReport::new(&account, known, Some(&provider), vec![id("site-diary")], now())
}

#[test]
fn people_read_who_must_act_and_when_what_happens() {
    let batch = batch(NOW - 120);
    let since = NOW - 86_400;
    let mailboxes = [
        loaded(
            "archive",
            since,
            json!({ "messages": 1_204_117, "bytes": 61_234_567_890_u64, "backlog": 310, "last_success": NOW - 30 }),
        ),
        loaded("drawings", NOW - 60, json!({})),
        loaded(
            "minutes",
            since,
            json!({ "failure": failure("token_refused", "XOAUTH2 sign-in refused: NO AUTHENTICATE failed."), "messages": 3, "bytes": 36_864, "last_success": NOW - 9000 }),
        ),
        loaded("plant", since, json!({})),
        loaded(
            "reports",
            since,
            json!({ "failure": failure("timed_out", "an answer did not come within 60s") }),
        ),
        loaded(
            "site-diary",
            since,
            json!({ "messages": 1204, "bytes": 61_234_567, "quarantined": 1, "last_success": NOW - 90_000 }),
        ),
    ];
    let at = |second| Timestamp::from_second(second).ok();
    let good = AccountStatus {
        obtained_at: at(NOW - 600),
        access_expires_at: at(NOW + 3000),
        authorised_at: at(NOW - 30 * 86_400),
        identity: Some("projects@contoso.com".into()),
        missing_scopes: vec!["https://outlook.office.com/POP.AccessAsUser.All".into()],
        ends_at: at(NOW + 90 * 86_400),
        ended_by: Some(Governs::IdleLimit),
        due_at: at(NOW + 2000),
        ..Default::default()
    };
    let refused = AccountStatus {
        obtained_at: at(NOW - 6000),
        access_expires_at: at(NOW - 2400),
        refresh_expires_at: at(NOW + 89 * 86_400),
        ends_at: at(NOW + 89 * 86_400),
        ended_by: Some(Governs::RefreshToken),
        fault: Some(Fault::new(
            FaultClass::AuthorizationEnded,
            "AADSTS700082: the refresh token has expired",
        )),
        failures: 1,
        ..Default::default()
    };
    let unreached = AccountStatus {
        fault: Some(Fault::new(FaultClass::Unreachable, "login.microsoftonline.com: no route to host")),
        failures: 3,
        due_at: at(NOW + 240),
        ..good.clone()
    };
    let incident = Incident {
        provider: id("contoso"),
        fault: Fault::new(FaultClass::AppRegistration, "AADSTS7000222: the client secret has expired"),
        since: Timestamp::from_second(NOW - 7200).expect("in range"),
        seen_at: Timestamp::from_second(NOW - 180).expect("in range"),
        account: id("projects"),
    };
    let report = Report {
        at: now(),
        mailboxes: mailboxes.iter().map(|mailbox| MailboxReport::new(mailbox, Some(&batch), now())).collect(),
        unreadable: vec![Unreadable {
            id: id("odd"),
            reason: "item MAILBOX#odd/CONFIG has version 9".into(),
        }],
        accounts: vec![
            account("drawings", &AccountStatus::default()),
            account("minutes", &refused),
            account("projects", &good),
            account("reports", &unreached),
        ],
        incidents: vec![incident.into()],
    };
    insta::assert_snapshot!(report, @"
    7 mailboxes: 2 working, 1 waiting for the first poll, 1 not fetched by this release, 1 failing and tried again, 1 needs the owner, 1 unreadable

    MAILBOX     STATUS       SERVER                 SIGN-IN         LAST SUCCESS                      MESSAGES  BYTES    NEXT TRY
    archive     working      imap imap.example.com  oauth projects  30 s ago (2027-01-15 07:59 UTC)   1204117   61.2 GB  in 3 min (2027-01-15 08:03 UTC)
        310 messages left for the next run
    drawings    waiting      imap imap.example.com  oauth projects  -                                 0         0 B      in 3 min (2027-01-15 08:03 UTC)
    minutes     failing      imap imap.example.com  oauth projects  2 h ago (2027-01-15 05:30 UTC)    3         36.8 kB  in 20 min (2027-01-15 08:20 UTC)
        fails since 2 h ago (2027-01-15 06:00 UTC), 5 times in a row
        token_refused: XOAUTH2 sign-in refused: NO AUTHENTICATE failed.
        who must act: the owner. Authorise the account again; if it was authorised just now, check that its scopes include mail access for this protocol.
    plant       not fetched  pop3 imap.example.com  password        -                                 0         0 B      -
    reports     failing      imap imap.example.com  oauth projects  -                                 0         0 B      in 20 min (2027-01-15 08:20 UTC)
        fails since 2 h ago (2027-01-15 06:00 UTC), 5 times in a row
        timed_out: an answer did not come within 60s
        who must act: nobody yet. It is tried again by itself; if it lasts, ask the mail server's administrator whether it is overloaded.
    site-diary  working      imap imap.example.com  oauth projects  2 min ago (2027-01-15 07:58 UTC)  1204      61.2 MB  in 3 min (2027-01-15 08:03 UTC)
        1 message in quarantine

    ACCOUNT   STATUS            PROVIDER  MAILBOXES  LAST RENEWAL                        ACCESS TOKEN ENDS                  AUTHORIZATION ENDS                 CLIENT SECRET ENDS
    drawings  never authorised  contoso   1          -                                   -                                  -                                  2027-09-30
        `postroom authorize drawings` says how to authorise it
    minutes   failing           contoso   1          100 min ago (2027-01-15 06:20 UTC)  40 min ago (2027-01-15 07:20 UTC)  -                                  2027-09-30
        1 renewal failed
        authorization_ended: AADSTS700082: the refresh token has expired
        who must act: the owner. Authorise the account again.
        `postroom authorize minutes` says how to authorise it
    projects  authorised        contoso   1          10 min ago (2027-01-15 07:50 UTC)   in 50 min (2027-01-15 08:50 UTC)   in 90 days (2027-04-15 08:00 UTC)  2027-09-30
        the authorization ends then because a refresh token that nobody uses dies; each renewal puts that off
        authorised by projects@contoso.com 30 days ago (2026-12-16 08:00 UTC)
        asked for and not granted: https://outlook.office.com/POP.AccessAsUser.All
    reports   authorised        contoso   1          10 min ago (2027-01-15 07:50 UTC)   in 50 min (2027-01-15 08:50 UTC)   in 90 days (2027-04-15 08:00 UTC)  2027-09-30
        the authorization ends then because a refresh token that nobody uses dies; each renewal puts that off
        authorised by projects@contoso.com 30 days ago (2026-12-16 08:00 UTC)
        asked for and not granted: https://outlook.office.com/POP.AccessAsUser.All
        3 renewals in a row failed; tried again in 4 min (2027-01-15 08:04 UTC)
        unreachable: login.microsoftonline.com: no route to host
        who must act: nobody yet. It is tried again by itself; if it lasts, check the host name, the port and the network.

    provider contoso gives no tokens since 2 h ago (2027-01-15 06:00 UTC), last seen 3 min ago (2027-01-15 07:57 UTC) with account projects
        app_registration: AADSTS7000222: the client secret has expired
        who must act: the operator. Mend the app registration: client id, secret or certificate, redirect address, scopes.

    odd: item MAILBOX#odd/CONFIG has version 9
    ");
    let empty =
        Report { mailboxes: vec![], unreadable: vec![], accounts: vec![], incidents: vec![], ..report };
    assert_eq!(empty.to_string(), "no mailboxes: apply a manifest\n");
}

#[test]
fn a_batch_that_went_through_is_a_success_of_those_that_were_in_it_and_worked() {
    let seen = |batched_at, completed_at, state| {
        let loaded = loaded("a", batched_at, state);
        let report = MailboxReport::new(&loaded, Some(&batch(completed_at)), now());
        report.last_success.map(|at| at.as_second() - NOW)
    };
    for (batched_at, completed_at, state, expected) in [
        (-1000, -100, json!({}), Some(-100)),
        (-1000, -100, json!({ "last_success": NOW - 50 }), Some(-50)),
        (-1000, -100, json!({ "last_success": NOW - 500 }), Some(-100)),
        (-100, -100, json!({}), None),
        (-50, -100, json!({}), None),
        (-1000, -100, json!({ "failure": failure("timed_out", "") }), None),
        (-1000, -100, json!({ "failure": failure("timed_out", ""), "last_success": NOW - 500 }), Some(-500)),
        (-1000, -100, json!({ "lease": { "owner": "x", "until": NOW + 60 } }), None),
        (-1000, -100, json!({ "lease": { "owner": "x", "until": NOW - 60 } }), Some(-100)),
    ] {
        assert_eq!(seen(NOW + batched_at, NOW + completed_at, state.clone()), expected, "{state}");
    }
}
