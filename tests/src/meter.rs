//! A meter between a process and the local AWS API: which operations are asked for, and how many of
//! DynamoDB's units they consume.
//!
//! Guarantees: every request is counted under its service and operation, as `DynamoDB Query`. The emulator counts
//! no units, so they follow from the items, read before and after each write, by DynamoDB's own rules ([`units`]).
//! Leaves out: transactions; one fails the connection that asks for it.

mod units;

use crate::{
    environment,
    gate::{forward, with_body},
    http::Request,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex as StdMutex},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::{JoinHandle, JoinSet},
};
use units::Index;

/// A running meter; it stops when this is dropped.
#[derive(Debug)]
pub struct Meter {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// How often each operation was, by service and name, as `S3 PutObject`.
    pub operations: BTreeMap<String, u64>,
    /// DynamoDB's read request units.
    pub read_units: f64,
    /// DynamoDB's write request units, those of indexes among them.
    pub write_units: f64,
}

impl Counted {
    /// How many operations there were.
    pub fn calls(&self) -> u64 {
        self.operations.values().sum()
    }
}

#[derive(Debug)]
struct Shared {
    /// The API's host and port.
    beyond: String,
    counted: StdMutex<Counted>,
    /// The indexes of each table. It is held over a write, so that nothing else changes the item meanwhile.
    indexes: Mutex<BTreeMap<String, Vec<Index>>>,
}

impl Meter {
    /// A meter before the local AWS API.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let beyond = environment("POSTROOM_TEST_AWS_ENDPOINT");
        let shared = Arc::new(Shared {
            beyond: beyond.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            counted: StdMutex::default(),
            indexes: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// Where the AWS API answers by way of this meter.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked for since this was last asked.
    ///
    /// # Panics
    /// Never.
    pub fn counted(&self) -> Counted {
        std::mem::take(&mut *self.shared.counted.lock().expect("nobody panics with it"))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new(); // they end with this task
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move { shared.pass(client).await });
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    /// One request of a connection; the client makes another connection for the next.
    async fn pass(&self, mut client: TcpStream) -> Option<()> {
        let request = Request::read(&mut client).await?;
        let operation = operation(&request);
        let answer = match operation.strip_prefix("DynamoDB ") {
            Some("UpdateItem" | "PutItem" | "DeleteItem") => self.write(&request).await?,
            Some(read @ ("GetItem" | "BatchGetItem" | "Query")) => {
                let answer = forward(&request, &self.beyond).await.ok()?;
                let asked: Value = serde_json::from_slice(&request.body).ok()?;
                let read_units = units::read(read, &asked, &body(&answer)?);
                self.note(|counted| counted.read_units += read_units);
                answer
            }
            Some(other) => panic!("it is not known what {other} consumes"),
            None => forward(&request, &self.beyond).await.ok()?,
        };
        self.note(|counted| *counted.operations.entry(operation).or_default() += 1);
        client.write_all(&answer).await.ok()
    }

    /// Passes a write on, and counts what it does to the item and to its entries in indexes.
    async fn write(&self, request: &Request) -> Option<Vec<u8>> {
        let asked: Value = serde_json::from_slice(&request.body).ok()?;
        let table = asked["TableName"].as_str()?;
        let mut indexes = self.indexes.lock().await;
        if !indexes.contains_key(table) {
            let described = self.ask(request, "DescribeTable", json!({"TableName": table})).await?;
            indexes.insert(table.to_owned(), Index::all(&described["Table"]));
        }
        let named =
            |name: &str| [&asked["Key"][name], &asked["Item"][name]].into_iter().find(|v| !v.is_null());
        let key = json!({"pk": named("pk")?, "sk": named("sk")?});
        let get = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        let before = self.ask(request, "GetItem", get.clone()).await?;
        let answer = forward(request, &self.beyond).await.ok()?;
        let after = self.ask(request, "GetItem", get).await?;
        let written =
            units::write(indexes.get(table)?, before["Item"].as_object(), after["Item"].as_object());
        self.note(|counted| counted.write_units += written);
        Some(answer)
    }

    /// Asks DynamoDB something of its own, signed as `like` is.
    async fn ask(&self, like: &Request, operation: &str, asked: Value) -> Option<Value> {
        let target = like.operation().rsplit_once('.')?.1;
        let request = with_body(&like.head.replace(target, operation), asked.to_string());
        body(&forward(&request, &self.beyond).await.ok()?)
    }

    fn note(&self, count: impl FnOnce(&mut Counted)) {
        count(&mut self.counted.lock().expect("nobody panics with it"));
    }
}

/// The JSON of an answer.
fn body(answer: &[u8]) -> Option<Value> {
    let start = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    serde_json::from_slice(&answer[start..]).ok()
}

/// A request's service and operation, as `DynamoDB Query`.
///
/// # Panics
/// When it is none that Postroom makes.
fn operation(request: &Request) -> String {
    if let Some((service, name)) = request.header("x-amz-target").and_then(|target| target.split_once('.')) {
        let service = match service {
            "DynamoDB_20120810" => "DynamoDB",
            "secretsmanager" => "SecretsManager",
            "TrentService" => "KMS",
            "AmazonSQS" => "SQS",
            "AWSEvents" => "EventBridge",
            other => panic!("{other} is no service that Postroom uses"),
        };
        return format!("{service} {name}");
    }
    let line = request.head.lines().next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let has = |name: &str| query.split('&').any(|one| one.split('=').next() == Some(name));
    let name = match (method, path) {
        ("POST", "/v2/email/outbound-emails") => "SES SendEmail",
        ("GET", "/v2/email/account") => "SES GetAccount",
        ("PUT", _) if has("partNumber") => "S3 UploadPart",
        ("PUT", _) => "S3 PutObject",
        ("POST", _) if has("uploads") => "S3 CreateMultipartUpload",
        ("POST", _) if has("uploadId") => "S3 CompleteMultipartUpload",
        ("HEAD", _) => "S3 HeadObject",
        ("GET", _) => "S3 GetObject",
        _ => panic!("{line} is nothing that Postroom asks for"),
    };
    name.to_owned()
}
