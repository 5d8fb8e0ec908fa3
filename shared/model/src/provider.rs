//! App registrations at authorization servers.

use crate::{EndDate, Protocol, ProviderId, SaslPolicy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

/// One app registration at one authorization server. Its secret lies in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name.
    pub id: ProviderId,
    /// What fills in whatever is left out.
    pub preset: Preset,
    /// Microsoft's directory: a GUID, a domain, or `common`, `organizations`, `consumers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Which of Microsoft's clouds its directory and its mailboxes are in.
    #[serde(default, skip_serializing_if = "Cloud::is_global")]
    pub cloud: Cloud,
    /// Where the authorization server answers.
    pub endpoints: Endpoints,
    /// The OAuth client id.
    pub client_id: String,
    /// How the client proves itself at the token endpoint.
    pub client_auth: ClientAuth,
    /// When the client secret or certificate ends, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth_expires: Option<EndDate>,
    /// What an account asks for unless it says otherwise.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The SASL mechanism its mailboxes sign in with.
    #[serde(default)]
    pub sasl: SaslPolicy,
    /// Days after which a refresh token that nobody uses dies; unknown where the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_days: Option<u16>,
    /// Days after which the server ends every authorization, used or not; unknown where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_days: Option<u16>,
    /// What an authorization request carries besides the standard's parameters, such as Google's
    /// `access_type=offline`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub authorize_parameters: BTreeMap<String, String>,
    /// Whether accounts may send a person's password to the token endpoint (RFC 6749 section 4.3),
    /// which RFC 9700 section 2.4 forbids: for old servers only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_password_grant: bool,
}

/// Names of Microsoft's for many directories at once, and the directory of all personal accounts.
const SHARED_DIRECTORIES: [&str; 4] =
    ["common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"];

impl Provider {
    /// Whether people of any directory can sign in here, each of which says of its people what it
    /// likes (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>).
    pub fn is_shared_directory(&self) -> bool {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        let is_shared =
            tenant.is_empty() || SHARED_DIRECTORIES.iter().any(|t| t.eq_ignore_ascii_case(tenant));
        self.preset == Preset::Microsoft && is_shared
    }
}

/// Knowledge about a well-known provider that fills in what a manifest leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Microsoft Entra ID and Exchange Online.
    Microsoft,
    /// Google identity and Gmail.
    Google,
    /// Any other server; nothing is filled in.
    Custom,
}

/// One of Microsoft's clouds. Each has its own directories, sign-in and mail servers
/// (<https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// The one that is not national.
    #[default]
    Global,
    /// The US government's (GCC High).
    UsGov,
    /// The US Department of Defense's.
    UsGovDod,
    /// China's, operated by 21Vianet.
    China,
}

impl Cloud {
    fn is_global(&self) -> bool {
        *self == Self::Global
    }

    /// Where Exchange Online answers IMAP and POP3
    /// (<https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-endpoints>).
    fn mail_host(self) -> &'static str {
        match self {
            Self::Global => "outlook.office365.com",
            Self::UsGov => "outlook.office365.us",
            Self::UsGovDod => "webmail.apps.mil",
            Self::China => "partner.outlook.cn",
        }
    }
}

impl Provider {
    /// The mail server of its mailboxes, where its preset knows it
    /// (for Google's see <https://developers.google.com/workspace/gmail/imap/imap-smtp>).
    pub fn mail_host(&self, protocol: Protocol) -> Option<&'static str> {
        match (self.preset, protocol) {
            (Preset::Microsoft, _) => Some(self.cloud.mail_host()),
            (Preset::Google, Protocol::Imap) => Some("imap.gmail.com"),
            (Preset::Google, Protocol::Pop3) => Some("pop.gmail.com"),
            (Preset::Custom, _) => None,
        }
    }
}

/// What may be read from a mailbox on one day where nobody has said: four fifths of what Google lets one
/// account download before it locks it out of IMAP or POP3 for a day
/// (<https://support.google.com/a/answer/1071518>: 2500 MB and 1250 MB), so that people can still read
/// their mail. Nobody else is known to count.
pub fn daily_default(preset: Option<Preset>, host: &str, protocol: Protocol) -> Option<u64> {
    let host = host.to_ascii_lowercase();
    let is_googles = host == "gmail.com" || host.ends_with(".gmail.com") || host.ends_with(".googlemail.com");
    match protocol {
        _ if preset != Some(Preset::Google) && !is_googles => None,
        Protocol::Imap => Some(2_000_000_000),
        Protocol::Pop3 => Some(1_000_000_000),
    }
}

/// Where an authorization server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a provider has one of them, and providers are few")]
pub enum Endpoints {
    /// By discovery from its issuer (OpenID Connect Discovery, RFC 8414).
    Issuer(Url),
    /// By explicit addresses.
    Explicit {
        /// Whom its id_tokens name as their issuer; without it identities are not checked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<Url>,
        /// Where the keys of its id_tokens lie (RFC 7517).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwks_url: Option<Url>,
        /// Authorization endpoint (RFC 6749 section 3.1).
        authorize_url: Url,
        /// Token endpoint (RFC 6749 section 3.2).
        token_url: Url,
        /// Revocation endpoint (RFC 7009).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revoke_url: Option<Url>,
        /// Device authorization endpoint (RFC 8628).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device_url: Option<Url>,
    },
}

/// How the client proves itself at the token endpoint (RFC 6749 section 2.3, RFC 7523).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// A public client: it has nothing to prove itself with.
    Public,
    /// A client secret, in the vault.
    Secret,
    /// A certificate and its key, in the vault.
    Certificate,
    /// A Google service account's key, in the vault.
    ServiceAccount,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_google_counts_by_the_day() {
        for (preset, host, expected) in [
            (Some(Preset::Google), "mail.example", Some(2_000_000_000)),
            (None, "IMAP.gmail.com", Some(2_000_000_000)),
            (None, "notgmail.com", None),
            (Some(Preset::Microsoft), "outlook.office365.com", None),
        ] {
            assert_eq!(daily_default(preset, host, Protocol::Imap), expected, "{host}");
        }
        assert_eq!(daily_default(None, "pop.gmail.com", Protocol::Pop3), Some(1_000_000_000));
    }
}
