//! Where a provider's authorization server answers: by discovery, by the preset, or address by address.

use super::{preset, problem::Placed, section::Section};
use postroom_model::{Cloud, Endpoints, Preset};
use url::Url;

/// Addresses of an authorization server, as far as they are known.
#[derive(Default)]
pub(super) struct Addresses {
    pub(super) issuer: Option<Url>,
    pub(super) jwks_url: Option<Url>,
    pub(super) authorize_url: Option<Url>,
    pub(super) token_url: Option<Url>,
    pub(super) revoke_url: Option<Url>,
    pub(super) device_url: Option<Url>,
}

impl Addresses {
    /// These addresses, and the other's where there is none.
    fn or(self, other: Self) -> Self {
        Self {
            issuer: self.issuer.or(other.issuer),
            jwks_url: self.jwks_url.or(other.jwks_url),
            authorize_url: self.authorize_url.or(other.authorize_url),
            token_url: self.token_url.or(other.token_url),
            revoke_url: self.revoke_url.or(other.revoke_url),
            device_url: self.device_url.or(other.device_url),
        }
    }

    /// Explicit endpoints, where those that are indispensable are known.
    pub(super) fn explicit(self) -> Option<Endpoints> {
        let Self { issuer, jwks_url, authorize_url, token_url, revoke_url, device_url } = self;
        Some(Endpoints::Explicit {
            issuer,
            jwks_url,
            authorize_url: authorize_url?,
            token_url: token_url?,
            revoke_url,
            device_url,
        })
    }
}

/// Reads the addresses that the manifest gives and adds them to `urls`. An `issuer` alone is asked for
/// the rest; beside other addresses it says whose id_tokens these are. What is not given is the preset's.
pub(super) fn endpoints(
    section: &mut Section<'_, '_>,
    preset: Option<Preset>,
    tenant: Option<&str>,
    cloud: Cloud,
    urls: &mut Vec<Placed<Url>>,
) -> Option<Endpoints> {
    let issuer_at = section.place_of("issuer");
    let keys = ["authorize_url", "token_url", "revoke_url", "device_url", "jwks_url"];
    let address_at = keys.into_iter().filter_map(|key| section.place_of(key)).min();
    let problems_before = section.problems.len();
    let mut url = |key| {
        let url = section.url(key);
        urls.extend(url.clone());
        url.map(|url| url.value)
    };
    let given = Addresses {
        issuer: url("issuer"),
        authorize_url: url("authorize_url"),
        token_url: url("token_url"),
        revoke_url: url("revoke_url"),
        device_url: url("device_url"),
        jwks_url: url("jwks_url"),
    };
    if section.problems.len() > problems_before {
        return None;
    }
    let preset = preset?;
    match (issuer_at, address_at) {
        (None, None) => {
            if preset == Preset::Custom {
                let reason = "the provider has neither an \"issuer\" nor \"authorize_url\" and \"token_url\"";
                let hint = "preset = \"microsoft\" and preset = \"google\" know theirs";
                section.problems.add_with_hint(section.at, reason, hint);
            }
            preset::endpoints(preset, tenant, cloud)
        }
        (Some(_), None) => given.issuer.map(Endpoints::Issuer),
        (_, Some(at)) => {
            let known = given.or(preset::addresses(preset, tenant, cloud));
            if preset == Preset::Custom && (known.authorize_url.is_none() || known.token_url.is_none()) {
                let reason = "addresses of its own need both \"authorize_url\" and \"token_url\"";
                let hint = "an \"issuer\" alone finds them all by itself";
                section.problems.add_with_hint(at, reason, hint);
            } else if let (None, Some(_)) = (&known.issuer, &known.jwks_url) {
                let reason = "\"jwks_url\" needs the \"issuer\" whose id_tokens its keys sign";
                section.problems.add(at, reason);
            }
            known.explicit()
        }
    }
}
