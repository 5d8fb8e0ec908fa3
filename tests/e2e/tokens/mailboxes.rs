//! Mailboxes whose mail server refuses the access token, while the authorization lives.

use super::{granted, only};
use postroom_model::{FaultClass, Mailbox, MailboxId};
use postroom_tests::{Lab, User, clock, control, later, share, token_set_of};
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
