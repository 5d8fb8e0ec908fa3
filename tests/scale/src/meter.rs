//! What goes to the AWS API, counted on its way.
//!
//! Guarantees: every request and every answer passes; DynamoDB is asked besides what each write cost. What the SDK
//! asks again, because an answer was slow, is not counted again. Left out: the price of writes that a condition
//! refused, which DynamoDB does not tell.

use crate::message::Message;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// DynamoDB's operations that write one item.
const WRITES: [&str; 3] = ["DeleteItem", "PutItem", "UpdateItem"];
/// Where SES is asked, and what that operation is called.
const PATHS: [(&str, &str); 2] =
    [("POST /v2/email/outbound-emails", "SendEmail"), ("GET /v2/email/account", "GetAccount")];

/// What was asked of AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Requests by operation, such as `Query`.
    pub calls: BTreeMap<String, u64>,
    /// Items that DynamoDB answered with.
    pub items: u64,
    /// Bytes of those answers, as JSON: about a third more than DynamoDB counts.
    pub bytes: u64,
    /// Write units, by index; `table` is the table itself.
    pub written: BTreeMap<String, u64>,
}

impl Usage {
    /// Requests in all.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    fn count(&mut self, request: &Message, answer: &Message) {
        *self.calls.entry(operation(request).to_owned()).or_default() += 1;
        if !is_for_dynamodb(request) {
            return;
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let lists = said["Responses"].as_object().into_iter().flat_map(|tables| tables.values());
        let lists = lists.chain([&said["Items"]]).filter_map(Value::as_array).map(Vec::len);
        let items = lists.sum::<usize>() + usize::from(said["Item"].is_object());
        if items > 0 {
            self.items += u64::try_from(items).unwrap_or(u64::MAX);
            self.bytes += u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
        }
        let cost = &said["ConsumedCapacity"];
        let indexes = cost["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
        let indexes = indexes.map(|(name, cost)| (name.as_str(), cost));
        for (name, cost) in indexes.chain([("table", &cost["Table"])]) {
            let units = cost["CapacityUnits"].as_f64().unwrap_or_default().ceil();
            if units > 0.0 {
                // A write of one item takes at most 400 units.
                *self.written.entry(name.to_owned()).or_default() += units as u64;
            }
        }
    }
}

/// A relay before the AWS API; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Meter {
    address: SocketAddr,
    used: Arc<Mutex<Usage>>,
    task: JoinHandle<()>,
}

impl Meter {
    /// A relay to the API at `beyond`, a host and a port.
    pub(crate) async fn start(beyond: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let used = Arc::<Mutex<Usage>>::default();
        let (beyond, shared) = (beyond.to_owned(), Arc::clone(&used));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, beyond.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, used, task }
    }

    /// Where the AWS API answers by way of this relay.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked since this was last taken.
    pub(crate) fn take(&self) -> Usage {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes a connection's requests on, until one side has enough.
async fn relay(client: TcpStream, beyond: String, used: Arc<Mutex<Usage>>) -> Option<()> {
    let mut client = BufReader::new(client);
    let mut api = BufReader::new(TcpStream::connect(beyond).await.ok()?);
    loop {
        let request = asking_for_costs(Message::read(&mut client).await?);
        api.get_mut().write_all(&request.bytes()).await.ok()?;
        let answer = Message::read(&mut api).await?;
        if !is_again(&request) {
            used.lock().unwrap_or_else(PoisonError::into_inner).count(&request, &answer);
        }
        client.get_mut().write_all(&answer.bytes()).await.ok()?;
    }
}

/// Whether the SDK has sent a request before: it numbers its attempts.
fn is_again(request: &Message) -> bool {
    request.header("amz-sdk-request").is_some_and(|attempt| !attempt.starts_with("attempt=1"))
}

fn is_for_dynamodb(request: &Message) -> bool {
    request.header("x-amz-target").is_some_and(|target| target.starts_with("DynamoDB_"))
}

/// What a request asks for, as AWS calls it.
fn operation(request: &Message) -> &str {
    if let Some((_, operation)) = request.header("x-amz-target").and_then(|target| target.rsplit_once('.')) {
        return operation;
    }
    let line = request.first_line();
    PATHS.iter().find(|(path, _)| line.starts_with(path)).map_or(line, |(_, name)| name)
}

/// A write to DynamoDB that also asks what it costs; the emulator checks no signature.
fn asking_for_costs(request: Message) -> Message {
    if !is_for_dynamodb(&request) || !WRITES.contains(&operation(&request)) {
        return request;
    }
    let mut asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    asked["ReturnConsumedCapacity"] = "INDEXES".into();
    request.with_body(asked.to_string())
}
