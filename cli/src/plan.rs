//! What applying a manifest would do: pure, complete, and shown before anything happens.
//!
//! The order of a plan's steps keeps every reference valid at every moment, so that a plan which
//! breaks off leaves nothing half true, and planning again continues it: what something refers to is
//! written before it and deleted after it, and a mailbox leaves its batch before it is deleted.

mod described;
mod difference;

use crate::{
    manifest::{Manifest, Sourced},
    status::plain,
};
use described::Described;
pub(crate) use described::access;
use difference::difference;
use postroom_model::{
    Account, AccountId, Auth, Batch, ClientSecret, Interval, Mailbox, MailboxId, Owner, Provider, ProviderId,
    assign, mail_address,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

/// What is deployed now.
#[derive(Debug, Default)]
pub struct Deployed {
    /// All providers.
    pub providers: BTreeMap<ProviderId, Provider>,
    /// All accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// All mailboxes.
    pub mailboxes: BTreeMap<MailboxId, Mailbox>,
    /// All owners of whom more is known than the address, by that.
    pub owners: BTreeMap<String, Owner>,
    /// Mailboxes that a release wrote which knew no lists by account.
    pub unlisted: BTreeSet<MailboxId>,
    /// Mailboxes that were migrated from their passwords to an account, at least of those that the
    /// manifest has sign in with a password.
    pub migrated: BTreeSet<MailboxId>,
    /// All batches.
    pub batches: Vec<Batch>,
    /// The addresses of which it is on record that they take no mail, in small letters.
    pub unreached: BTreeSet<String>,
    /// The addresses that the deployment itself names.
    pub staff: BTreeSet<String>,
    /// The vault's client secrets and certificates, at least of the manifest's providers.
    pub client_secrets: BTreeMap<ProviderId, ClientSecret>,
    /// The vault's passwords of accounts, at least of those that the manifest has one for.
    pub account_passwords: BTreeMap<AccountId, SecretString>,
    /// The vault's passwords, at least of the manifest's mailboxes that sign in with one.
    pub passwords: BTreeMap<MailboxId, SecretString>,
}

/// What applying a manifest would do. Its `Display` is what people read.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps, in the order in which they keep references valid.
    pub steps: Vec<Step>,
    /// What is deployed, not in the manifest, and left alone.
    pub left_alone: Vec<String>,
    /// What people should think twice about although nothing is wrong.
    pub warnings: Vec<String>,
    /// What people should know although nothing is wrong.
    pub notes: Vec<String>,
}

/// One step of a plan.
#[derive(Debug)]
pub struct Step {
    /// What it does, for people; without any secret.
    pub line: String,
    /// What it does.
    pub action: Action,
}

/// One write. Each can be repeated.
#[derive(Debug, Clone)]
pub enum Action {
    /// Stores a provider's client secret or certificate.
    PutClientSecret(ProviderId, ClientSecret),
    /// Stores an account's password.
    PutAccountPassword(AccountId, SecretString),
    /// Stores a mailbox's password.
    PutPassword(MailboxId, SecretString),
    /// Writes a provider.
    PutProvider(Box<Provider>),
    /// Writes an account.
    PutAccount(Account),
    /// Writes a mailbox.
    PutMailbox(Box<Mailbox>),
    /// Writes what is known of an owner.
    PutOwner(Owner),
    /// Writes a batch's mailboxes.
    PutBatch(Batch),
    /// Deletes a mailbox and its password; what is archived of it stays.
    DeleteMailbox(MailboxId),
    /// Deletes an account, its token set and its password.
    DeleteAccount(AccountId),
    /// Deletes a provider and its secret.
    DeleteProvider(ProviderId),
    /// Deletes what is known of an owner.
    DeleteOwner(String),
    /// Deletes the record that an address takes no mail.
    ForgetUndeliverable(String),
}

impl Plan {
    /// Compares a manifest with what is deployed. With `prune`, what the manifest does not name is
    /// deleted.
    pub fn new(deployed: &Deployed, wanted: &Manifest, prune: bool) -> Self {
        let (warnings, notes) = (wanted.warnings.clone(), wanted.notes.clone());
        let mut plan = Self { warnings, notes, ..Self::default() };
        plan.secrets(deployed, wanted);
        plan.definitions("owner", &deployed.owners, &wanted.owners, Action::PutOwner);
        plan.definitions("provider", &deployed.providers, &wanted.providers, |provider| {
            Action::PutProvider(provider.into())
        });
        plan.definitions("account", &deployed.accounts, &wanted.accounts, Action::PutAccount);
        plan.consents(deployed, wanted);
        plan.definitions("mailbox", &deployed.mailboxes, &wanted.mailboxes, |mailbox| {
            Action::PutMailbox(mailbox.into())
        });
        plan.returns(deployed, wanted);
        plan.listings(deployed, wanted);
        plan.batches(deployed, wanted, prune);
        plan.leftovers("mailbox", &deployed.mailboxes, &wanted.mailboxes, prune, Action::DeleteMailbox);
        plan.leftovers("account", &deployed.accounts, &wanted.accounts, prune, Action::DeleteAccount);
        plan.leftovers("provider", &deployed.providers, &wanted.providers, prune, Action::DeleteProvider);
        plan.leftovers("owner", &deployed.owners, &wanted.owners, prune, Action::DeleteOwner);
        let named = named(deployed, wanted, prune);
        plan.nobodys(wanted, &named);
        plan.unreached(deployed, &named);
        plan
    }

    fn step(&mut self, line: String, action: Action) {
        self.steps.push(Step { line, action });
    }

    /// Warns of mailboxes that were migrated to an account, and of which the manifest still says what was
    /// before.
    fn returns(&mut self, deployed: &Deployed, wanted: &Manifest) {
        for (id, new) in wanted.mailboxes.iter().filter(|(id, _)| deployed.migrated.contains(id)) {
            let Some(Mailbox { auth: Auth::Oauth(account), server, .. }) = deployed.mailboxes.get(id) else {
                continue;
            };
            if new.auth == Auth::Basic {
                self.warnings.push(format!(
                    "mailbox {id} was migrated to account {account}, and this takes it back to its password; to keep it there, write host = \"{}\" and auth = {{ oauth = \"{account}\" }}, and no password",
                    server.host
                ));
            }
        }
    }

    /// Mailboxes that stay as they are, but are missing from the lists by account.
    fn listings(&mut self, deployed: &Deployed, wanted: &Manifest) {
        for (id, mailbox) in &wanted.mailboxes {
            if deployed.unlisted.contains(id) && deployed.mailboxes.get(id) == Some(mailbox) {
                self.step(
                    format!("~ mailbox {id}: listed by its account"),
                    Action::PutMailbox(mailbox.clone().into()),
                );
            }
        }
    }

    fn secrets(&mut self, deployed: &Deployed, wanted: &Manifest) {
        for (id, Sourced { secret, source }) in &wanted.client_secrets {
            let kind = match secret {
                ClientSecret::Secret(_) => "client secret",
                ClientSecret::Certificate { .. } => "certificate",
                ClientSecret::ServiceAccount { .. } => "service account key",
            };
            let stored = deployed.client_secrets.get(id);
            if let Some(sign) = sign(stored.map(|stored| same_client_secret(stored, secret))) {
                let action = Action::PutClientSecret(id.clone(), secret.clone());
                self.step(format!("{sign} {kind} of {id} (from {source})"), action);
            }
        }
        self.passwords(
            "account ",
            &deployed.account_passwords,
            &wanted.account_passwords,
            Action::PutAccountPassword,
        );
        self.passwords("", &deployed.passwords, &wanted.passwords, Action::PutPassword);
    }

    fn passwords<I: Ord + Display + Clone>(
        &mut self,
        kind: &str,
        deployed: &BTreeMap<I, SecretString>,
        wanted: &BTreeMap<I, Sourced<SecretString>>,
        put: fn(I, SecretString) -> Action,
    ) {
        for (id, Sourced { secret, source }) in wanted {
            if let Some(sign) = sign(deployed.get(id).map(|stored| same(stored, secret))) {
                let action = put(id.clone(), secret.clone());
                self.step(format!("{sign} password of {kind}{id} (from {source})"), action);
            }
        }
    }

    fn definitions<I: Ord + Display, T: Clone + PartialEq + Serialize + Described>(
        &mut self,
        kind: &str,
        deployed: &BTreeMap<I, T>,
        wanted: &BTreeMap<I, T>,
        put: fn(T) -> Action,
    ) {
        for (id, new) in wanted {
            let line = match deployed.get(id) {
                Some(old) if old == new => continue,
                Some(old) => format!("~ {kind} {id}: {}", difference(old, new).join("; ")),
                None => format!("+ {kind} {id} ({})", new.described()),
            };
            self.step(line, put(new.clone()));
        }
    }

    /// Notes accounts whose tokens were consented to as something else than what is wanted now.
    fn consents(&mut self, deployed: &Deployed, wanted: &Manifest) {
        fn asked(account: &Account) -> impl PartialEq {
            (account.provider.clone(), account.login.clone(), account.scopes.clone())
        }
        for (id, new) in wanted.accounts.iter().filter(|(_, account)| account.grant.needs_consent()) {
            if deployed.accounts.get(id).is_some_and(|old| asked(old) != asked(new)) {
                let note = format!(
                    "account {id}: the change counts once it is authorised again (`postroom authorize {id}`)"
                );
                self.notes.push(note);
            }
        }
    }

    /// Warns of owners in the manifest that own nothing once it is applied: most likely a typing error.
    fn nobodys(&mut self, wanted: &Manifest, named: &BTreeSet<String>) {
        for address in wanted.owners.keys().filter(|address| !named.contains(*address)) {
            self.warnings.push(format!("owner {address}: no account and no mailbox names this address"));
        }
    }

    /// Drops the records that an address takes no mail where nobody is written to at that address any
    /// more: it was corrected, or its owner left.
    fn unreached(&mut self, deployed: &Deployed, named: &BTreeSet<String>) {
        let staff: BTreeSet<String> = deployed.staff.iter().map(|address| as_recorded(address)).collect();
        for address in deployed.unreached.iter().filter(|a| !named.contains(*a) && !staff.contains(*a)) {
            let line = format!("- record that {address} takes no mail: nobody owns anything by this address");
            self.step(line, Action::ForgetUndeliverable(address.clone()));
        }
    }

    fn batches(&mut self, deployed: &Deployed, wanted: &Manifest, prune: bool) {
        let staying = deployed.mailboxes.iter().filter(|_| !prune);
        let mailboxes: BTreeMap<MailboxId, Interval> =
            staying.chain(&wanted.mailboxes).map(|(id, mailbox)| (id.clone(), mailbox.interval)).collect();
        for batch in assign(&deployed.batches, &mailboxes) {
            let after = batch.mailboxes.len();
            let before =
                deployed.batches.iter().find(|old| old.id == batch.id).map(|old| old.mailboxes.len());
            let line = match before {
                None => format!("+ batch {} ({})", batch.id, counted(after, "mailbox", "mailboxes")),
                Some(before) if before == after => format!("~ batch {}: other mailboxes", batch.id),
                Some(before) => {
                    format!("~ batch {}: {before} → {}", batch.id, counted(after, "mailbox", "mailboxes"))
                }
            };
            self.step(line, Action::PutBatch(batch));
        }
    }

    fn leftovers<I: Ord + Display + Clone, T>(
        &mut self,
        kind: &str,
        deployed: &BTreeMap<I, T>,
        wanted: &BTreeMap<I, T>,
        prune: bool,
        delete: fn(I) -> Action,
    ) {
        for id in deployed.keys().filter(|id| !wanted.contains_key(id)) {
            if prune {
                self.step(format!("- {kind} {id}"), delete(id.clone()));
            } else {
                self.left_alone.push(format!("{kind} {id}"));
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{}", plain(&step.line))?;
        }
        if !self.left_alone.is_empty() {
            writeln!(f, "left alone, because the manifest does not name them (--prune deletes them):")?;
            self.left_alone.iter().try_for_each(|line| writeln!(f, "    {}", plain(line)))?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {}", plain(warning)))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {}", plain(note)))?;
        match self.steps.len() {
            0 => write!(f, "nothing to do"),
            steps => write!(f, "{}", counted(steps, "change", "changes")),
        }
    }
}

/// What accounts and mailboxes name as their owners once a plan is done.
fn named(deployed: &Deployed, wanted: &Manifest, prune: bool) -> BTreeSet<String> {
    let accounts = after(&deployed.accounts, &wanted.accounts, prune).flat_map(|account| &account.owners);
    let mailboxes = after(&deployed.mailboxes, &wanted.mailboxes, prune).flat_map(|mailbox| &mailbox.owners);
    accounts.chain(mailboxes).map(|owner| as_recorded(owner)).collect()
}

/// An address as it is on record, also where it is none.
fn as_recorded(address: &str) -> String {
    mail_address(address).unwrap_or_else(|| address.trim().to_lowercase())
}

/// The definitions that are there once a plan is done.
fn after<'d, I: Ord, T>(
    deployed: &'d BTreeMap<I, T>,
    wanted: &'d BTreeMap<I, T>,
    prune: bool,
) -> impl Iterator<Item = &'d T> {
    let staying = deployed.iter().filter(move |(id, _)| !prune && !wanted.contains_key(*id));
    staying.map(|(_, definition)| definition).chain(wanted.values())
}

/// `1 change`, `2 changes`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How a plan shows a secret: new, or different from what is stored; nothing when it is the same.
fn sign(is_stored: Option<bool>) -> Option<char> {
    match is_stored {
        None => Some('+'),
        Some(false) => Some('~'),
        Some(true) => None,
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

fn same_client_secret(one: &ClientSecret, other: &ClientSecret) -> bool {
    match (one, other) {
        (ClientSecret::Secret(one), ClientSecret::Secret(other)) => same(one, other),
        (
            ClientSecret::Certificate { certificate: one, key: one_key },
            ClientSecret::Certificate { certificate: other, key: other_key },
        ) => one == other && same(one_key, other_key),
        (
            ClientSecret::ServiceAccount { email: one, key_id: one_id, key: one_key },
            ClientSecret::ServiceAccount { email: other, key_id: other_id, key: other_key },
        ) => one == other && one_id == other_id && same(one_key, other_key),
        _ => false,
    }
}
