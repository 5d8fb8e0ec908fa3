//! An authorization server that gives new tokens to whoever asks.

use crate::message::Message;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Issuer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client));
            }
        });
        Self { address, task }
    }

    /// The endpoints of a provider in its stored form.
    pub(crate) fn endpoints(&self) -> Value {
        let url = |path: &str| format!("http://{}/{path}", self.address);
        json!({"explicit": {"authorize_url": url("authorize"), "token_url": url("token")}})
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: TcpStream) -> Option<()> {
    let mut client = BufReader::new(client);
    loop {
        Message::read(&mut client).await?;
        let tokens = json!({
            "access_token": format!("access-{:032x}", fastrand::u128(..)), "token_type": "Bearer",
            "refresh_token": format!("refresh-{:032x}", fastrand::u128(..)), "expires_in": 3600,
        });
        let answer = Message::of(["HTTP/1.1 200 OK", "content-type: application/json"], tokens.to_string());
        client.get_mut().write_all(&answer.bytes()).await.ok()?;
    }
}
