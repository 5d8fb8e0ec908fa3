//! A small HTTP server: one request a connection, answered by a function.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use url::{Url, form_urlencoded};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `POST /token`
    pub(crate) line: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) form: BTreeMap<String, String>,
}

/// Makes the same answer again and again.
pub(crate) type Answers = fn() -> Reply;

/// What a server answers.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO }
    }

    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::new(200, value.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn html(status: u16) -> Self {
        Self::new(status, "<html><body>s3cret</body></html>").with("content-type", "text/html")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "no such page")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn late(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A server on this machine; it ends with the test.
pub(crate) struct Server {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server that answers by a function of the request and of its own URL.
    pub(crate) async fn start(answer: impl Fn(&Request, &Url) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = Url::parse(&format!("http://{address}")).expect("a URL");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Self { url: url.clone(), seen: seen.clone() };
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (seen, answer, url) = (seen.clone(), answer.clone(), url.clone());
                tokio::spawn(async move {
                    let mut tcp = BufReader::new(tcp);
                    let request = read(&mut tcp).await;
                    let reply = answer(&request, &url);
                    seen.lock().expect("not poisoned").push(request);
                    write(tcp.into_inner(), reply).await;
                });
            }
        });
        server
    }

    /// A server with one answer to everything.
    pub(crate) async fn saying(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        Self::start(move |_, _| reply()).await
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Request {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

async fn read(tcp: &mut BufReader<TcpStream>) -> Request {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        tcp.read_line(&mut line).await.expect("a line");
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut lines = lines.into_iter();
    let line = lines.next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    tcp.read_exact(&mut body).await.expect("a body");
    let form = form_urlencoded::parse(&body).into_owned().collect();
    Request { line, headers, form }
}

async fn write(mut tcp: TcpStream, reply: Reply) {
    tokio::time::sleep(reply.delay).await;
    let mut head = format!(
        "HTTP/1.1 {} x\r\ncontent-length: {}\r\nconnection: close\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // A client that has read enough may be gone.
    let _ = tcp.write_all(head.as_bytes()).await;
    let _ = tcp.write_all(&reply.body).await;
}
