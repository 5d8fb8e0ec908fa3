//! What a test's manifest stands on, and short manifests.

use jiff::Timestamp;
use postroom_cli::manifest::{Allowances, Draft, Ground, Manifest, Problems, SecretSources};
use postroom_model::{Account, AccountId, Mailbox, MailboxId, Provider, ProviderId};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::collections::{BTreeMap, BTreeSet};

/// What a test's manifest stands on.
#[derive(Default)]
pub(crate) struct Deployed {
    pub(crate) allowances: Allowances,
    pub(crate) providers: BTreeMap<ProviderId, Provider>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) mailboxes: BTreeMap<MailboxId, Mailbox>,
    pub(crate) passwords: BTreeSet<MailboxId>,
}

impl Deployed {
    pub(crate) fn resolve(&self, text: &str) -> Result<Manifest, Problems> {
        let variable = |name: &str| match name {
            "SECRET" | "CONTOSO_SECRET" | "ACME_SECRET" | "PLANT_PASSWORD" => Some("s3cret-value".to_owned()),
            "EMPTY" => Some(String::new()),
            "LINES" => Some("s3cret\nvalue".to_owned()),
            "CERTIFICATE" => Some(certificate(2027)),
            "ENDED" => Some(certificate(2026)),
            "KEY" => Some(KeyPair::generate().expect("key").serialize_pem()),
            "SERVICE_ACCOUNT" => Some(service_account()),
            _ => None,
        };
        let sources = SecretSources { folder: "tests".into(), variable: &variable };
        Draft::read("manifest.toml", text, &sources, now()).resolve(&Ground {
            allowances: &self.allowances,
            providers: &self.providers,
            accounts: &self.accounts,
            mailboxes: &self.mailboxes,
            passwords: &self.passwords,
        })
    }

    pub(crate) fn report(&self, text: &str) -> String {
        let report = self.resolve(text).expect_err("has problems").to_string();
        assert!(!report.contains("s3cret"), "a secret's value is never shown");
        report
    }
}

/// 2027-01-15 08:00:00 UTC
fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

/// A certificate, PEM, that ends on 30 September.
fn certificate(year: i32) -> String {
    let mut parameters = CertificateParams::default();
    parameters.not_after = date_time_ymd(year, 9, 30);
    parameters.self_signed(&KeyPair::generate().expect("key")).expect("certificate").pem()
}

/// A key file as Google makes it; the key in it is none.
fn service_account() -> String {
    serde_json::json!({
        "type": "service_account", "client_id": "107", "client_email": "postroom@p.iam.example",
        "private_key_id": "k1",
        "private_key": "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n",
    })
    .to_string()
}

/// A manifest with one provider, one account and, where `mailbox` is something, one mailbox.
pub(crate) fn oauth(provider: &str, account: &str, mailbox: &str) -> String {
    let mailbox = match mailbox {
        "" => String::new(),
        keys => format!("[[mailbox]]\nid = \"m\"\nuser = \"m\"\nauth = {{ oauth = \"a\" }}\n{keys}\n"),
    };
    format!(
        "[[provider]]\nid = \"p\"\nclient_id = \"x\"\n{provider}\n[[account]]\nid = \"a\"\nprovider = \"p\"\n{account}\n{mailbox}"
    )
}

/// The only provider of a manifest whose provider has these keys.
pub(crate) fn provider(keys: &str) -> Provider {
    let manifest = Deployed::default().resolve(&oauth(keys, "", "")).expect("fine");
    manifest.providers.into_values().next().expect("a provider")
}

/// The only mailbox of a manifest whose mailbox has these keys besides a server, a user and a password.
pub(crate) fn mailbox(keys: &str) -> Result<Mailbox, String> {
    let text = format!(
        "[[mailbox]]\nid = \"m\"\nhost = \"h.example\"\nuser = \"m\"\npassword = {{ env = \"SECRET\" }}\n{keys}\n"
    );
    let manifest = Deployed::default().resolve(&text).map_err(|problems| problems.to_string())?;
    Ok(manifest.mailboxes.into_values().next().expect("a mailbox"))
}
