//! What Postroom knows of well-known providers, to fill in what a manifest leaves out.

use super::endpoints::Addresses;
use postroom_model::{Cloud, Endpoints, Preset, SaslPolicy};
use std::collections::BTreeMap;
use url::Url;

/// What brings a refresh token, where it must be asked for
/// (<https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess>).
pub(super) const OFFLINE_ACCESS: &str = "offline_access";

/// Where the preset's authorization server answers, when the manifest gives no address at all; `None`
/// where it must.
pub(super) fn endpoints(preset: Preset, tenant: Option<&str>, cloud: Cloud) -> Option<Endpoints> {
    match preset {
        // Discovery for the shared tenants names an issuer with a placeholder in it, which no check
        // of the issuer can accept.
        Preset::Microsoft => addresses(preset, tenant, cloud).explicit(),
        Preset::Google => Url::parse("https://accounts.google.com").ok().map(Endpoints::Issuer),
        Preset::Custom => None,
    }
}

/// The preset's addresses one by one, for a manifest that gives some of its own
/// (<https://accounts.google.com/.well-known/openid-configuration>).
pub(super) fn addresses(preset: Preset, tenant: Option<&str>, cloud: Cloud) -> Addresses {
    let url = |text: &str| Url::parse(text).ok();
    match (preset, tenant) {
        (Preset::Microsoft, Some(tenant)) => {
            let base = format!("https://{}/{tenant}/oauth2/v2.0", login_host(cloud));
            Addresses {
                authorize_url: url(&format!("{base}/authorize")),
                token_url: url(&format!("{base}/token")),
                device_url: url(&format!("{base}/devicecode")),
                ..Addresses::default()
            }
        }
        (Preset::Google, _) => Addresses {
            issuer: url("https://accounts.google.com"),
            jwks_url: url("https://www.googleapis.com/oauth2/v3/certs"),
            authorize_url: url("https://accounts.google.com/o/oauth2/v2/auth"),
            token_url: url("https://oauth2.googleapis.com/token"),
            revoke_url: url("https://oauth2.googleapis.com/revoke"),
            device_url: url("https://oauth2.googleapis.com/device/code"),
        },
        (Preset::Microsoft | Preset::Custom, _) => Addresses::default(),
    }
}

/// Where people of a cloud sign in
/// (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
fn login_host(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Global => "login.microsoftonline.com",
        Cloud::UsGov | Cloud::UsGovDod => "login.microsoftonline.us",
        Cloud::China => "login.partner.microsoftonline.cn",
    }
}

/// What an account of the preset asks for when a person consents
/// (<https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>).
pub(super) fn scopes(preset: Preset, cloud: Cloud) -> Vec<String> {
    let mail = match cloud {
        Cloud::Global => "https://outlook.office.com/IMAP.AccessAsUser.All",
        Cloud::UsGov => "https://outlook.office365.us/IMAP.AccessAsUser.All",
        Cloud::UsGovDod => "https://outlook-dod.office365.us/IMAP.AccessAsUser.All",
        Cloud::China => "https://partner.outlook.cn/IMAP.AccessAsUser.All",
    };
    let scopes: &[&str] = match preset {
        Preset::Microsoft => &["openid", "profile", OFFLINE_ACCESS, mail],
        Preset::Google => &["openid", "email", "https://mail.google.com/"],
        Preset::Custom => &[],
    };
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// All that an app-only Microsoft account may ask for (the page that [`scopes`] names).
pub(super) fn microsoft_app_only(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Global => "https://outlook.office365.com/.default",
        Cloud::UsGov => "https://outlook.office365.us/.default",
        Cloud::UsGovDod => "https://outlook-dod.office365.us/.default",
        Cloud::China => "https://partner.outlook.cn/.default",
    }
}

/// Days after which a refresh token that nobody uses dies
/// (<https://learn.microsoft.com/entra/identity-platform/refresh-tokens>,
/// <https://developers.google.com/identity/protocols/oauth2#expiration>).
pub(super) fn idle_days(preset: Preset) -> Option<u16> {
    match preset {
        Preset::Microsoft => Some(90),
        Preset::Google => Some(180),
        Preset::Custom => None,
    }
}

/// What an authorization request needs besides the standard's parameters: without these Google gives
/// no refresh token (<https://developers.google.com/identity/protocols/oauth2/web-server#offline>).
pub(super) fn authorize_parameters(preset: Preset) -> BTreeMap<String, String> {
    let parameters: &[(&str, &str)] = match preset {
        Preset::Google => &[("access_type", "offline"), ("prompt", "consent")],
        Preset::Microsoft | Preset::Custom => &[],
    };
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The mechanism the preset's mailboxes sign in with: Exchange Online has XOAUTH2 alone.
pub(super) fn sasl(preset: Preset) -> SaslPolicy {
    match preset {
        Preset::Microsoft => SaslPolicy::Xoauth2,
        Preset::Google | Preset::Custom => SaslPolicy::Auto,
    }
}
