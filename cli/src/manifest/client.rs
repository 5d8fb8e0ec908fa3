//! How a provider's client proves itself, and the secret that it needs for that.

use super::{
    secret::{SecretSources, Shape, Sourced, secret},
    section::Section,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use postroom_model::{ClientAuth, ClientSecret, EndDate, Preset};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A provider's client, as far as it could be read.
pub(super) struct Client {
    pub(super) id: Option<String>,
    pub(super) auth: ClientAuth,
    pub(super) secret: Option<Sourced<ClientSecret>>,
    /// When the secret or certificate ends, if known.
    pub(super) ends: Option<EndDate>,
}

/// What there is for a client to prove itself with.
enum Proof {
    Nothing,
    Secret(Option<Sourced<ClientSecret>>),
    Certificate(Option<Certificate>),
    ServiceAccount(Option<ServiceAccount>),
}

struct Certificate {
    at: usize,
    /// When it ends; absent where it cannot be read.
    ends: Option<Timestamp>,
    secret: Sourced<ClientSecret>,
}

struct ServiceAccount {
    /// Its number, which domain-wide delegation is granted to.
    client_id: Option<String>,
    secret: Sourced<ClientSecret>,
}

impl Client {
    pub(super) fn read(
        section: &mut Section<'_, '_>,
        preset: Option<Preset>,
        sources: &SecretSources<'_>,
        now: Timestamp,
    ) -> Self {
        let has_id = section.place_of("client_id").is_some();
        let id = section.filled_text("client_id").map(|id| id.value);
        let stated_at = section.place_of("client_secret_expires");
        let stated = section.end("client_secret_expires").map(|stated| stated.value);
        let proof = Proof::read(section, preset, sources);
        if !has_id && !matches!(proof, Proof::ServiceAccount(_)) {
            section.problems.add(section.at, "the provider has no \"client_id\"");
        }
        match proof {
            Proof::Nothing => Self { id, auth: ClientAuth::Public, secret: None, ends: stated },
            Proof::Secret(secret) => Self { id, auth: ClientAuth::Secret, secret, ends: stated },
            Proof::Certificate(certificate) => {
                let ends = certificate.as_ref().and_then(|certificate| certificate.check(section, now));
                if let (Some(at), Some(stated), Some(ends)) = (stated_at, stated, ends)
                    && ends < stated.day()
                {
                    let reason = format!("the certificate itself ends on {ends} already");
                    section.problems.add_with_hint(at, reason, "leave \"client_secret_expires\" out");
                }
                Self {
                    id,
                    auth: ClientAuth::Certificate,
                    secret: certificate.map(|certificate| certificate.secret),
                    ends: stated.or(ends.map(EndDate::Day)),
                }
            }
            Proof::ServiceAccount(account) => {
                let (number, secret) =
                    account.map_or((None, None), |account| (account.client_id, Some(account.secret)));
                if !has_id && secret.is_some() && number.is_none() {
                    let reason =
                        "the provider has no \"client_id\", and neither has the service account's key file";
                    section.problems.add(section.at, reason);
                }
                Self { id: id.or(number), auth: ClientAuth::ServiceAccount, secret, ends: stated }
            }
        }
    }
}

impl Proof {
    fn read(section: &mut Section<'_, '_>, preset: Option<Preset>, sources: &SecretSources<'_>) -> Self {
        let [shared_at, certificate_at, key_at, account_at] =
            ["client_secret", "certificate", "key", "service_account"].map(|key| section.place_of(key));
        let shared = secret(section, "client_secret", Shape::Line, sources);
        let certificate = secret(section, "certificate", Shape::Pem("CERTIFICATE"), sources);
        let key = secret(section, "key", Shape::Pem("PRIVATE KEY"), sources);
        let account = secret(section, "service_account", Shape::Text, sources);
        if let (Some(at), Some(Preset::Microsoft)) = (account_at, preset) {
            section.problems.add(at, "\"service_account\" is Google's; Microsoft knows no such thing");
        }
        let second = match (shared_at, certificate_at.or(key_at), account_at) {
            (Some(_), Some(at), _) | (Some(_), None, Some(at)) | (None, Some(_), Some(at)) => Some(at),
            _ => None,
        };
        if let Some(at) = second {
            let reason = "a provider has one of \"client_secret\", \"certificate\" with its \"key\", and \"service_account\"";
            section.problems.add(at, reason);
        } else if let (Some(at), None) = (certificate_at, key_at) {
            section.problems.add(at, "a \"certificate\" needs its \"key\"");
        } else if let (None, Some(at)) = (certificate_at, key_at) {
            section.problems.add(at, "a \"key\" needs its \"certificate\"");
        }
        if shared_at.is_some() {
            let secret = |shared: Sourced<_>| shared.map(ClientSecret::Secret);
            return Self::Secret(shared.map(secret));
        }
        if let Some(at) = certificate_at.or(key_at) {
            return Self::Certificate(certificate.zip(key).map(|(certificate, key)| {
                // A certificate is no secret; it is read like one because it stands beside its key.
                let pem = certificate.secret.expose_secret().to_owned();
                Certificate {
                    at,
                    ends: postroom_oauth::certificate_ends(&pem),
                    secret: Sourced {
                        source: format!("{}; its key from {}", certificate.source, key.source),
                        secret: ClientSecret::Certificate { certificate: pem, key: key.secret },
                    },
                }
            }));
        }
        match account_at {
            Some(at) => Self::ServiceAccount(account.and_then(|file| service_account(section, at, file))),
            None => Self::Nothing,
        }
    }
}

impl Certificate {
    /// The day on which it ends, unless something is wrong with it.
    fn check(&self, section: &mut Section<'_, '_>, now: Timestamp) -> Option<Date> {
        let Some(ends) = self.ends else {
            section.problems.add(self.at, "the certificate cannot be read");
            return None;
        };
        let day = ends.to_zoned(TimeZone::UTC).date();
        if ends <= now {
            let reason = format!("the certificate ended on {day}");
            section.problems.add_with_hint(
                self.at,
                reason,
                "register a new one with the app, and name it here",
            );
            return None;
        }
        Some(day)
    }
}

/// Reads a service account's key file
/// (<https://developers.google.com/identity/protocols/oauth2/service-account>). What JSON's parser
/// says is dropped: it quotes what it read.
fn service_account(
    section: &mut Section<'_, '_>,
    at: usize,
    Sourced { secret, source }: Sourced<SecretString>,
) -> Option<ServiceAccount> {
    #[derive(Deserialize)]
    struct KeyFile {
        #[serde(rename = "type")]
        kind: String,
        client_id: Option<String>,
        client_email: String,
        private_key_id: String,
        private_key: SecretString,
    }
    let is_one = |file: &KeyFile| {
        file.kind == "service_account"
            && file.client_email.contains('@')
            && file.private_key.expose_secret().contains("PRIVATE KEY-----")
    };
    let file: Option<KeyFile> = serde_json::from_str(secret.expose_secret()).ok().filter(is_one);
    let Some(KeyFile { client_id, client_email, private_key_id, private_key, .. }) = file else {
        let reason = "what \"service_account\" points to is no key file of a service account";
        let hint = "create a key of the service account in the Google Cloud console, of the type JSON";
        section.problems.add_with_hint(at, reason, hint);
        return None;
    };
    let secret =
        ClientSecret::ServiceAccount { email: client_email, key_id: private_key_id, key: private_key };
    Some(ServiceAccount { client_id, secret: Sourced { secret, source } })
}
