//! What an account's grant asks of its provider.

use super::{
    account::AccountEntry,
    preset::{self, OFFLINE_ACCESS},
    problem::{Placed, Problems},
};
use postroom_model::{Account, ClientAuth, Endpoints, Grant, Preset, Provider};

/// An account of a provider. The entry's own mistakes were reported when it was read.
pub(super) fn account(
    entry: &AccountEntry,
    provider: &Provider,
    problems: &mut Problems,
    notes: &mut Vec<String>,
) -> Option<Account> {
    let scopes = scopes(entry, provider, problems);
    check(entry, provider, problems);
    check_proof(entry, provider, problems);
    if let Some(note) = note(entry, provider, &scopes) {
        notes.push(format!("account {}: {note}", entry.id.value));
    }
    (!entry.flawed).then(|| Account {
        id: entry.id.value.clone(),
        provider: provider.id.clone(),
        grant: entry.grant.value,
        login: entry.login.clone(),
        scopes,
        owners: entry.owners.clone(),
        reauthorise_every: entry.reauthorise_every,
    })
}

/// The account's own scopes. Microsoft lets an app of its own right ask for one scope only, and
/// asking for the delegated ones is a common mistake that sign-in answers with nothing helpful.
fn scopes(entry: &AccountEntry, provider: &Provider, problems: &mut Problems) -> Vec<String> {
    let own = entry.scopes.as_ref();
    if provider.preset != Preset::Microsoft || entry.grant.value != Grant::ClientCredentials {
        return own.map(|scopes| scopes.value.clone()).unwrap_or_default();
    }
    let only = preset::microsoft_app_only(provider.cloud);
    let chosen = own.map(|scopes| (scopes.at, &scopes.value));
    let inherited = (provider.scopes != preset::scopes(provider.preset, provider.cloud))
        .then_some((entry.grant.at, &provider.scopes));
    if let Some((at, list)) = chosen.or(inherited)
        && *list != [only]
    {
        let reason = "with client_credentials Microsoft knows one scope only; delegated scopes are for people who consent";
        problems.add_with_hint(at, reason, format!("scopes = [{only:?}]"));
    }
    vec![only.to_owned()]
}

fn check(entry: &AccountEntry, provider: &Provider, problems: &mut Problems) {
    let Placed { at, value: grant } = entry.grant;
    let id = &provider.id;
    let tenant = provider.tenant.as_deref().unwrap_or_default();
    match grant {
        Grant::ClientCredentials if provider.is_shared_directory() => {
            let reason =
                format!("client_credentials needs one directory, and provider {id} has tenant {tenant:?}");
            problems.add_with_hint(at, reason, "tenant = \"contoso.onmicrosoft.com\", or the directory's id");
        }
        Grant::DeviceCode if matches!(provider.endpoints, Endpoints::Explicit { device_url: None, .. }) => {
            problems.add(at, format!("device_code needs a \"device_url\", and provider {id} has none"));
        }
        Grant::Password if !provider.allow_password_grant => {
            let reason = format!("provider {id} does not allow the password grant");
            let hint = "grant = \"authorization_code\"; only for an old server that knows no other way, \
                 allow_password_grant = true at the provider";
            problems.add_with_hint(at, reason, hint);
        }
        _ => {}
    }
}

/// Whether the provider's client can prove itself as the grant needs it.
fn check_proof(entry: &AccountEntry, provider: &Provider, problems: &mut Problems) {
    let Placed { at, value: grant } = entry.grant;
    let id = &provider.id;
    match (grant, provider.client_auth) {
        (Grant::ServiceAccount, _) if provider.preset == Preset::Microsoft => {
            problems.add_with_hint(
                at,
                "service_account is Google's; Microsoft has no such grant",
                "grant = \"client_credentials\"",
            );
        }
        (Grant::ServiceAccount, ClientAuth::ServiceAccount) => {}
        (Grant::ServiceAccount, _) => {
            let reason = format!("this grant needs a service account's key, and provider {id} has none");
            problems.add_with_hint(at, reason, "service_account = { file = \"key.json\" } at the provider");
        }
        (_, ClientAuth::ServiceAccount) => {
            let reason = format!("provider {id} has a service account's key, which serves no other grant");
            let hint = "grant = \"service_account\", or a provider of its own with a \"client_secret\"";
            problems.add_with_hint(at, reason, hint);
        }
        (Grant::ClientCredentials, ClientAuth::Public) => {
            let reason =
                format!("this grant needs a client secret or a certificate, and provider {id} has none");
            problems.add(at, reason);
        }
        _ => {}
    }
}

/// What people should know of a grant although nothing is wrong with it.
fn note(entry: &AccountEntry, provider: &Provider, scopes: &[String]) -> Option<&'static str> {
    let grant = entry.grant.value;
    let scopes = if scopes.is_empty() { &provider.scopes } else { scopes };
    let asks_offline = || scopes.iter().any(|scope| scope == OFFLINE_ACCESS);
    let access_type = provider.authorize_parameters.get("access_type").map(String::as_str);
    match provider.preset {
        Preset::Microsoft if grant.needs_consent() && !asks_offline() => Some(
            "without the scope offline_access Microsoft gives no refresh token, and consent lasts about an hour",
        ),
        Preset::Google if grant == Grant::AuthorizationCode && access_type != Some("offline") => Some(
            "without the parameter access_type=offline Google gives no refresh token, and consent lasts an hour",
        ),
        // https://developers.google.com/identity/protocols/oauth2/limited-input-device#allowedscopes
        Preset::Google if grant == Grant::DeviceCode => {
            Some("Google grants no mail scope to a device code; use grant = \"authorization_code\"")
        }
        _ => None,
    }
}
