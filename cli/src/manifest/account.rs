//! `[[account]]`: one identity that is authorised once.

use super::{
    problem::{Placed, Problems},
    secret::{SecretSources, Shape, Sourced, secret},
    section::Section,
};
use postroom_model::{AccountId, Grant, Period, ProviderId};
use secrecy::SecretString;
use toml::de::DeTable;

/// An `[[account]]` as far as it could be read.
pub(super) struct AccountEntry {
    pub(super) id: Placed<AccountId>,
    pub(super) provider: Option<Placed<ProviderId>>,
    pub(super) grant: Placed<Grant>,
    pub(super) login: Option<String>,
    pub(super) scopes: Option<Placed<Vec<String>>>,
    pub(super) owners: Vec<String>,
    pub(super) reauthorise_every: Option<Period>,
    pub(super) password: Option<Sourced<SecretString>>,
    /// Whether something in it is wrong.
    pub(super) flawed: bool,
}

const GRANTS: [(&str, Grant); 5] = [
    ("authorization_code", Grant::AuthorizationCode),
    ("client_credentials", Grant::ClientCredentials),
    ("service_account", Grant::ServiceAccount),
    ("device_code", Grant::DeviceCode),
    ("password", Grant::Password),
];

impl AccountEntry {
    pub(super) fn read(
        problems: &mut Problems,
        Placed { at, value }: Placed<DeTable<'_>>,
        sources: &SecretSources<'_>,
    ) -> Option<Self> {
        let mut section = Section::new(problems, at, value);
        let id = section.id::<AccountId>("account");
        section.require("provider", "the account has no \"provider\"");
        let provider = section.parsed::<ProviderId>("provider");
        let grant =
            section.choice("grant", &GRANTS).unwrap_or(Placed { at, value: Grant::AuthorizationCode });
        let has_login = section.place_of("login").is_some();
        let login = section.filled_text("login").map(|login| login.value);
        let scopes = section.scopes();
        let owners = section.owners();
        let reauthorise_every = reauthorise_every(&mut section, grant.value);
        let password_at = section.place_of("password");
        let password = secret(&mut section, "password", Shape::Line, sources);
        match (grant.value, password_at) {
            (Grant::Password, None) => {
                let hint = "password = { env = \"NAME\" } or password = { file = \"name\" }";
                section.problems.add_with_hint(grant.at, "this grant needs a \"password\"", hint);
            }
            (Grant::Password, Some(_)) | (_, None) => {}
            (_, Some(at)) => {
                let reason = "\"password\" is for grant = \"password\" only";
                section.problems.add_with_hint(at, reason, "a mailbox's password stands at the mailbox");
            }
        }
        let login_needed = match grant.value {
            Grant::Password => Some("this grant needs a \"login\": whose password it is"),
            Grant::ServiceAccount => {
                Some("this grant needs a \"login\": a mailbox by which it is tried that the delegation works")
            }
            Grant::AuthorizationCode | Grant::ClientCredentials | Grant::DeviceCode => None,
        };
        if let Some(reason) = login_needed.filter(|_| !has_login) {
            section.problems.add(grant.at, reason);
        }
        let flawed = section.is_flawed();
        section.finish();
        Some(Self { id: id?, provider, grant, login, scopes, owners, reauthorise_every, password, flawed })
    }
}

fn reauthorise_every(section: &mut Section<'_, '_>, grant: Grant) -> Option<Period> {
    let every = section.parsed::<Period>("reauthorise_every")?;
    if !grant.needs_consent() {
        let reason = "with this grant nobody consents, so that nothing can be given anew";
        section.problems.add_with_hint(every.at, reason, "leave \"reauthorise_every\" out");
    }
    Some(every.value)
}
