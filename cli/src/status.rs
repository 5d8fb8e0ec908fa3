//! `postroom status`: how mailboxes and accounts are doing, and who must act.
//!
//! [`Report`] is what machines read (`--json`). Its names are stable: a later release adds some, and
//! changes the meaning of none. Times are RFC 3339 in UTC; what is not known is left out.
//!
//! | name | what |
//! |---|---|
//! | `at` | when the report was made |
//! | `mailboxes[].status` | `working`, `failing`, `waiting` (not polled yet), `unscheduled` (in no batch) |
//! | `mailboxes[].auth` | `"basic"`, or `{"oauth": account}` |
//! | `mailboxes[].last_success` | when a poll last went through |
//! | `mailboxes[].no_turn_since` | since when it has had no turn in the runs of its batch, which have no time or no connection for it |
//! | `mailboxes[].next_try` | when the schedule takes it next |
//! | `mailboxes[].failure` | `class`, `reason`, `actor`, `advice`, `since`, `at`, `count` |
//! | `mailboxes[].messages`, `.bytes` | archived so far |
//! | `mailboxes[].backlog`, `.quarantined` | messages left for the next run; on record in quarantine |
//! | `mailboxes[].left_out` | messages that its filter has left out so far |
//! | `mailboxes[].rests_until` | until when it rests because it has read what it may read on one day |
//! | `mailboxes[].attachments` | whether attachments are unpacked beside its messages |
//! | `mailboxes[].password_expires` | the day or moment at which its password ends |
//! | `mailboxes[].owners[]` | who is told when its account must be authorised again or its password ends: `address`, and where it takes no mail `undeliverable` with `because` (`invalid`, `refused`, `bounced`, `returned`, `complained`), `said`, `since`, `seen_at` |
//! | `mailboxes[].quarantine[]` | of mailboxes that were named: `folder`, `uid_validity`, `uid` (in a maildrop 0, the number it had then, and `unique_id`), `class`, `reason`, `at` of each of these |
//! | `unreadable[]` | `id` and `reason` of mailboxes whose record cannot be read |
//! | `accounts[].status` | `authorised`, `expired`, `failing`, `never_authorised` |
//! | `accounts[].login`, `.identity`, `.authorised_at` | who must consent; who did, and when |
//! | `accounts[].obtained_at`, `.access_expires_at`, `.refresh_expires_at` | of its token set, which the last renewal brought |
//! | `accounts[].next_renewal` | when its token set is renewed next |
//! | `accounts[].ends_at`, `.ended_by` | when the authorization ends unless something is done, and by what: `refresh_token`, `idle_limit`, `access_token`, `client_secret`, `provider_limit`, `policy`, `refused` |
//! | `accounts[].reminder` | the end that its owners are reminded of, which is another where `client_secret` comes first: `ends_at`, `ended_by`; `stage` that it has reached, `next_stage` and `next_at`, and `next_ended_by` where that stage is another end's: `month`, `week`, `day`, `overdue-0`, `overdue-1` … |
//! | `accounts[].owners[]` | who is reminded, as of mailboxes |
//! | `accounts[].missing_scopes` | asked for and not granted |
//! | `accounts[].client_secret_expires` | the day or moment at which its provider's client secret or certificate ends |
//! | `accounts[].fault`, `.failures` | `class`, `reason`, `actor`, `advice`; renewals in a row that failed |
//! | `incidents[]` | what keeps a provider's accounts from new tokens: `provider`, `class`, `reason`, `actor`, `advice`, `since`, `seen_at`, and the `account` it was seen with |
//!
//! Actors are `nobody`, `owner`, `operator`, `administrator` and `we`.

mod account;
mod mailbox;
mod measure;
mod owner;
mod text;

pub use account::{AccountReport, AuthorizationStatus, IncidentReport};
pub use mailbox::{MailboxReport, MailboxStatus, QuarantineReport};
pub(crate) use measure::{clock, moment, size};
pub use owner::{OwnerReport, UndeliverableReport, Unreached};
pub(crate) use owner::{rejected, unreached};
pub(crate) use text::{because, faulted, plain, table};

use crate::{Error, Outcome, args::StatusArgs, deployment::Deployment, fetch::refuse_unknown};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use postroom_model::{Account, AccountId, Actor, Auth, Batch, BatchId, Fault, FaultClass, MailboxId};
use postroom_registry::Incident;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// Mailboxes whose quarantine is looked up at once.
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
    /// What keeps providers of these accounts from giving tokens.
    pub incidents: Vec<IncidentReport>,
}

/// A mailbox whose record cannot be read.
#[derive(Debug, Clone, Serialize)]
pub struct Unreadable {
    /// Which.
    pub id: MailboxId,
    /// Why.
    pub reason: String,
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
    let (all, accounts, providers, unreached) = futures::try_join!(
        registry.mailboxes(),
        registry.accounts(),
        registry.providers(),
        unreached(registry)
    )?;
    let batches = registry.batches(all.iter().filter_map(|placed| placed.batch.clone())).await?;
    let batches: BTreeMap<BatchId, Batch> =
        batches.into_iter().map(|batch| (batch.id.clone(), batch)).collect();
    let all: Vec<MailboxId> = all.into_iter().map(|placed| placed.mailbox.id).collect();
    let ids = if only.is_empty() { &all } else { only };
    let loaded = registry.load(ids).await?;
    refuse_unknown(only, &loaded.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())?;

    let mut report = Report {
        at: now,
        mailboxes: Vec::new(),
        unreadable: Vec::new(),
        accounts: Vec::new(),
        incidents: Vec::new(),
    };
    let mut users: BTreeMap<AccountId, Vec<MailboxId>> = BTreeMap::new();
    for (id, mailbox) in loaded {
        match mailbox {
            Ok(mailbox) => {
                if let Auth::Oauth(account) = &mailbox.placed.mailbox.auth {
                    users.entry(account.clone()).or_default().push(id);
                }
                let batch = mailbox.placed.batch.as_ref().and_then(|batch| batches.get(batch));
                let owners = OwnerReport::all(&mailbox.placed.mailbox.owners, &unreached);
                report.mailboxes.push(MailboxReport::new(&mailbox, batch, owners, now));
            }
            Err(error) => report.unreadable.push(Unreadable { id, reason: error.to_string() }),
        }
    }
    let named: BTreeSet<&AccountId> = users.keys().collect();
    let accounts: Vec<Account> =
        accounts.into_iter().filter(|account| only.is_empty() || named.contains(&account.id)).collect();
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
    let (statuses, incidents) = futures::try_join!(registry.account_statuses(&ids), registry.incidents())?;
    report.accounts.extend(accounts.iter().map(|account| {
        let known = statuses.get(&account.id).cloned().unwrap_or_default();
        let provider = providers.iter().find(|provider| provider.id == account.provider);
        let mailboxes = users.get(&account.id).cloned().unwrap_or_default();
        let owners = OwnerReport::all(&account.owners, &unreached);
        AccountReport::new(account, &known, provider, mailboxes, owners, (&deployment.calendar, now))
    }));
    let concerns = |incident: &Incident| accounts.iter().any(|account| account.provider == incident.provider);
    report.incidents.extend(incidents.into_iter().filter(concerns).map(IncidentReport::from));
    if !only.is_empty() {
        let reports = stream::iter(report.mailboxes).map(|mailbox| async {
            let records = registry.quarantined(&mailbox.id).await?;
            Ok::<_, Error>(mailbox.with_quarantine(records))
        });
        report.mailboxes = reports.buffered(AT_ONCE).try_collect().await?;
    }
    report.mailboxes.sort_by(|one, other| one.id.cmp(&other.id));
    report.accounts.sort_by(|one, other| one.id.cmp(&other.id));
    report.incidents.sort_by(|one, other| one.provider.cmp(&other.provider));
    Ok(report)
}
