//! The mail to one person: everything of theirs that has reached a stage, in one message.
//!
//! Guarantees: the same words as text and as HTML; whatever comes from outside is escaped; nothing is
//! loaded from anywhere, and nobody learns whether it was read.

use crate::{
    audience::Role,
    block::{Block, Reader},
    matter::Matter,
    texts::Letter as Texts,
};
use askama::Template;
use postroom_language::Fill;
use postroom_letter::Letter;
use postroom_model::Language;
use std::collections::BTreeSet;

#[derive(Template)]
#[template(path = "reminder.txt")]
struct Text<'a> {
    t: &'static Texts,
    intro: &'a str,
    blocks: &'a [Block],
    reasons: &'a [String],
    questions: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "reminder.html")]
struct Html<'a> {
    t: &'static Texts,
    language: Language,
    subject: &'a str,
    intro: &'a str,
    blocks: &'a [Block],
    reasons: &'a [String],
    questions: Option<&'static str>,
}

/// Writes a mail about some matters, each with the reason why the reader hears of it; they come in the
/// order of their ends.
///
/// # Errors
/// [`askama::Error`], when a mail cannot be written.
pub(crate) fn write(matters: &[(&Matter, Role)], reader: Reader<'_>) -> Result<Letter, askama::Error> {
    let t = Texts::of(reader.language);
    let mut matters = matters.to_vec();
    matters.sort_by_key(|(matter, _)| matter.stage().map(|(expiry, _)| expiry.at));
    let blocks = matters.iter().filter_map(|(matter, role)| Block::of(matter, *role, reader));
    let blocks: Vec<_> = blocks.collect();
    let subject = subject(&matters, &blocks, reader);
    let roles: BTreeSet<Role> = matters.iter().map(|(_, role)| *role).collect();
    let n = blocks.len();
    let intro = match (roles.contains(&Role::Owner), n) {
        (true, 1) => t.intro_owner.to_owned(),
        (true, _) => t.intro_owner_many.with("n", n),
        (false, 1) => t.intro_operator.to_owned(),
        (false, _) => t.intro_operator_many.with("n", n),
    };
    let reasons: Vec<_> = roles.into_iter().map(|role| reason(role, t, &reader.settings.stack)).collect();
    // Answers go to the operators; without any they reach nobody.
    let questions = (!reader.settings.operators.is_empty()).then_some(t.questions);
    let text = Text { t, intro: &intro, blocks: &blocks, reasons: &reasons, questions }.render()?;
    let language = reader.language;
    let html =
        Html { t, language, subject: &subject, intro: &intro, blocks: &blocks, reasons: &reasons, questions };
    let html = html.render()?;
    Ok(Letter { subject, text, html })
}

/// One thing and its date, or how many and the first date.
fn subject(matters: &[(&Matter, Role)], blocks: &[Block], reader: Reader<'_>) -> String {
    if let [only] = blocks {
        return only.subject.clone();
    }
    let t = Texts::of(reader.language);
    let first = matters.first().and_then(|(matter, _)| matter.stage());
    let Some((expiry, _)) = first else { return String::new() };
    let text = if expiry.at <= reader.now { t.subject_many_since } else { t.subject_many_by };
    text.fill(&[("n", &blocks.len()), ("date", &reader.date(expiry.at))])
}

fn reason(role: Role, t: &Texts, stack: &str) -> String {
    match role {
        Role::Owner => t.why_owner.to_owned(),
        Role::Fallback => t.why_fallback.to_owned(),
        Role::Instead => t.why_instead.to_owned(),
        Role::Operator => t.why_operator.with("stack", stack),
    }
}

#[cfg(test)]
mod tests;
