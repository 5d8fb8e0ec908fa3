//! The report as people read it, in 100 columns where names are not longer than usual.

use super::{ComingReport, Report, SentReport, UnreachedReport, UnreadableSubject, words};
use crate::status::{because, clock, plain, rejected, table};
use jiff::Timestamp;
use postroom_model::{Governs, Recipient, Stage, Subject};
use std::fmt;

/// What helps an address that takes no mail: SES keeps on a list of its own what bounced or complained, and
/// takes later mail to it without delivering it
/// (<https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html>).
const REMEDY: &str = "\
what helps: correct the owner in the manifest and apply it; or, where the address takes mail again,
    aws sesv2 delete-suppressed-destination --email-address ADDRESS
";

/// How wide a detail may be, which is indented by four.
const WIDTH: usize = 96;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sent.is_empty() {
            writeln!(f, "nothing was told yet")?;
        } else {
            let rows = self.sent.iter().map(|sent| (sent_row(sent), sent_details(sent)));
            table(f, ["TOLD", "STAGE", "SUBJECT", "TO"], rows)?;
        }
        more(f, self.sent_more)?;
        writeln!(f)?;
        if self.coming.is_empty() {
            writeln!(f, "nothing is known to come")?;
        } else {
            let rows = self.coming.iter().map(|coming| (coming_row(coming), coming_details(coming, self.at)));
            table(f, ["NEXT", "STAGE", "SUBJECT"], rows)?;
        }
        more(f, self.coming_more)?;
        if !self.undeliverable.is_empty() {
            writeln!(f)?;
            let rows =
                self.undeliverable.iter().map(|known| (unreached_row(known), unreached_details(known)));
            table(f, ["ADDRESS THAT TAKES NO MAIL", "SINCE", "LAST"], rows)?;
            f.write_str(REMEDY)?;
        }
        for UnreadableSubject { subject, reason } in &self.unreadable {
            writeln!(f, "\n{}: {}", name(subject), plain(reason))?;
        }
        let repeats = match self.repeat_days {
            None => "what has ended is said once".to_owned(),
            Some(1) => "what has ended is said again every day".to_owned(),
            Some(days) => format!("what has ended is said again every {days} days"),
        };
        writeln!(f, "\nstages are counted in the time zone {}; {repeats}", self.time_zone)
    }
}

fn more(f: &mut fmt::Formatter<'_>, there_is: bool) -> fmt::Result {
    if there_is { writeln!(f, "there are more: --limit shows them") } else { Ok(()) }
}

fn sent_row(sent: &SentReport) -> [String; 4] {
    let to = match &sent.recipient {
        Recipient::Person(address) => plain(address),
        Recipient::Events => "machines (EventBridge)".to_owned(),
    };
    [clock(sent.sent_at), stage(&sent.subject, sent.stage), name(&sent.subject), to]
}

fn sent_details(sent: &SentReport) -> String {
    let id = match &sent.message_id {
        Some(id) => format!("id {}", plain(id)),
        None => "nothing could be sent to that address".to_owned(),
    };
    let end = end(&sent.subject, sent.ends_at, sent.ended_by, sent.sent_at);
    format!("{}{}", wrapped(&end), wrapped(&id))
}

fn coming_row(coming: &ComingReport) -> [String; 3] {
    let at = coming.at.map_or_else(|| "at the next run".to_owned(), clock);
    let stage = coming.stage.map(|reached| stage(&coming.subject, reached));
    [at, stage.unwrap_or_else(|| "-".to_owned()), name(&coming.subject)]
}

fn coming_details(coming: &ComingReport, now: Timestamp) -> String {
    let details = match (coming.ends_at.zip(coming.ended_by), &coming.subject) {
        (Some((at, governs)), subject) => end(subject, at, governs, now),
        (None, Subject::Incident(_)) => "machines hear that the provider gives tokens again".to_owned(),
        (None, _) => return String::new(),
    };
    wrapped(&details)
}

/// A stage in words that fit: what fails has no end that it could be past.
fn stage(subject: &Subject, stage: Stage) -> String {
    match (subject, stage) {
        (Subject::Incident(_) | Subject::Address(_), Stage::Overdue(0)) => "at once".to_owned(),
        (Subject::Incident(_) | Subject::Address(_), Stage::Overdue(before)) => {
            format!("again, no. {}", u64::from(before) + 1)
        }
        _ => words(stage),
    }
}

/// What it was or is about, as it was seen at a time.
fn end(subject: &Subject, at: Timestamp, governs: Governs, seen: Timestamp) -> String {
    let (verb, because) = match (subject, governs) {
        (Subject::Address(_), _) => ("since", "it takes no mail"),
        (_, Governs::Incident) => ("since", because(governs)),
        (_, Governs::Policy) => ("to be given anew by", because(governs)),
        _ if at <= seen => ("ended", because(governs)),
        _ => ("ends", because(governs)),
    };
    format!("{verb} {}: {because}", clock(at))
}

fn unreached_row(UnreachedReport { address, known }: &UnreachedReport) -> [String; 3] {
    [plain(address), clock(known.since), clock(known.seen_at)]
}

fn unreached_details(UnreachedReport { known, .. }: &UnreachedReport) -> String {
    wrapped(&format!("{}: {}", rejected(known.because), plain(&known.said)))
}

fn name(subject: &Subject) -> String {
    plain(&subject.to_string())
}

/// A text in lines of [`WIDTH`], broken at spaces; a longer word stands alone.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}
