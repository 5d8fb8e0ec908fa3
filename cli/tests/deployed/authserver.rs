//! An authorization server that answers from a script.

use crate::support::now;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Its only client.
pub(crate) const CLIENT: &str = "postroom";

/// An authorization server on loopback, with discovery, keys and whatever it is told to answer.
#[derive(Clone)]
pub(crate) struct AuthServer {
    pub(crate) issuer: String,
    key: Arc<KeyPair>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What each path answers next; the last answer stays.
    answers: HashMap<String, VecDeque<(u16, Value)>>,
    requests: Vec<Request>,
}

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) form: HashMap<String, String>,
    pub(crate) at: Instant,
}

impl AuthServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("listens");
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().expect("address").port());
        let server = Self {
            issuer: issuer.clone(),
            key: Arc::new(KeyPair::generate().expect("key")),
            state: Arc::default(),
        };
        let url = |path: &str| format!("{issuer}{path}");
        server.answers(
            "/.well-known/openid-configuration",
            json!({
                "issuer": issuer, "authorization_endpoint": url("/authorize"), "token_endpoint": url("/token"),
                "device_authorization_endpoint": url("/device"), "revocation_endpoint": url("/revoke"),
                "jwks_uri": url("/keys"), "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
            }),
        );
        let (x, y) = server.key.public_key_raw()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
        let key =
            json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": x, "y": y });
        server.answers("/keys", json!({ "keys": [key] }));
        server.answers(
            "/device",
            json!({
                "device_code": "d3vice", "user_code": "WDJB-MJHT", "verification_uri": url("/enter"),
                "expires_in": 900, "interval": 1,
            }),
        );
        let accepting = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                let server = accepting.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    /// From now on this path answers so.
    pub(crate) fn answers(&self, path: &str, answer: Value) {
        self.answers_in_turn(path, [(200, answer)]);
    }

    /// From now on this path answers so, one after another, and then stays at the last.
    pub(crate) fn answers_in_turn(&self, path: &str, answers: impl IntoIterator<Item = (u16, Value)>) {
        self.state().answers.insert(path.to_owned(), answers.into_iter().collect());
    }

    /// A token answer with an id_token about somebody.
    pub(crate) fn tokens_of(&self, email: &str) -> Value {
        let second = now().as_second();
        let claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "17", "email": email, "email_verified": true,
            "iat": second, "exp": second + 300,
        });
        let header = Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::ES256) };
        let key = EncodingKey::from_ec_pem(self.key.serialize_pem().as_bytes()).expect("key");
        let id_token = jsonwebtoken::encode(&header, &claims, &key).expect("signs");
        json!({
            "access_token": "s3cret-access", "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": "s3cret-refresh", "scope": "imap offline_access", "id_token": id_token,
        })
    }

    /// Somebody who pretends to be this server, with a key of their own.
    pub(crate) fn forger(&self) -> Self {
        Self { key: Arc::new(KeyPair::generate().expect("key")), ..self.clone() }
    }

    /// The requests to a path so far.
    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        self.state().requests.iter().filter(|request| request.path == path).cloned().collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, mut stream: TcpStream) {
        let (path, body) = read(&mut stream).await;
        let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let (status, answer) = {
            let mut state = self.state();
            state.requests.push(Request { path: path.clone(), form, at: Instant::now() });
            let not_found = (404, json!({ "error": "not_found" }));
            match state.answers.get_mut(&path) {
                Some(answers) if answers.len() > 1 => answers.pop_front().unwrap_or(not_found),
                Some(answers) => answers.front().cloned().unwrap_or(not_found),
                None => not_found,
            }
        };
        let body = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("answers");
    }
}

/// A request's path and body.
async fn read(stream: &mut TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).await.expect("reads");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.expect("reads");
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().expect("a length");
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.expect("reads");
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    (path, String::from_utf8(body).expect("text"))
}
