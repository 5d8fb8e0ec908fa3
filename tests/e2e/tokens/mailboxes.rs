//! Mailboxes whose mail server refuses the access token, while the authorization lives.

use super::{granted, only, soon};
use postroom_model::{Account, FaultClass, Mailbox, MailboxId, TokenSet};
use postroom_tests::{Lab, OddServer, Quirk, User, clock, control, later, share, token_set_of};
use postroom_tokens::Consent;
use serde_json::json;
use std::time::Duration;

fn message(n: usize) -> Vec<u8> {
    format!("Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nMessage-ID: <{n}@test>\r\n\r\nmessage {n}\r\n")
        .into_bytes()
}

/// So many mailboxes of one account, each with one message.
fn mailboxes(account: &User, count: usize) -> Vec<Mailbox> {
    let mailbox = |n| {
        let user = User::new("shared");
        user.deliver("INBOX", &message(n));
        share(&user, account);
        user.mailbox(|json| json["auth"] = json!({"oauth": account.name()}))
    };
    (0..count).map(mailbox).collect()
}

/// An account whose access token has ended at the server, though not by what is known here.
async fn refused_soon(lab: &Lab, account: &User) {
    let provider = lab.provider(|_| {}).await;
    let id = lab.account(&provider, account).await;
    let tokens = token_set_of(account, later(clock(), -1800), 1).await;
    lab.keep(&id, &provider, &tokens).await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_refused_in_mid_flight_is_renewed_once_for_all_mailboxes_of_the_run() {
    let lab = Lab::new().await;
    let account = User::new("refused");
    let mailboxes = mailboxes(&account, 10);
    refused_soon(&lab, &account).await;
    let ids: Vec<MailboxId> = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    for mailbox in &mailboxes {
        lab.registry.put_mailbox(mailbox, clock()).await.expect("stored");
    }
    let states = lab.poll(&lab.fetch(), &ids).await;
    for (n, (id, state)) in ids.iter().zip(&states).enumerate() {
        assert_eq!(state.failure, None, "{id}");
        assert_eq!(lab.archived(id).await, [message(n)], "{id}");
    }
    let id = account.name().parse().expect("an id");
    assert_eq!(granted(&id).await, only(1));
    let status = lab.registry.account_status(&id).await.expect("a status");
    assert_eq!((status.fault, status.lease), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_several_processes_renew_a_stale_token_once() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let account = User::new("stale");
    let mailboxes = mailboxes(&account, 4);
    let id = lab.account(&provider, &account).await;
    let tokens = token_set_of(&account, later(clock(), -7200), 3600).await;
    lab.keep(&id, &provider, &tokens).await;
    for mailbox in &mailboxes {
        lab.registry.put_mailbox(mailbox, clock()).await.expect("stored");
    }
    let run = async |mailbox: &Mailbox| lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    let [one, two, three, four] = mailboxes.as_slice() else { panic!("four mailboxes") };
    let states = tokio::join!(run(one), run(two), run(three), run(four));
    assert_eq!(granted(&id).await, only(1));
    for state in [states.0, states.1, states.2, states.3] {
        assert_eq!((state.failure, state.messages), (None, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_of_a_revoked_account_says_that_its_owner_must_act() {
    let lab = Lab::new().await;
    let account = User::new("revoked");
    let mailbox = mailboxes(&account, 1).remove(0);
    refused_soon(&lab, &account).await;
    control("POST", &format!("revoke?user={}", account.name())).await;
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    let failure = state.failure.expect("a failure");
    assert_eq!(failure.fault.class, FaultClass::AuthorizationEnded, "{}", failure.fault);
    assert_eq!(lab.unauthorised().await.len(), 1);
}

/// An account takes its mailboxes along to another provider, and not what the former one gave it: that
/// token opens mailboxes there for as long as it lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_former_provider_is_shown_to_no_mail_server_of_the_next() {
    // In a process that knows the token, and in one that does not; by itself, and beside another account's.
    for (is_warm, users) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
        let lab = Lab::new().await;
        let former = lab.provider(|_| {}).await;
        let next = lab.provider(|json| json["id"] = "next".into()).await;
        let (old, new) =
            (OddServer::start(vec![], Quirk::None).await, OddServer::start(vec![], Quirk::None).await);
        let users: Vec<User> = (0..users).map(|_| User::new("moves")).collect();
        let at = |user: &User, host: &str, port: u16| {
            user.mailbox(|json| {
                (json["host"], json["port"], json["tls"]) = (json!(host), json!(port), json!("none"));
                json["auth"] = json!({"oauth": user.name()});
            })
        };
        for user in &users {
            let id = lab.account(&former, user).await;
            let issued_by = Some(former.id.clone());
            lab.keep(&id, &former, &TokenSet { issued_by, ..token_set_of(user, clock(), 3600).await }).await;
            let mailbox = at(user, "127.0.0.1", old.port());
            lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
        }
        let ids: Vec<MailboxId> = users.iter().map(|user| user.name().parse().expect("an id")).collect();
        let fetch = lab.fetch();
        assert!(lab.poll(&fetch, &ids).await.iter().all(|state| state.failure.is_none()));
        assert_eq!(old.sign_ins(), users.len());

        for user in &users {
            let account = lab.registry.account(&user.name().parse().expect("an id")).await;
            let account =
                Account { provider: next.id.clone(), ..account.expect("an answer").expect("an account") };
            lab.registry.put_account(&account, clock()).await.expect("stored");
            let mailbox = at(user, "localhost", new.port());
            lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
        }
        let fetch = if is_warm { fetch } else { lab.fetch() };
        for state in lab.poll(&fetch, &ids).await {
            let fault = state.failure.expect("a failure").fault;
            assert_eq!(fault.class, FaultClass::AuthorizationEnded, "{fault}");
        }
        let (tokens, first) = (lab.tokens(clock), users[0].name().parse().expect("an id"));
        let person = tokens.access(&first, "any", None, soon()).await;
        assert_eq!(person.expect_err("no token").class, FaultClass::AuthorizationEnded);
        assert_eq!(new.sign_ins(), 0, "warm: {is_warm}, accounts: {}", users.len());

        for (user, id) in users.iter().zip(&ids) {
            let consent = Consent { at: clock(), identity: Some(user.name().to_owned()) };
            let brought = token_set_of(user, clock(), 3600).await;
            let account = user.name().parse().expect("an id");
            lab.tokens(clock).accept(&account, brought, consent, soon()).await.expect("accepted");
            assert_eq!(lab.fetch_one(&fetch, id).await.failure, None);
        }
        assert_eq!((new.sign_ins(), old.sign_ins()), (users.len(), users.len()));
    }
}
