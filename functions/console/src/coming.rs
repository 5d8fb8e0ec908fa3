//! What people are told next, if nobody acts before.
//!
//! Guarantees: it is what `expiry-check` would do, by the same rules ([`Calendar::coming`]), as things
//! are now. What cannot be read is left out, and a line in the log tells of it. The work is bounded.
//!
//! Left out: what has no stages, such as a mailbox that fails or mail that is late; and addresses that
//! take no mail, which have a list of their own.

use crate::{app::App, problem::Problem};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use postroom_model::{
    Auth, Calendar, Ends, Expiry, Governs, Provider, ProviderId, Reminder, Stage, Subject, authorization_ends,
};
use postroom_registry::{DueSubject, Registry};
use std::collections::HashMap;
use tokio::sync::Mutex;

/// Stages that are shown at most.
pub(crate) const MOST: usize = 50;
/// Subjects that are looked at for them at most: first few, and many where the first have nothing to say.
const LOOKED_AT: [usize; 2] = [50, 250];
/// Subjects whose facts are read at the same time.
const AT_ONCE: usize = 10;
/// Subjects that have stages; by the names that [`Subject::kind`] gives them.
const KINDS: [&str; 4] = ["account", "provider", "password", "incident"];

/// The next stage of a subject's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coming {
    pub(crate) subject: Subject,
    pub(crate) expiry: Expiry,
    /// How near the end will be.
    pub(crate) stage: Stage,
    /// When that is told; `None`: in the next run.
    pub(crate) at: Option<Timestamp>,
}

impl Coming {
    /// What is told next of a subject that is looked at from `due.remind_at` on; `told` are reminders of
    /// it. `None`: nothing is.
    pub(crate) fn of(
        due: &DueSubject,
        ends: &Ends,
        told: &[Reminder],
        calendar: &Calendar,
        now: Timestamp,
    ) -> Option<Self> {
        let subject = due.subject.clone();
        let outlook = calendar.outlook(ends, now)?;
        let expiry = outlook.expiry;
        let is_told = |stage| {
            let began_at = calendar.begins(&expiry, stage);
            told.iter().any(|told| told.ends_at == expiry.at && told.tells(stage, began_at))
        };
        // Whoever looked has told of the stage that it found: only what is yet to be looked at may not
        // have been told.
        if let Some(stage) = outlook.standing.stage.filter(|stage| due.remind_at <= now && !is_told(*stage)) {
            return Some(Self { subject, expiry, stage, at: None });
        }
        let (at, then) = calendar.coming(ends, now)?;
        Some(Self { subject, expiry: then.expiry, stage: then.standing.stage?, at: Some(at) })
    }
}

/// What comes next of everything, the first first; at most [`MOST`].
pub(crate) async fn of_all(app: &App) -> Result<Vec<Coming>, Problem> {
    let providers = Providers::default();
    let mut coming = Vec::new();
    let mut looked_at = 0;
    for most in LOOKED_AT {
        let due = due(&app.registry, most).await?;
        let ends_here = due.len() < most;
        let unseen = stream::iter(due.into_iter().skip(looked_at));
        let found = unseen.map(|due| of_one(app, &providers, due)).buffered(AT_ONCE);
        coming.extend(found.try_collect::<Vec<_>>().await?.into_iter().flatten());
        if ends_here || coming.len() >= MOST {
            break;
        }
        looked_at = most;
    }
    coming.sort_by_key(|coming| coming.at);
    coming.truncate(MOST);
    Ok(coming)
}

/// The subjects that are looked at first, of all kinds.
async fn due(registry: &Registry, most: usize) -> Result<Vec<DueSubject>, Problem> {
    let of_kinds = KINDS.map(|kind| registry.due_of(kind, Timestamp::MAX, most));
    let mut due: Vec<_> = futures::future::try_join_all(of_kinds).await?.into_iter().flatten().collect();
    due.sort_by_key(|due| due.remind_at);
    due.truncate(most);
    Ok(due)
}

async fn of_one(app: &App, providers: &Providers, due: DueSubject) -> Result<Option<Coming>, Problem> {
    match facts(&app.registry, providers, &due, app.now()).await {
        Ok(None) => Ok(None),
        Ok(Some((ends, told))) => Ok(Coming::of(&due, &ends, &told, &app.settings.calendar, app.now())),
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => {
            // A subject may be an address, which no log line names.
            tracing::error!(%error, kind = due.subject.kind(), "what comes next of something cannot be read");
            Ok(None)
        }
    }
}

/// When a subject ends, and what was told of that.
async fn facts(
    registry: &Registry,
    providers: &Providers,
    due: &DueSubject,
    now: Timestamp,
) -> Result<Option<(Ends, Vec<Reminder>)>, postroom_registry::Error> {
    let Some(ends) = ends(registry, providers, &due.subject).await? else { return Ok(None) };
    let told = match due.remind_at <= now {
        true => registry.reminders_of(&due.subject, None).await?,
        false => Vec::new(),
    };
    Ok(Some((ends, told)))
}

async fn ends(
    registry: &Registry,
    providers: &Providers,
    subject: &Subject,
) -> Result<Option<Ends>, postroom_registry::Error> {
    let one = |expiry: Expiry| Ends { hard: Some(expiry), ..Ends::default() };
    Ok(match subject {
        Subject::Account(id) => {
            let (account, status) = futures::try_join!(registry.account(id), registry.account_status(id))?;
            let Some(account) = account else { return Ok(None) };
            let provider = providers.get(registry, &account.provider).await?;
            provider.map(|provider| authorization_ends(&account, &provider, &status))
        }
        Subject::Provider(id) => {
            let end = providers.get(registry, id).await?.and_then(|provider| provider.client_auth_expires);
            end.map(|end| one(Expiry::noted(end.at(), Governs::ClientSecret)))
        }
        Subject::Password(id) => {
            let mailbox = registry.mailbox(id).await?.map(|placed| placed.mailbox);
            let end = mailbox.filter(|mailbox| mailbox.auth == Auth::Basic);
            let end = end.and_then(|mailbox| mailbox.password_expires);
            end.map(|end| one(Expiry::noted(end.at(), Governs::Password)))
        }
        Subject::Incident(id) => {
            let open = registry.incident(id).await?.filter(|incident| incident.closed_at.is_none());
            let since = open.map(|incident| incident.since);
            since.map(|since| one(Expiry { at: since, governs: Governs::Incident, since }))
        }
        Subject::Mailbox(_) | Subject::Address(_) | Subject::Schedule => None,
    })
}

/// Providers, each of which is read once for a page.
#[derive(Default)]
struct Providers(Mutex<HashMap<ProviderId, Option<Provider>>>);

impl Providers {
    async fn get(
        &self,
        registry: &Registry,
        id: &ProviderId,
    ) -> Result<Option<Provider>, postroom_registry::Error> {
        let mut known = self.0.lock().await;
        if let Some(provider) = known.get(id) {
            return Ok(provider.clone());
        }
        let provider = registry.provider(id).await?;
        known.insert(id.clone(), provider.clone());
        Ok(provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use postroom_model::Recipient;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn what_comes_next_is_the_stage_that_nobody_was_told_of() {
        let subject = Subject::Account("projects".parse().expect("id"));
        let expiry = Expiry::noted(at("2027-04-11T09:00:00Z"), Governs::IdleLimit);
        let ends = Ends { hard: Some(expiry), ..Ends::default() };
        let calendar = |repeat_days| Calendar { zone: TimeZone::UTC, repeat_days };
        let told = |stage| Reminder {
            subject: subject.clone(),
            ends_at: expiry.at,
            governs: expiry.governs,
            stage,
            began_at: calendar(Some(7)).begins(&expiry, stage),
            recipient: Recipient::Events,
            sent_at: at("2027-04-04T09:10:00Z"),
            message_id: None,
        };
        for (now, remind_at, known, repeat_days, next) in [
            // There is time, whether it is yet to be looked at or not.
            (
                "2027-01-01T00:00:00Z",
                "2027-03-10T00:00:00Z",
                None,
                Some(7),
                Some((Stage::Month, Some("2027-03-11T09:00:00Z"))),
            ),
            (
                "2027-01-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
                None,
                Some(7),
                Some((Stage::Month, Some("2027-03-11T09:00:00Z"))),
            ),
            // A week is left: it is told at once, and then a day before.
            ("2027-04-05T00:00:00Z", "2027-04-04T09:00:00Z", None, Some(7), Some((Stage::Week, None))),
            (
                "2027-04-05T00:00:00Z",
                "2027-04-04T09:00:00Z",
                Some(Stage::Month),
                Some(7),
                Some((Stage::Week, None)),
            ),
            (
                "2027-04-05T00:00:00Z",
                "2027-04-04T09:00:00Z",
                Some(Stage::Week),
                Some(7),
                Some((Stage::Day, Some("2027-04-10T09:00:00Z"))),
            ),
            (
                "2027-04-05T00:00:00Z",
                "2027-04-10T09:00:00Z",
                None,
                Some(7),
                Some((Stage::Day, Some("2027-04-10T09:00:00Z"))),
            ),
            // It has ended.
            (
                "2027-04-12T00:00:00Z",
                "2027-04-18T09:00:00Z",
                None,
                Some(7),
                Some((Stage::Overdue(1), Some("2027-04-18T09:00:00Z"))),
            ),
            ("2027-04-12T00:00:00Z", "2027-04-11T09:00:00Z", Some(Stage::Overdue(0)), None, None),
        ] {
            let due = DueSubject { subject: subject.clone(), remind_at: at(remind_at) };
            let known: Vec<Reminder> = known.into_iter().map(told).collect();
            let coming = Coming::of(&due, &ends, &known, &calendar(repeat_days), at(now));
            let coming = coming.map(|coming| (coming.stage, coming.at));
            assert_eq!(coming, next.map(|(stage, moment)| (stage, moment.map(at))), "{now} {remind_at}");
        }
    }
}
