//! What people are told next, if nobody acts before.
//!
//! Guarantees: it is what `expiry-check` would do, by the same rules, as things are now.
//!
//! Left out: what has no stages, such as a mailbox that fails or mail that is late.

use crate::{app::App, problem::Problem};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use postroom_model::{
    Auth, Calendar, Expiry, Governs, MailboxId, Provider, ProviderId, Reminder, Stage, Subject,
    authorization_expiry,
};
use postroom_registry::DueSubject;
use std::collections::HashMap;

/// Subjects that are looked at for one page.
pub(crate) const MOST: usize = 50;
/// Subjects whose facts are read at the same time.
const AT_ONCE: usize = 10;

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
        expiry: Expiry,
        told: &[Reminder],
        calendar: &Calendar,
        now: Timestamp,
    ) -> Option<Self> {
        let subject = due.subject.clone();
        let standing = calendar.standing(&expiry, now);
        let is_told = |stage| told.iter().any(|told| told.ends_at == expiry.at && told.stage == stage);
        // Whoever looked has told of the stage that it found: only what is yet to be looked at may not
        // have been told.
        if let Some(stage) = standing.stage.filter(|stage| due.remind_at <= now && !is_told(*stage)) {
            return Some(Self { subject, expiry, stage, at: None });
        }
        let next = standing.next?;
        let stage = calendar.standing(&expiry, next).stage?;
        Some(Self { subject, expiry, stage, at: Some(next) })
    }
}

/// What comes next of everything, the first first; at most [`MOST`].
pub(crate) async fn of_all(app: &App) -> Result<Vec<Coming>, Problem> {
    let (now, registry) = (app.now(), &app.registry);
    let (due, providers) = futures::try_join!(
        async { Ok::<_, Problem>(registry.due_subjects(Timestamp::MAX, MOST).await?) },
        async { Ok(registry.providers().await?) },
    )?;
    let passwords = passwords(app, &due).await?;
    let coming = stream::iter(due).map(async |due| {
        let expiry = match &due.subject {
            Subject::Password(id) => passwords.get(id).copied(),
            other => expiry_of(app, other, &providers).await?,
        };
        let Some(expiry) = expiry else { return Ok::<_, Problem>(None) };
        let told = match due.remind_at <= now {
            true => registry.reminders_of(&due.subject, Some(expiry.at)).await?,
            false => Vec::new(),
        };
        Ok(Coming::of(&due, expiry, &told, &app.settings.calendar, now))
    });
    let coming: Vec<Option<Coming>> = coming.buffered(AT_ONCE).try_collect().await?;
    let mut coming: Vec<Coming> = coming.into_iter().flatten().collect();
    coming.sort_by_key(|coming| coming.at);
    Ok(coming)
}

async fn expiry_of(app: &App, subject: &Subject, providers: &[Provider]) -> Result<Option<Expiry>, Problem> {
    let provider = |id: &ProviderId| providers.iter().find(|provider| provider.id == *id);
    Ok(match subject {
        Subject::Account(id) => {
            let account = async { Ok::<_, Problem>(app.registry.account(id).await?) };
            let status = async { Ok(app.registry.account_status(id).await?) };
            let (account, status) = futures::try_join!(account, status)?;
            account.and_then(|account| authorization_expiry(&account, provider(&account.provider)?, &status))
        }
        Subject::Provider(id) => provider(id)
            .and_then(|provider| provider.client_auth_expires)
            .map(|end| noted_down(end.at(), Governs::ClientSecret)),
        Subject::Incident(id) => {
            let open = app.registry.incident(id).await?.filter(|incident| incident.closed_at.is_none());
            let since = open.map(|incident| incident.since);
            since.map(|since| Expiry { at: since, governs: Governs::Incident, since })
        }
        Subject::Password(_) | Subject::Mailbox(_) | Subject::Address(_) | Subject::Schedule => None,
    })
}

/// When the passwords of the mailboxes among these end.
async fn passwords(app: &App, due: &[DueSubject]) -> Result<HashMap<MailboxId, Expiry>, Problem> {
    let id = |due: &DueSubject| match &due.subject {
        Subject::Password(id) => Some(id.clone()),
        _ => None,
    };
    let ids: Vec<MailboxId> = due.iter().filter_map(id).collect();
    let loaded = app.registry.load(&ids).await?;
    let expiry = |(id, loaded): (MailboxId, postroom_registry::Result<postroom_registry::LoadedMailbox>)| {
        let mailbox = loaded.ok()?.placed.mailbox;
        let end = mailbox.password_expires.filter(|_| mailbox.auth == Auth::Basic)?;
        Some((id, noted_down(end.at(), Governs::Password)))
    };
    Ok(loaded.into_iter().filter_map(expiry).collect())
}

/// An end that a person noted down: every stage of it is told.
fn noted_down(at: Timestamp, governs: Governs) -> Expiry {
    Expiry { at, governs, since: Timestamp::MIN }
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
        let expiry = noted_down(at("2027-04-11T09:00:00Z"), Governs::IdleLimit);
        let told = |stage| Reminder {
            subject: subject.clone(),
            ends_at: expiry.at,
            governs: expiry.governs,
            stage,
            recipient: Recipient::Events,
            sent_at: at("2027-04-04T09:10:00Z"),
            message_id: None,
        };
        let calendar = |repeat_days| Calendar { zone: TimeZone::UTC, repeat_days };
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
            let coming = Coming::of(&due, expiry, &known, &calendar(repeat_days), at(now));
            let coming = coming.map(|coming| (coming.stage, coming.at));
            assert_eq!(coming, next.map(|(stage, moment)| (stage, moment.map(at))), "{now} {remind_at}");
        }
    }
}
