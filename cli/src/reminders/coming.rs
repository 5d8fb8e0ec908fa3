//! What comes next.

use crate::{Error, deployment::Deployment};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use postroom_model::{
    Auth, Calendar, Ends, Expiry, Governs, Provider, ProviderId, Stage, Subject, authorization_ends,
};
use postroom_registry::Registry;
use serde::Serialize;
use std::collections::HashMap;
use tokio::sync::Mutex;

/// Subjects that are looked up at once.
const AT_ONCE: usize = 16;
/// Kinds of subjects of which people are told, by the names that [`Subject::kind`] gives them.
const KINDS: [&str; 5] = ["account", "provider", "password", "incident", "address"];
/// Subjects that are looked at for each that is asked for, at most: some have nothing to say.
const LOOKED_AT: usize = 5;

/// What people or machines are told next of a subject.
#[derive(Debug, Clone, Serialize)]
pub struct ComingReport {
    /// What it is about.
    pub subject: Subject,
    /// When it is looked at; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// When somebody is told; absent where the next run does so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Of which stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// What makes it end then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Governs>,
}

/// Something of which it cannot be read what comes next.
#[derive(Debug, Clone, Serialize)]
pub struct UnreadableSubject {
    /// What it is.
    pub subject: Subject,
    /// Why.
    pub reason: String,
}

/// What comes next of what was asked for.
#[derive(Default)]
pub(super) struct Coming {
    pub(super) reports: Vec<ComingReport>,
    pub(super) more: bool,
    /// Whether what was asked for exists.
    pub(super) is_known: bool,
    pub(super) unreadable: Vec<UnreadableSubject>,
}

/// What there is to say of a subject.
enum Known {
    /// There is no such thing.
    Nothing,
    /// It ends at some time, or at none.
    Ends(Option<Ends>),
    /// It has no end: what happens to it is said when it happens.
    Watched,
}

/// What comes next of one subject, or of those that are looked at first.
pub(super) async fn coming(
    deployment: &Deployment,
    subject: Option<&Subject>,
    limit: usize,
    now: Timestamp,
) -> Result<Coming, Error> {
    let providers = Providers::default();
    if let Some(subject) = subject {
        let known = known(deployment, &providers, subject).await?;
        let is_known = !matches!(known, Known::Nothing);
        let report = report(deployment, subject.clone(), None, known, now).await?;
        return Ok(Coming { reports: report.into_iter().collect(), is_known, ..Coming::default() });
    }
    let (mut coming, mut looked_at) = (Coming::default(), 0);
    for most in [limit + 1, LOOKED_AT * (limit + 1)] {
        let due = due(&deployment.registry, most).await?;
        let ends_here = due.len() < most;
        let unseen = stream::iter(due.into_iter().skip(looked_at)).map(async |(subject, at)| {
            let found = of_one(deployment, &providers, &subject, at, now).await;
            (subject, found)
        });
        let found: Vec<_> = unseen.buffered(AT_ONCE).collect().await;
        for (subject, found) in found {
            match found {
                Ok(report) => coming.reports.extend(report),
                Err(Error::Registry(error)) if !error.is_transient() => {
                    coming.unreadable.push(UnreadableSubject { subject, reason: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        coming.more = !ends_here;
        if ends_here || coming.reports.len() > limit {
            break;
        }
        looked_at = most;
    }
    coming.reports.sort_by_key(|report| report.at);
    coming.more |= coming.reports.len() > limit;
    coming.reports.truncate(limit);
    Ok(coming)
}

/// The subjects that are looked at first, and when.
async fn due(registry: &Registry, most: usize) -> Result<Vec<(Subject, Timestamp)>, Error> {
    let of_kinds = KINDS.map(|kind| registry.due_of(kind, Timestamp::MAX, most));
    let due = futures::future::try_join_all(of_kinds).await?;
    let mut due: Vec<_> = due.into_iter().flatten().map(|due| (due.subject, due.remind_at)).collect();
    due.sort_by_key(|(_, at)| *at);
    due.truncate(most);
    Ok(due)
}

async fn of_one(
    deployment: &Deployment,
    providers: &Providers,
    subject: &Subject,
    looked_at: Timestamp,
    now: Timestamp,
) -> Result<Option<ComingReport>, Error> {
    let known = known(deployment, providers, subject).await?;
    report(deployment, subject.clone(), Some(looked_at), known, now).await
}

/// Providers, each of which is read once.
#[derive(Default)]
struct Providers(Mutex<HashMap<ProviderId, Option<Provider>>>);

impl Providers {
    async fn get(&self, registry: &Registry, id: &ProviderId) -> Result<Option<Provider>, Error> {
        let mut known = self.0.lock().await;
        if let Some(provider) = known.get(id) {
            return Ok(provider.clone());
        }
        let provider = registry.provider(id).await?;
        known.insert(id.clone(), provider.clone());
        Ok(provider)
    }
}

async fn known(deployment: &Deployment, providers: &Providers, subject: &Subject) -> Result<Known, Error> {
    let registry = &deployment.registry;
    let one = |expiry: Expiry| Ends { hard: Some(expiry), ..Ends::default() };
    Ok(match subject {
        Subject::Account(id) => match registry.account(id).await? {
            None => Known::Nothing,
            Some(account) => {
                let status = registry.account_status(id).await?;
                let provider = providers.get(registry, &account.provider).await?;
                Known::Ends(provider.map(|provider| authorization_ends(&account, &provider, &status)))
            }
        },
        Subject::Provider(id) => match providers.get(registry, id).await? {
            None => Known::Nothing,
            Some(provider) => {
                let end = provider.client_auth_expires;
                Known::Ends(end.map(|end| one(Expiry::noted(end.at(), Governs::ClientSecret))))
            }
        },
        Subject::Password(id) => match registry.mailbox(id).await? {
            None => Known::Nothing,
            Some(placed) => {
                let end = placed.mailbox.password_expires.filter(|_| placed.mailbox.auth == Auth::Basic);
                Known::Ends(end.map(|end| one(Expiry::noted(end.at(), Governs::Password))))
            }
        },
        Subject::Incident(id) => match registry.incident(id).await? {
            None => Known::Nothing,
            Some(incident) if incident.closed_at.is_some() => Known::Watched,
            Some(incident) => {
                let (at, governs) = (incident.since, Governs::Incident);
                Known::Ends(Some(one(Expiry { at, governs, since: at })))
            }
        },
        // What happens to it is told to machines alone.
        Subject::Mailbox(id) => match registry.mailbox(id).await? {
            None => Known::Nothing,
            Some(_) => Known::Ends(None),
        },
        Subject::Address(address) => {
            let mut people = registry.people(std::slice::from_ref(address)).await?;
            let known = people.remove(address).and_then(|person| person.undeliverable);
            known.map_or(Known::Nothing, |known| {
                let at = known.since;
                Known::Ends(Some(one(Expiry { at, governs: Governs::Refused, since: at })))
            })
        }
        Subject::Schedule => Known::Watched,
    })
}

/// What comes next of a subject; `None`: nothing, as far as is known.
async fn report(
    deployment: &Deployment,
    subject: Subject,
    looked_at: Option<Timestamp>,
    known: Known,
    now: Timestamp,
) -> Result<Option<ComingReport>, Error> {
    // What is looked at later has been told of its stage.
    let is_due = looked_at.is_none_or(|at| at <= now);
    let report = |subject, at, expiry: Option<Expiry>, stage| ComingReport {
        subject,
        looked_at,
        at,
        stage,
        ends_at: expiry.map(|expiry| expiry.at),
        ended_by: expiry.map(|expiry| expiry.governs),
    };
    Ok(match known {
        Known::Ends(Some(ends)) => {
            let calendar = match subject {
                // The operators hear of it once.
                Subject::Address(_) => &Calendar { repeat_days: None, ..deployment.calendar.clone() },
                _ => &deployment.calendar,
            };
            let Some(outlook) = calendar.outlook(&ends, now) else { return Ok(None) };
            let expiry = outlook.expiry;
            match outlook.standing.stage.filter(|_| is_due) {
                Some(stage) if !is_told(deployment, calendar, &subject, &expiry, stage).await? => {
                    Some(report(subject, None, Some(expiry), Some(stage)))
                }
                _ => calendar
                    .coming(&ends, now)
                    .map(|(at, then)| report(subject, Some(at), Some(then.expiry), then.standing.stage)),
            }
        }
        Known::Watched => looked_at.map(|at| report(subject, Some(at).filter(|_| !is_due), None, None)),
        Known::Ends(None) | Known::Nothing => None,
    })
}

/// Whether anybody, or any machine, was told of a stage.
async fn is_told(
    deployment: &Deployment,
    calendar: &Calendar,
    subject: &Subject,
    expiry: &Expiry,
    stage: Stage,
) -> Result<bool, Error> {
    let told = deployment.registry.reminders_of(subject, Some(expiry.at)).await?;
    let began_at = calendar.begins(expiry, stage);
    Ok(told.iter().any(|reminder| reminder.tells(stage, began_at)))
}
