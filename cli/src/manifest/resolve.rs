//! What the entries of a manifest say about one another and about the deployment.

use super::{
    Entries, Manifest,
    account::AccountEntry,
    grant,
    mailbox::{DailyLimit, MailboxEntry, SignIn},
    owner::lookalike,
    problem::{Placed, Problems},
    provider::ProviderEntry,
};
use jiff::Timestamp;
use postroom_model::{
    Account, AccountId, Auth, Mailbox, MailboxId, Provider, ProviderId, SaslPolicy, Server, Tls,
    address::{is_local, is_loopback},
    daily_default, mail_address,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::IpAddr,
};
use url::{Host, Url};

/// What a deployment allows beyond TLS to the world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowances {
    /// Servers on the loopback interface, and authorization servers without TLS.
    pub local_servers: bool,
    /// Hosts that may be spoken to without TLS.
    pub plaintext_hosts: Vec<String>,
}

impl Allowances {
    /// Whether a host may be spoken to without TLS.
    fn plaintext(&self, host: &str) -> bool {
        (self.local_servers && is_here(host, is_loopback))
            || self.plaintext_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// Whether a host is the machine itself by name, or by an address of which that is so.
fn is_here(host: &str, is_so: fn(IpAddr) -> bool) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(is_so)
}

/// What a manifest stands on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// What the deployment allows.
    pub allowances: &'a Allowances,
    /// Providers that stay deployed, whether the manifest names them or not.
    pub providers: &'a BTreeMap<ProviderId, Provider>,
    /// Accounts that stay deployed, whether the manifest names them or not.
    pub accounts: &'a BTreeMap<AccountId, Account>,
    /// Mailboxes that are deployed.
    pub mailboxes: &'a BTreeMap<MailboxId, Mailbox>,
    /// Mailboxes whose password the vault has.
    pub passwords: &'a BTreeSet<MailboxId>,
}

/// What people should know who allow the password grant (RFC 9700 section 2.4).
pub(crate) const PASSWORD_GRANT: &str = "accounts may hand a person's password to the authorization server, \
     which OAuth's security practice forbids; use it only for a server that knows no other way";

pub(super) fn resolve(
    Entries { providers, accounts, mailboxes, owners }: &Entries,
    ground: &Ground<'_>,
    now: Timestamp,
    problems: &mut Problems,
) -> Manifest {
    let known = Known::new(providers, accounts, ground);
    let mut manifest = Manifest::default();
    for entry in providers {
        entry.urls.iter().for_each(|url| check_url(url, ground.allowances, problems));
        let id = &entry.id.value;
        manifest.providers.extend(entry.provider.clone().map(|provider| (id.clone(), provider)));
        manifest.client_secrets.extend(entry.secret.clone().map(|secret| (id.clone(), secret)));
        if entry.provider.as_ref().is_some_and(|provider| provider.allow_password_grant) {
            manifest.warnings.push(format!("provider {id} has allow_password_grant: {PASSWORD_GRANT}"));
        }
    }
    for entry in accounts {
        if let Some(account) = account(entry, &known, problems, &mut manifest.notes) {
            manifest.accounts.insert(account.id.clone(), account);
        }
        let password = entry.password.clone().map(|password| (entry.id.value.clone(), password));
        manifest.account_passwords.extend(password);
    }
    for entry in mailboxes {
        if let Some(mailbox) = mailbox(entry, &known, problems) {
            manifest.mailboxes.insert(mailbox.id.clone(), mailbox);
        }
        manifest.passwords.extend(entry.password.clone().map(|secret| (entry.id.value.clone(), secret)));
    }
    manifest.owners = owners.iter().map(|entry| (entry.address.value.clone(), entry.owner())).collect();
    let over = over(&manifest, now);
    manifest.warnings.extend(over);
    let lookalikes = lookalikes(&manifest);
    manifest.warnings.extend(lookalikes);
    manifest
}

/// Ends that have come already.
fn over(manifest: &Manifest, now: Timestamp) -> Vec<String> {
    let providers = manifest.providers.values().filter_map(|provider| {
        let end = provider.client_auth_expires.filter(|end| end.at() <= now)?;
        let id = &provider.id;
        Some(format!(
            "provider {id}: client_secret_expires = {end} is past; operators are told that it is over"
        ))
    });
    let mailboxes = manifest.mailboxes.values().filter_map(|mailbox| {
        let end = mailbox.password_expires.filter(|end| end.at() <= now)?;
        let id = &mailbox.id;
        Some(format!("mailbox {id}: password_expires = {end} is past; its owners are told that it is over"))
    });
    providers.chain(mailboxes).collect()
}

/// Owners' addresses whose domain may look like another one.
fn lookalikes(manifest: &Manifest) -> Vec<String> {
    let accounts = manifest.accounts.values().flat_map(|account| &account.owners);
    let mailboxes = manifest.mailboxes.values().flat_map(|mailbox| &mailbox.owners);
    // Each once, in whatever form it is written.
    let addresses = manifest.owners.keys().chain(accounts).chain(mailboxes);
    let addresses = addresses.filter_map(|address| Some((mail_address(address)?, address)));
    let addresses: BTreeMap<String, &String> = addresses.collect();
    addresses.into_iter().filter_map(|(sent, written)| lookalike(&sent, written)).collect()
}

/// What entries may refer to: the manifest's entries, then what stays deployed.
struct Known<'a> {
    providers: BTreeMap<&'a ProviderId, &'a ProviderEntry>,
    accounts: BTreeMap<&'a AccountId, &'a AccountEntry>,
    ground: &'a Ground<'a>,
}

/// What a reference leads to.
enum Found<T> {
    There(T),
    /// It is in the manifest, but wrong: that is reported there.
    Flawed,
    Missing,
}

impl<'a> Known<'a> {
    fn new(providers: &'a [ProviderEntry], accounts: &'a [AccountEntry], ground: &'a Ground<'a>) -> Self {
        Self {
            providers: providers.iter().map(|entry| (&entry.id.value, entry)).collect(),
            accounts: accounts.iter().map(|entry| (&entry.id.value, entry)).collect(),
            ground,
        }
    }

    fn provider(&self, id: &ProviderId) -> Found<&'a Provider> {
        match self.providers.get(id) {
            Some(entry) => entry.provider.as_ref().map_or(Found::Flawed, Found::There),
            None => self.ground.providers.get(id).map_or(Found::Missing, Found::There),
        }
    }

    /// The provider of an account. It is `Missing` only when the account is.
    fn provider_of(&self, id: &AccountId) -> Found<&'a Provider> {
        let provider = match (self.accounts.get(id), self.ground.accounts.get(id)) {
            (Some(entry), _) => entry.provider.as_ref().map(|provider| &provider.value),
            (None, Some(account)) => Some(&account.provider),
            (None, None) => return Found::Missing,
        };
        match provider.map(|provider| self.provider(provider)) {
            Some(Found::There(provider)) => Found::There(provider),
            _ => Found::Flawed,
        }
    }
}

fn check_url(Placed { at, value }: &Placed<Url>, allowances: &Allowances, problems: &mut Problems) {
    let host = match value.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        None => return,
    };
    if value.scheme() == "http" && !(allowances.local_servers && allowances.plaintext(&host)) {
        let hint =
            "only a stack with AllowLocalServers may use http, for loopback and the hosts in PlaintextHosts";
        problems.add_with_hint(*at, "an authorization server must be reached by https", hint);
    } else if is_here(&host, is_local) && !allowances.local_servers {
        refuse_local(*at, &host, problems);
    }
}

/// A name that resolves to such an address is refused when it is connected to.
fn refuse_local(at: usize, host: &str, problems: &mut Problems) {
    let reason = format!("{host:?} is the machine that Postroom itself runs on, or its link");
    problems.add_with_hint(at, reason, "only a stack with AllowLocalServers may use such servers");
}

/// An account, once its provider is found and both fit together.
fn account(
    entry: &AccountEntry,
    known: &Known<'_>,
    problems: &mut Problems,
    notes: &mut Vec<String>,
) -> Option<Account> {
    let Placed { at, value: id } = entry.provider.as_ref()?;
    match known.provider(id) {
        Found::There(provider) => grant::account(entry, provider, problems, notes),
        Found::Flawed => None,
        Found::Missing => {
            let hint = names(known.providers.keys().copied(), known.ground.providers.keys());
            problems.add_with_hint(*at, format!("there is no provider {id}"), hint);
            None
        }
    }
}

fn mailbox(entry: &MailboxEntry, known: &Known<'_>, problems: &mut Problems) -> Option<Mailbox> {
    let id = &entry.id.value;
    let provider = mailbox_provider(entry, known, problems);
    let known_host = match &provider {
        Found::There(provider) => provider.mail_host(entry.protocol),
        Found::Flawed | Found::Missing => None,
    };
    let host = entry.host.as_ref().map(|host| host.value.clone()).or_else(|| known_host.map(str::to_owned));
    if host.is_none() && !entry.has_host && !matches!(provider, Found::Flawed) {
        problems.add(entry.at, format!("mailbox {id} has no \"host\""));
    }
    check_password(entry, host.as_deref(), known.ground, problems);
    if let Some(host) = &entry.host {
        check_host(host, &entry.tls, known.ground.allowances, problems);
    }
    if entry.flawed {
        return None;
    }
    let (tls, host) = (entry.tls.value, host?);
    let provider = match provider {
        Found::There(provider) => Some(provider),
        Found::Flawed | Found::Missing => None,
    };
    let daily_bytes = match entry.daily_limit {
        DailyLimit::Preset => daily_default(provider.map(|p| p.preset), &host, entry.protocol),
        DailyLimit::None => None,
        DailyLimit::Bytes(bytes) => Some(bytes),
    };
    Some(Mailbox {
        id: id.clone(),
        protocol: entry.protocol,
        server: Server { host, port: entry.port.unwrap_or(entry.protocol.default_port(tls)), tls },
        user: entry.user.clone()?,
        auth: match &entry.sign_in {
            SignIn::Account(account) => Auth::Oauth(account.value.clone()),
            SignIn::Basic | SignIn::Unclear => Auth::Basic,
        },
        sasl: entry.sasl.or(provider.map(|provider| provider.sasl)).unwrap_or(SaslPolicy::Auto),
        folders: entry.folders.clone().unwrap_or_else(|| vec!["INBOX".to_owned()]),
        exclude_folders: entry.exclude_folders.clone(),
        filter: entry.filter.clone(),
        daily_bytes,
        interval: entry.interval,
        after_fetch: entry.after_fetch.clone(),
        attachments: entry.attachments,
        inline_images: entry.inline_images,
        owners: entry.owners.clone(),
        password_expires: entry.password_expires,
        tags: entry.tags.clone(),
    })
}

/// The provider whose account a mailbox signs in with; `Missing` for a mailbox that needs none.
fn mailbox_provider<'a>(
    entry: &MailboxEntry,
    known: &Known<'a>,
    problems: &mut Problems,
) -> Found<&'a Provider> {
    match &entry.sign_in {
        SignIn::Account(account) => match known.provider_of(&account.value) {
            Found::Missing => {
                let hint = names(known.accounts.keys().copied(), known.ground.accounts.keys());
                problems.add_with_hint(account.at, format!("there is no account {}", account.value), hint);
                Found::Flawed
            }
            found => found,
        },
        SignIn::Basic => Found::Missing,
        SignIn::Unclear => Found::Flawed,
    }
}

/// A mailbox without a password in the manifest needs one in the vault. That one goes only where it went
/// before: whoever may change a manifest does not thereby learn the passwords of its mailboxes.
fn check_password(entry: &MailboxEntry, host: Option<&str>, ground: &Ground<'_>, problems: &mut Problems) {
    if entry.has_password || !matches!(entry.sign_in, SignIn::Basic) {
        return;
    }
    let id = &entry.id.value;
    if !ground.passwords.contains(id) {
        let reason = format!("mailbox {id} has no \"password\", and the vault has none of it");
        problems.add_with_hint(entry.at, reason, entry.password_hint);
        return;
    }
    let (Some(host), Some(user)) = (host, &entry.user) else { return };
    let deployed = ground.mailboxes.get(id);
    if let Some(Auth::Oauth(account)) = deployed.map(|deployed| &deployed.auth) {
        let reason =
            format!("mailbox {id} signs in with account {account} now, and no more with its password");
        let hint = format!(
            "auth = {{ oauth = \"{account}\" }}; `postroom migrate --back {id}` returns to the password"
        );
        problems.add_with_hint(entry.at, reason, hint);
        return;
    }
    let is_as_before = deployed
        .is_some_and(|deployed| deployed.server.host.eq_ignore_ascii_case(host) && deployed.user == *user);
    if !is_as_before {
        let reason = format!(
            "mailbox {id} is not deployed with this host and user: the password in the vault is not sent elsewhere"
        );
        problems.add_with_hint(entry.at, reason, format!("give it again: {}", entry.password_hint));
    }
}

fn check_host(host: &Placed<String>, tls: &Placed<Tls>, allowances: &Allowances, problems: &mut Problems) {
    if tls.value == Tls::None && !allowances.plaintext(&host.value) {
        let reason =
            format!("tls = \"none\" would send the password or token to {:?} in the clear", host.value);
        let hint =
            "tls = \"implicit\" or \"starttls\"; or name the host in the stack's parameter PlaintextHosts";
        problems.add_with_hint(tls.at, reason, hint);
    } else if is_here(&host.value, is_local) && !allowances.local_servers {
        refuse_local(host.at, &host.value, problems);
    }
}

fn names<'e, T: Ord + Display + 'e>(
    manifest: impl Iterator<Item = &'e T>,
    deployed: impl Iterator<Item = &'e T>,
) -> String {
    let all: BTreeSet<&T> = manifest.chain(deployed).collect();
    if all.is_empty() {
        return "none is in the manifest".to_owned();
    }
    let shown: Vec<String> = all.iter().take(12).map(ToString::to_string).collect();
    let more = if all.len() > shown.len() { ", …" } else { "" };
    format!("there are {}{more}", shown.join(", "))
}
