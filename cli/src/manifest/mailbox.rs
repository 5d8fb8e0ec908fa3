//! `[[mailbox]]`: where mail is fetched from.

use super::{
    filter::{AMOUNT, filter},
    problem::{Placed, Problems},
    secret::{SecretSources, Shape, Sourced, secret},
    section::{Section, chosen},
};
use postroom_model::{
    AccountId, AfterFetch, EndDate, Filter, Interval, MailboxId, Protocol, SaslPolicy, Tls, amount::bytes,
};
use secrecy::SecretString;
use std::{collections::BTreeMap, net::IpAddr};
use toml::de::{DeTable, DeValue};

/// A `[[mailbox]]` as far as it could be read.
pub(super) struct MailboxEntry {
    pub(super) at: usize,
    pub(super) id: Placed<MailboxId>,
    /// Whether nobody gave it that: it is made of the user.
    pub(super) is_id_made: bool,
    pub(super) protocol: Protocol,
    pub(super) host: Option<Placed<String>>,
    pub(super) port: Option<u16>,
    pub(super) tls: Placed<Tls>,
    pub(super) user: Option<String>,
    /// Whether a host is given, readable or not.
    pub(super) has_host: bool,
    pub(super) sign_in: SignIn,
    pub(super) sasl: Option<SaslPolicy>,
    pub(super) folders: Option<Vec<String>>,
    pub(super) exclude_folders: Vec<String>,
    pub(super) filter: Filter,
    pub(super) daily_limit: DailyLimit,
    pub(super) interval: Interval,
    pub(super) after_fetch: AfterFetch,
    pub(super) attachments: bool,
    pub(super) inline_images: bool,
    pub(super) owners: Vec<String>,
    pub(super) password_expires: Option<EndDate>,
    pub(super) tags: BTreeMap<String, String>,
    /// Whether a password is given, readable or not.
    pub(super) has_password: bool,
    pub(super) password: Option<Sourced<SecretString>>,
    /// How to give one.
    pub(super) password_hint: &'static str,
    /// Whether something in it is wrong.
    pub(super) flawed: bool,
}

/// How a mailbox signs in, as far as it could be read.
pub(super) enum SignIn {
    /// With a password.
    Basic,
    /// With an account's token.
    Account(Placed<AccountId>),
    /// What is there is wrong.
    Unclear,
}

/// How much may be read from a mailbox on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DailyLimit {
    /// What the preset knows.
    Preset,
    /// As much as there is.
    None,
    /// So many bytes.
    Bytes(u64),
}

const PROTOCOLS: [(&str, Protocol); 2] = [("imap", Protocol::Imap), ("pop3", Protocol::Pop3)];

const SASL: [(&str, SaslPolicy); 4] = [
    ("auto", SaslPolicy::Auto),
    ("xoauth2", SaslPolicy::Xoauth2),
    ("oauthbearer", SaslPolicy::Oauthbearer),
    ("apop", SaslPolicy::Apop),
];

const TLS: [(&str, Tls); 3] = [("implicit", Tls::Implicit), ("starttls", Tls::Starttls), ("none", Tls::None)];

impl MailboxEntry {
    pub(super) fn read(
        problems: &mut Problems,
        Placed { at, value }: Placed<DeTable<'_>>,
        sources: &SecretSources<'_>,
    ) -> Option<Self> {
        let mut section = Section::new(problems, at, value);
        let id = section.id::<MailboxId>("mailbox");
        let protocol = section.choice("protocol", &PROTOCOLS).map_or(Protocol::Imap, |p| p.value);
        let has_host = section.place_of("host").is_some();
        let host = host(&mut section);
        let port = section.number("port", 1..=u16::MAX);
        let tls = section.choice("tls", &TLS).unwrap_or(Placed { at, value: Tls::Implicit });
        section.require("user", "the mailbox has no \"user\"");
        let user = section.filled_text("user").map(|user| user.value);
        let sign_in = auth(&mut section);
        let sasl = sasl(&mut section, protocol, tls.value, &sign_in);
        let folders = folders(&mut section, protocol);
        let exclude_folders = exclude_folders(&mut section, protocol);
        let filter = filter(&mut section);
        let daily_limit = daily_limit(&mut section);
        let interval = section.parsed::<Interval>("interval").map(|interval| interval.value);
        let after_fetch = after_fetch(&mut section, protocol, folders.as_deref());
        let attachments = section.flag("attachments").unwrap_or_default();
        let inline_images = inline_images(&mut section, attachments);
        let owners = section.owners();
        let tags = section.text_map("tags");
        let password_at = section.place_of("password");
        let password = secret(&mut section, "password", Shape::Line, sources);
        if let (Some(at), SignIn::Account(account)) = (password_at, &sign_in) {
            let reason = format!(
                "the mailbox signs in with account {:?} and has a password too",
                account.value.as_str()
            );
            section.problems.add_with_hint(at, reason, "leave out \"password\" or \"auth\"");
        }
        let password_expires = password_expires(&mut section, &sign_in);
        let flawed = section.is_flawed();
        section.finish();
        Some(Self {
            at,
            id: id?,
            is_id_made: false,
            protocol,
            host,
            port,
            tls,
            user,
            has_host,
            sign_in,
            sasl,
            folders,
            exclude_folders,
            filter,
            daily_limit,
            interval: interval.unwrap_or_default(),
            after_fetch,
            attachments,
            inline_images,
            owners,
            password_expires,
            tags,
            has_password: password_at.is_some(),
            password,
            password_hint: "password = { env = \"NAME\" } or auth = { oauth = \"account\" }",
            flawed,
        })
    }
}

fn host(section: &mut Section<'_, '_>) -> Option<Placed<String>> {
    let host = section.filled_text("host")?;
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.value.parse::<IpAddr>().is_ok() || host.value.chars().all(part) {
        return Some(host);
    }
    let reason = format!("{:?} is no host name", host.value);
    let hint = "only the name or address, such as \"imap.example.com\"; the port has a key of its own";
    section.problems.add_with_hint(host.at, reason, hint);
    None
}

/// The mechanisms of a provider, and APOP, which is POP3's and for passwords (RFC 1939 section 7).
fn sasl(section: &mut Section<'_, '_>, protocol: Protocol, tls: Tls, sign_in: &SignIn) -> Option<SaslPolicy> {
    let Placed { at, value } = section.choice("sasl", &SASL)?;
    let hint = "leave \"sasl\" out: then the best way is used that the server offers";
    match (value, protocol, sign_in, tls) {
        (SaslPolicy::Apop, Protocol::Imap, ..) | (SaslPolicy::Apop, _, SignIn::Account(_), _) => {
            let reason = "\"apop\" is a way to sign in to POP3 with a password";
            section.problems.add_with_hint(at, reason, hint);
        }
        (SaslPolicy::Apop, _, _, Tls::Starttls) => {
            let reason = "\"apop\" needs what a server greets with, which is not to be trusted before TLS";
            section.problems.add_with_hint(at, reason, hint);
        }
        _ => {}
    }
    Some(value)
}

/// `auth = { oauth = "account" }`, or `auth = "basic"`, which is the same as nothing.
fn auth(section: &mut Section<'_, '_>) -> SignIn {
    let Some(Placed { at, value }) = section.take("auth") else { return SignIn::Basic };
    let hint = "auth = { oauth = \"account\" }, or leave it out to sign in with a password";
    match value {
        DeValue::Table(table) => {
            let mut inner = Section::new(section.problems, at, table);
            if inner.place_of("oauth").is_none() {
                inner.problems.add_with_hint(at, "\"auth\" names no account", hint);
            }
            let account = inner.parsed::<AccountId>("oauth");
            inner.finish();
            account.map_or(SignIn::Unclear, SignIn::Account)
        }
        DeValue::String(word) if word == "basic" => SignIn::Basic,
        _ => {
            section.problems.add_with_hint(at, "\"auth\" must name an account", hint);
            SignIn::Unclear
        }
    }
}

fn password_expires(section: &mut Section<'_, '_>, sign_in: &SignIn) -> Option<EndDate> {
    let end = section.end("password_expires")?;
    if let SignIn::Account(account) = sign_in {
        let account = account.value.as_str();
        let reason =
            format!("the mailbox signs in with account {account:?} and has no password that could end");
        section.problems.add_with_hint(end.at, reason, "leave \"password_expires\" out");
    }
    Some(end.value)
}

fn folders(section: &mut Section<'_, '_>, protocol: Protocol) -> Option<Vec<String>> {
    let problems_before = section.problems.len();
    let Placed { at, value } = section.texts("folders")?;
    let names: Vec<String> = value.into_iter().map(|folder| folder.value).collect();
    if names.is_empty() && section.problems.len() == problems_before {
        let hint = "folders = [\"INBOX\"], or leave it out";
        section.problems.add_with_hint(at, "\"folders\" is empty: nothing would be fetched", hint);
    }
    if protocol == Protocol::Pop3 && names.iter().any(|name| name != "INBOX") {
        section.problems.add(at, "POP3 knows no folders: leave \"folders\" out");
    }
    Some(names)
}

fn exclude_folders(section: &mut Section<'_, '_>, protocol: Protocol) -> Vec<String> {
    let Some(Placed { at, value }) = section.texts("exclude_folders") else { return Vec::new() };
    if protocol == Protocol::Pop3 {
        section.problems.add(at, "POP3 knows no folders: leave \"exclude_folders\" out");
    }
    value.into_iter().map(|folder| folder.value).collect()
}

fn daily_limit(section: &mut Section<'_, '_>) -> DailyLimit {
    let Some(Placed { at, value }) = section.text("daily_limit") else { return DailyLimit::Preset };
    match bytes(&value) {
        _ if value == "none" => DailyLimit::None,
        Some(bytes) if bytes > 0 => DailyLimit::Bytes(bytes),
        found => {
            let what = if found.is_some() { "would fetch nothing" } else { "is no amount" };
            let hint = format!("daily_limit takes {AMOUNT}, or \"none\"");
            section.problems.add_with_hint(at, format!("{value:?} {what}"), hint);
            DailyLimit::Preset
        }
    }
}

/// Whether images that belong to a text are unpacked too.
fn inline_images(section: &mut Section<'_, '_>, attachments: bool) -> bool {
    let at = section.place_of("inline_images");
    let wanted = section.flag("inline_images").unwrap_or_default();
    if let (Some(at), true, false) = (at, wanted, attachments) {
        let reason = "\"inline_images\" says which attachments are unpacked, and none are";
        section.problems.add_with_hint(at, reason, "attachments = true");
    }
    wanted
}

fn after_fetch(section: &mut Section<'_, '_>, protocol: Protocol, folders: Option<&[String]>) -> AfterFetch {
    let Some(Placed { at, value }) = section.take("after_fetch") else { return AfterFetch::Leave };
    let hint = "after_fetch = \"leave\", \"mark_read\", \"delete\" or { move = \"Archived\" }";
    let wanted = match value {
        DeValue::String(word) => {
            let choices = [("leave", 0), ("mark_read", 1), ("delete", 2)];
            match chosen(section.problems, at, "after_fetch", &word, &choices) {
                Some(1) => AfterFetch::MarkRead,
                Some(2) => AfterFetch::Delete,
                _ => AfterFetch::Leave,
            }
        }
        DeValue::Table(table) => {
            let mut inner = Section::new(section.problems, at, table);
            if inner.place_of("move").is_none() {
                inner.problems.add_with_hint(at, "\"after_fetch\" names no folder to move to", hint);
            }
            let target = inner.filled_text("move");
            let fetched =
                folders.map_or_else(|| vec!["INBOX"], |list| list.iter().map(String::as_str).collect());
            if let Some(target) = target.as_ref().filter(|target| fetched.contains(&target.value.as_str())) {
                let reason =
                    format!("messages would be moved to {:?}, which is fetched itself", target.value);
                inner.problems.add(target.at, reason);
            }
            inner.finish();
            target.map_or(AfterFetch::Leave, |target| AfterFetch::Move(target.value))
        }
        _ => {
            section.problems.add_with_hint(at, "\"after_fetch\" must be a word or { move = … }", hint);
            AfterFetch::Leave
        }
    };
    if protocol == Protocol::Pop3 && matches!(wanted, AfterFetch::MarkRead | AfterFetch::Move(_)) {
        section.problems.add(at, "POP3 can only leave or delete a message");
    }
    wanted
}
