//! `postroom reminders`: what was told to whom, what comes next, and who cannot be told.
//!
//! [`Report`] is what machines read (`--json`). Its names are stable: a later release adds some, and
//! changes the meaning of none. Times are RFC 3339 in UTC; what is not known is left out.
//!
//! | name | what |
//! |---|---|
//! | `at` | when the report was made |
//! | `time_zone`, `repeat_days` | in which stages are counted, and days between two reminders of what has ended; absent: it is said once |
//! | `sent[]` | what was told, the latest first: one for each subject, end, stage and recipient; one mail may stand for several |
//! | `sent[].subject` | `account:ID`, `provider:ID` (its client secret or certificate), `password:MAILBOX`, `incident:PROVIDER`, `mailbox:ID`, `address:MAIL-ADDRESS`, `schedule:batches` |
//! | `sent[].recipient` | a mail address, or `events`: machines, by EventBridge |
//! | `sent[].stage` | `month`, `week`, `day`, `overdue-0`; `overdue-1` is the first repetition |
//! | `sent[].ends_at`, `.ended_by` | the end that it was about (for an incident or an address, its beginning), and what makes it end: `refresh_token`, `idle_limit`, `access_token`, `client_secret`, `provider_limit`, `policy`, `refused`, `password`, `incident` |
//! | `sent[].sent_at`, `.message_id` | when, and the id of the mail (SES) or event; without one, nothing could be sent to that address |
//! | `sent_more` | whether there are more than were asked for |
//! | `coming[]` | what comes next unless something changes, the first first |
//! | `coming[].subject` | as above |
//! | `coming[].looked_at` | when `expiry-check` looks at it; that may be earlier than there is something to say. Absent where one subject is asked for |
//! | `coming[].at`, `.stage` | when somebody is told next, and of which stage. Without `at`: by the next run. Without `stage`: machines alone, of the end of an incident |
//! | `coming[].ends_at`, `.ended_by` | the end that it is about, as above |
//! | `coming_more` | whether there are more than were asked for |
//! | `undeliverable[]` | addresses that take no mail: `address`, `because` (`invalid`, `refused`, `bounced`, `returned`, `complained`), `said`, `since`, `seen_at` |
//! | `unreadable[]` | what comes next of these is not known, because what is on record cannot be read: `subject`, `reason` |
//!
//! Left out: who will be told, which is decided when it is time, by who owns what then; and mailboxes
//! that fail, the end of incidents and mail that is late, of which machines alone hear.

mod coming;
mod outlook;
mod sent;
mod text;

pub use coming::{ComingReport, UnreadableSubject};
pub use outlook::Outlook;
pub(crate) use outlook::words;
pub use sent::SentReport;

use crate::{
    Error, Outcome,
    args::RemindersArgs,
    deployment::Deployment,
    status::{UndeliverableReport, unreached},
};
use jiff::Timestamp;
use postroom_model::{Recipient, Subject, Undeliverable};
use serde::Serialize;
use std::{collections::BTreeSet, io::Write};

/// What was told, what comes next, and who cannot be told. Its `Display` is what people read.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When it was made.
    pub at: Timestamp,
    /// The time zone in which stages are counted, by its name in the IANA database.
    pub time_zone: String,
    /// Days between two reminders of what has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_days: Option<u16>,
    /// What was told, the latest first.
    pub sent: Vec<SentReport>,
    /// Whether there is more of it.
    pub sent_more: bool,
    /// What comes next, the first first.
    pub coming: Vec<ComingReport>,
    /// Whether there is more of it.
    pub coming_more: bool,
    /// Addresses that take no mail.
    pub undeliverable: Vec<UnreachedReport>,
    /// What cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableSubject>,
}

/// An address that takes no mail.
#[derive(Debug, Clone, Serialize)]
pub struct UnreachedReport {
    /// The address, in small letters.
    pub address: String,
    /// Why.
    #[serde(flatten)]
    pub known: UndeliverableReport,
}

/// Prints what was told until `now`, and what comes next.
///
/// # Errors
/// [`Error`], when the deployment cannot be asked, or nothing is known of a subject that is named.
pub async fn reminders(
    deployment: &Deployment,
    args: &RemindersArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let report = gather(deployment, args, now).await?;
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?;
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(Outcome::Well)
}

async fn gather(deployment: &Deployment, args: &RemindersArgs, now: Timestamp) -> Result<Report, Error> {
    let limit = usize::from(args.limit);
    let subject = args.subject.clone().map(in_small_letters);
    let subject = subject.as_ref();
    let (sent, coming, unreached) = futures::try_join!(
        sent::sent(deployment, subject, limit),
        coming::coming(deployment, subject, limit, now),
        async { Ok(unreached(&deployment.registry).await?) },
    )?;
    let (sent, sent_more) = sent;
    if let Some(subject) = subject.filter(|_| sent.is_empty() && !coming.is_known) {
        let reason = format!("nothing is known of {subject}; `postroom reminders` lists what there is");
        return Err(Error::Usage(reason));
    }
    let concerned = subject.map(|subject| concerned(subject, &sent));
    let is_concerned = |address: &String| concerned.as_ref().is_none_or(|all| all.contains(address));
    let unreached = unreached.into_iter().filter(|(address, _)| is_concerned(address));
    let report =
        |(address, known): (String, Undeliverable)| UnreachedReport { known: (&known).into(), address };
    let zone = &deployment.calendar.zone;
    Ok(Report {
        at: now,
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        repeat_days: deployment.calendar.repeat_days,
        sent,
        sent_more,
        coming: coming.reports,
        coming_more: coming.more,
        undeliverable: unreached.map(report).collect(),
        unreadable: coming.unreadable,
    })
}

/// A subject as it is on record.
fn in_small_letters(subject: Subject) -> Subject {
    match subject {
        Subject::Address(address) => Subject::Address(address.to_lowercase()),
        other => other,
    }
}

/// The addresses that were told of a subject, or that are one.
fn concerned(subject: &Subject, sent: &[SentReport]) -> BTreeSet<String> {
    let people = sent.iter().filter_map(|sent| match &sent.recipient {
        Recipient::Person(address) => Some(address.clone()),
        Recipient::Events => None,
    });
    let itself = match subject {
        Subject::Address(address) => Some(address.clone()),
        _ => None,
    };
    people.chain(itself).collect()
}
