//! What Postroom knows of well-known providers, to fill in what a manifest leaves out.

use postroom_model::{Endpoints, Preset, SaslPolicy};
use url::Url;

/// All that an app-only Microsoft account may ask for
/// (<https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>).
pub(super) const MICROSOFT_APP_ONLY: &str = "https://outlook.office365.com/.default";

/// Microsoft's directories that are not one directory: an app of its own right needs a concrete one.
pub(super) const MICROSOFT_SHARED_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];

/// Where the preset's authorization server answers; `None` where the manifest must say it.
///
/// Microsoft's are explicit because discovery for the shared tenants names an issuer with a
/// placeholder in it, which no check of the issuer can accept.
pub(super) fn endpoints(preset: Preset, tenant: Option<&str>) -> Option<Endpoints> {
    match preset {
        Preset::Microsoft => {
            let base = format!("https://login.microsoftonline.com/{}/oauth2/v2.0", tenant?);
            let url = |name| Url::parse(&format!("{base}/{name}")).ok();
            Some(Endpoints::Explicit {
                authorize_url: url("authorize")?,
                token_url: url("token")?,
                revoke_url: None,
                device_url: url("devicecode"),
            })
        }
        Preset::Google => Url::parse("https://accounts.google.com").ok().map(Endpoints::Issuer),
        Preset::Custom => None,
    }
}

/// What an account of the preset asks for when a person consents.
pub(super) fn scopes(preset: Preset) -> Vec<String> {
    let scopes: &[&str] = match preset {
        Preset::Microsoft => {
            &["openid", "profile", "offline_access", "https://outlook.office.com/IMAP.AccessAsUser.All"]
        }
        Preset::Google => &["openid", "email", "https://mail.google.com/"],
        Preset::Custom => &[],
    };
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// The mechanism the preset's mailboxes sign in with: Exchange Online has XOAUTH2 alone.
pub(super) fn sasl(preset: Preset) -> SaslPolicy {
    match preset {
        Preset::Microsoft => SaslPolicy::Xoauth2,
        Preset::Google | Preset::Custom => SaslPolicy::Auto,
    }
}
