//! Ticks by a clock that stands still until nothing is left to do: how fast batches are claimed, and what is said of
//! those that were not tried. AWS's answers come from this process, because such a clock waits for no network.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dispatch::{Dispatch, Settings, Tick};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    env,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Batches that are claimed at once, and how long it takes until the next ones are.
const PORTION: usize = 30;
const PACE: Duration = Duration::from_millis(100);
/// How exact the clock is.
const EXACT: Duration = Duration::from_millis(2);

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

const QUERY: &str = "DynamoDB_20120810.Query";
const CLAIM: &str = "DynamoDB_20120810.UpdateItem";
const SEND: &str = "AmazonSQS.SendMessageBatch";

/// An AWS at which batches are due, a page for each number of them.
#[derive(Debug, Clone)]
struct Aws {
    pages: &'static [usize],
    /// What is denied, and from which time on that it is asked for.
    denied: Option<(&'static str, usize)>,
    /// How long the first portion's claims take.
    first: Duration,
    begun: Instant,
    /// What it was asked for, and when.
    asked: Arc<Mutex<Vec<(String, Duration)>>>,
}

impl Aws {
    fn new(pages: &'static [usize]) -> Self {
        let (denied, first, asked) = (None, Duration::ZERO, Arc::default());
        Self { pages, denied, first, begun: Instant::now(), asked }
    }

    /// A tick that has a minute.
    async fn tick(&self) -> Result<Tick, postroom_registry::Error> {
        let aws = self.clone();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(aws.clone())))
            .build();
        let settings = Settings {
            table: "t".to_owned(),
            queue_url: "https://sqs.eu-central-1.amazonaws.com/1/q".to_owned(),
            stack: "post".to_owned(),
        };
        let deadline = NOW.checked_add(SignedDuration::from_mins(1)).expect("in range");
        Dispatch::new(settings, &config).tick(NOW, deadline).await
    }

    /// When each batch was claimed.
    fn claims(&self) -> Vec<Duration> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|(operation, _)| operation == CLAIM).map(|(_, at)| *at).collect()
    }

    /// Notes what is asked for. How long the answer takes, and what it is.
    fn judge(&self, operation: &str) -> (Duration, u16, Value) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = asked.iter().filter(|(earlier, _)| earlier == operation).count();
        asked.push((operation.to_owned(), self.begun.elapsed()));
        if self.denied.is_some_and(|(denied, from)| denied == operation && before >= from) {
            return (Duration::ZERO, 400, json!({"__type": "AccessDeniedException", "message": "no"}));
        }
        match operation {
            QUERY => (Duration::ZERO, 200, self.page(before)),
            CLAIM if before < PORTION => (self.first, 200, json!({})),
            SEND => (Duration::ZERO, 200, json!({"Successful": [], "Failed": []})),
            _ => (Duration::ZERO, 200, json!({})),
        }
    }

    fn page(&self, number: usize) -> Value {
        let key = |n: usize| json!({"pk": {"S": format!("BATCH#1m-{number}-{n:04}")}, "sk": {"S": "BATCH"}});
        let due = |n| {
            let mut item = key(n);
            item["due_at"] = json!({"N": NOW.as_second().to_string()});
            item
        };
        let items: Vec<Value> = (0..self.pages[number]).map(due).collect();
        let last = (number + 1 < self.pages.len()).then(|| key(0));
        json!({"Items": items, "LastEvaluatedKey": last})
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let (takes, status, body) = self.judge(operation);
        HttpConnectorFuture::new(async move {
            if !takes.is_zero() {
                sleep(takes).await;
            }
            let status = StatusCode::try_from(status).expect("a status");
            Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn batches_are_claimed_thirty_at_a_time_ten_times_a_second() {
    let aws = Aws::new(&[500, 130]);
    assert_eq!(aws.tick().await.expect("a tick").sent, 630);
    let claims = aws.claims();
    assert_eq!(claims.len(), 630);
    // A page's last portion may be a small one.
    let portions =
        (0..500).map(|n| n / PORTION).chain((0..130).map(|n| 500_usize.div_ceil(PORTION) + n / PORTION));
    for (portion, at) in portions.zip(&claims) {
        let due = PACE * u32::try_from(portion).expect("few");
        assert!(*at >= due && *at < due + EXACT, "portion {portion} at {at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_that_a_slow_table_has_taken_is_not_made_up_for() {
    let slow = Duration::from_secs(3);
    let aws = Aws { first: slow, ..Aws::new(&[330]) };
    assert_eq!(aws.tick().await.expect("a tick").sent, 330);
    let claims = aws.claims();
    let starts: Vec<Duration> = claims.iter().step_by(PORTION).copied().collect();
    assert!(starts[1] >= slow && starts[1] < slow + EXACT, "the next follows at once: {starts:?}");
    for pair in starts[1..].windows(2) {
        assert!(pair[1] - pair[0] + EXACT >= PACE, "{starts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tried_because_nothing_gets_through_is_left() {
    for (denied, expected) in [
        (SEND, Tick { returned: PORTION, left: 270, ..Tick::default() }),
        (CLAIM, Tick { failed: PORTION, left: 270, ..Tick::default() }),
    ] {
        let aws = Aws { denied: Some((denied, 0)), ..Aws::new(&[300]) };
        assert_eq!(aws.tick().await.expect("a tick"), expected, "{denied}");
    }
}

/// Says that this process is the one whose metrics are looked at.
const CHILD: &str = "POSTROOM_TEST_TICKS";

/// Metrics go to standard output, so that the tick is another process's: this program's, run again.
#[tokio::test(start_paused = true)]
async fn what_was_sent_is_counted_although_a_later_page_cannot_be_read() {
    if env::var_os(CHILD).is_some() {
        let aws = Aws { denied: Some((QUERY, 1)), ..Aws::new(&[25, 25]) };
        aws.tick().await.expect_err("the second page is denied");
        return;
    }
    let output = Command::new(env::current_exe().expect("a program"))
        .args(["--exact", "what_was_sent_is_counted_although_a_later_page_cannot_be_read", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let metrics =
        said.lines().filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
    let sent: Vec<Value> =
        metrics.map(|line| line["DispatchedBatches"].clone()).filter(Value::is_number).collect();
    assert_eq!(sent, [25.0], "{said}");
}
