//! An authorization server that a test can make misbehave. What a person does at it in a browser is a
//! function here: it takes an authorization request and gives back where the browser is sent.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postroom_model::{ClientAuth, Endpoints, Preset, Provider, SaslPolicy};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use serde_json::{Value, json};
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

pub(crate) const CLIENT_ID: &str = "postroom";

/// How the server misbehaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mood {
    /// Whether answers name the issuer (RFC 9207), as the metadata then say.
    pub(crate) names_itself: bool,
    /// The metadata's issuer, where it is another's.
    pub(crate) issuer: Option<String>,
    /// Where the metadata say that tokens are had.
    pub(crate) token_url: Option<String>,
    /// The body of every answer of the token endpoint, with its status.
    pub(crate) token_answer: Option<(u16, String)>,
    /// How long the token endpoint takes.
    pub(crate) delay: Duration,
    /// What is changed in id_tokens before they are signed.
    pub(crate) claims: Value,
    /// Whether id_tokens are signed with a key that is not the server's.
    pub(crate) forges: bool,
    /// Whether answers have no id_token.
    pub(crate) is_silent: bool,
    /// What the UserInfo endpoint says, where there is one.
    pub(crate) userinfo: Option<Value>,
    /// The scopes that are granted, where not all that are asked for.
    pub(crate) grants: Option<String>,
}

/// An authorization server on this machine; it ends with the test.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: Url,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    key: KeyPair,
    other_key: KeyPair,
    codes: BTreeMap<String, Code>,
    requests: Vec<(String, BTreeMap<String, String>)>,
    count: usize,
}

struct Code {
    user: String,
    challenge: String,
    nonce: Option<String>,
    scope: String,
    redirect: String,
}

impl Server {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let state = State {
            mood,
            key: key(),
            other_key: key(),
            codes: BTreeMap::new(),
            requests: Vec::new(),
            count: 0,
        };
        let server = Self { url: Url::parse(&url).expect("a URL"), state: Arc::new(Mutex::new(state)) };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(tcp).await });
            }
        });
        server
    }

    /// Changes how the server behaves from now on.
    pub(crate) fn becomes(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.state.lock().expect("not poisoned").mood);
    }

    /// An app registration at this server.
    pub(crate) fn provider(&self, id: &str) -> Provider {
        Provider {
            id: id.parse().expect("id"),
            preset: Preset::Custom,
            tenant: None,
            cloud: postroom_model::Cloud::Global,
            endpoints: Endpoints::Issuer(self.url.clone()),
            client_id: CLIENT_ID.to_owned(),
            client_auth: ClientAuth::Public,
            client_auth_expires: None,
            scopes: ["imap", "offline_access"].map(str::to_owned).into(),
            sasl: SaslPolicy::Auto,
            idle_days: None,
            authorization_days: None,
            authorize_parameters: BTreeMap::new(),
            allow_password_grant: false,
        }
    }

    /// A person signs in and consents: where the browser is sent.
    pub(crate) fn approve(&self, request: &Url, user: &str) -> String {
        let asked = parameters(request);
        let mut state = self.state.lock().expect("not poisoned");
        state.count += 1;
        let code = format!("code-{}", state.count);
        let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
        assert_eq!(text("response_type"), "code");
        assert_eq!(text("code_challenge_method"), "S256");
        let issued = Code {
            user: user.to_owned(),
            challenge: text("code_challenge"),
            nonce: asked.get("nonce").cloned(),
            scope: text("scope"),
            redirect: text("redirect_uri"),
        };
        state.codes.insert(code.clone(), issued);
        let mut answer = vec![("code", code), ("state", text("state"))];
        if state.mood.names_itself {
            answer.push(("iss", self.issuer()));
        }
        back(&text("redirect_uri"), &answer)
    }

    /// A person says no, or the server does: where the browser is sent.
    pub(crate) fn deny(&self, request: &Url, error: &str, description: &str) -> String {
        let asked = parameters(request);
        let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let mut answer = vec![("error", error.to_owned()), ("error_description", description.to_owned())];
        answer.push(("state", text("state")));
        if self.state.lock().expect("not poisoned").mood.names_itself {
            answer.push(("iss", self.issuer()));
        }
        back(&text("redirect_uri"), &answer)
    }

    /// Forms that were posted to a path so far.
    pub(crate) fn posted(&self, path: &str) -> Vec<BTreeMap<String, String>> {
        let state = self.state.lock().expect("not poisoned");
        let of_path = state.requests.iter().filter(|(asked, _)| asked == &format!("POST {path}"));
        of_path.map(|(_, form)| form.clone()).collect()
    }

    pub(crate) fn issuer(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    async fn serve(&self, tcp: TcpStream) {
        let mut tcp = BufReader::new(tcp);
        let (line, form) = read(&mut tcp).await;
        let delay = {
            let mut state = self.state.lock().expect("not poisoned");
            state.requests.push((line.clone(), form.clone()));
            state.mood.delay
        };
        let (status, body) = match line.as_str() {
            "GET /.well-known/openid-configuration" => (200, self.metadata().to_string()),
            "GET /keys" => (200, self.keys().to_string()),
            "POST /token" => {
                tokio::time::sleep(delay).await;
                self.token(&form)
            }
            "GET /userinfo" => (200, self.userinfo().unwrap_or_default().to_string()),
            "POST /revoke" => (200, String::new()),
            _ => (404, "{}".to_owned()),
        };
        let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        // A client that has read enough may be gone.
        let _ = tcp.get_mut().write_all(format!("{head}{body}").as_bytes()).await;
    }

    fn metadata(&self) -> Value {
        let base = self.issuer();
        let mood = self.state.lock().expect("not poisoned").mood.clone();
        let userinfo = mood.userinfo.map(|_| format!("{base}/userinfo"));
        json!({
            "userinfo_endpoint": userinfo,
            "issuer": mood.issuer.unwrap_or_else(|| base.clone()),
            "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": mood.token_url.unwrap_or_else(|| format!("{base}/token")),
            "revocation_endpoint": format!("{base}/revoke"),
            "jwks_uri": format!("{base}/keys"),
            "authorization_response_iss_parameter_supported": mood.names_itself,
        })
    }

    fn userinfo(&self) -> Option<Value> {
        self.state.lock().expect("not poisoned").mood.userinfo.clone()
    }

    fn keys(&self) -> Value {
        let state = self.state.lock().expect("not poisoned");
        // An uncompressed point (SEC 1 section 2.3.3).
        let (x, y) = state.key.der_bytes()[1..].split_at(32);
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{"kty": "EC", "kid": "k", "use": "sig", "crv": "P-256", "x": text(x), "y": text(y)}]})
    }

    fn token(&self, form: &BTreeMap<String, String>) -> (u16, String) {
        let mut state = self.state.lock().expect("not poisoned");
        if let Some(answer) = &state.mood.token_answer {
            return answer.clone();
        }
        let refused = |error: &str| (400, json!({"error": error}).to_string());
        let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let Some(code) = state.codes.remove(text("code")) else { return refused("invalid_grant") };
        let challenge = console_challenge(text("code_verifier"));
        if challenge != code.challenge || text("redirect_uri") != code.redirect {
            return refused("invalid_grant");
        }
        state.count += 1;
        let mut answer = json!({
            "access_token": format!("access-{}", state.count), "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": format!("refresh-{}", state.count),
            "scope": state.mood.grants.clone().unwrap_or(code.scope),
        });
        if !state.mood.is_silent {
            let id_token = self.id_token(&state, &code.user, code.nonce.as_deref());
            answer["id_token"] = id_token.into();
        }
        (200, answer.to_string())
    }

    fn id_token(&self, state: &State, user: &str, nonce: Option<&str>) -> String {
        let now = crate::support::now().as_second();
        let mut claims = json!({
            "iss": self.issuer(), "sub": format!("subject of {user}"), "aud": CLIENT_ID,
            "iat": now, "exp": now + 300, "email": user, "email_verified": true,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        for (name, value) in state.mood.claims.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k".to_owned());
        let key = if state.mood.forges { &state.other_key } else { &state.key };
        let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("a key");
        jsonwebtoken::encode(&header, &claims, &key).expect("signs")
    }
}

/// The challenge of a PKCE verifier (RFC 7636 section 4.2).
fn console_challenge(verifier: &str) -> String {
    use sha2::{Digest, Sha256};
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// The parameters of an authorization request.
pub(crate) fn parameters(request: &Url) -> BTreeMap<String, String> {
    request.query_pairs().into_owned().collect()
}

fn back(redirect: &str, answer: &[(&str, String)]) -> String {
    let mut url = Url::parse(redirect).expect("a redirect address");
    url.query_pairs_mut().extend_pairs(answer);
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}

async fn read(tcp: &mut BufReader<TcpStream>) -> (String, BTreeMap<String, String>) {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let read = tcp.read_line(&mut line).await.expect("a line");
        if read == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_ascii_lowercase());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
    tcp.read_exact(&mut body).await.expect("a body");
    let mut words = lines.first().map(String::as_str).unwrap_or_default().split_whitespace();
    let line =
        format!("{} {}", words.next().unwrap_or_default().to_uppercase(), words.next().unwrap_or_default());
    (line, form_urlencoded::parse(&body).into_owned().collect())
}
