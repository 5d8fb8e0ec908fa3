//! As much HTTP as tests need: to speak to servers on loopback, and to be one.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest head of a request that is taken, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Sends a request to a plain-http address and returns status and body. `headers` are whole lines.
///
/// # Panics
/// When the server does not answer in HTTP.
pub async fn http(method: &str, address: &str, headers: &str, body: &str) -> (u16, String) {
    let rest = address.strip_prefix("http://").expect("a plain-http address");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).await.expect("a server");
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (code, body.to_owned())
}

/// A request as a server reads it; its body has a `Content-Length` or is none.
#[derive(Debug)]
pub struct Request {
    /// The request line and the header, without the empty line at the end.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The next request of a connection; `None` when there is none.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let mut body = bytes.split_off(end + 4);
        bytes.truncate(end);
        let mut request = Self { head: String::from_utf8(bytes).ok()?, body: Vec::new() };
        let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        let missing = length - body.len().min(length);
        let mut rest = vec![0; missing];
        stream.read_exact(&mut rest).await.ok()?;
        body.extend(rest);
        request.body = body;
        Some(request)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What is asked of AWS: `X-Amz-Target` where there is one, as `DynamoDB_20120810.Query`; otherwise
    /// method and path, as `POST /v2/email/outbound-emails`.
    pub fn operation(&self) -> &str {
        let line = self.head.lines().next().unwrap_or_default();
        let line = line.rsplit_once(' ').map_or(line, |(line, _)| line);
        let line = line.split_once('?').map_or(line, |(line, _)| line);
        self.header("x-amz-target").unwrap_or(line)
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// An answer after which the connection ends.
pub(crate) fn answer(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} As Asked\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
