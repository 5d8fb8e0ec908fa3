//! Definitions in a few words.

use postroom_model::{Account, Auth, Endpoints, Grant, Mailbox, Owner, Preset, Protocol, Provider};

/// Something that one line describes.
pub(super) trait Described {
    fn described(&self) -> String;
}

impl Described for Provider {
    fn described(&self) -> String {
        let url = match &self.endpoints {
            Endpoints::Issuer(issuer) => issuer,
            Endpoints::Explicit { token_url, .. } => token_url,
        };
        let place = self.tenant.as_deref().or_else(|| url.host_str()).unwrap_or_default();
        let preset = match self.preset {
            Preset::Microsoft => "microsoft",
            Preset::Google => "google",
            Preset::Custom => "custom",
        };
        format!("{preset}, {place}")
    }
}

impl Described for Account {
    fn described(&self) -> String {
        let grant = match self.grant {
            Grant::AuthorizationCode => "authorization code",
            Grant::ClientCredentials => "client credentials",
            Grant::ServiceAccount => "service account",
            Grant::DeviceCode => "device code",
            Grant::Password => "password",
        };
        format!("provider {}, {grant}", self.provider)
    }
}

impl Described for Owner {
    fn described(&self) -> String {
        self.language.map_or_else(|| "the deployment's language".to_owned(), |language| language.to_string())
    }
}

impl Described for Mailbox {
    fn described(&self) -> String {
        format!("{}, every {}", access(self), self.interval)
    }
}

/// How a mailbox is fetched: `imap mail.example, password`.
pub(crate) fn access(mailbox: &Mailbox) -> String {
    let protocol = match mailbox.protocol {
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
    };
    let auth = match &mailbox.auth {
        Auth::Basic => "password".to_owned(),
        Auth::Oauth(account) => format!("oauth {account}"),
    };
    format!("{protocol} {}, {auth}", mailbox.server.host)
}
