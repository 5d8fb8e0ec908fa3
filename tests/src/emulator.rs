//! Parts of the local AWS API that no client of ours speaks.

use crate::{environment, http};
use serde_json::{Value, json};

/// Asks a service in AWS's JSON protocol; `target` as in `X-Amz-Target`.
///
/// # Panics
/// When it does not answer.
pub async fn ask(service: &str, target: &str, request: &Value) -> Value {
    let endpoint = environment("POSTROOM_TEST_AWS_ENDPOINT");
    let headers = format!(
        "{}X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n",
        authorization(service)
    );
    let (code, body) = http("POST", &format!("{endpoint}/"), &headers, &request.to_string()).await;
    assert_eq!(code, 200, "{target}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

/// Gets a document of a service in AWS's REST protocol, or of the emulator's own.
///
/// # Panics
/// As [`ask`].
pub async fn get(service: &str, path: &str) -> Value {
    let endpoint = environment("POSTROOM_TEST_AWS_ENDPOINT");
    let (code, body) = http("GET", &format!("{endpoint}{path}"), &authorization(service), "").await;
    assert_eq!(code, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

/// Invokes the deployed function whose name has `part` in it, and returns its answer.
///
/// # Panics
/// When there is none, or it fails.
pub async fn invoke(part: &str, event: &str) -> Value {
    let functions = get("lambda", FUNCTIONS).await;
    let mut names = functions["Functions"].as_array().expect("functions").iter().map(|f| &f["FunctionName"]);
    let name = names.find_map(|name| name.as_str().filter(|name| name.contains(part))).expect("a function");
    let address = format!("{}{FUNCTIONS}{name}/invocations", environment("POSTROOM_TEST_AWS_ENDPOINT"));
    let (code, body) = http("POST", &address, &authorization("lambda"), event).await;
    assert_eq!(code, 200, "{name}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

/// Where Lambda lists its functions.
pub const FUNCTIONS: &str = "/2015-03-31/functions/";

/// The emulator wants to know who asks, and takes the name for it.
fn authorization(service: &str) -> String {
    let region = environment("POSTROOM_TEST_AWS_REGION");
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n"
    )
}

/// The names of all log groups.
///
/// # Panics
/// As [`ask`].
pub async fn log_groups() -> Vec<String> {
    let pages = pages("logs", "Logs_20140328.DescribeLogGroups", &json!({}), "logGroups").await;
    pages.iter().filter_map(|group| group["logGroupName"].as_str()).map(str::to_owned).collect()
}

/// Everything in a log group, a message a line.
///
/// # Panics
/// As [`ask`].
pub async fn log(group: &str) -> String {
    let request = json!({"logGroupName": group});
    let events = pages("logs", "Logs_20140328.FilterLogEvents", &request, "events").await;
    let lines = events.iter().filter_map(|event| event["message"].as_str());
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// All entries of a list that comes in pages.
async fn pages(service: &str, target: &str, request: &Value, list: &str) -> Vec<Value> {
    let (mut entries, mut request) = (Vec::new(), request.clone());
    loop {
        let mut answer = ask(service, target, &request).await;
        match answer[list].take() {
            Value::Array(page) => entries.extend(page),
            other => panic!("{target}: {other}"),
        }
        if answer["nextToken"].is_null() {
            return entries;
        }
        request["nextToken"] = answer["nextToken"].take();
    }
}
