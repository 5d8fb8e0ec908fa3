//! Secrets that are deleted, and have back, or lost for good: what that says, and what mends it.

use crate::{cli::Stack, stack::file};
use aws_sdk_secretsmanager::Client;
use jiff::SignedDuration;
use postroom_model::{Failure, FaultClass, MailboxId, TokenSet};
use postroom_tests::{Lab, User, clock, environment, later, message, share, token_set};
use postroom_tokens::Consent;
use serde_json::json;

fn failure(state: Option<Failure>) -> (FaultClass, String) {
    let failure = state.expect("a failure");
    (failure.fault.class, failure.fault.reason)
}

async fn delete(lab: &Lab, name: &str, for_good: bool) {
    let name = format!("{}/{name}", lab.settings.secret_prefix);
    let delete = Client::new(&lab.aws).delete_secret().secret_id(name);
    let delete = if for_good { delete.force_delete_without_recovery(true) } else { delete };
    delete.send().await.expect("deleted");
}

/// Ends the rest after a failure, as its end would.
async fn awake(lab: &Lab, id: &MailboxId) {
    assert!(lab.registry.end_rest(id, clock()).await.expect("an answer"), "{id} rests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_password_is_had_back_and_a_lost_one_is_applied_anew() {
    let (lab, user) = (Lab::new().await, User::new("password"));
    user.deliver("INBOX", message(user.name(), 1).as_bytes());
    let stack = Stack::of(&lab).await;
    let password = file("password", &user.password());
    let manifest = format!(
        "[[mailbox]]\nid = \"{0}\"\nprotocol = \"imap\"\nhost = \"127.0.0.1\"\nport = {1}\nuser = \"{0}\"\n\
         password = {{ file = \"{2}\" }}\n",
        user.name(),
        environment("POSTROOM_TEST_IMAPS_PORT"),
        password.display()
    );
    let manifest = file("manifest.toml", &manifest);
    let apply = || stack.postroom(&["apply", &manifest.to_string_lossy()]).well();
    apply();
    let id: MailboxId = user.name().parse().expect("an id");
    let name = format!("mailbox/{id}");

    delete(&lab, &name, false).await;
    let (class, reason) = failure(lab.fetch_one(&lab.fetch(), &id).await.failure);
    assert_eq!(class, FaultClass::Configuration, "{reason}");
    assert!(reason.contains(&name) && reason.contains("apply the manifest"), "{reason}");
    let secret = format!("{}/{name}", lab.settings.secret_prefix);
    Client::new(&lab.aws).restore_secret().secret_id(secret).send().await.expect("restored");
    let state = lab.fetch_one(&lab.fetch(), &id).await;
    assert_eq!((state.failure, state.messages), (None, 1));

    delete(&lab, &name, true).await;
    let (class, reason) = failure(lab.fetch_one(&lab.fetch(), &id).await.failure);
    assert_eq!(class, FaultClass::Configuration, "{reason}");
    let applied = apply();
    assert!(applied.contains("password"), "{applied}");
    awake(&lab, &id).await;
    let state = lab.fetch_one(&lab.fetch(), &id).await;
    assert_eq!((state.failure, state.messages), (None, 1));
    lab.assert_written_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_set_that_is_lost_for_good_takes_one_consent() {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    // Longer ago than the vault may lag behind the registry.
    let account = lab.authorised(&provider, SignedDuration::from_mins(20)).await;
    let (owner, user) = (User::named(account.as_str()), User::new("opened"));
    share(&user, &owner);
    user.deliver("INBOX", message(user.name(), 1).as_bytes());
    let mailbox = user.mailbox(|json| json["auth"] = json!({"oauth": account}));
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert_eq!((state.failure, state.messages), (None, 1));

    // Deleted by mistake, and had back: nobody has to do anything.
    let name = format!("account/{account}");
    delete(&lab, &name, false).await;
    let secret = format!("{}/{name}", lab.settings.secret_prefix);
    Client::new(&lab.aws).restore_secret().secret_id(secret).send().await.expect("restored");
    assert_eq!(lab.fetch_one(&lab.fetch(), &mailbox.id).await.failure, None);

    delete(&lab, &name, true).await;
    let (class, reason) = failure(lab.fetch_one(&lab.fetch(), &mailbox.id).await.failure);
    assert_eq!(class, FaultClass::AuthorizationEnded, "{reason}");
    assert_eq!(lab.unauthorised().await, std::slice::from_ref(&account), "it waits for a person");
    let status = lab.registry.account_status(&account).await.expect("a status");
    assert!(status.fault.is_some() && status.due_at.is_none(), "{status:?}");

    let brought = TokenSet::from_response(&token_set(account.as_str()).await, clock()).expect("a token set");
    let consent = Consent { at: clock(), identity: Some(account.to_string()) };
    lab.tokens(clock).accept(&account, brought, consent, later(clock(), 30)).await.expect("accepted");
    assert_eq!(lab.unauthorised().await, []);
    user.deliver("INBOX", message(user.name(), 2).as_bytes());
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert_eq!((state.failure, state.messages), (None, 2));
    lab.assert_written_once().await;
}
