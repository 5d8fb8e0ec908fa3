//! `[[provider]]`: one app registration.

use super::{
    preset,
    problem::{Placed, Problems},
    secret::{SecretSources, Shape, Sourced, secret},
    section::Section,
};
use postroom_model::{ClientAuth, Endpoints, Preset, Provider, ProviderId, SaslPolicy};
use postroom_vault::ClientSecret;
use secrecy::ExposeSecret;
use toml::de::DeTable;
use url::Url;

/// A `[[provider]]` as far as it could be read.
pub(super) struct ProviderEntry {
    pub(super) id: Placed<ProviderId>,
    /// Absent when too little of it could be read to check anything against it.
    pub(super) provider: Option<Provider>,
    /// The addresses that the manifest gives, for the check of what the deployment allows.
    pub(super) urls: Vec<Placed<Url>>,
    pub(super) secret: Option<Sourced<ClientSecret>>,
}

pub(super) const SASL: [(&str, SaslPolicy); 3] =
    [("auto", SaslPolicy::Auto), ("xoauth2", SaslPolicy::Xoauth2), ("oauthbearer", SaslPolicy::Oauthbearer)];

const PRESETS: [(&str, Preset); 3] =
    [("microsoft", Preset::Microsoft), ("google", Preset::Google), ("custom", Preset::Custom)];

impl ProviderEntry {
    pub(super) fn read(
        problems: &mut Problems,
        Placed { at, value }: Placed<DeTable<'_>>,
        sources: &SecretSources<'_>,
    ) -> Option<Self> {
        let mut section = Section::new(problems, at, value);
        let id = section.id::<ProviderId>("provider");
        let preset = match section.place_of("preset") {
            Some(_) => section.choice("preset", &PRESETS).map(|preset| preset.value),
            None => Some(Preset::Custom),
        };
        let tenant = tenant(&mut section, preset);
        let mut urls = Vec::new();
        let endpoints = endpoints(&mut section, preset, tenant.as_deref(), &mut urls);
        section.require("client_id", "the provider has no \"client_id\"");
        let client_id = section.filled_text("client_id");
        let (client_auth, secret) = client_auth(&mut section, sources);
        let client_auth_expires = section.date("client_secret_expires");
        let scopes = section.scopes();
        let sasl = section.choice("sasl", &SASL).map(|sasl| sasl.value);
        section.finish();
        let id = id?;
        let provider = preset.zip(endpoints).map(|(preset, endpoints)| Provider {
            id: id.value.clone(),
            preset,
            tenant,
            endpoints,
            client_id: client_id.map(|text| text.value).unwrap_or_default(),
            client_auth,
            client_auth_expires,
            scopes: scopes.map_or_else(|| preset::scopes(preset), |scopes| scopes.value),
            sasl: sasl.unwrap_or_else(|| preset::sasl(preset)),
        });
        Some(Self { id, provider, urls, secret })
    }
}

fn tenant(section: &mut Section<'_, '_>, preset: Option<Preset>) -> Option<String> {
    if preset == Some(Preset::Microsoft) {
        section.require("tenant", "preset \"microsoft\" needs a \"tenant\": the directory's id or domain");
    }
    let tenant = section.filled_text("tenant")?;
    let part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if matches!(preset, Some(Preset::Google | Preset::Custom)) {
        section.problems.add(tenant.at, "\"tenant\" is for preset = \"microsoft\" only");
    } else if !tenant.value.chars().all(part) {
        let reason = format!("{:?} is no tenant: write the directory's id or domain", tenant.value);
        section.problems.add_with_hint(tenant.at, reason, "tenant = \"contoso.onmicrosoft.com\"");
    }
    Some(tenant.value)
}

/// The authorization server's addresses: as given, else the preset's.
fn endpoints(
    section: &mut Section<'_, '_>,
    preset: Option<Preset>,
    tenant: Option<&str>,
    urls: &mut Vec<Placed<Url>>,
) -> Option<Endpoints> {
    let issuer_at = section.place_of("issuer");
    let places = ["authorize_url", "token_url", "revoke_url", "device_url"].map(|key| section.place_of(key));
    let mut url = |key| {
        let url = section.url(key);
        urls.extend(url.clone());
        url.map(|url| url.value)
    };
    let issuer = url("issuer");
    let (authorize_url, token_url) = (url("authorize_url"), url("token_url"));
    let (revoke_url, device_url) = (url("revoke_url"), url("device_url"));
    match (issuer_at, places.into_iter().flatten().next()) {
        (Some(_), Some(at)) => {
            section.problems.add(at, "\"issuer\" finds the other addresses by itself: give one or the other");
            None
        }
        (Some(_), None) => issuer.map(Endpoints::Issuer),
        (None, Some(at)) => {
            if places[0].is_none() || places[1].is_none() {
                let reason = "without an \"issuer\", both \"authorize_url\" and \"token_url\" are needed";
                section.problems.add(at, reason);
            }
            Some(Endpoints::Explicit {
                authorize_url: authorize_url?,
                token_url: token_url?,
                revoke_url,
                device_url,
            })
        }
        (None, None) => {
            if preset == Some(Preset::Custom) {
                let reason = "the provider has neither an \"issuer\" nor \"authorize_url\" and \"token_url\"";
                let hint = "preset = \"microsoft\" and preset = \"google\" know theirs";
                section.problems.add_with_hint(section.at, reason, hint);
            }
            preset::endpoints(preset?, tenant)
        }
    }
}

/// How the client proves itself, and the secret that it needs for that.
fn client_auth(
    section: &mut Section<'_, '_>,
    sources: &SecretSources<'_>,
) -> (ClientAuth, Option<Sourced<ClientSecret>>) {
    let places = ["client_secret", "certificate", "key"].map(|key| section.place_of(key));
    let shared = secret(section, "client_secret", Shape::Line, sources);
    let certificate = secret(section, "certificate", Shape::Pem("CERTIFICATE"), sources);
    let key = secret(section, "key", Shape::Pem("PRIVATE KEY"), sources);
    match places {
        [Some(_), Some(at), _] | [Some(_), None, Some(at)] => {
            let reason = "a provider has either a \"client_secret\" or a \"certificate\" with its \"key\"";
            section.problems.add(at, reason);
        }
        [None, Some(at), None] => section.problems.add(at, "a \"certificate\" needs its \"key\""),
        [None, None, Some(at)] => section.problems.add(at, "a \"key\" needs its \"certificate\""),
        _ => {}
    }
    match places {
        [Some(_), ..] => {
            let shared = shared
                .map(|Sourced { secret, source }| Sourced { secret: ClientSecret::Secret(secret), source });
            (ClientAuth::Secret, shared)
        }
        [None, None, None] => (ClientAuth::Public, None),
        _ => {
            // A certificate is no secret; it is read like one because it stands beside its key.
            let pair = certificate.zip(key).map(|(certificate, key)| Sourced {
                source: format!("{}; its key from {}", certificate.source, key.source),
                secret: ClientSecret::Certificate {
                    certificate: certificate.secret.expose_secret().to_owned(),
                    key: key.secret,
                },
            });
            (ClientAuth::Certificate, pair)
        }
    }
}
