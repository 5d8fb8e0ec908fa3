//! What `postroom status` says, at a fixed time.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use postroom_cli::status::{AccountReport, MailboxReport, OwnerReport, Report, Unreached, Unreadable};
use postroom_model::{
    Account, AccountStatus, Batch, Calendar, Fault, FaultClass, Provider, Rejection, Undeliverable,
};
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

fn mailbox(loaded: &LoadedMailbox, batch: &Batch) -> MailboxReport {
    let owners = OwnerReport::all(&["Ann@contoso.com".to_owned()], &unreached());
    MailboxReport::new(loaded, Some(batch), owners, now())
}

fn account(name: &str, known: &AccountStatus) -> AccountReport {
    account_of(
        &json!({ "id": name }),
        &json!({ "idle_days": 90, "client_auth_expires": "2027-09-30" }),
        known,
    )
}

/// An account whose definition and whose provider have these fields besides the usual.
fn account_of(account: &Value, provider: &Value, known: &AccountStatus) -> AccountReport {
    let with = |usual: Value, own: &Value| {
        let (Value::Object(mut usual), Value::Object(own)) = (usual, own.clone()) else { panic!("objects") };
        usual.extend(own);
        Value::Object(usual)
    };
    let usual = json!({ "id": "projects", "provider": "contoso", "grant": "authorization_code" });
    let account: Account = serde_json::from_value(with(usual, account)).expect("account");
    let usual = json!({
        "id": "contoso", "preset": "microsoft", "endpoints": { "issuer": "https://sso.example" },
        "client_id": "x", "client_auth": "secret",
    });
    let provider: Provider = serde_json::from_value(with(usual, provider)).expect("provider");
    let calendar = Calendar { zone: TimeZone::UTC, repeat_days: Some(7) };
    let owners = OwnerReport::all(&account.owners, &unreached());
    AccountReport::new(&account, known, Some(&provider), vec![id("site-diary")], owners, (&calendar, now()))
}

/// Ben's address takes no mail.
fn unreached() -> Unreached {
    let known = Undeliverable {
        address: "ben@contoso.com".into(),
        because: Rejection::Bounced,
        said: "smtp; 550 5.1.1 user unknown".into(),
        since: now() - SignedDuration::from_hours(72),
        seen_at: now() - SignedDuration::from_hours(24),
    };
    Unreached::from([(known.address.clone(), known)])
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
        loaded(
            "plant",
            since,
            json!({ "messages": 12, "bytes": 4096, "left_out": 3, "last_success": NOW - 50, "rest_until": NOW + 57_600 }),
        ),
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
        due_at: at(NOW + 2000),
        ..Default::default()
    };
    let refused = AccountStatus {
        obtained_at: at(NOW - 6000),
        access_expires_at: at(NOW - 2400),
        refresh_expires_at: at(NOW + 89 * 86_400),
        refused_at: at(NOW - 3000),
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
        closed_at: None,
    };
    let report = Report {
        at: now(),
        mailboxes: mailboxes.iter().map(|loaded| mailbox(loaded, &batch)).collect(),
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
    7 mailboxes: 3 working, 1 waiting for the first poll, 1 failing and tried again, 1 needs the owner, 1 unreadable

    MAILBOX     STATUS   SERVER                 SIGN-IN         LAST SUCCESS                      MESSAGES  BYTES    NEXT TRY
    archive     working  imap imap.example.com  oauth projects  30 s ago (2027-01-15 07:59 UTC)   1204117   61.2 GB  in 3 min (2027-01-15 08:03 UTC)
        310 messages left for the next run
    drawings    waiting  imap imap.example.com  oauth projects  -                                 0         0 B      in 3 min (2027-01-15 08:03 UTC)
    minutes     failing  imap imap.example.com  oauth projects  2 h ago (2027-01-15 05:30 UTC)    3         36.8 kB  in 20 min (2027-01-15 08:20 UTC)
        fails since 2 h ago (2027-01-15 06:00 UTC), 5 times in a row
        token_refused: XOAUTH2 sign-in refused: NO AUTHENTICATE failed.
        who must act: the owner. Authorise the account again; if it was authorised just now, check that its scopes include mail access for this protocol.
    plant       working  pop3 imap.example.com  password        50 s ago (2027-01-15 07:59 UTC)   12        4.0 kB   in 16 h (2027-01-16 00:00 UTC)
        has read what it may read on one day; goes on in 16 h (2027-01-16 00:00 UTC)
        3 messages left out by its filter
    reports     failing  imap imap.example.com  oauth projects  -                                 0         0 B      in 20 min (2027-01-15 08:20 UTC)
        fails since 2 h ago (2027-01-15 06:00 UTC), 5 times in a row
        timed_out: an answer did not come within 60s
        who must act: nobody yet. It is tried again by itself; if it lasts, ask the mail server's administrator whether it is overloaded.
    site-diary  working  imap imap.example.com  oauth projects  2 min ago (2027-01-15 07:58 UTC)  1204      61.2 MB  in 3 min (2027-01-15 08:03 UTC)
        1 message in quarantine

    ACCOUNT   STATUS            PROVIDER  MAILBOXES  LAST RENEWAL                        ACCESS TOKEN ENDS                  AUTHORIZATION ENDS                 CLIENT SECRET ENDS
    drawings  never authorised  contoso   1          -                                   -                                  -                                  2027-09-30
        `postroom authorize drawings` says how to authorise it
    minutes   failing           contoso   1          100 min ago (2027-01-15 06:20 UTC)  40 min ago (2027-01-15 07:20 UTC)  50 min ago (2027-01-15 07:10 UTC)  2027-09-30
        the authorization ended then because it was revoked, or is refused
        reminder: overdue; next reminder: overdue, no. 2, in 6 days (2027-01-22 07:10 UTC)
        1 renewal failed
        authorization_ended: AADSTS700082: the refresh token has expired
        who must act: the owner. Authorise the account again.
        `postroom authorize minutes` says how to authorise it
    projects  authorised        contoso   1          10 min ago (2027-01-15 07:50 UTC)   in 50 min (2027-01-15 08:50 UTC)   in 89 days (2027-04-15 07:50 UTC)  2027-09-30
        the authorization ends then because a refresh token that nobody uses dies; each renewal puts that off
        next reminder: 1 month, in 58 days (2027-03-15 07:50 UTC)
        authorised by projects@contoso.com 30 days ago (2026-12-16 08:00 UTC)
        asked for and not granted: https://outlook.office.com/POP.AccessAsUser.All
    reports   authorised        contoso   1          10 min ago (2027-01-15 07:50 UTC)   in 50 min (2027-01-15 08:50 UTC)   in 89 days (2027-04-15 07:50 UTC)  2027-09-30
        the authorization ends then because a refresh token that nobody uses dies; each renewal puts that off
        next reminder: 1 month, in 58 days (2027-03-15 07:50 UTC)
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
        let report = mailbox(&loaded, &batch(completed_at));
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
        (-1000, -100, json!({ "no_turn": { "since": NOW - 400, "polled_at": NOW - 700 } }), Some(-700)),
        (-1000, -100, json!({ "no_turn": { "since": NOW - 400 } }), None),
    ] {
        assert_eq!(seen(NOW + batched_at, NOW + completed_at, state.clone()), expected, "{state}");
    }
}

#[test]
fn an_account_says_what_ends_it_which_reminder_comes_and_who_cannot_be_told() {
    let at = |text: &str| -> Timestamp { text.parse().expect("a moment") };
    let good = AccountStatus {
        authorised_at: Some(at("2026-12-01T08:00:00Z")),
        obtained_at: Some(at("2027-01-15T07:50:00Z")),
        access_expires_at: Some(at("2027-01-15T08:50:00Z")),
        ..AccountStatus::default()
    };
    let fault = |class| AccountStatus {
        fault: Some(Fault::new(class, "no")),
        refused_at: Some(at("2027-01-15T06:00:00Z")),
        ..good.clone()
    };
    let owned = json!({ "owners": ["ann@contoso.com", "Ben@Contoso.com"] });
    let (nothing, secret) = (json!({}), json!({ "client_auth_expires": "2027-02-01T10:00:00Z" }));
    let limits = json!({ "idle_days": 90, "authorization_days": 50 });
    let accounts = [
        ("unknown-end", &nothing, &nothing, good.clone()),
        ("limited", &owned, &limits, good.clone()),
        ("policy", &json!({ "reauthorise_every": "6w" }), &limits, good.clone()),
        ("secret-first", &json!({ "reauthorise_every": "1y" }), &secret, good.clone()),
        ("refused", &nothing, &limits, fault(FaultClass::AuthorizationEnded)),
        ("watched", &nothing, &limits, fault(FaultClass::TokenRefused)),
        (
            "app-only",
            &json!({ "grant": "client_credentials" }),
            &limits,
            fault(FaultClass::AdminConsentRequired),
        ),
        (
            "of-before",
            &nothing,
            &limits,
            AccountStatus { refused_at: None, ..fault(FaultClass::AuthorizationEnded) },
        ),
    ];
    let accounts: Vec<AccountReport> = accounts
        .into_iter()
        .map(|(name, account, provider, known)| AccountReport {
            id: id(name),
            ..account_of(account, provider, &known)
        })
        .collect();
    let mut plant = loaded("plant", NOW, json!({ "last_success": NOW - 30 }));
    plant.placed.mailbox.password_expires = Some("2027-01-01".parse().expect("an end"));
    let owners = OwnerReport::all(&["Ben@Contoso.com".to_owned()], &unreached());
    let mailboxes = vec![MailboxReport::new(&plant, None, owners, now())];
    let report = Report { at: now(), mailboxes, unreadable: vec![], accounts, incidents: vec![] };
    insta::assert_snapshot!(report, @"
    1 mailbox: 1 in no batch (apply the manifest again)

    MAILBOX  STATUS       SERVER                 SIGN-IN   LAST SUCCESS                     MESSAGES  BYTES  NEXT TRY
    plant    in no batch  pop3 imap.example.com  password  30 s ago (2027-01-15 07:59 UTC)  0         0 B    -
        the password ended 14 days ago (2027-01-01 00:00 UTC)
        owner Ben@Contoso.com cannot be told: mail to it came back since 3 days ago (2027-01-12 08:00 UTC): smtp; 550 5.1.1 user unknown

    ACCOUNT       STATUS      PROVIDER  MAILBOXES  LAST RENEWAL                       ACCESS TOKEN ENDS                 AUTHORIZATION ENDS                 CLIENT SECRET ENDS
    unknown-end   authorised  contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  -                                  -
        authorised 45 days ago (2026-12-01 08:00 UTC)
    limited       authorised  contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  in 5 days (2027-01-20 08:00 UTC)   -
        the authorization ends then because the provider ends every authorization after a time, used or not
        reminder: 1 week; next reminder: 1 day, in 4 days (2027-01-19 08:00 UTC)
        owner Ben@Contoso.com cannot be told: mail to it came back since 3 days ago (2027-01-12 08:00 UTC): smtp; 550 5.1.1 user unknown
        authorised 45 days ago (2026-12-01 08:00 UTC)
    policy        authorised  contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  3 days ago (2027-01-12 08:00 UTC)  -
        the authorization is to be given anew then because an administrator wants that from time to time; mail goes on
        reminder: 1 week; next reminder: 1 day, in 4 days (2027-01-19 08:00 UTC)
            of the end in 5 days (2027-01-20 08:00 UTC), because the provider ends every authorization after a time, used or not
        authorised 45 days ago (2026-12-01 08:00 UTC)
    secret-first  authorised  contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  in 17 days (2027-02-01 10:00 UTC)  2027-02-01T10:00:00Z
        the authorization ends then because the app's client secret or certificate ends
        next reminder: 1 month, in 290 days (2027-11-01 08:00 UTC)
            of the end in 320 days (2027-12-01 08:00 UTC), because an administrator wants that from time to time; mail goes on
        authorised 45 days ago (2026-12-01 08:00 UTC)
    refused       failing     contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  2 h ago (2027-01-15 06:00 UTC)     -
        the authorization ended then because it was revoked, or is refused
        reminder: overdue; next reminder: overdue, no. 2, in 6 days (2027-01-22 06:00 UTC)
        authorised 45 days ago (2026-12-01 08:00 UTC)
        authorization_ended: no
        who must act: the owner. Authorise the account again.
        `postroom authorize refused` says how to authorise it
    watched       failing     contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  in 22 h (2027-01-16 06:00 UTC)     -
        the authorization ends then because it was revoked, or is refused
        reminder: 1 week; next reminder: overdue, in 22 h (2027-01-16 06:00 UTC)
            of the end in 5 days (2027-01-20 08:00 UTC), because the provider ends every authorization after a time, used or not
            the next one is of another end: it was revoked, or is refused
        authorised 45 days ago (2026-12-01 08:00 UTC)
        token_refused: no
        who must act: the owner. Authorise the account again; if it was authorised just now, check that its scopes include mail access for this protocol.
        `postroom authorize watched` says how to authorise it
    app-only      failing     contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  2 h ago (2027-01-15 06:00 UTC)     -
        the authorization ended then because it was revoked, or is refused
        reminder: overdue; next reminder: overdue, no. 2, in 6 days (2027-01-22 06:00 UTC)
        authorised 45 days ago (2026-12-01 08:00 UTC)
        admin_consent_required: no
        who must act: the mailbox's administrator. An administrator of the directory must consent to the app for everyone.
    of-before     failing     contoso   1          10 min ago (2027-01-15 07:50 UTC)  in 50 min (2027-01-15 08:50 UTC)  10 min ago (2027-01-15 07:50 UTC)  -
        the authorization ended then because it was revoked, or is refused
        reminder: overdue; next reminder: overdue, no. 2, in 6 days (2027-01-22 07:50 UTC)
        authorised 45 days ago (2026-12-01 08:00 UTC)
        authorization_ended: no
        who must act: the owner. Authorise the account again.
        `postroom authorize of-before` says how to authorise it
    ");

    let json = serde_json::to_value(&report).expect("writes");
    insta::assert_snapshot!(serde_json::to_string_pretty(&json["accounts"][1]).expect("writes"), @r#"
    {
      "access_expires_at": "2027-01-15T08:50:00Z",
      "authorised_at": "2026-12-01T08:00:00Z",
      "ended_by": "provider_limit",
      "ends_at": "2027-01-20T08:00:00Z",
      "failures": 0,
      "grant": "authorization_code",
      "id": "limited",
      "mailboxes": [
        "site-diary"
      ],
      "missing_scopes": [],
      "obtained_at": "2027-01-15T07:50:00Z",
      "owners": [
        {
          "address": "ann@contoso.com"
        },
        {
          "address": "Ben@Contoso.com",
          "undeliverable": {
            "because": "bounced",
            "said": "smtp; 550 5.1.1 user unknown",
            "seen_at": "2027-01-14T08:00:00Z",
            "since": "2027-01-12T08:00:00Z"
          }
        }
      ],
      "provider": "contoso",
      "reminder": {
        "ended_by": "provider_limit",
        "ends_at": "2027-01-20T08:00:00Z",
        "next_at": "2027-01-19T08:00:00Z",
        "next_stage": "day",
        "stage": "week"
      },
      "status": "authorised"
    }
    "#);
}
