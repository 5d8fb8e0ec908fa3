//! Which addresses requests may go to, and over which connections.

use crate::{
    explicit, http, now, provider, secret,
    server::{Reply, Server},
    settings,
};
use postroom_model::{ClientAuth, Endpoints, Fault, FaultClass};
use postroom_oauth::{AuthorizationServer, Client, Http, HttpError, HttpSettings, TrustError};
use rcgen::{CertificateParams, KeyPair};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use url::Url;

/// What a request for tokens at a URL ends with.
async fn fault(http: &Http, url: &str) -> Fault {
    let base = Url::parse(url).expect("a URL");
    let mut provider = provider(explicit(&base));
    provider.client_auth = ClientAuth::Public;
    let server = AuthorizationServer {
        issuer: None,
        authorize_url: None,
        token_url: base,
        revoke_url: None,
        device_url: None,
        jwks_url: None,
        userinfo_url: None,
        iss_parameter: false,
        token_auth_methods: Vec::new(),
        openid: false,
    };
    let client = Client::new(http, &server, &provider, None);
    client.client_credentials(&[], now()).await.expect_err("no tokens")
}

fn deployed() -> HttpSettings {
    HttpSettings { allow_local: false, ..settings() }
}

#[tokio::test]
async fn this_machine_and_its_link_are_not_connected_to() {
    let http = Http::new(deployed()).expect("settings");
    for url in [
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/token",
        "https://0x7f.1/token",
        "https://2130706433/token",
        "https://[::1]/token",
        "https://[::ffff:169.254.169.254]/token",
        "https://[fd00:ec2::254]/token",
        "https://0.0.0.0/token",
        // By name, after resolution.
        "https://localhost/token",
        "https://LOCALHOST/token",
    ] {
        let fault = fault(&http, url).await;
        assert_eq!(fault.class, FaultClass::Configuration, "{url}: {fault}");
        assert!(fault.reason.contains("this machine or its link"), "{url}: {fault}");
    }
}

#[tokio::test]
async fn issuers_and_what_they_name_are_checked_alike() {
    let http = Http::new(deployed()).expect("settings");
    let issuer = Endpoints::Issuer(Url::parse("https://169.254.169.254/").expect("a URL"));
    let fault = AuthorizationServer::of(&http, &provider(issuer)).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
    // A server that is spoken to may still name others, in its metadata and by redirects.
    let evil = Server::start(|request, url| {
        if request.line.contains("well-known") {
            let issuer = url.as_str().trim_end_matches('/');
            Reply::json(&serde_json::json!({
                "issuer": issuer, "token_endpoint": "https://169.254.169.254/token",
                "authorization_endpoint": "javascript:alert(1)",
            }))
        } else {
            Reply::new(307, "").with("location", "https://169.254.169.254/token")
        }
    })
    .await;
    let provider = provider(Endpoints::Issuer(evil.url.clone()));
    let fault = AuthorizationServer::of(&crate::http(), &provider).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Configuration);
    assert!(fault.reason.starts_with("javascript:"), "{fault}");
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let other = Server::saying(|| Reply::html(200)).await;
    let location = other.url.to_string();
    let server = Server::saying(move || Reply::new(307, "").with("location", location.clone())).await;
    let fault = fault(&http(), server.url.as_str()).await;
    assert_eq!(fault.reason, "HTTP 307 with a redirect, which is not followed");
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn only_https_is_spoken_unless_the_deployment_says_otherwise() {
    let deployed_http = Http::new(deployed()).expect("settings");
    for (url, words) in [
        ("http://accounts.example/token", "http://accounts.example is not encrypted"),
        ("ftp://accounts.example/token", "ftp: only https"),
        ("https://user:s3cret@accounts.example/token", "user name or password"),
    ] {
        let fault = fault(&deployed_http, url).await;
        assert_eq!(fault.class, FaultClass::Configuration);
        assert!(fault.reason.contains(words) && !fault.reason.contains("s3cret"), "{fault}");
    }
    // A local stack speaks http with this machine alone.
    let fault_there = fault(&http(), "http://192.0.2.1/token").await;
    assert!(fault_there.reason.contains("is not encrypted"), "{fault_there}");
    // A listed host may be any; this one is this machine, which is refused for that.
    let listed = HttpSettings { plaintext_hosts: vec!["LOCALHOST".to_owned()], ..deployed() };
    let fault = fault(&Http::new(listed).expect("settings"), "http://localhost:9/token").await;
    assert!(fault.reason.contains("this machine or its link"), "{fault}");
}

#[tokio::test]
async fn certificates_are_checked_against_the_deployments_own_cas() {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("a certificate and its key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let _ = tls.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 400 x\r\nconnection: close\r\n\r\n{\"error\":\"invalid_scope\"}";
            let _ = tls.write_all(answer).await;
            let _ = tls.shutdown().await;
        }
    });
    let url = format!("https://localhost:{port}/token");
    let refused = fault(&http(), &url).await;
    assert_eq!(refused.class, FaultClass::Certificate, "{refused}");
    let trusting = HttpSettings { extra_ca_pem: Some(certificate.pem()), ..settings() };
    let answered = fault(&Http::new(trusting).expect("settings"), &url).await;
    assert_eq!(answered.reason, "invalid_scope");
    for bad in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings = HttpSettings { extra_ca_pem: Some(bad.to_owned()), ..settings() };
        assert!(matches!(Http::new(settings), Err(HttpError::Trust(TrustError::ExtraCa(_)))), "{bad:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_or_says_no_http_is_lost() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "220 ESMTP\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                let _ = tcp.read(&mut [0; 4096]).await;
                let _ = tcp.write_all(said.as_bytes()).await;
            }
        });
        let fault = fault(&http(), &format!("http://127.0.0.1:{port}/token")).await;
        assert_eq!(fault.class, FaultClass::ConnectionLost, "{said:?}: {fault}");
    }
}

#[tokio::test]
async fn nothing_printed_holds_a_secret() {
    let server = Server::saying(Reply::not_found).await;
    let provider = provider(explicit(&server.url));
    let found = AuthorizationServer::of(&http(), &provider).await.expect("no request");
    let secret = secret();
    let client = Client::new(&http(), &found, &provider, Some(&secret))
        .client_credentials(&[], now())
        .await
        .expect_err("no tokens");
    assert!(!format!("{client:?} {:?} {secret:?}", http()).contains("s3cret"));
}
