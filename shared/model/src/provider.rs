//! App registrations at authorization servers.

use crate::{ProviderId, SaslPolicy};
use serde::{Deserialize, Serialize};
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
    /// Where the authorization server answers.
    pub endpoints: Endpoints,
    /// The OAuth client id.
    pub client_id: String,
    /// How the client proves itself at the token endpoint.
    pub client_auth: ClientAuth,
    /// The day on which the client secret or certificate ends, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth_expires: Option<jiff::civil::Date>,
    /// What an account asks for unless it says otherwise.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The SASL mechanism its mailboxes sign in with.
    #[serde(default)]
    pub sasl: SaslPolicy,
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

impl Preset {
    /// The IMAP server of the preset's mailboxes, if it has one
    /// (<https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>,
    /// <https://developers.google.com/workspace/gmail/imap/imap-smtp>).
    pub fn imap_host(self) -> Option<&'static str> {
        match self {
            Self::Microsoft => Some("outlook.office365.com"),
            Self::Google => Some("imap.gmail.com"),
            Self::Custom => None,
        }
    }

    /// The POP3 server of the preset's mailboxes, if it has one.
    pub fn pop3_host(self) -> Option<&'static str> {
        match self {
            Self::Microsoft => Some("outlook.office365.com"),
            Self::Google => Some("pop.gmail.com"),
            Self::Custom => None,
        }
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
}
