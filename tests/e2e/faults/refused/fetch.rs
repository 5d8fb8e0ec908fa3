//! `fetch` without something: the message goes back to the queue, and its mailboxes are as they were. What only one
//! mailbox is refused is that one's failure.

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
    many(lab, server, 3, None).await
}

/// So many mailboxes of one server in a batch, each of which reads so much a day.
async fn many(lab: &Lab, server: &OddServer, count: usize, daily_bytes: Option<u64>) -> Vec<MailboxId> {
    let mut ids = Vec::new();
    for n in 1..=count {
        let mut mailbox = crate::faults::mailbox(&format!("{}-{n}", lab.settings.stack), server.port());
        mailbox.daily_bytes = daily_bytes;
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
        refused.assert_rings(&lab, clock());
        for state in lab.states(&ids).await {
            assert!(is_untouched(&state), "{refused:?}: {state:?}");
        }

        gate.open();
        assert!(!went_back(&handle(&lab, &fetch).await), "{refused:?}: it works again");
        assert_all_archived(&lab, &ids, &format!("{refused:?}")).await;
    }
}

/// The batch as it is on record.
async fn batch(lab: &Lab) -> Batch {
    lab.registry.batch(&"1m-0001".parse().expect("an id")).await.expect("an answer").expect("a batch")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_mailbox_is_refused_is_its_own_failure_and_its_neighbours_are_done() {
    for refused in [
        Refused::new(Way::Denied, "secretsmanager:GetSecretValue", ".GetSecretValue", LACKS),
        Refused::new(Way::Denied, "s3:PutObject", "PUT /", LACKS),
        Refused::new(Way::Throttled, "s3:PutObject", "PUT /", LACKS),
    ] {
        let server = OddServer::start(messages(3), Quirk::None).await;
        let (lab, gate) = gated().await;
        let ids = mailboxes(&lab, &server).await;
        let fetch = lab.fetch();
        let act = refused.act(&lab.settings.stack);
        let guilty = format!("mailbox/{}", ids[1]);
        let place = format!("/mail/{}/", ids[1]);
        gate.script(move |request| match request.operation() {
            "secretsmanager.BatchGetSecretValue" => {
                Some(Act::Answer(r#"{"SecretValues":[],"Errors":[]}"#.to_owned()))
            }
            operation => {
                let is_guilty = operation.contains(&place) || request.text().contains(&guilty);
                (is_guilty && operation.contains(refused.operation)).then(|| act.clone())
            }
        });
        let log = Log::now();
        assert!(!went_back(&handle(&lab, &fetch).await), "{refused:?}");
        assert!(batch(&lab).await.completed_at.is_some(), "{refused:?}: it was polled");
        assert_all_archived(&lab, &[ids[0].clone(), ids[2].clone()], "the others").await;
        let state = lab.states(&ids[1..2]).await.remove(0);
        let failure = state.failure.expect("a failure");
        assert_eq!((failure.fault.class, state.messages), (FaultClass::Storage, 0), "{refused:?}");
        assert!(failure.not_before > failure.at, "it rests");
        assert!(failure.fault.reason.ends_with(refused.right), "{}", failure.fault);
        let lines = log.since(&lab.settings.stack);
        let lines = |message: &str| {
            lines.iter().filter(|line| line["fields"]["message"] == message).collect::<Vec<_>>()
        };
        assert_eq!(lines(refused.way.line()).len(), 1, "{refused:?}: it is told");
        let failed = lines("a mailbox failed");
        assert_eq!(failed.len(), 1, "{refused:?}");
        assert_eq!(failed[0]["fields"]["mailbox"], ids[1].as_str(), "{refused:?}: and whose it is");

        gate.open();
        lab.registry.end_rest(&ids[1], clock()).await.expect("an answer");
        assert!(!went_back(&handle(&lab, &fetch).await));
        assert_all_archived(&lab, &ids, "afterwards").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_need_and_lack_stops_the_batch_and_puts_it_off() {
    let refused = Refused::new(Way::Denied, "s3:PutObject", "PUT /", LACKS);
    let server = OddServer::start(messages(60), Quirk::None).await;
    let (lab, gate) = gated().await;
    let ids = many(&lab, &server, 40, None).await;
    for id in &ids {
        // Four of one user begin at once, and the others have not begun when the first is refused.
        let mut mailbox = crate::faults::mailbox(id.as_str(), server.port());
        (mailbox.daily_bytes, mailbox.user) = (Some(20_000), "shared".to_owned());
        lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
    }
    refused.at(&gate, &lab);
    let log = Log::now();
    assert!(went_back(&handle(&lab, &lab.fetch()).await));
    refused.assert_told_once("fetch", &lab, &log);
    let sign_ins = server.sign_ins();
    assert!((1..=8).contains(&sign_ins), "{sign_ins} signed in for nothing");
    for state in lab.states(&ids).await {
        assert!(is_untouched(&state) && state.rest_until.is_none(), "{state:?}");
    }
    let batch = batch(&lab).await;
    assert_eq!(batch.completed_at, None);
    let due = batch.due_at.expect("a due time").duration_since(clock());
    assert!(due.as_secs() > 20 * 60, "the message that comes again is enough: {due}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_that_cannot_be_listed_are_polled_all_the_same() {
    let refused = Refused::new(Way::Throttled, "dynamodb:UpdateItem", ".UpdateItem", LACKS);
    let server = OddServer::start(messages(3), Quirk::None).await;
    let (lab, gate) = gated().await;
    let ids = mailboxes(&lab, &server).await;
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
    for id in &ids {
        let update = dynamodb.update_item().table_name(&lab.settings.table);
        let update = update.key("pk", text(format!("MAILBOX#{id}"))).key("sk", text("CONFIG".to_owned()));
        update.update_expression("REMOVE account").send().await.expect("as an earlier release wrote it");
    }
    let act = refused.act(&lab.settings.stack);
    gate.script(move |request| {
        let is_listing = request.text().contains("attribute_not_exists(#account)");
        is_listing.then(|| act.clone())
    });
    let log = Log::now();
    assert!(!went_back(&handle(&lab, &lab.fetch()).await));
    refused.assert_told_once("fetch", &lab, &log);
    assert_all_archived(&lab, &ids, "all the same").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_cold_storage_is_known_and_keeps_nothing_back() {
    let mut large = b"Message-ID: <cold@test>\r\n\r\n".to_vec();
    large.resize(6 << 20, b'x');
    let texts = [messages(2), vec![large]].concat();
    let server = OddServer::start(texts.clone(), Quirk::None).await;
    let (lab, gate) = gated().await;
    let id = many(&lab, &server, 1, None).await.remove(0);
    let fetch = lab.fetch();
    assert_eq!(lab.fetch_one(&fetch, &id).await.messages, 3);

    let mut mailbox = crate::faults::mailbox(id.as_str(), server.port());
    (mailbox.attachments, mailbox.user) = (true, "anew".to_owned());
    lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
    let cold = "<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's \
        storage class</Message></Error>";
    gate.script(move |request| {
        request.operation().starts_with("GET /").then(|| Act::RefuseWith(403, cold.to_owned()))
    });
    let state = lab.fetch_one(&fetch, &id).await;
    assert_eq!((class(&state), state.quarantined), (None, 0), "{state:?}");
    assert_eq!(state.folders["INBOX"].last_uid, 3);
    assert!(lab.archived(&id).await.len() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_may_not_be_given_up_are_told_of() {
    let denied = Refused::new(Way::Denied, "s3:AbortMultipartUpload", "DELETE /", LACKS);
    let broken = Refused::new(Way::Denied, "s3:PutObject", "PUT /", LACKS);
    let mut large = b"Message-ID: <large@test>\r\n\r\n".to_vec();
    large.resize(12 << 20, b'x');
    let server = OddServer::start(vec![large], Quirk::None).await;
    let (lab, gate) = gated().await;
    many(&lab, &server, 1, None).await;
    let acts = [broken, denied].map(|refused| (refused.operation, refused.act(&lab.settings.stack)));
    gate.script(move |request| {
        let act = acts.iter().find(|(operation, _)| request.operation().contains(operation));
        act.map(|(_, act)| act.clone())
    });
    let log = Log::now();
    assert!(went_back(&handle(&lab, &lab.fetch()).await));
    let lines = log.since(&lab.settings.stack);
    let mut rights: Vec<_> = lines.iter().map(|line| line["fields"]["right"].clone()).collect();
    rights.sort_by_key(ToString::to_string);
    assert_eq!(rights, ["s3:AbortMultipartUpload", "s3:PutObject"], "{lines:#?}");
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
