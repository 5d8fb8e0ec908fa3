//! The report as people read it: one aligned table each, details only where something is wrong.

use super::{
    AccountReport, AuthorizationStatus, FaultReport, IncidentReport, MailboxReport, MailboxStatus,
    OwnerReport, QuarantineReport, Report,
    measure::{moment, size},
    rejected,
};
use crate::{
    Error, Outcome,
    manifest::PASSWORD_GRANT,
    plan::counted,
    reminders::{Outlook, words},
};
use jiff::Timestamp;
use postroom_language::is_unseen;
use postroom_model::{Actor, Auth, Fault, Governs, Grant, Protocol};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    io::Write,
};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", summary(self))?;
        if !self.mailboxes.is_empty() {
            let head =
                ["MAILBOX", "STATUS", "SERVER", "SIGN-IN", "LAST SUCCESS", "MESSAGES", "BYTES", "NEXT TRY"];
            let rows = self
                .mailboxes
                .iter()
                .map(|mailbox| (mailbox_row(mailbox, self.at), mailbox_details(mailbox, self.at)));
            writeln!(f)?;
            table(f, head, rows)?;
        }
        if !self.accounts.is_empty() {
            let head = [
                "ACCOUNT",
                "STATUS",
                "PROVIDER",
                "MAILBOXES",
                "LAST RENEWAL",
                "ACCESS TOKEN ENDS",
                "AUTHORIZATION ENDS",
                "CLIENT SECRET ENDS",
            ];
            let rows = self
                .accounts
                .iter()
                .map(|account| (account_row(account, self.at), account_details(account, self.at)));
            writeln!(f)?;
            table(f, head, rows)?;
        }
        for incident in &self.incidents {
            writeln!(f, "\n{}", incident_details(incident, self.at).trim_end())?;
        }
        for unreadable in &self.unreadable {
            writeln!(f, "\n{}: {}", unreadable.id, plain(&unreadable.reason))?;
        }
        Ok(())
    }
}

/// `6 mailboxes: 5 working, 1 needs the owner`.
fn summary(report: &Report) -> String {
    let mut parts: BTreeMap<(u8, Option<Actor>), usize> = BTreeMap::new();
    for mailbox in &report.mailboxes {
        let part = match (&mailbox.status, &mailbox.failure) {
            (MailboxStatus::Failing, Some(failure)) => (4, Some(failure.fault.actor)),
            (MailboxStatus::Working, _) => (0, None),
            (MailboxStatus::Waiting, _) => (1, None),
            _ => (3, None),
        };
        *parts.entry(part).or_default() += 1;
    }
    let words = parts.into_iter().map(|((part, actor), number)| match (part, actor) {
        (_, Some(Actor::Nobody)) => format!("{number} failing and tried again"),
        (_, Some(actor)) => format!("{number} {} {actor}", if number == 1 { "needs" } else { "need" }),
        (0, None) => format!("{number} working"),
        (1, None) => format!("{number} waiting for the first poll"),
        (_, None) => format!("{number} in no batch (apply the manifest again)"),
    });
    let mut words: Vec<String> = words.collect();
    if !report.unreadable.is_empty() {
        words.push(format!("{} unreadable", report.unreadable.len()));
    }
    let all = report.mailboxes.len() + report.unreadable.len();
    match words.is_empty() {
        true => "no mailboxes: apply a manifest".to_owned(),
        false => format!("{}: {}", counted(all, "mailbox", "mailboxes"), words.join(", ")),
    }
}

fn mailbox_row(mailbox: &MailboxReport, now: Timestamp) -> [String; 8] {
    let protocol = match mailbox.protocol {
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
    };
    let status = match mailbox.status {
        MailboxStatus::Working => "working",
        MailboxStatus::Failing => "failing",
        MailboxStatus::Waiting => "waiting",
        MailboxStatus::Unscheduled => "in no batch",
    };
    let auth = match &mailbox.auth {
        Auth::Basic => "password".to_owned(),
        Auth::Oauth(account) => format!("oauth {account}"),
    };
    [
        mailbox.id.to_string(),
        status.to_owned(),
        format!("{protocol} {}", mailbox.host),
        auth,
        moment_or_dash(mailbox.last_success, now),
        mailbox.messages.to_string(),
        size(mailbox.bytes),
        moment_or_dash(mailbox.next_try, now),
    ]
}

fn mailbox_details(mailbox: &MailboxReport, now: Timestamp) -> String {
    let mut text = String::new();
    if let Some(failure) = &mailbox.failure {
        let times = counted(failure.count as usize, "time", "times in a row");
        let _infallible = writeln!(text, "fails since {}, {times}", moment(failure.since, now));
        text += &fault_details(&failure.fault);
    }
    if let Some(since) = mailbox.no_turn_since {
        let since = moment(since, now);
        let _infallible = writeln!(
            text,
            "has had no turn since {since}: other mailboxes of its batch are slow, or its user has as many connections \
             as one may have"
        );
    }
    if let Some(until) = mailbox.rests_until {
        let until = moment(until, now);
        let _infallible = writeln!(text, "has read what it may read on one day; goes on {until}");
    }
    if mailbox.backlog > 0 {
        let _infallible = writeln!(text, "{} left for the next run", counted_messages(mailbox.backlog));
    }
    if let Some(ends) = mailbox.password_expires {
        let verb = if ends.at() <= now { "ended" } else { "ends" };
        let _infallible = writeln!(text, "the password {verb} {}", moment(ends.at(), now));
    }
    text += &unreached(&mailbox.owners, now);
    if mailbox.attachments && mailbox.quarantine.is_some() {
        text += "attachments are unpacked beside the messages\n";
    }
    if mailbox.left_out > 0 {
        let _infallible = writeln!(text, "{} left out by its filter", counted_messages(mailbox.left_out));
    }
    if mailbox.quarantined > 0 {
        let _infallible = writeln!(text, "{} in quarantine", counted_messages(mailbox.quarantined));
    }
    for message in mailbox.quarantine.iter().flatten() {
        let QuarantineReport { folder, uid_validity, uid, unique_id, class, reason, at, .. } = message;
        let mut place = match unique_id {
            Some(id) => format!("message {uid} (known as {id})"),
            None if *uid_validity == 0 => format!("message {uid}"),
            None => format!("folder {folder:?}, UID {uid} (UIDVALIDITY {uid_validity})"),
        };
        if let Some(id) = &message.message_id {
            place.push_str(&format!(", Message-ID {}", plain(id)));
        }
        if let Some(bytes) = message.size {
            place.push_str(&format!(", {}", size(bytes)));
        }
        let _infallible = writeln!(text, "    {place}, {}: {class}: {}", moment(*at, now), plain(reason));
    }
    text
}

fn counted_messages(number: u64) -> String {
    format!("{number} {}", if number == 1 { "message" } else { "messages" })
}

fn account_row(account: &AccountReport, now: Timestamp) -> [String; 8] {
    let status = match account.status {
        AuthorizationStatus::Authorised => "authorised",
        AuthorizationStatus::Expired => "expired",
        AuthorizationStatus::Failing => "failing",
        AuthorizationStatus::NeverAuthorised => "never authorised",
    };
    [
        account.id.to_string(),
        status.to_owned(),
        account.provider.to_string(),
        account.mailboxes.len().to_string(),
        moment_or_dash(account.obtained_at, now),
        moment_or_dash(account.access_expires_at, now),
        moment_or_dash(end(account, now).map(|(at, _)| at), now),
        account.client_secret_expires.map_or_else(|| "-".to_owned(), |end| end.to_string()),
    ]
}

/// When the authorization ends, and by what. Where only a person's consent helps, an end that was still
/// expected is none.
fn end(account: &AccountReport, now: Timestamp) -> Option<(Timestamp, Governs)> {
    let (at, governs) = account.ends_at.zip(account.ended_by)?;
    let is_one = at <= now || governs == Governs::Refused || !has_ended(account);
    is_one.then_some((at, governs))
}

/// Whether the authorization ended before its time, so that only a person's consent helps.
fn has_ended(account: &AccountReport) -> bool {
    account.status == AuthorizationStatus::Failing
        && account.fault.as_ref().is_some_and(|fault| fault.actor == Actor::Owner)
}

fn account_details(account: &AccountReport, now: Timestamp) -> String {
    let mut text = String::new();
    let end = end(account, now);
    if let Some((at, governs)) = end {
        let verb = match governs {
            Governs::Policy => "is to be given anew",
            _ if at <= now => "ended",
            _ => "ends",
        };
        let _infallible = writeln!(text, "the authorization {verb} then because {}", because(governs));
    }
    if let Some(outlook) = &account.reminder {
        let is_shown = end == Some((outlook.ends_at, outlook.ended_by));
        let _infallible = writeln!(text, "{}", reminder(outlook, is_shown, now));
    }
    text += &unreached(&account.owners, now);
    if let Some(at) = account.authorised_at {
        let who = account.identity.as_deref().map(|who| format!(" by {}", plain(who))).unwrap_or_default();
        let _infallible = writeln!(text, "authorised{who} {}", moment(at, now));
    }
    if !account.missing_scopes.is_empty() {
        let scopes = account.missing_scopes.join(" ");
        let _infallible = writeln!(text, "asked for and not granted: {scopes}");
    }
    if account.grant == Grant::Password {
        let _infallible = writeln!(text, "warning: it has the password grant: {PASSWORD_GRANT}");
    }
    if account.failures > 0 {
        let failed = counted(account.failures as usize, "renewal failed", "renewals in a row failed");
        let tries = account.next_renewal.map(|at| format!("; tried again {}", moment(at, now)));
        let _infallible = writeln!(text, "{failed}{}", tries.unwrap_or_default());
    }
    text += &account.fault.as_ref().map(fault_details).unwrap_or_default();
    let lacks_tokens =
        matches!(account.status, AuthorizationStatus::NeverAuthorised | AuthorizationStatus::Expired);
    if has_ended(account) || lacks_tokens {
        let id = &account.id;
        let _infallible = match account.grant.needs_consent() {
            true => writeln!(text, "`postroom authorize {id}` says how to authorise it"),
            false => writeln!(text, "`postroom authorize {id}` asks for a token now"),
        };
    }
    text
}

/// Which reminders there are of an end, and of which, where that is not shown already.
fn reminder(outlook: &Outlook, is_shown: bool, now: Timestamp) -> String {
    let stage = outlook.stage.map(|stage| format!("reminder: {}", words(stage)));
    let next = outlook.next_stage.zip(outlook.next_at);
    let next = next.map(|(stage, at)| format!("next reminder: {}, {}", words(stage), moment(at, now)));
    let reminders: Vec<String> = stage.into_iter().chain(next).collect();
    let mut text = reminders.join("; ");
    if !is_shown {
        let (end, because) = (moment(outlook.ends_at, now), because(outlook.ended_by));
        let _infallible = write!(text, "\n    of the end {end}, because {because}");
    }
    if let Some(governs) = outlook.next_ended_by {
        let _infallible = write!(text, "\n    the next one is of another end: {}", because(governs));
    }
    text
}

/// The owners who cannot be told anything.
fn unreached(owners: &[OwnerReport], now: Timestamp) -> String {
    let mut text = String::new();
    for OwnerReport { address, undeliverable } in owners {
        let Some(known) = undeliverable else { continue };
        let (address, said, rejected) = (plain(address), plain(&known.said), rejected(known.because));
        let since = moment(known.since, now);
        let _infallible = writeln!(text, "owner {address} cannot be told: {rejected} since {since}: {said}");
    }
    text
}

fn incident_details(incident: &IncidentReport, now: Timestamp) -> String {
    let IncidentReport { provider, fault, since, seen_at, account } = incident;
    let (since, seen) = (moment(*since, now), moment(*seen_at, now));
    let details: String = fault_details(fault).lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "provider {provider} gives no tokens since {since}, last seen {seen} with account {account}\n{details}"
    )
}

/// What makes an authorization end, as the rest of a sentence.
pub(crate) fn because(governs: Governs) -> &'static str {
    match governs {
        Governs::RefreshToken => "the server lets the refresh token end",
        Governs::IdleLimit => "a refresh token that nobody uses dies; each renewal puts that off",
        Governs::AccessToken => "there is no refresh token",
        Governs::ClientSecret => "the app's client secret or certificate ends",
        Governs::ProviderLimit => "the provider ends every authorization after a time, used or not",
        Governs::Policy => "an administrator wants that from time to time; mail goes on",
        Governs::Refused => "it was revoked, or is refused",
        Governs::Password => "the mailbox's password ends",
        Governs::Incident => "the provider's app registration fails",
        _ => "of a rule that is newer than this command",
    }
}

/// Says what a command could not do, why, and who must act.
pub(crate) fn faulted(out: &mut dyn Write, what: &str, fault: &Fault) -> Result<Outcome, Error> {
    let details = match fault.class.actor() {
        // The advice is about what is tried again by itself, and a command is not.
        Actor::Nobody => format!("{fault}\nrun the command again in a while"),
        _ => fault_details(&fault.into()),
    };
    writeln!(out, "{what}")?;
    details.lines().try_for_each(|line| writeln!(out, "    {}", plain(line)))?;
    Ok(Outcome::NotWell)
}

/// A text with U+FFFD for each character that steers a terminal, is not seen, or turns the direction of
/// writing around: what a server said is shown as what it is.
pub(crate) fn plain(text: &str) -> String {
    let is_odd = |c: char| c.is_control() || is_unseen(c);
    text.chars().map(|c| if is_odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn fault_details(fault: &FaultReport) -> String {
    let FaultReport { class, reason, actor, advice } = fault;
    format!("{class}: {}\nwho must act: {actor}. {advice}\n", plain(reason))
}

/// Writes rows under a head, as wide as their widest cells, each with its details indented below it.
pub(crate) fn table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    head: [&str; N],
    rows: impl Iterator<Item = ([String; N], String)>,
) -> fmt::Result {
    let rows: Vec<_> = std::iter::once((head.map(str::to_owned), String::new())).chain(rows).collect();
    let width =
        |column: usize| rows.iter().map(|(row, _)| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    for (row, details) in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        details.lines().try_for_each(|line| writeln!(f, "    {line}"))?;
    }
    Ok(())
}

fn moment_or_dash(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(|| "-".to_owned(), |at| moment(at, now))
}
