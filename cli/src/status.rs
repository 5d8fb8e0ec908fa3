//! `postroom status`: how mailboxes and accounts are doing, and who must act.
//!
//! [`Report`] is what machines read (`--json`). Its names are stable: a later release adds some, and
//! changes the meaning of none. Times are RFC 3339 in UTC; what is not known is left out.
//!
//! | name | what |
//! |---|---|
//! | `at` | when the report was made |
//! | `mailboxes[].status` | `working`, `failing`, `waiting` (not polled yet), `unscheduled` (in no batch), `not_fetched` (POP3) |
//! | `mailboxes[].auth` | `"basic"`, or `{"oauth": account}` |
//! | `mailboxes[].last_success` | when a poll last went through |
//! | `mailboxes[].next_try` | when the schedule takes it next |
//! | `mailboxes[].failure` | `class`, `reason`, `actor`, `advice`, `since`, `at`, `count` |
//! | `mailboxes[].messages`, `.bytes` | archived so far |
//! | `mailboxes[].backlog`, `.quarantined` | messages left for the next run; on record in quarantine |
//! | `mailboxes[].quarantine[]` | of mailboxes that were named: `folder`, `uid_validity`, `uid`, `class`, `reason`, `at` of each of these |
//! | `unreadable[]` | `id` and `reason` of mailboxes whose record cannot be read |
//! | `accounts[].status` | `authorised`, `expired`, `failing`, `never_authorised` |
//! | `accounts[].obtained_at`, `.access_expires_at`, `.refresh_expires_at` | of its token set |
//! | `accounts[].client_secret_expires` | the day on which its provider's client secret or certificate ends |
//! | `accounts[].fault` | `class`, `reason`, `actor`, `advice` |
//!
//! Actors are `nobody`, `owner`, `operator`, `administrator` and `we`.

mod mailbox;
mod text;

pub use mailbox::{MailboxReport, MailboxStatus, QuarantineReport};
pub(crate) use text::{moment, size};

use crate::{Error, Outcome, args::StatusArgs, deployment::Deployment, fetch::refuse_unknown};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, civil::Date};
use postroom_model::{
    Account, AccountId, AccountStatus, Actor, Auth, Batch, BatchId, Fault, FaultClass, Grant, MailboxId,
    Provider, ProviderId,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// Accounts that are looked up at once.
const AT_ONCE: usize = 16;

/// How mailboxes and accounts are doing. Its `Display` is what people read.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When it was made.
    pub at: Timestamp,
    /// Mailboxes, in order of their ids.
    pub mailboxes: Vec<MailboxReport>,
    /// Mailboxes whose record cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Accounts, in order of their ids.
    pub accounts: Vec<AccountReport>,
}

/// A mailbox whose record cannot be read.
#[derive(Debug, Clone, Serialize)]
pub struct Unreadable {
    /// Which.
    pub id: MailboxId,
    /// Why.
    pub reason: String,
}

/// How one account is doing.
#[derive(Debug, Clone, Serialize)]
pub struct AccountReport {
    /// Which.
    pub id: AccountId,
    /// Its provider.
    pub provider: ProviderId,
    /// How it is authorised.
    pub grant: Grant,
    /// In one word.
    pub status: AuthorizationStatus,
    /// The mailboxes that sign in with it.
    pub mailboxes: Vec<MailboxId>,
    /// When its token set was obtained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obtained_at: Option<Timestamp>,
    /// When its access token ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_expires_at: Option<Timestamp>,
    /// When its refresh token ends, where the server said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    /// The day on which its provider's client secret or certificate ends, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires: Option<Date>,
    /// Why its tokens were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultReport>,
}

/// An account's authorization in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationStatus {
    /// It has a token set, and nothing speaks against it.
    Authorised,
    /// Its access token, as far as is known, has ended, and nothing has renewed it.
    Expired,
    /// Its tokens were refused.
    Failing,
    /// It never had a token set.
    NeverAuthorised,
}

/// A fault, with what it means for people.
#[derive(Debug, Clone, Serialize)]
pub struct FaultReport {
    /// What kind it is.
    pub class: FaultClass,
    /// What the server or the system said.
    pub reason: String,
    /// Who must act.
    pub actor: Actor,
    /// What they should do.
    pub advice: &'static str,
}

impl From<&Fault> for FaultReport {
    fn from(fault: &Fault) -> Self {
        let Fault { class, reason, .. } = fault.clone();
        Self { class, reason, actor: class.actor(), advice: class.advice() }
    }
}

impl AccountReport {
    /// An account's report at `now`, from what the registry knows.
    pub fn new(
        account: &Account,
        known: &AccountStatus,
        provider: Option<&Provider>,
        mailboxes: Vec<MailboxId>,
        now: Timestamp,
    ) -> Self {
        let status = match known {
            AccountStatus { fault: Some(_), .. } => AuthorizationStatus::Failing,
            AccountStatus { obtained_at: None, .. } => AuthorizationStatus::NeverAuthorised,
            AccountStatus { access_expires_at: Some(end), .. } if *end <= now => AuthorizationStatus::Expired,
            _ => AuthorizationStatus::Authorised,
        };
        Self {
            id: account.id.clone(),
            provider: account.provider.clone(),
            grant: account.grant,
            status,
            mailboxes,
            obtained_at: known.obtained_at,
            access_expires_at: known.access_expires_at,
            refresh_expires_at: known.refresh_expires_at,
            client_secret_expires: provider.and_then(|provider| provider.client_auth_expires),
            fault: known.fault.as_ref().map(FaultReport::from),
        }
    }
}

/// Prints how mailboxes and accounts are doing at `now`.
///
/// # Errors
/// [`Error`], when the deployment cannot be asked, or a mailbox that is named does not exist.
pub async fn status(
    deployment: &Deployment,
    args: &StatusArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let report = gather(deployment, &args.mailboxes, now).await?;
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(Outcome::Well)
}

/// Asks the registry about some mailboxes, or about all when none is named.
async fn gather(deployment: &Deployment, only: &[MailboxId], now: Timestamp) -> Result<Report, Error> {
    let registry = &deployment.registry;
    let (all, accounts, providers, batches) = futures::try_join!(
        registry.mailboxes(),
        registry.accounts(),
        registry.providers(),
        registry.batches()
    )?;
    let batches: BTreeMap<BatchId, Batch> =
        batches.into_iter().map(|batch| (batch.id.clone(), batch)).collect();
    let all: Vec<MailboxId> = all.into_iter().map(|placed| placed.mailbox.id).collect();
    let ids = if only.is_empty() { &all } else { only };
    let loaded = registry.load(ids).await?;
    refuse_unknown(only, &loaded.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())?;

    let mut report = Report { at: now, mailboxes: Vec::new(), unreadable: Vec::new(), accounts: Vec::new() };
    let mut users: BTreeMap<AccountId, Vec<MailboxId>> = BTreeMap::new();
    for (id, mailbox) in loaded {
        match mailbox {
            Ok(mailbox) => {
                if let Auth::Oauth(account) = &mailbox.placed.mailbox.auth {
                    users.entry(account.clone()).or_default().push(id);
                }
                let batch = mailbox.placed.batch.as_ref().and_then(|batch| batches.get(batch));
                report.mailboxes.push(MailboxReport::new(&mailbox, batch, now));
            }
            Err(error) => report.unreadable.push(Unreadable { id, reason: error.to_string() }),
        }
    }
    let named: BTreeSet<&AccountId> = users.keys().collect();
    let accounts = accounts.iter().filter(|account| only.is_empty() || named.contains(&account.id));
    report.accounts = stream::iter(accounts)
        .map(|account| async {
            let known = registry.account_status(&account.id).await?;
            let provider = providers.iter().find(|provider| provider.id == account.provider);
            let mailboxes = users.get(&account.id).cloned().unwrap_or_default();
            Ok::<_, Error>(AccountReport::new(account, &known, provider, mailboxes, now))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    if !only.is_empty() {
        let reports = stream::iter(report.mailboxes).map(|mailbox| async {
            let records = registry.quarantined(&mailbox.id).await?;
            Ok::<_, Error>(mailbox.with_quarantine(records))
        });
        report.mailboxes = reports.buffered(AT_ONCE).try_collect().await?;
    }
    report.mailboxes.sort_by(|one, other| one.id.cmp(&other.id));
    report.accounts.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(report)
}
