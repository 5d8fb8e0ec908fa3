//! A gate between a process and the local AWS API, at which requests are counted, and those that a test
//! chooses are held, refused, cut or changed.
//!
//! Every other request passes. What is held is let go by [`Gate::open`]; with the gate itself it is
//! dropped, as when the network between the two breaks for good.

use crate::{
    environment,
    http::{Request, answer},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// How long a request may take to come to the gate.
const PATIENCE: Duration = Duration::from_secs(60);

/// A kind of request: an operation of AWS ([`Request::operation`]), and a mark in its body where the
/// operation alone does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    operation: &'static str,
    mark: &'static str,
}

impl Call {
    /// A key for sealing is asked for.
    pub const PREPARE: Self = Self { operation: "TrentService.GenerateDataKey", mark: "" };
    /// A sealed token set is opened.
    pub const OPEN: Self = Self { operation: "TrentService.Decrypt", mark: "" };
    /// An issued token set is journaled.
    pub const JOURNAL: Self = Self { operation: "DynamoDB_20120810.UpdateItem", mark: "#journal = :journal" };
    /// It is put into the vault.
    pub const PUT: Self = Self { operation: "secretsmanager.PutSecretValue", mark: "" };
    /// It becomes the current one there.
    pub const STAGE: Self = Self { operation: "secretsmanager.UpdateSecretVersionStage", mark: "" };
    /// It is put on record.
    pub const RECORD: Self =
        Self { operation: "DynamoDB_20120810.UpdateItem", mark: "#obtained_at = :obtained_at" };
    /// A mail is sent.
    pub const MAIL: Self = Self { operation: "POST /v2/email/outbound-emails", mark: "" };
    /// It is asked how much mail may be sent.
    pub const QUOTA: Self = Self { operation: "GET /v2/email/account", mark: "" };
    /// A secret is read from the vault.
    pub const SECRET: Self = Self { operation: "secretsmanager.GetSecretValue", mark: "" };
    /// What somebody was told is put on record.
    pub const RECORD_REMINDER: Self = Self { operation: "DynamoDB_20120810.UpdateItem", mark: "REMINDER#" };
    /// What was looked at is moved on.
    pub const MOVE_REMINDER: Self =
        Self { operation: "DynamoDB_20120810.UpdateItem", mark: "#remind_at = :seen" };
    /// The ids of a maildrop's messages are put on record.
    pub const RECORD_IDS: Self = Self { operation: "DynamoDB_20120810.UpdateItem", mark: "KNOWN#" };
    /// A maildrop's cursor moves.
    pub const MOVE_MAILDROP: Self = Self { operation: "DynamoDB_20120810.UpdateItem", mark: "#maildrop = :" };
    /// Events are put.
    pub const EVENTS: Self = Self { operation: "AWSEvents.PutEvents", mark: "" };

    /// Whether a request is of this kind.
    pub fn is(self, request: &Request) -> bool {
        let body = String::from_utf8_lossy(&request.body);
        request.operation() == self.operation && body.contains(self.mark)
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// They are held before the API has seen them.
    Hold,
    /// The API does what they ask, and its answer is held.
    HoldAnswer,
    /// They are refused with this status and this error code of AWS's.
    Refuse(u16, &'static str),
    /// They are refused with this status and this JSON, which names the error as `__type`.
    RefuseWith(u16, String),
    /// They are answered with this JSON, and the API does not see them.
    Answer(String),
    /// The API does what they ask, and the connection ends without an answer.
    Cut,
    /// The API does what they ask, so much later.
    Delay(Duration),
    /// The API sees this body in place of theirs.
    Instead(String),
}

/// What decides what happens to each request; `None`: it passes.
type Script = Box<dyn FnMut(&Request) -> Option<Act> + Send>;

/// A running gate.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// The API's host and port.
    beyond: String,
    script: Mutex<Option<Script>>,
    /// How often each operation came.
    came: Mutex<BTreeMap<String, usize>>,
    /// Requests that the rule has met so far.
    met: watch::Sender<usize>,
    /// How often the gate was opened.
    opened: watch::Sender<usize>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("beyond", &self.beyond)
            .field("came", &self.came)
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate before the local AWS API, open.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let beyond = environment("POSTROOM_TEST_AWS_ENDPOINT");
        let shared = Arc::new(Shared {
            beyond: beyond.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            script: Mutex::default(),
            came: Mutex::default(),
            met: watch::Sender::default(),
            opened: watch::Sender::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// Where the AWS API answers by way of this gate.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on does this to requests of a kind, and nothing to others.
    ///
    /// # Panics
    /// Never.
    pub fn rule(&self, call: Call, act: Act) {
        self.script(move |request| call.is(request).then(|| act.clone()));
    }

    /// From now on has this decide what happens to each request.
    ///
    /// # Panics
    /// Never.
    pub fn script(&self, script: impl FnMut(&Request) -> Option<Act> + Send + 'static) {
        *self.shared.script.lock().expect("nobody panics with it") = Some(Box::new(script));
    }

    /// How often each operation came since this was last asked.
    ///
    /// # Panics
    /// Never.
    pub fn came(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.shared.came.lock().expect("nobody panics with it"))
    }

    /// Waits until the rule has met a request. Of a held answer: until it is there.
    ///
    /// # Panics
    /// When none comes within a minute.
    pub async fn met(&self) {
        let mut met = self.shared.met.subscribe();
        let waited = tokio::time::timeout(PATIENCE, met.wait_for(|met| *met > 0)).await;
        waited.expect("a request comes to the gate").expect("the gate is there");
    }

    /// Lets everything pass that is held, and all that comes.
    ///
    /// # Panics
    /// Never.
    pub fn open(&self) {
        *self.shared.script.lock().expect("nobody panics with it") = None;
        self.shared.opened.send_modify(|opened| *opened += 1);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new(); // they end with this task
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass(client, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// One request of a connection; the client makes another connection for the next.
async fn pass(mut client: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let request = Request::read(&mut client).await?;
    let act = shared.judge(&request);
    let answer = match act {
        None => forward(&request, &shared.beyond).await.ok()?,
        Some(Act::Hold) => {
            shared.hold().await;
            match known_version(&request, &shared.beyond).await {
                Some(answer) => answer,
                None => forward(&request, &shared.beyond).await.ok()?,
            }
        }
        Some(Act::HoldAnswer) => {
            let answer = forward(&request, &shared.beyond).await.ok()?;
            shared.hold().await;
            answer
        }
        Some(Act::Refuse(status, code)) => {
            let body = format!(r#"{{"__type":"{code}","message":"as a test asked"}}"#);
            shared.said(status, &body)
        }
        Some(Act::RefuseWith(status, body)) => shared.said(status, &body),
        Some(Act::Answer(body)) => shared.said(200, &body),
        Some(Act::Cut) => {
            forward(&request, &shared.beyond).await.ok()?;
            shared.meet();
            return None;
        }
        Some(Act::Delay(by)) => {
            shared.meet();
            tokio::time::sleep(by).await;
            forward(&request, &shared.beyond).await.ok()?
        }
        Some(Act::Instead(body)) => {
            shared.meet();
            // What it asks for now is no function's.
            let head = request.head.replace(" app/postroom-", " app/changed-");
            forward(&with_body(&head, body), &shared.beyond).await.ok()?
        }
    };
    client.write_all(&answer).await.ok()
}

/// Secrets Manager's answer to a put that somebody else has made meanwhile under the same token: it is
/// taken and does nothing. The emulator would make that version anew and take its labels away
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>).
async fn known_version(request: &Request, beyond: &str) -> Option<Vec<u8>> {
    if !Call::PUT.is(request) {
        return None;
    }
    let put: Value = serde_json::from_slice(&request.body).ok()?;
    let wanted = json!({"SecretId": put["SecretId"], "VersionId": put["ClientRequestToken"]});
    let head = request.head.replace("PutSecretValue", "GetSecretValue");
    let found = forward(&with_body(&head, wanted.to_string()), beyond).await.ok()?;
    let found = String::from_utf8_lossy(&found);
    let (head, found) = found.split_once("\r\n\r\n")?;
    let found: Value = serde_json::from_str(found).ok().filter(|_| head.contains(" 200"))?;
    let known = json!({"ARN": found["ARN"], "Name": found["Name"], "VersionId": found["VersionId"]});
    Some(answer(200, "application/x-amz-json-1.1", &known.to_string()))
}

/// A request with another body; the emulator checks no signature.
pub(crate) fn with_body(head: &str, body: String) -> Request {
    let keeps = |line: &&str| !line.to_ascii_lowercase().starts_with("content-length:");
    let head: Vec<&str> = head.lines().filter(keeps).collect();
    let head = format!("{}\r\nContent-Length: {}", head.join("\r\n"), body.len());
    Request { head, body: body.into_bytes() }
}

pub(crate) async fn forward(request: &Request, beyond: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(beyond).await?;
    let keeps = |line: &&str| !line.to_ascii_lowercase().starts_with("connection:");
    let head: Vec<&str> = request.head.lines().filter(keeps).collect();
    let head = format!("{}\r\nConnection: close\r\n\r\n", head.join("\r\n"));
    stream.write_all(&[head.as_bytes(), &request.body].concat()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

impl Shared {
    /// Counts a request, and decides what happens to it.
    fn judge(&self, request: &Request) -> Option<Act> {
        let mut came = self.came.lock().expect("nobody panics with it");
        *came.entry(request.operation().to_owned()).or_default() += 1;
        drop(came);
        let mut script = self.script.lock().expect("no script panics");
        script.as_mut().and_then(|script| script(request))
    }

    /// Notes that the script has met a request.
    fn meet(&self) {
        self.met.send_modify(|met| *met += 1);
    }

    /// An answer that the API does not give.
    fn said(&self, status: u16, body: &str) -> Vec<u8> {
        self.meet();
        answer(status, "application/x-amz-json-1.1", body)
    }

    async fn hold(&self) {
        let mut opened = self.opened.subscribe();
        self.meet();
        // An error: the gate is gone.
        let _ = opened.changed().await;
    }
}
