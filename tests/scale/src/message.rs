//! As much HTTP/1.1 as a relay and a small server need.

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
};

/// A request or an answer whose body has a `Content-Length` or is none.
#[derive(Debug)]
pub(crate) struct Message {
    /// The first line and the header's lines.
    head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A message of these lines, and a body.
    pub(crate) fn of<const N: usize>(head: [&str; N], body: String) -> Self {
        Self { head: head.map(str::to_owned).into(), body: Vec::new() }.with_body(body)
    }

    /// The next one of a connection; `None` when there is none.
    pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let mut message = Self { head, body: Vec::new() };
        let length = message.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        message.body.resize(length, 0);
        stream.read_exact(&mut message.body).await.ok()?;
        Some(message)
    }

    pub(crate) fn first_line(&self) -> &str {
        self.head.first().map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.iter().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn with_body(mut self, body: String) -> Self {
        self.head.retain(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
        self.head.push(format!("content-length: {}", body.len()));
        self.body = body.into_bytes();
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [format!("{}\r\n\r\n", self.head.join("\r\n")).as_bytes(), &self.body].concat()
    }
}
