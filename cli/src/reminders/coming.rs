//! What comes next.

use super::Outlook;
use crate::{Error, deployment::Deployment};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use postroom_model::{
    Calendar, Expiry, Governs, MailboxId, Provider, ProviderId, Stage, Subject, authorization_expiry,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Subjects that are looked up at once.
const AT_ONCE: usize = 16;

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

/// What comes next of what was asked for.
pub(super) struct Coming {
    pub(super) reports: Vec<ComingReport>,
    pub(super) more: bool,
    /// Whether what was asked for exists.
    pub(super) is_known: bool,
}

/// What there is to say of a subject.
enum Known {
    /// There is no such thing.
    Nothing,
    /// It ends at some time, or at none.
    Ends(Option<Expiry>),
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
    let registry = &deployment.registry;
    let (mut due, providers) = futures::try_join!(
        async {
            match subject {
                Some(subject) => Ok(vec![(subject.clone(), None)]),
                None => {
                    let due = registry.due_subjects(Timestamp::MAX, limit + 1).await?;
                    Ok::<_, Error>(due.into_iter().map(|due| (due.subject, Some(due.remind_at))).collect())
                }
            }
        },
        async { Ok(registry.providers().await?) },
    )?;
    let more = due.len() > limit;
    due.truncate(limit);
    let providers: BTreeMap<ProviderId, Provider> =
        providers.into_iter().map(|provider| (provider.id.clone(), provider)).collect();
    let found = stream::iter(due).map(|(subject, looked_at)| {
        let providers = &providers;
        async move {
            let known = known(deployment, providers, &subject).await?;
            let is_known = !matches!(known, Known::Nothing);
            let report = report(deployment, subject, looked_at, known, now).await?;
            Ok::<_, Error>((report, is_known))
        }
    });
    let found: Vec<(Option<ComingReport>, bool)> = found.buffered(AT_ONCE).try_collect().await?;
    let is_known = found.iter().any(|(_, is_known)| *is_known);
    let mut reports: Vec<ComingReport> = found.into_iter().filter_map(|(report, _)| report).collect();
    reports.sort_by_key(|report| report.at);
    Ok(Coming { reports, more, is_known })
}

async fn known(
    deployment: &Deployment,
    providers: &BTreeMap<ProviderId, Provider>,
    subject: &Subject,
) -> Result<Known, Error> {
    let registry = &deployment.registry;
    Ok(match subject {
        Subject::Account(id) => match registry.account(id).await? {
            None => Known::Nothing,
            Some(account) => {
                let status = registry.account_status(id).await?;
                let provider = providers.get(&account.provider);
                Known::Ends(provider.and_then(|provider| authorization_expiry(&account, provider, &status)))
            }
        },
        Subject::Provider(id) => providers.get(id).map_or(Known::Nothing, |provider| {
            let end = provider.client_auth_expires;
            Known::Ends(end.map(|end| noted(end.at(), Governs::ClientSecret)))
        }),
        Subject::Password(id) => registry.mailbox(id).await?.map_or(Known::Nothing, |placed| {
            let end = placed.mailbox.password_expires;
            Known::Ends(end.map(|end| noted(end.at(), Governs::Password)))
        }),
        Subject::Incident(id) => match registry.incident(id).await? {
            None => Known::Nothing,
            Some(incident) if incident.closed_at.is_some() => Known::Watched,
            Some(incident) => {
                let (at, governs) = (incident.since, Governs::Incident);
                Known::Ends(Some(Expiry { at, governs, since: at }))
            }
        },
        Subject::Mailbox(id) => mailbox(deployment, id).await?,
        Subject::Address(address) => {
            let mut people = registry.people(std::slice::from_ref(address)).await?;
            let known = people.remove(address).and_then(|person| person.undeliverable);
            known.map_or(Known::Nothing, |known| {
                let at = known.since;
                Known::Ends(Some(Expiry { at, governs: Governs::Refused, since: at }))
            })
        }
        Subject::Schedule => Known::Watched,
    })
}

/// An end that somebody noted down: it counts as known ever since.
fn noted(at: Timestamp, governs: Governs) -> Expiry {
    Expiry { at, governs, since: Timestamp::MIN }
}

async fn mailbox(deployment: &Deployment, id: &MailboxId) -> Result<Known, Error> {
    let loaded = deployment.registry.load(std::slice::from_ref(id)).await?.pop();
    let Some((_, loaded)) = loaded else { return Ok(Known::Nothing) };
    Ok(if loaded?.state.failure.is_some() { Known::Watched } else { Known::Ends(None) })
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
    Ok(match known {
        Known::Ends(Some(expiry)) => {
            let calendar = match subject {
                // The operators hear of it once.
                Subject::Address(_) => &Calendar { repeat_days: None, ..deployment.calendar.clone() },
                _ => &deployment.calendar,
            };
            let outlook = Outlook::of(&expiry, calendar, now);
            let (ends_at, ended_by) = (Some(outlook.ends_at), Some(outlook.ended_by));
            let untold = match outlook.stage.filter(|_| is_due) {
                Some(stage) if !is_told(deployment, &subject, &outlook, stage).await? => Some(stage),
                _ => None,
            };
            match (untold, outlook.next_stage, outlook.next_at) {
                (Some(stage), ..) => {
                    Some(ComingReport { subject, looked_at, at: None, stage: Some(stage), ends_at, ended_by })
                }
                (None, Some(stage), at) => {
                    Some(ComingReport { subject, looked_at, at, stage: Some(stage), ends_at, ended_by })
                }
                (None, None, _) => None,
            }
        }
        Known::Watched => looked_at.map(|at| {
            let at = Some(at).filter(|_| !is_due);
            ComingReport { subject, looked_at, at, stage: None, ends_at: None, ended_by: None }
        }),
        Known::Ends(None) | Known::Nothing => None,
    })
}

/// Whether anybody, or any machine, was told of a stage.
async fn is_told(
    deployment: &Deployment,
    subject: &Subject,
    outlook: &Outlook,
    stage: Stage,
) -> Result<bool, Error> {
    let told = deployment.registry.reminders_of(subject, Some(outlook.ends_at)).await?;
    Ok(told.iter().any(|reminder| reminder.stage == stage))
}
