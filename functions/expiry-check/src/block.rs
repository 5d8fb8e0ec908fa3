//! What a mail says of one thing: what ends, when, why, what follows, and what to do. Pure.
//!
//! Guarantees: names from outside are one line without characters that cannot be seen or that turn the
//! writing around, and are cut. Nothing stands here in the words of a server: the console shows them.

mod account;
mod address;
mod operator;
mod when;

use crate::{
    audience::{Role, is_beyond_owners},
    facts::Facts,
    mailboxes::Mailboxes,
    matter::Matter,
    settings::Settings,
    texts::Letter,
};
use jiff::{SignedDuration, Timestamp};
use postroom_language::{Fill, Words, visible};
use postroom_model::{Account, Language};
use url::Url;

pub(crate) use address::addresses;

/// Mailboxes and addresses that are named; of more, it is said how many.
const NAMED: usize = 20;
/// Characters of a name.
const NAME: usize = 80;
/// How long a personal link lives at most.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(32 * 24);
/// How long it lives after the next reminder, which brings another.
const AFTER_NEXT: SignedDuration = SignedDuration::from_hours(24);

/// What a mail says of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What the subject line says if the mail is about nothing else.
    pub(crate) subject: String,
    /// The thing's name.
    pub(crate) title: String,
    /// What is said of it.
    pub(crate) rows: Vec<Row>,
    /// What to press.
    pub(crate) button: Option<Button>,
    /// The mailboxes that it concerns.
    pub(crate) mailboxes: Option<Row>,
}

/// One thing that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is, in a word or two.
    pub(crate) label: &'static str,
    /// What is said.
    pub(crate) lines: Vec<String>,
}

/// What to press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Button {
    /// What happens.
    pub(crate) label: &'static str,
    /// Where it leads.
    pub(crate) url: Url,
    /// What comes then, in a sentence or two each.
    pub(crate) notes: Vec<String>,
}

/// Makes the reader's personal link to an account, which was authorised last at the first moment, until
/// the second; `None`: there is no console.
pub(crate) type MakeLink<'a> = &'a (dyn Fn(&Account, Option<Timestamp>, Timestamp) -> Option<Url> + Sync);

/// Somebody who reads.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The address.
    pub(crate) address: &'a str,
    /// The language.
    pub(crate) language: Language,
    /// When it is read.
    pub(crate) now: Timestamp,
    /// What the deployment says of itself.
    pub(crate) settings: &'a Settings,
    /// Where personal links come from.
    pub(crate) link: MakeLink<'a>,
}

impl Block {
    /// A line as long as the title.
    pub(crate) fn underline(&self) -> String {
        "-".repeat(self.title.chars().count())
    }

    /// What a matter is to a reader; `None` where it is none for people.
    pub(crate) fn of(matter: &Matter, role: Role, reader: Reader<'_>) -> Option<Self> {
        let ((expiry, _), end) = (matter.stage()?, matter.end()?);
        Some(match &matter.facts {
            Facts::Account { account, status, .. } if is_beyond_owners(account, status, &expiry) => {
                operator::account(matter, account, status, end, reader)
            }
            Facts::Account { account, provider, status } => {
                account::account(matter, (account, provider, status), &expiry, role, reader)
            }
            Facts::Password(mailbox) => account::password(matter, mailbox, end, role, reader),
            Facts::Provider(provider) => operator::provider(matter, provider, end, reader),
            Facts::Incident(incident) => operator::incident(incident, end, reader),
            Facts::Address(undeliverable) => address::address(undeliverable, end, reader),
            Facts::Mailbox { .. } | Facts::Gone => return None,
        })
    }

    /// What there is no room for: the subject lines of their own.
    pub(crate) fn in_brief(lines: Vec<String>, reader: Reader<'_>) -> Option<Self> {
        if lines.is_empty() {
            return None;
        }
        let t = reader.letter();
        let title = t.rest.with("n", reader.number(lines.len()));
        let rows = vec![Row { label: t.in_brief, lines }];
        Some(Self { subject: title.clone(), title, rows, button: None, mailboxes: None })
    }
}

impl Row {
    fn new(label: &'static str, line: impl Into<String>) -> Self {
        Self { label, lines: vec![line.into()] }
    }
}

impl Reader<'_> {
    fn letter(&self) -> &'static Letter {
        Letter::of(self.language)
    }

    pub(crate) fn number(&self, n: usize) -> String {
        self.language.number(u64::try_from(n).unwrap_or(u64::MAX))
    }

    /// A page of the console.
    fn page(&self, path: &str) -> Url {
        let mut url = self.settings.public_url.clone();
        url.set_path(path);
        url
    }

    /// The first of the mailboxes that a reader may see the names of, how many more there are, and how
    /// many of other people.
    fn mailboxes(&self, all: &Mailboxes, sees_all: bool) -> Option<Row> {
        let t = self.letter();
        let (named, seen) = if sees_all { all.all(NAMED) } else { all.owned_by(self.address, NAMED) };
        let mut lines: Vec<_> = named.into_iter().map(name).collect();
        let (more, others) = (seen.saturating_sub(NAMED), all.len().saturating_sub(seen));
        lines.extend((more > 0).then(|| t.more.with("n", self.number(more))));
        lines.extend((others > 0).then(|| t.others.with("n", self.number(others))));
        (!lines.is_empty()).then_some(Row { label: t.mailboxes, lines })
    }
}

/// When a personal link ends: after the next reminder has brought another, which is soon enough.
fn link_end(next: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let latest = now.saturating_add(LINK_LIFE).unwrap_or(Timestamp::MAX);
    let next = next.and_then(|next| next.saturating_add(AFTER_NEXT).ok());
    next.filter(|next| *next > now).map_or(latest, |next| next.min(latest))
}

/// A name as it is shown.
fn name(text: &str) -> String {
    plain(text, NAME)
}

/// A text from outside as one line of visible characters, cut to `most` of them.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;

    #[test]
    fn texts_from_outside_are_one_visible_line() {
        for (text, shown) in [
            ("Ann\r\nBcc: eve@example.com\0", "Ann Bcc: eve@example.com"),
            ("\u{202e}moc.live\u{202c}@ann", "moc.live@ann"),
            ("a\u{200b}n\u{feff}n\u{3164}\u{e0041}", "ann"),
            ("Jörg Müller", "Jörg Müller"),
            ("", ""),
        ] {
            assert_eq!(plain(text, 40), shown);
        }
        assert_eq!(plain(&"ü".repeat(100), 10), format!("{}…", "ü".repeat(10)));
    }

    #[test]
    fn a_link_lives_until_another_has_come() {
        let now = at("2027-03-11T09:00:00Z");
        for (next, end) in [
            (Some("2027-04-04T09:00:00Z"), "2027-04-05T09:00:00Z"),
            (Some("2027-06-01T09:00:00Z"), "2027-04-12T09:00:00Z"),
            (Some("2027-03-01T09:00:00Z"), "2027-04-12T09:00:00Z"),
            (None, "2027-04-12T09:00:00Z"),
        ] {
            assert_eq!(link_end(next.map(at), now), at(end));
        }
    }
}
