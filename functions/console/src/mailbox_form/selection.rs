//! The part of a mailbox's form that says what is fetched: folders that are left alone, rules for
//! messages, how much on one day, and whether attachments are unpacked.
//!
//! Guarantees: what the form takes, a manifest takes too, and the other way round.

use super::reading::{MAX_FOLDERS, is_line, noted};
use crate::{csrf::Fields, texts::mailbox::Mailbox as MailboxTexts};
use postroom_model::{
    Filter, Mailbox, Pattern, Protocol,
    amount::{self, bytes},
};

/// Patterns of one rule, as the text about them says.
const MAX_PATTERNS: usize = 100;

/// That part as it was entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) exclude_folders: String,
    pub(crate) from: String,
    pub(crate) not_from: String,
    pub(crate) subject: String,
    pub(crate) not_subject: String,
    pub(crate) min_size: String,
    pub(crate) max_size: String,
    pub(crate) since: String,
    pub(crate) daily_limit: String,
    pub(crate) attachments: bool,
    pub(crate) inline_images: bool,
}

/// What is wrong in it, at each field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SelectionWrongs {
    pub(crate) exclude_folders: Option<&'static str>,
    pub(crate) from: Option<&'static str>,
    pub(crate) not_from: Option<&'static str>,
    pub(crate) subject: Option<&'static str>,
    pub(crate) not_subject: Option<&'static str>,
    pub(crate) min_size: Option<&'static str>,
    pub(crate) max_size: Option<&'static str>,
    pub(crate) since: Option<&'static str>,
    pub(crate) daily_limit: Option<&'static str>,
    pub(crate) inline_images: Option<&'static str>,
}

/// What it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) exclude_folders: Vec<String>,
    pub(super) filter: Filter,
    pub(super) daily_bytes: Option<u64>,
    pub(super) attachments: bool,
    pub(super) inline_images: bool,
}

impl Selection {
    /// A mailbox's, as the form shows it.
    pub(crate) fn of(mailbox: &Mailbox) -> Self {
        let lines =
            |patterns: &[Pattern]| patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join("\n");
        let written = |bytes: Option<u64>| bytes.map(amount::written).unwrap_or_default();
        let filter = &mailbox.filter;
        Self {
            exclude_folders: mailbox.exclude_folders.join("\n"),
            from: lines(&filter.from),
            not_from: lines(&filter.not_from),
            subject: lines(&filter.subject),
            not_subject: lines(&filter.not_subject),
            min_size: written(filter.min_bytes),
            max_size: written(filter.max_bytes),
            since: filter.since.map(|day| day.to_string()).unwrap_or_default(),
            daily_limit: written(mailbox.daily_bytes),
            attachments: mailbox.attachments,
            inline_images: mailbox.inline_images,
        }
    }

    /// As it was sent.
    pub(crate) fn sent(fields: &Fields) -> Self {
        let text = |name| fields.get(name).unwrap_or_default().trim().to_owned();
        Self {
            exclude_folders: text("exclude_folders"),
            from: text("from"),
            not_from: text("not_from"),
            subject: text("subject"),
            not_subject: text("not_subject"),
            min_size: text("min_size"),
            max_size: text("max_size"),
            since: text("since"),
            daily_limit: text("daily_limit"),
            attachments: fields.has("attachments"),
            inline_images: fields.has("inline_images"),
        }
    }

    /// What it says, as far as it can be read, and what is wrong.
    pub(super) fn read(&self, protocol: Option<Protocol>, t: &MailboxTexts) -> (Selected, SelectionWrongs) {
        let mut wrongs = SelectionWrongs::default();
        let filter = Filter {
            from: senders(&self.from, &mut wrongs.from, t),
            not_from: senders(&self.not_from, &mut wrongs.not_from, t),
            subject: patterns(&self.subject, &mut wrongs.subject, t),
            not_subject: patterns(&self.not_subject, &mut wrongs.not_subject, t),
            min_bytes: size(&self.min_size, &mut wrongs.min_size, t),
            max_bytes: size(&self.max_size, &mut wrongs.max_size, t),
            since: match self.since.as_str() {
                "" => None,
                text => text.parse().ok().or_else(|| noted(&mut wrongs.since, t.wrong_since)),
            },
        };
        if filter.min_bytes.zip(filter.max_bytes).is_some_and(|(least, most)| least > most) {
            wrongs.min_size = Some(t.wrong_sizes);
        }
        let daily_bytes = size(&self.daily_limit, &mut wrongs.daily_limit, t);
        if daily_bytes == Some(0) {
            wrongs.daily_limit = Some(t.wrong_daily_limit);
        }
        if self.inline_images && !self.attachments {
            wrongs.inline_images = Some(t.wrong_inline_images);
        }
        let exclude_folders: Vec<String> = lines(&self.exclude_folders).map(str::to_owned).collect();
        if protocol == Some(Protocol::Pop3) && !exclude_folders.is_empty() {
            wrongs.exclude_folders = Some(t.wrong_folders_pop3);
        } else if exclude_folders.len() > MAX_FOLDERS || !exclude_folders.iter().all(|folder| is_line(folder))
        {
            wrongs.exclude_folders = Some(t.wrong_exclude_folders);
        }
        let Self { attachments, inline_images, .. } = *self;
        (Selected { exclude_folders, filter, daily_bytes, attachments, inline_images }, wrongs)
    }
}

/// The lines of a field that have something in them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Patterns for addresses: one without `@` and without `*` is nobody's whole address.
fn senders(text: &str, wrong: &mut Option<&'static str>, t: &MailboxTexts) -> Vec<Pattern> {
    if !lines(text).all(|line| line.contains(['@', '*'])) {
        *wrong = Some(t.wrong_senders);
    }
    patterns(text, wrong, t)
}

fn patterns(text: &str, wrong: &mut Option<&'static str>, t: &MailboxTexts) -> Vec<Pattern> {
    if lines(text).count() > MAX_PATTERNS || !lines(text).all(is_line) {
        *wrong = Some(t.wrong_patterns);
    }
    lines(text).filter_map(Pattern::new).collect()
}

fn size(text: &str, wrong: &mut Option<&'static str>, t: &MailboxTexts) -> Option<u64> {
    match text {
        "" => None,
        text => bytes(text).or_else(|| noted(wrong, t.wrong_size)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Language, Speak};

    fn selection() -> Selection {
        Selection {
            exclude_folders: "Trash\n \\Junk ".into(),
            from: "*@contoso.com\r\nann@example.org".into(),
            not_subject: "*newsletter*".into(),
            min_size: "1kB".into(),
            max_size: "50 MB".into(),
            since: "2026-01-01".into(),
            daily_limit: "2GB".into(),
            attachments: true,
            inline_images: true,
            ..Selection::default()
        }
    }

    #[test]
    fn what_is_fetched_round_trips_through_its_form() {
        let t = &Language::En.texts().mailbox;
        let (selected, wrongs) = selection().read(Some(Protocol::Imap), t);
        assert_eq!(wrongs, SelectionWrongs::default());
        assert_eq!(selected.exclude_folders, ["Trash", "\\Junk"]);
        assert_eq!((selected.filter.min_bytes, selected.filter.max_bytes), (Some(1_000), Some(50_000_000)));
        assert_eq!(selected.filter.from.len(), 2);
        assert_eq!(selected.daily_bytes, Some(2_000_000_000));
        let mut mailbox: Mailbox = serde_json::from_str(
            r#"{"id":"plant","protocol":"imap","host":"mail.example","port":993,"tls":"implicit","user":"plant"}"#,
        )
        .expect("loads");
        mailbox.filter = selected.filter.clone();
        mailbox.exclude_folders = selected.exclude_folders.clone();
        mailbox.daily_bytes = selected.daily_bytes;
        (mailbox.attachments, mailbox.inline_images) = (true, true);
        let again = Selection::of(&mailbox).read(Some(Protocol::Imap), t);
        assert_eq!(again, (selected, SelectionWrongs::default()));
        let nothing = Selection::default().read(Some(Protocol::Pop3), t);
        assert_eq!(nothing, (Selected::default(), SelectionWrongs::default()));
    }

    #[test]
    fn mistakes_are_said_at_their_fields() {
        let t = &Language::De.texts().mailbox;
        let good = selection();
        let none = SelectionWrongs::default();
        for (entered, protocol, wrongs) in [
            (
                Selection { from: "contoso.com".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { from: Some(t.wrong_senders), ..none.clone() },
            ),
            (
                Selection { not_from: "*@x\n".repeat(101), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { not_from: Some(t.wrong_patterns), ..none.clone() },
            ),
            (
                Selection { subject: "a\u{7}b".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { subject: Some(t.wrong_patterns), ..none.clone() },
            ),
            (
                Selection { max_size: "50".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { max_size: Some(t.wrong_size), ..none.clone() },
            ),
            (
                Selection { min_size: "1GB".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { min_size: Some(t.wrong_sizes), ..none.clone() },
            ),
            (
                Selection { since: "1.1.2026".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { since: Some(t.wrong_since), ..none.clone() },
            ),
            (
                Selection { daily_limit: "0MB".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { daily_limit: Some(t.wrong_daily_limit), ..none.clone() },
            ),
            (
                Selection { attachments: false, ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { inline_images: Some(t.wrong_inline_images), ..none.clone() },
            ),
            (
                good.clone(),
                Protocol::Pop3,
                SelectionWrongs { exclude_folders: Some(t.wrong_folders_pop3), ..none.clone() },
            ),
            (
                Selection { exclude_folders: "a\u{7}".into(), ..good.clone() },
                Protocol::Imap,
                SelectionWrongs { exclude_folders: Some(t.wrong_exclude_folders), ..none.clone() },
            ),
        ] {
            assert_eq!(entered.read(Some(protocol), t).1, wrongs, "{entered:?}");
        }
    }
}
