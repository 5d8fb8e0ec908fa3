//! The sample events are what the functions take.

use aws_lambda_events::{apigw::ApiGatewayV2httpRequest, sqs::SqsEvent};
use postroom_model::Work;
use postroom_tests::{Lab, answer};
use serde_json::json;
use std::path::Path;

pub(crate) fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn fetch_takes_its_samples() {
    for name in ["fetch.json", "fetch-mailbox.json"] {
        let event: SqsEvent = serde_json::from_str(&sample(name)).expect("an SQS event");
        assert_eq!(event.records.len(), 1, "{name}");
        let work: Work =
            serde_json::from_str(event.records[0].body.as_deref().expect("a body")).expect("work");
        assert_eq!(matches!(work, Work::Batch { .. }), name == "fetch.json");
    }
}

#[test]
fn what_is_scheduled_takes_any_tick() {
    for name in ["dispatch.json", "token-refresh.json", "expiry-check-tick.json"] {
        let event: serde_json::Value = serde_json::from_str(&sample(name)).expect("JSON");
        assert_eq!(event["source"], "aws.scheduler", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expiry_check_takes_its_samples() {
    let lab = Lab::new().await;
    let check = lab.checker();
    for (name, said) in [
        ("expiry-check-tick.json", json!({"busy": false, "due": 0})),
        ("ses-bounce.json", json!({"undeliverable": 1, "cleared": 0})),
        ("ses-complaint.json", json!({"undeliverable": 1, "cleared": 0})),
        ("ses-delivery.json", json!({"undeliverable": 0, "cleared": 0})),
    ] {
        let event = serde_json::from_str(&sample(name)).expect("JSON");
        let answer = answer(&check, event).await.expect(name);
        for (field, value) in said.as_object().expect("fields") {
            assert_eq!(&answer[field], value, "{name}: {answer}");
        }
    }
}

#[test]
fn console_takes_its_sample() {
    let event: ApiGatewayV2httpRequest =
        serde_json::from_str(&sample("console-health.json")).expect("a request");
    assert_eq!(event.raw_path.as_deref(), Some("/health"));
}
