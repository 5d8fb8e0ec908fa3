//! A token endpoint on loopback that does not rotate strictly, and one that refuses everything; both
//! count what they are asked.

use crate::http::{Request, answer};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As many do: a refresh token that was used is taken again, and each answer brings another one.
    Lenient,
    /// With this error of RFC 6749 section 5.2, always.
    Refuses(&'static str),
    /// That it cannot now: HTTP 503.
    Unavailable,
    /// That the grant is invalid, always, with a code of Microsoft's that nobody knows.
    Undescribed,
}

/// A running token endpoint; it stops when this is dropped.
#[derive(Debug)]
pub struct OddIssuer {
    address: SocketAddr,
    asked: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl OddIssuer {
    /// Serves on a free port of loopback.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, manner, Arc::clone(&counter)));
            }
        });
        Self { address, asked, task }
    }

    /// The endpoints of a provider in its stored form.
    pub fn endpoints(&self) -> serde_json::Value {
        let url = |path: &str| format!("http://{}/{path}", self.address);
        serde_json::json!({"explicit": {"authorize_url": url("auth"), "token_url": url("token")}})
    }

    /// How often it was asked for tokens.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for OddIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut client: TcpStream, manner: Manner, asked: Arc<AtomicU64>) -> Option<()> {
    Request::read(&mut client).await?;
    asked.fetch_add(1, Ordering::SeqCst);
    let answer = match manner {
        Manner::Lenient => {
            // As long as Microsoft's are.
            let random = fastrand::u128(..);
            let tokens = format!(
                r#"{{"access_token":"access-{random:02000x}","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-{random:01200x}"}}"#
            );
            answer(200, "application/json", &tokens)
        }
        Manner::Refuses(error) => answer(400, "application/json", &format!(r#"{{"error":"{error}"}}"#)),
        Manner::Undescribed => {
            let description = r#"{"error":"invalid_grant","error_description":"AADSTS4242424: no"}"#;
            answer(400, "application/json", description)
        }
        Manner::Unavailable => answer(503, "text/html", "<h1>Maintenance</h1>"),
    };
    client.write_all(&answer).await.ok()
}
