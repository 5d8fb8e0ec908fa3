//! What operators hear of addresses that take no mail.

use super::{Block, Button, NAMED, Reader, Row, name};
use crate::texts::Address as Texts;
use postroom_language::Fill;
use postroom_model::{EndDate, Rejection, Undeliverable};

/// One address.
pub(super) fn address(undeliverable: &Undeliverable, end: EndDate, reader: Reader<'_>) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let title = name(&undeliverable.address);
    let why = match undeliverable.because {
        Rejection::Invalid => t.invalid,
        Rejection::Refused => t.refused,
        Rejection::Bounced => t.bounced,
        Rejection::Returned => t.returned,
        Rejection::Complained => t.complained,
    };
    let mut rows = vec![reader.when(letter.since, end), Row::new(letter.why, why)];
    rows.extend(codes(&undeliverable.said).map(|codes| Row::new(t.codes, codes)));
    let is_back = undeliverable.because == Rejection::Returned;
    rows.push(Row::new(letter.otherwise, if is_back { t.otherwise_returned } else { t.otherwise }));
    rows.push(Row::new(letter.to_do, to_do(undeliverable, reader)));
    let subject = t.subject.fill(&[("name", &title), ("date", &reader.date(end))]);
    Block { subject, title, rows, button: Some(list(reader)), mailboxes: None }
}

/// All of them, where there are several.
pub(crate) fn addresses(all: &[&Undeliverable], reader: Reader<'_>) -> Block {
    let (t, letter) = (Texts::of(reader.language), reader.letter());
    let mut sorted = all.to_vec();
    sorted.sort_by(|one, other| one.address.cmp(&other.address));
    let title = t.many.with("n", reader.number(all.len()));
    let line = |undeliverable: &&Undeliverable| {
        let because = match undeliverable.because {
            Rejection::Invalid => t.because_invalid,
            Rejection::Refused => t.because_refused,
            Rejection::Bounced => t.because_bounced,
            Rejection::Returned => t.because_returned,
            Rejection::Complained => t.because_complained,
        };
        t.line.fill(&[("name", &name(&undeliverable.address)), ("because", &because)])
    };
    let mut lines: Vec<_> = sorted.iter().take(NAMED).map(line).collect();
    let more = all.len().saturating_sub(NAMED);
    lines.extend((more > 0).then(|| letter.more.with("n", reader.number(more))));
    let rows = vec![
        Row { label: t.addresses, lines },
        Row::new(letter.otherwise, t.otherwise_many),
        Row::new(letter.to_do, t.to_do_many),
    ];
    Block { subject: title.clone(), title, rows, button: Some(list(reader)), mailboxes: None }
}

fn to_do(undeliverable: &Undeliverable, reader: Reader<'_>) -> String {
    let t = Texts::of(reader.language);
    let address = &undeliverable.address;
    let settings = reader.settings;
    let is_ours = settings.operators.iter().chain(&settings.fallback).any(|ours| ours == address);
    let correct = if is_ours { t.correct_deployment } else { t.correct_owner };
    // Somebody may copy it into a shell.
    let is_word = |c: char| c.is_ascii_alphanumeric() || "@.+-_".contains(c);
    let address = if address.chars().all(is_word) { address } else { "…" };
    match undeliverable.because {
        Rejection::Invalid => correct.to_owned(),
        Rejection::Returned => t.to_do_returned.with("correct", correct),
        Rejection::Refused => t.to_do_refused.fill(&[("correct", &correct), ("address", &address)]),
        Rejection::Bounced | Rejection::Complained => {
            t.to_do.fill(&[("correct", &correct), ("address", &address)])
        }
    }
}

fn list(reader: Reader<'_>) -> Button {
    let t = Texts::of(reader.language);
    Button { label: t.open, url: reader.page("reminders"), notes: vec![t.console.to_owned()] }
}

/// The status codes in what a mail system said: RFC 5321 section 4.2, RFC 3463 section 2. Nothing else of
/// it is shown in a mail, because whoever refuses ours has written it.
fn codes(said: &str) -> Option<String> {
    let tokens = || said.split(|c: char| !c.is_ascii_digit() && c != '.').map(|t| t.trim_matches('.'));
    let fails = |token: &str| token.starts_with(['4', '5']);
    let reply = tokens().find(|token| fails(token) && token.len() == 3 && !token.contains('.'));
    let is_number = |part: &str| (1..=3).contains(&part.len());
    let enhanced = tokens().find(|token| {
        let parts: Vec<_> = token.split('.').collect();
        matches!(parts.as_slice(), [class, subject, detail]
            if fails(class) && class.len() == 1 && is_number(subject) && is_number(detail))
    });
    let codes: Vec<_> = reply.into_iter().chain(enhanced).collect();
    (!codes.is_empty()).then(|| codes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_all_that_is_shown_of_what_was_said() {
        for (said, shown) in [
            ("smtp; 550 5.1.1 … user unknown", Some("550 5.1.1")),
            ("smtp;452-4.2.2 mailbox full", Some("452 4.2.2")),
            ("554 see https://evil.example/550", Some("554")),
            ("5.7.1.evil.example", Some("5.7.1")),
            ("call 0800 5551234, or 10.5.1.1", None),
            ("250 2.0.0 fine", None),
            ("https://evil.example/", None),
            ("", None),
        ] {
            assert_eq!(codes(said).as_deref(), shown, "{said}");
        }
    }
}
