//! The manifest: providers, accounts and mailboxes, as a team keeps them in git.
//!
//! Reading has two halves. [`Draft::read`] takes the text apart and checks every value for itself;
//! [`Draft::resolve`] checks what values say about one another and about the deployment, and fills in
//! what presets know. Both collect their [`Problems`]; a [`Manifest`] exists only when there is none.
//! Nothing here talks to AWS.

mod account;
mod client;
mod endpoints;
mod filter;
mod grant;
mod list;
mod mailbox;
mod owner;
mod preset;
mod problem;
mod provider;
mod resolve;
mod secret;
mod section;
pub(crate) mod written;

use problem::Placed;
pub use problem::Problems;
pub(crate) use resolve::PASSWORD_GRANT;
pub use resolve::{Allowances, Ground};
pub use secret::{SecretSources, Sourced};

use account::AccountEntry;
use jiff::Timestamp;
use mailbox::{MailboxEntry, SignIn};
use owner::OwnerEntry;
use postroom_model::{Account, AccountId, ClientSecret, Mailbox, MailboxId, Owner, Provider, ProviderId};
use provider::ProviderEntry;
use secrecy::SecretString;
use section::{Section, tables};
use std::{borrow::Cow, collections::BTreeMap, fmt::Display};
use toml::de::DeTable;

/// A manifest without problems, complete with what presets fill in.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Its providers.
    pub providers: BTreeMap<ProviderId, Provider>,
    /// Its accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Its mailboxes.
    pub mailboxes: BTreeMap<MailboxId, Mailbox>,
    /// Its owners, by their addresses in small letters.
    pub owners: BTreeMap<String, Owner>,
    /// Client secrets, certificates with their keys, or service accounts' keys that it points to.
    pub client_secrets: BTreeMap<ProviderId, Sourced<ClientSecret>>,
    /// Passwords of accounts that it points to.
    pub account_passwords: BTreeMap<AccountId, Sourced<SecretString>>,
    /// Passwords of mailboxes that it points to.
    pub passwords: BTreeMap<MailboxId, Sourced<SecretString>>,
    /// What people should think twice about although nothing is wrong.
    pub warnings: Vec<String>,
    /// What people should know although nothing is wrong.
    pub notes: Vec<String>,
}

/// A manifest's text, taken apart.
pub struct Draft {
    entries: Entries,
    problems: Problems,
    has_syntax_errors: bool,
    /// Whether it is a list, which brings mailboxes in and changes none that sign in otherwise.
    is_list: bool,
    now: Timestamp,
}

/// A manifest's entries as far as they could be read.
struct Entries {
    providers: Vec<ProviderEntry>,
    accounts: Vec<AccountEntry>,
    mailboxes: Vec<MailboxEntry>,
    owners: Vec<OwnerEntry>,
}

impl Draft {
    /// Takes a manifest apart. `file` is how its problems name it; a certificate that has ended by
    /// `now` is one. Another end that has come is worth a warning.
    pub fn read(file: &str, text: &str, sources: &SecretSources<'_>, now: Timestamp) -> Self {
        let mut problems = Problems::new(file, text);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            match error.message() {
                // What a text without quotes is taken for, when it begins like a number.
                message if message.starts_with("invalid float") || message.starts_with("invalid integer") => {
                    problems.add_with_hint(at, message, "a text stands in quotes");
                }
                message => problems.add(at, message),
            }
        }
        let mut document = Section::new(&mut problems, 0, document.into_inner());
        let [providers, accounts, mailboxes, owners] =
            ["provider", "account", "mailbox", "owner"].map(|key| tables(&mut document, key));
        document.finish();
        let providers: Vec<_> = providers
            .into_iter()
            .filter_map(|t| ProviderEntry::read(&mut problems, t, sources, now))
            .collect();
        let accounts: Vec<_> =
            accounts.into_iter().filter_map(|t| AccountEntry::read(&mut problems, t, sources)).collect();
        let mailboxes: Vec<_> =
            mailboxes.into_iter().filter_map(|t| MailboxEntry::read(&mut problems, t, sources)).collect();
        let owners: Vec<_> = owners.into_iter().filter_map(|t| OwnerEntry::read(&mut problems, t)).collect();
        unique("provider", providers.iter().map(|entry| &entry.id), &mut problems);
        unique("account", accounts.iter().map(|entry| &entry.id), &mut problems);
        unique("mailbox", mailboxes.iter().map(|entry| &entry.id), &mut problems);
        unique("owner", owners.iter().map(|entry| &entry.address), &mut problems);
        problems.drop_consequences(errors.len());
        let has_syntax_errors = !errors.is_empty();
        let entries = Entries { providers, accounts, mailboxes, owners };
        Self { entries, problems, has_syntax_errors, is_list: false, now }
    }

    /// Takes a list of mailboxes apart, CSV. `file` is how its problems and its passwords' source name
    /// it; columns that are `ignored` are passed over.
    pub fn read_list(
        file: &str,
        text: &str,
        ignored: &[String],
        sources: &SecretSources<'_>,
        now: Timestamp,
    ) -> Self {
        // An old spreadsheet's line ends, of the same length.
        let text = if text.contains('\n') { Cow::Borrowed(text) } else { text.replace('\r', "\n").into() };
        let mut problems = Problems::new(file, &text);
        let entries = list::entries(&text, ignored, file, sources, &mut problems);
        unique("mailbox", entries.mailboxes.iter().map(|entry| &entry.id), &mut problems);
        Self { entries, problems, has_syntax_errors: false, is_list: true, now }
    }

    /// What is wrong with it for itself.
    pub fn into_problems(self) -> Problems {
        self.problems
    }

    /// The mailboxes that sign in with a password; [`Ground`] must know which of them the vault has.
    pub fn with_password(&self) -> impl Iterator<Item = &MailboxId> {
        let basic = self.entries.mailboxes.iter().filter(|entry| matches!(entry.sign_in, SignIn::Basic));
        basic.map(|entry| &entry.id.value)
    }

    /// Checks it against what is deployed, and fills in what presets know.
    ///
    /// # Errors
    /// Everything that is wrong with the manifest.
    pub fn resolve(mut self, ground: &Ground<'_>) -> Result<Manifest, Problems> {
        if self.has_syntax_errors {
            return Err(self.problems);
        }
        if self.is_list {
            list::deployed_otherwise(&self.entries, ground, &mut self.problems);
        }
        let manifest = resolve::resolve(&self.entries, ground, self.now, &mut self.problems);
        if self.problems.is_empty() { Ok(manifest) } else { Err(self.problems) }
    }
}

/// Reports every id that is there a second time, with the line of the first.
fn unique<'e, T: Ord + Display + 'e>(
    kind: &str,
    ids: impl Iterator<Item = &'e Placed<T>>,
    problems: &mut Problems,
) {
    let mut seen: BTreeMap<&T, usize> = BTreeMap::new();
    for Placed { at, value } in ids {
        match seen.get(value) {
            Some(first) => {
                let reason =
                    format!("{kind} {value} is there twice: the first is on line {}", problems.line(*first));
                problems.add(*at, reason);
            }
            None => drop(seen.insert(value, *at)),
        }
    }
}
