//! `postroom fetch`.

use crate::support::{Fixture, id, now, printed};
use jiff::SignedDuration;
use postroom_cli::{Error, Outcome, args::FetchArgs, deployment::Deployment, fetch::fetch};
use postroom_model::{Cause, Failure, Fault, FaultClass, MailboxId, Run, RunResult, Work};

const MANIFEST: &str = r#"
    [[mailbox]]
    id = "good"
    host = "imap.example.com"
    user = "good"
    password = { env = "PASSWORD" }

    [[mailbox]]
    id = "bad"
    host = "imap.example.com"
    user = "bad"
    password = { env = "PASSWORD" }
"#;

fn args(mailboxes: &[&str], timeout: i64) -> FetchArgs {
    FetchArgs {
        mailboxes: mailboxes.iter().map(|name| id(name)).collect(),
        all: mailboxes.is_empty(),
        again: false,
        wait: true,
        timeout: SignedDuration::from_secs(timeout),
    }
}

/// The work in the queue.
async fn queued(deployment: &Deployment) -> Vec<(MailboxId, String)> {
    let receive =
        deployment.sqs.receive_message().queue_url(&deployment.fetch_queue_url).max_number_of_messages(10);
    let messages = receive.send().await.expect("answers").messages.unwrap_or_default();
    let work = messages.iter().map(|message| {
        let work = serde_json::from_str(message.body().expect("a body")).expect("work");
        let Work::Mailbox { id, cause: Cause::Demand(request) } = work else { panic!("unexpected {work:?}") };
        (id, request)
    });
    work.collect()
}

/// Plays the fetch function: one mailbox works, the other fails.
async fn work(deployment: &Deployment) {
    let mut left = 2;
    while left > 0 {
        for (id, request) in queued(deployment).await {
            left -= 1;
            let run = |result| Run { request: request.clone(), finished_at: now(), result };
            let registry = &deployment.registry;
            if id.as_str() == "good" {
                let run = run(RunResult::Done { messages: 2, bytes: 61_234 });
                registry.record_success(&id, now(), 0, Some(&run)).await.expect("records");
            } else {
                let fault = Fault::new(FaultClass::PasswordRefused, "NO [AUTHENTICATIONFAILED] no");
                let run = run(RunResult::Failed(fault.clone()));
                let failure = Failure::next(None, fault, now(), 0.0);
                registry.record_failure(&id, &failure, Some(&run)).await.expect("records");
            }
        }
    }
}

#[tokio::test]
async fn outcomes_are_awaited_and_a_failure_shows_in_the_exit_status() {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let deployment = &fixture.deployment;
    let everything = args(&[], 60);
    let fetching = printed(async |out| fetch(deployment, &everything, now(), out).await);
    let (fetched, ()) = tokio::join!(fetching, work(deployment));
    let (text, outcome) = fetched.expect("fetches");
    assert_eq!(outcome, Outcome::NotWell);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @"
        who must act: the owner. Check the user name and the password and apply them again; many providers now ask for OAuth or an app password.
    asked for 2 mailboxes
    bad: failed: password_refused: NO [AUTHENTICATIONFAILED] no
    good: 2 new messages, 61.2 kB
    ");
}

#[tokio::test]
async fn waiting_ends_and_names_what_did_not() {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let deployment = &fixture.deployment;
    let one = args(&["good"], 2);
    let fetched = printed(async |out| fetch(deployment, &one, now(), out).await).await;
    let (text, outcome) = fetched.expect("waits");
    assert_eq!(outcome, Outcome::NotWell);
    assert_eq!(text, "asked for 1 mailbox\ngood: no outcome within 2s; see `postroom status good`\n");
}

#[tokio::test]
async fn unknown_mailboxes_are_named_before_anything_is_sent() {
    let fixture = Fixture::new().await;
    fixture.apply(MANIFEST, "s3cret", &[]).await.expect("applies");
    let deployment = &fixture.deployment;
    let some = args(&["good", "no-1", "no-2"], 60);
    let error = printed(async |out| fetch(deployment, &some, now(), out).await).await.expect_err("refused");
    assert!(matches!(error, Error::Usage(_)));
    assert!(error.to_string().starts_with("there is no mailbox no-1, no-2;"), "{error}");
    assert_eq!(queued(deployment).await, []);
}
