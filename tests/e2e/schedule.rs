//! The schedule's ticks: each due batch is sent once, and none is lost when the queue does not answer.

use dispatch::{Dispatch, Settings, Tick};
use jiff::{SignedDuration, Timestamp};
use postroom_model::Batch;
use postroom_tests::{Lab, ahead, clock, invocation};

async fn lab_with_batches(count: usize) -> Lab {
    let lab = Lab::new().await;
    for n in 0..count {
        let batch = Batch {
            id: format!("1m-{n:04}").parse().expect("an id"),
            interval: "1m".parse().expect("an interval"),
            mailboxes: vec![format!("m{n}").parse().expect("an id")],
            due_at: None,
            lease: None,
            completed_at: None,
        };
        lab.registry.put_batch(&batch, clock(), 0.0).await.expect("stored");
    }
    lab
}

/// When a function is stopped that is started now.
fn minute() -> Timestamp {
    ahead::<60>()
}

fn dispatch(lab: &Lab, queue_url: &str) -> Dispatch {
    let table = lab.settings.table.clone();
    let settings = Settings { table, queue_url: queue_url.to_owned(), stack: lab.settings.stack.clone() };
    Dispatch::new(settings, &lab.aws)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ticks_at_once_send_every_batch_once() {
    let lab = lab_with_batches(25).await;
    let (one, two) = (dispatch(&lab, &lab.settings.queue_url), dispatch(&lab, &lab.settings.queue_url));
    let (one, two) = tokio::join!(one.tick(clock(), minute()), two.tick(clock(), minute()));
    let (one, two) = (one.expect("a tick"), two.expect("a tick"));
    assert_eq!((one.sent + two.sent, one.returned + two.returned), (25, 0));
    let sqs = aws_sdk_sqs::Client::new(&lab.aws);
    let mut bodies = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let got = sqs.receive_message().queue_url(&lab.settings.queue_url).max_number_of_messages(10);
        let messages = got.send().await.expect("an answer").messages.unwrap_or_default();
        for message in messages {
            assert!(bodies.insert(message.body.expect("a body")), "a batch was sent twice");
        }
    }
    assert_eq!(bodies.len(), 25);
    let idle = dispatch(&lab, &lab.settings.queue_url).tick(clock(), minute()).await.expect("a tick");
    assert_eq!(idle, Tick::default(), "nothing is due any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_stay_due_while_the_queue_does_not_take_them() {
    let lab = lab_with_batches(3).await;
    let missing = lab.settings.queue_url.replace("lab-", "no-such-");
    let tick = dispatch(&lab, &missing).tick(clock(), minute()).await.expect("a tick");
    assert_eq!((tick.sent, tick.returned), (0, 3));
    let tick = dispatch(&lab, &lab.settings.queue_url).tick(clock(), minute()).await.expect("a tick");
    assert_eq!(tick.sent, 3, "at the very next tick");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_stay_due_when_there_is_no_time_for_them() {
    let lab = lab_with_batches(3).await;
    let tick = dispatch(&lab, &lab.settings.queue_url).tick(clock(), ahead::<9>()).await.expect("a tick");
    assert_eq!((tick.sent, tick.left), (0, 3), "they would have been claimed and not sent");
    let tick = dispatch(&lab, &lab.settings.queue_url).tick(clock(), minute()).await.expect("a tick");
    assert_eq!((tick.sent, tick.left), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_names_a_far_future_does_not_put_a_batch_off() {
    let lab = lab_with_batches(1).await;
    let body = r#"{"batch":{"id":"1m-0000","due_at":253402200000}}"#;
    lab.fetch().work_message(body, &invocation(90)).await.expect("worked");
    let batch = lab.registry.batch(&"1m-0000".parse().expect("an id")).await.expect("read").expect("there");
    let next = batch.due_at.expect("due");
    assert!(next.duration_since(clock()) <= SignedDuration::from_secs(60), "{next}");
}
