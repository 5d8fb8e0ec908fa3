//! Against small servers that answer as authorization servers do, and as they should not.

mod assertion;
mod authorize;
mod device;
mod discovery;
mod grant;
mod identity;
mod keys;
mod network;
mod revocation;
mod server;

use jiff::Timestamp;
use postroom_model::{ClientAuth, ClientSecret, Cloud, Endpoints, Preset, Provider, SaslPolicy};
use postroom_oauth::{Http, HttpSettings};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

/// When all of this happens: 2026-11-22 10:00 UTC.
fn now() -> Timestamp {
    Timestamp::from_second(1_795_341_600).expect("in range")
}

/// As a local stack has it, with little patience.
fn settings() -> HttpSettings {
    HttpSettings {
        extra_ca_pem: None,
        allow_local: true,
        plaintext_hosts: Vec::new(),
        timeout: Duration::from_secs(4),
    }
}

fn http() -> Http {
    Http::new(settings()).expect("settings")
}

/// A confidential client at endpoints.
fn provider(endpoints: Endpoints) -> Provider {
    Provider {
        id: "acme".parse().expect("an id"),
        preset: Preset::Custom,
        tenant: None,
        cloud: Cloud::Global,
        endpoints,
        client_id: "post room".to_owned(),
        client_auth: ClientAuth::Secret,
        client_auth_expires: None,
        scopes: vec!["imap".to_owned(), "offline_access".to_owned()],
        sasl: SaslPolicy::Auto,
        idle_days: None,
        authorization_days: None,
        authorize_parameters: BTreeMap::new(),
        allow_password_grant: false,
    }
}

/// Endpoints at the usual paths of a server.
fn explicit(base: &Url) -> Endpoints {
    let at = |path: &str| base.join(path).expect("a path");
    Endpoints::Explicit {
        issuer: None,
        jwks_url: None,
        authorize_url: at("/authorize"),
        token_url: at("/token"),
        revoke_url: Some(at("/revoke")),
        device_url: Some(at("/device")),
    }
}

fn secret() -> ClientSecret {
    ClientSecret::Secret("s3cret:with/odd characters".into())
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}
