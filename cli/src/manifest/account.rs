//! `[[account]]`: one identity that is authorised once.

use super::{
    problem::{Placed, Problems},
    section::Section,
};
use postroom_model::{AccountId, Grant, ProviderId};
use toml::de::DeTable;

/// An `[[account]]` as far as it could be read.
pub(super) struct AccountEntry {
    pub(super) id: Placed<AccountId>,
    pub(super) provider: Option<Placed<ProviderId>>,
    pub(super) grant: Placed<Grant>,
    pub(super) login: Option<String>,
    pub(super) scopes: Option<Placed<Vec<String>>>,
    pub(super) owners: Vec<String>,
    /// Whether something in it is wrong.
    pub(super) flawed: bool,
}

const GRANTS: [(&str, Grant); 4] = [
    ("authorization_code", Grant::AuthorizationCode),
    ("client_credentials", Grant::ClientCredentials),
    ("service_account", Grant::ServiceAccount),
    ("device_code", Grant::DeviceCode),
];

impl AccountEntry {
    pub(super) fn read(problems: &mut Problems, Placed { at, value }: Placed<DeTable<'_>>) -> Option<Self> {
        let mut section = Section::new(problems, at, value);
        let id = section.id::<AccountId>("account");
        section.require("provider", "the account has no \"provider\"");
        let provider = section.parsed::<ProviderId>("provider");
        let grant =
            section.choice("grant", &GRANTS).unwrap_or(Placed { at, value: Grant::AuthorizationCode });
        let login = section.filled_text("login").map(|login| login.value);
        let scopes = section.scopes();
        let owners = section.owners();
        let flawed = section.is_flawed();
        section.finish();
        Some(Self { id: id?, provider, grant, login, scopes, owners, flawed })
    }
}
