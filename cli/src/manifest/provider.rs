//! `[[provider]]`: one app registration.

use super::{
    client::Client,
    endpoints::endpoints,
    preset,
    problem::{Placed, Problems},
    secret::{SecretSources, Sourced},
    section::Section,
};
use jiff::Timestamp;
use postroom_model::{ClientSecret, Cloud, Preset, Provider, ProviderId, SaslPolicy};
use postroom_oauth::RESERVED_PARAMETERS;
use std::collections::BTreeMap;
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

const SASL: [(&str, SaslPolicy); 3] =
    [("auto", SaslPolicy::Auto), ("xoauth2", SaslPolicy::Xoauth2), ("oauthbearer", SaslPolicy::Oauthbearer)];

const PRESETS: [(&str, Preset); 3] =
    [("microsoft", Preset::Microsoft), ("google", Preset::Google), ("custom", Preset::Custom)];

const CLOUDS: [(&str, Cloud); 4] = [
    ("global", Cloud::Global),
    ("us_gov", Cloud::UsGov),
    ("us_gov_dod", Cloud::UsGovDod),
    ("china", Cloud::China),
];

/// The longest life of an authorization that is believed, in days.
const LONGEST: u16 = 3650;

impl ProviderEntry {
    pub(super) fn read(
        problems: &mut Problems,
        Placed { at, value }: Placed<DeTable<'_>>,
        sources: &SecretSources<'_>,
        now: Timestamp,
    ) -> Option<Self> {
        let mut section = Section::new(problems, at, value);
        let id = section.id::<ProviderId>("provider");
        let preset = match section.place_of("preset") {
            Some(_) => section.choice("preset", &PRESETS).map(|preset| preset.value),
            None => Some(Preset::Custom),
        };
        let tenant = tenant(&mut section, preset);
        let cloud = cloud(&mut section, preset);
        let mut urls = Vec::new();
        let endpoints = endpoints(&mut section, preset, tenant.as_deref(), cloud, &mut urls);
        let client = Client::read(&mut section, preset, sources, now);
        let scopes = section.scopes();
        let sasl = section.choice("sasl", &SASL).map(|sasl| sasl.value);
        let idle_days = section.number("idle_days", 1..=LONGEST);
        let authorization_days = section.number("authorization_days", 1..=LONGEST);
        let authorize_parameters = authorize_parameters(&mut section);
        let allow_password_grant = section.flag("allow_password_grant").unwrap_or_default();
        section.finish();
        let id = id?;
        let provider = preset.zip(endpoints).map(|(preset, endpoints)| Provider {
            id: id.value.clone(),
            preset,
            tenant,
            cloud,
            endpoints,
            client_id: client.id.unwrap_or_default(),
            client_auth: client.auth,
            client_auth_expires: client.ends,
            scopes: scopes.map_or_else(|| preset::scopes(preset, cloud), |scopes| scopes.value),
            sasl: sasl.unwrap_or_else(|| preset::sasl(preset)),
            idle_days: idle_days.or_else(|| preset::idle_days(preset)),
            authorization_days,
            authorize_parameters: authorize_parameters
                .unwrap_or_else(|| preset::authorize_parameters(preset)),
            allow_password_grant,
        });
        Some(Self { id, provider, urls, secret: client.secret })
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

fn cloud(section: &mut Section<'_, '_>, preset: Option<Preset>) -> Cloud {
    let Some(cloud) = section.choice("cloud", &CLOUDS) else { return Cloud::Global };
    if matches!(preset, Some(Preset::Google | Preset::Custom)) {
        section.problems.add(cloud.at, "\"cloud\" is for preset = \"microsoft\" only");
    }
    cloud.value
}

fn authorize_parameters(section: &mut Section<'_, '_>) -> Option<BTreeMap<String, String>> {
    let at = section.place_of("authorize_parameters")?;
    let parameters = section.text_map("authorize_parameters");
    for name in parameters.keys().filter(|name| RESERVED_PARAMETERS.contains(&name.as_str())) {
        section.problems.add(at, format!("the parameter {name:?} is Postroom's own to set"));
    }
    Some(parameters)
}
