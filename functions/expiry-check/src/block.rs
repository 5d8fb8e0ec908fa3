//! What a mail says of one thing: what ends, when, why, what follows, and what to do. Pure.
//!
//! Guarantees: what comes from outside, such as names and what a server said, is one line without
//! characters that cannot be seen or that turn the writing around, and is cut.

mod account;
mod operator;

use crate::{
    audience::{Role, is_beyond_owners},
    facts::Facts,
    matter::Matter,
    settings::Settings,
    texts::Letter,
};
use jiff::{SignedDuration, Timestamp};
use postroom_language::{Fill, Words, day_in};
use postroom_model::{AccountId, Expiry, Language, Mailbox};
use url::Url;

/// Mailboxes that are named; of more, it is said how many.
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
    /// What comes then.
    pub(crate) note: String,
}

/// Makes a personal link to an account for an owner until a moment; `None`: there is no console.
pub(crate) type MakeLink<'a> = &'a (dyn Fn(&AccountId, &str, Timestamp) -> Option<Url> + Sync);

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
        let (expiry, _) = matter.stage()?;
        Some(match &matter.facts {
            Facts::Account { account, status, .. } if is_beyond_owners(account, status, &expiry) => {
                operator::account(matter, account, status, &expiry, reader)
            }
            Facts::Account { account, provider, status } => {
                account::account(matter, (account, provider, status), &expiry, role, reader)
            }
            Facts::Password(mailbox) => account::password(matter, mailbox, &expiry, role, reader),
            Facts::Provider(provider) => operator::provider(matter, provider, &expiry, reader),
            Facts::Incident(incident) => operator::incident(incident, &expiry, reader),
            Facts::Address(undeliverable) => operator::address(undeliverable, &expiry, reader),
            Facts::Mailbox { .. } | Facts::Gone => return None,
        })
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

    /// The day of an end, as a subject line names it.
    pub(crate) fn date(&self, at: Timestamp) -> String {
        self.language.date(day_in(at, &self.settings.calendar.zone))
    }

    fn moment(&self, at: Timestamp) -> String {
        self.language.moment_in(at, &self.settings.calendar.zone)
    }

    /// When something ends, and how far off that is.
    fn when(&self, label: &'static str, expiry: &Expiry) -> Row {
        let (moment, distance) = (self.moment(expiry.at), self.language.distance(expiry.at, self.now));
        Row::new(label, self.letter().when.fill(&[("moment", &moment), ("distance", &distance)]))
    }

    /// A page of the console.
    fn page(&self, path: &str) -> Url {
        let mut url = self.settings.public_url.clone();
        url.set_path(path);
        url
    }

    /// The mailboxes that a reader may see the names of, the first of them, and how many more there are.
    fn mailboxes(&self, all: &[Mailbox], sees: impl Fn(&Mailbox) -> bool) -> Option<Row> {
        let t = self.letter();
        let (seen, others): (Vec<_>, Vec<_>) = all.iter().partition(|mailbox| sees(mailbox));
        let number = |n: usize| self.language.number(u64::try_from(n).unwrap_or(u64::MAX));
        let mut lines: Vec<_> = seen.iter().take(NAMED).map(|mailbox| name(&mailbox.user)).collect();
        let more = seen.len().saturating_sub(NAMED);
        lines.extend((more > 0).then(|| t.more.with("n", number(more))));
        lines.extend((!others.is_empty()).then(|| t.others.with("n", number(others.len()))));
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
    // Unicode Standard Annex 9 section 2: characters that set the direction of writing; with them go
    // those that are not seen at all.
    let unseen = |c: &char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}' | '\u{ad}');
    let visible: String =
        text.chars().filter(|c| !unseen(c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
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
            ("a\u{200b}n\u{feff}n", "ann"),
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
