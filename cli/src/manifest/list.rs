//! A list of mailboxes as people keep them in a spreadsheet, saved as CSV (RFC 4180): one row a mailbox,
//! its password in a column or in a file.
//!
//! Each row becomes what a `[[mailbox]]` of a manifest would say, and is checked as that is; its problems
//! name the cell's line and column. What a row leaves out follows from the rest: the protocol and its
//! protection from the port, the id from the user. A password's value is in no problem.

mod cell;
mod column;
mod row;

use super::{
    Entries, Ground,
    mailbox::{MailboxEntry, SignIn},
    problem::{Placed, Problems},
    secret::SecretSources,
};
use cell::{Cells, delimiter};
use column::columns;
use postroom_model::{Auth, MailboxId};
use std::collections::BTreeMap;

/// Reads the entries of a list. Columns that are `ignored` are passed over.
pub(super) fn entries(
    text: &str,
    ignored: &[String],
    file: &str,
    sources: &SecretSources<'_>,
    problems: &mut Problems,
) -> Entries {
    let mut mailboxes = Vec::new();
    let (begin, told) = preamble(text);
    let delimiter = told.unwrap_or_else(|| delimiter(&text[begin..], column::is_known));
    let mut rows = Cells::new(text, begin, delimiter).rows(problems).into_iter();
    match rows.next() {
        None if problems.is_empty() => problems.add(0, "the list is empty"),
        Some(head) if is_sufficient(&head, problems) => {
            let columns = columns(&head, ignored, problems);
            mailboxes.extend(rows.filter_map(|row| row::read(row, &columns, file, sources, problems)));
            if mailboxes.is_empty() && problems.is_empty() {
                problems.add(0, "the list has no mailbox below its first line");
            }
        }
        Some(_) | None => {}
    }
    repeated(&mailboxes, problems);
    Entries { providers: Vec::new(), accounts: Vec::new(), mailboxes, owners: Vec::new() }
}

/// What programs put before the first line: a byte order mark, and Excel's `sep=;`, which tells the
/// delimiter. Where the first line begins, and the delimiter if it is told.
fn preamble(text: &str) -> (usize, Option<char>) {
    let begin = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let line = text[begin..].lines().next().unwrap_or_default();
    let told = line.get(..4).filter(|word| word.eq_ignore_ascii_case("sep="));
    match told.and_then(|_| line[4..].chars().next()) {
        Some(delimiter) => {
            let end = text[begin..].find('\n').map_or(text.len(), |at| begin + at + 1);
            (end, Some(delimiter))
        }
        None => (begin, None),
    }
}

/// Whether the first line names enough columns. Nothing of it is shown before: where it is no line of
/// names, there may be a password in it.
fn is_sufficient(head: &[Placed<String>], problems: &mut Problems) -> bool {
    let at = head.first().map_or(0, |cell| cell.at);
    let has = |key| head.iter().any(|cell| column::key(&cell.value) == Some(key));
    let missing = [("host", has("host")), ("user", has("user") || has("email"))];
    for (key, _) in missing.iter().filter(|(_, is_there)| !is_there) {
        let hint = "the first line names the columns, such as: host,port,protocol,tls,user,password,owners";
        problems.add_with_hint(at, format!("there is no column {key:?}"), hint);
    }
    missing.iter().all(|(_, is_there)| *is_there)
}

/// Reports rows that are the same mailbox under two names: it would be archived twice.
fn repeated(mailboxes: &[MailboxEntry], problems: &mut Problems) {
    let mut seen: BTreeMap<(String, &str), &MailboxEntry> = BTreeMap::new();
    for entry in mailboxes {
        let Some(place) = place(entry) else { continue };
        match seen.get(&place) {
            Some(first) if first.id.value != entry.id.value => {
                let line = problems.line(first.at);
                problems.add(entry.at, format!("line {line} is of the same server and user already"));
            }
            Some(_) => {}
            None => drop(seen.insert(place, entry)),
        }
    }
}

/// Reports mailboxes that are deployed already in another way: a list brings mailboxes in, and neither
/// takes one away from an account or from another user, nor has one archived twice.
pub(super) fn deployed_otherwise(entries: &Entries, ground: &Ground<'_>, problems: &mut Problems) {
    let mut there: BTreeMap<(String, &str), &MailboxId> = BTreeMap::new();
    for (id, mailbox) in ground.mailboxes {
        there.insert((mailbox.server.host.to_ascii_lowercase(), mailbox.user.as_str()), id);
    }
    for entry in &entries.mailboxes {
        let id = &entry.id.value;
        let deployed = ground.mailboxes.get(id);
        match deployed.map(|mailbox| (&mailbox.auth, &mailbox.user)) {
            Some((Auth::Oauth(account), _)) if matches!(entry.sign_in, SignIn::Basic) => {
                let reason = format!("mailbox {id} is deployed and signs in with account {account}");
                let hint =
                    format!("take the row out; `postroom migrate --back {id}` returns to its password");
                problems.add_with_hint(entry.at, reason, hint);
            }
            Some((Auth::Basic, user)) if entry.is_id_made && !is_user(entry, user) => {
                let reason = format!("mailbox {id} is deployed already, and its user is {user:?}");
                let hint = "give the row an id of its own in a column \"id\", or that one if it is meant";
                problems.add_with_hint(entry.at, reason, hint);
            }
            Some(_) | None => {}
        }
        let other = place(entry).and_then(|place| there.get(&place).copied()).filter(|other| *other != id);
        if let Some(other) = other.filter(|_| deployed.is_none()) {
            let reason = format!("this server and user are deployed already as mailbox {other}");
            problems.add_with_hint(entry.at, reason, format!("take the row out, or give it the id {other}"));
        }
    }
}

fn is_user(entry: &MailboxEntry, user: &str) -> bool {
    entry.user.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(user))
}

fn place(entry: &MailboxEntry) -> Option<(String, &str)> {
    Some((entry.host.as_ref()?.value.to_ascii_lowercase(), entry.user.as_deref()?))
}
