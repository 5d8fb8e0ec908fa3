//! What was found, as people read it: a table, and the lines of a manifest that change.

use super::candidate::{Candidate, Finding};
use crate::{
    manifest::written,
    plan::access,
    status::{plain, table},
};
use postroom_model::{Auth, Mailbox, Provider};
use std::fmt::{self, Write as _};

/// One line a mailbox, with what stands in its way below it.
pub(super) struct Table<'t>(pub(super) &'t [Candidate]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["MAILBOX", "NOW", "THEN", "REHEARSAL", "MESSAGES"];
        table(f, head, self.0.iter().map(|candidate| (row(candidate), details(candidate))))
    }
}

fn row(Candidate { id, seen, to, finding, .. }: &Candidate) -> [String; 5] {
    let (rehearsal, messages) = match finding {
        Finding::Opened(seen) => (format!("well, {}", seen.mechanism), seen.messages.to_string()),
        Finding::NotRehearsed => ("none".to_owned(), "-".to_owned()),
        Finding::HasPassword => ("none, has password".to_owned(), "-".to_owned()),
        Finding::Failed(_) => ("FAILED".to_owned(), "-".to_owned()),
        Finding::Refused(_) => ("refused".to_owned(), "-".to_owned()),
        Finding::Already => ("is so already".to_owned(), "-".to_owned()),
    };
    let then = to.as_ref().map_or_else(|| "-".to_owned(), access);
    [id.to_string(), plain(&access(seen)), plain(&then), plain(&rehearsal), messages]
}

fn details(Candidate { seen, to, finding, archived, .. }: &Candidate) -> String {
    let mut text = String::new();
    if let Some(to) = to.as_ref().filter(|to| to.user != seen.user) {
        let _infallible = writeln!(text, "user {:?} → {:?}", plain(&seen.user), plain(&to.user));
    }
    match finding {
        Finding::Failed(fault) => {
            let _infallible = writeln!(text, "{}: {}", fault.class, plain(&fault.reason));
            let _infallible =
                writeln!(text, "who must act: {}. {}", fault.class.actor(), fault.class.advice());
        }
        Finding::Refused(reasons) => reasons.iter().for_each(|reason| {
            let _infallible = writeln!(text, "{}", plain(reason));
        }),
        Finding::Opened(found) if found.messages == 0 && *archived > 0 => {
            let _infallible = writeln!(
                text,
                "warning: its first folder is empty there, and {archived} of its messages are archived: is its mail there?"
            );
        }
        Finding::Opened(_) | Finding::NotRehearsed | Finding::HasPassword | Finding::Already => {}
    }
    text
}

/// The lines of a mailbox's entry that differ, `-` as they were and `+` as they are.
pub(super) fn changed_lines(
    before: (&Mailbox, Option<&Provider>),
    after: (&Mailbox, Option<&Provider>),
) -> String {
    let (old, new) = (written::lines(before.0, before.1), written::lines(after.0, after.1));
    let mut text = format!("mailbox {}\n", after.0.id);
    for line in old.iter().filter(|line| !new.contains(line)) {
        let _infallible = writeln!(text, "    - {}", plain(line));
    }
    if before.0.auth == Auth::Basic && after.0.auth != Auth::Basic {
        text += "    - password = …\n";
    }
    for line in new.iter().filter(|line| !old.contains(line)) {
        let _infallible = writeln!(text, "    + {}", plain(line));
    }
    text
}
