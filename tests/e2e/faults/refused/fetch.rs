//! `fetch` without something: the message goes back to the queue, and its mailboxes are as they were.

use super::{LACKS, Log, Refused, Way, gated};
use crate::faults::{class, messages};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use fetch::Fetch;
use postroom_model::{Batch, FaultClass, MailboxId, MailboxState};
use postroom_tests::{Act, Lab, OddServer, Quirk, clock, invocation};
use serde_json::json;
use std::time::Duration;

/// Three mailboxes of one server in a batch.
async fn mailboxes(lab: &Lab, server: &OddServer) -> Vec<MailboxId> {
    let mut ids = Vec::new();
    for n in 1..=3 {
        let mailbox = crate::faults::mailbox(&format!("{}-{n}", lab.settings.stack), server.port());
        ids.push(mailbox.id.clone());
        lab.add([(mailbox, "pw".to_owned())]).await;
    }
    let batch = Batch {
        id: "1m-0001".parse().expect("an id"),
        interval: "1m".parse().expect("an interval"),
        mailboxes: ids.clone(),
        due_at: None,
        lease: None,
        completed_at: None,
    };
    lab.registry.put_batch(&batch, clock(), 0.0).await.expect("a stored batch");
    ids
}

/// Has `fetch` take a message from the queue that says that the batch is due.
async fn handle(lab: &Lab, fetch: &Fetch) -> SqsBatchResponse {
    let sqs = postroom_tests::stack_sqs().await;
    let body = format!(r#"{{"batch":{{"id":"1m-0001","due_at":{}}}}}"#, clock().as_second());
    sqs.send_message().queue_url(&lab.settings.queue_url).message_body(body).send().await.expect("sent");
    let got = sqs.receive_message().queue_url(&lab.settings.queue_url).wait_time_seconds(5).send().await;
    let message = got.expect("an answer").messages.unwrap_or_default().remove(0);
    let record = json!({
        "messageId": message.message_id, "receiptHandle": message.receipt_handle, "body": message.body,
        "attributes": {}, "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:queue", "awsRegion": "eu-central-1",
    });
    let event: SqsEvent = serde_json::from_value(json!({"Records": [record]})).expect("an event");
    fetch.handle(event, &invocation(90)).await
}

fn went_back(response: &SqsBatchResponse) -> bool {
    !response.batch_item_failures.is_empty()
}

fn is_untouched(state: &MailboxState) -> bool {
    state.failure.is_none() && state.stuck.is_empty() && (state.messages, state.quarantined) == (0, 0)
}

async fn assert_all_archived(lab: &Lab, ids: &[MailboxId], what: &str) {
    let mut expected = messages(3);
    expected.sort();
    for id in ids {
        assert_eq!(lab.archived(id).await, expected, "{what}: {id}");
    }
    for state in lab.states(ids).await {
        assert_eq!((class(&state), state.messages, state.quarantined), (None, 3, 0), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_back_to_the_queue_and_its_mailboxes_are_as_they_were() {
    const DEAD: &str = "DeadLetterAlarm";
    for refused in [
        Refused::new(Way::Denied, "dynamodb:UpdateItem", ".UpdateItem", LACKS),
        Refused::new(Way::Missing, "dynamodb:UpdateItem", ".UpdateItem", LACKS),
        Refused::new(Way::Throttled, "dynamodb:UpdateItem", ".UpdateItem", DEAD),
        Refused::new(Way::Denied, "dynamodb:BatchGetItem", ".BatchGetItem", LACKS),
        Refused::new(Way::Throttled, "dynamodb:BatchGetItem", ".BatchGetItem", DEAD),
        Refused::new(Way::Denied, "secretsmanager:GetSecretValue", ".GetSecretValue", LACKS),
        Refused::new(Way::Throttled, "secretsmanager:GetSecretValue", ".GetSecretValue", DEAD),
        Refused::new(Way::Denied, "s3:PutObject", "PUT /", LACKS),
        Refused::new(Way::Missing, "s3:PutObject", "PUT /", LACKS),
        Refused::new(Way::Throttled, "s3:PutObject", "PUT /", DEAD),
    ] {
        let server = OddServer::start(messages(3), Quirk::None).await;
        let (lab, gate) = gated().await;
        let ids = mailboxes(&lab, &server).await;
        let fetch = lab.fetch();
        let act = refused.act(&lab.settings.stack);
        gate.script(move |request| match request.operation() {
            // As it is where each secret must be asked for: it says so of each.
            "secretsmanager.BatchGetSecretValue" if refused.right.starts_with("secretsmanager") => {
                Some(Act::Answer(r#"{"SecretValues":[],"Errors":[]}"#.to_owned()))
            }
            operation => operation.contains(refused.operation).then(|| act.clone()),
        });
        let log = Log::now();
        let response = handle(&lab, &fetch).await;
        assert!(went_back(&response), "{refused:?}");
        refused.assert_told_once("fetch", &lab, &log);
        for state in lab.states(&ids).await {
            assert!(is_untouched(&state), "{refused:?}: {state:?}");
        }

        gate.open();
        assert!(!went_back(&handle(&lab, &fetch).await), "{refused:?}: it works again");
        assert_all_archived(&lab, &ids, &format!("{refused:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_that_cannot_be_sent_on_goes_back_with_its_batch() {
    let refused = Refused::new(Way::Denied, "sqs:SendMessage", ".SendMessage", LACKS);
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (mut lab, gate) = gated().await;
    let ids = mailboxes(&lab, &server).await;
    lab.settings.slice = Duration::ZERO;
    refused.at(&gate, &lab);
    let log = Log::now();
    assert!(went_back(&handle(&lab, &lab.fetch()).await));
    refused.assert_told_once("fetch", &lab, &log);
    gate.open();
    lab.settings.slice = Duration::from_secs(20);
    assert!(!went_back(&handle(&lab, &lab.fetch()).await));
    assert_all_archived(&lab, &ids, "afterwards").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_that_cannot_be_read_together_are_read_one_by_one_and_that_is_told() {
    let refused =
        Refused::new(Way::Denied, "secretsmanager:BatchGetSecretValue", ".BatchGetSecretValue", LACKS);
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (lab, gate) = gated().await;
    let ids = mailboxes(&lab, &server).await;
    refused.at(&gate, &lab);
    let log = Log::now();
    assert!(!went_back(&handle(&lab, &lab.fetch()).await));
    refused.assert_told_once("fetch", &lab, &log);
    assert_all_archived(&lab, &ids, "all the same").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_that_cannot_be_written_keeps_no_mail_back() {
    let refused = Refused::new(Way::Denied, "s3:PutObject", "/transcripts/", LACKS);
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (lab, gate) = gated().await;
    let ids = mailboxes(&lab, &server).await;
    let later = postroom_tests::later(clock(), 600);
    for id in &ids {
        assert!(lab.registry.set_transcript(id, Some(later)).await.expect("an answer"));
    }
    refused.at(&gate, &lab);
    let log = Log::now();
    assert!(!went_back(&handle(&lab, &lab.fetch()).await));
    refused.assert_told_once("fetch", &lab, &log);
    assert_all_archived(&lab, &ids, "all the same").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_password_is_its_mailboxs_own_fault_and_the_others_go_on() {
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (lab, _gate) = gated().await;
    let ids = mailboxes(&lab, &server).await;
    assert!(lab.vault.delete_password(&ids[1]).await.expect("an answer"));
    let log = Log::now();
    let fetch = lab.fetch();
    assert!(!went_back(&handle(&lab, &fetch).await), "its neighbours are done");
    let states = lab.states(&ids).await;
    let fault = &states[1].failure.as_ref().expect("a failure").fault;
    let secret = format!("{}/mailbox/{}", lab.settings.secret_prefix, ids[1]);
    assert_eq!(fault.class, FaultClass::Configuration);
    assert!(fault.reason.contains(&secret), "{fault}");
    let lines = log.since(&lab.settings.stack);
    let told: Vec<_> =
        lines.iter().filter(|line| line["fields"]["message"] == "a resource is missing").collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert_eq!(told[0]["fields"]["resource"], format!("secret {secret}"));
    assert_eq!(told[0]["fields"]["right"], "secretsmanager:GetSecretValue");
    assert_all_archived(&lab, &[ids[0].clone(), ids[2].clone()], "the others").await;

    lab.vault.put_password(&ids[1], &"pw".into()).await.expect("a stored password");
    lab.registry.end_rest(&ids[1], clock()).await.expect("an answer");
    assert!(!went_back(&handle(&lab, &fetch).await));
    assert_all_archived(&lab, &ids, "afterwards").await;
}

/// A person waits for a run: it says what stands in the way, and the mailbox is not blamed.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_for_a_run_hears_what_stands_in_its_way() {
    let refused = Refused::new(Way::Denied, "s3:PutObject", "PUT /", LACKS);
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (lab, gate) = gated().await;
    let ids = mailboxes(&lab, &server).await;
    refused.at(&gate, &lab);
    let fetch = lab.fetch();
    let body = format!(r#"{{"mailbox":{{"id":"{}","cause":{{"demand":"mine"}}}}}}"#, ids[0]);
    let error = fetch.work_message(&body, &invocation(90)).await.expect_err("it goes back");
    assert!(error.to_string().contains("s3:PutObject"), "{error}");
    let state = lab.states(&ids[..1]).await.remove(0);
    assert!(is_untouched(&state), "{state:?}");
    let run = state.last_demand.expect("an answer");
    assert!(format!("{run:?}").contains("PutObject"), "{run:?}");
}
