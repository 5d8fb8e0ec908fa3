//! The mail to one person: everything of theirs that has reached a stage, in one message.
//!
//! Guarantees: the most urgent comes first; everything is named, at least in one line, and counted. The
//! same words as text and as HTML; whatever comes from outside is escaped; nothing is loaded from
//! anywhere, and nobody learns whether it was read.

use crate::{
    audience::Role,
    block::{self, Block, Reader},
    facts::Facts,
    matter::Matter,
    texts::Letter as Texts,
};
use askama::Template;
use postroom_language::Fill;
use postroom_letter::Letter;
use postroom_model::Language;
use std::collections::BTreeSet;

/// Things that a mail has a block for each; of others it names the subject line.
const IN_FULL: usize = 50;

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

/// Writes a mail about some matters, each with the reason why the reader hears of it.
///
/// # Errors
/// [`askama::Error`], when a mail cannot be written.
pub(crate) fn write(matters: &[(&Matter, Role)], reader: Reader<'_>) -> Result<Letter, askama::Error> {
    let t = Texts::of(reader.language);
    let mut matters = matters.to_vec();
    matters.sort_by_key(|(matter, _)| matter.urgency());
    let blocks = blocks(&matters, reader);
    let n = reader.number(matters.len());
    let subject = match (blocks.as_slice(), matters.first().and_then(|(matter, _)| matter.end())) {
        ([only], _) => only.subject.clone(),
        (_, Some(end)) => {
            let text = if end.at() <= reader.now { t.subject_many_since } else { t.subject_many_by };
            text.fill(&[("n", &n), ("date", &reader.date(end))])
        }
        (_, None) => String::new(),
    };
    let roles: BTreeSet<Role> = matters.iter().map(|(_, role)| *role).collect();
    let is_owner = roles.contains(&Role::Owner) || roles.contains(&Role::MailboxOwner);
    let intro = match (is_owner, blocks.len()) {
        (true, 1) => t.intro_owner.to_owned(),
        (true, _) => t.intro_owner_many.with("n", n),
        (false, 1) => t.intro_operator.to_owned(),
        (false, _) => t.intro_operator_many.with("n", n),
    };
    let mut reasons: Vec<_> = roles.into_iter().map(|role| reason(role, t, &reader.settings.stack)).collect();
    reasons.dedup();
    // Answers go to the operators; without any they reach nobody.
    let questions = (!reader.settings.operators.is_empty()).then_some(t.questions);
    let text = Text { t, intro: &intro, blocks: &blocks, reasons: &reasons, questions }.render()?;
    let language = reader.language;
    let html =
        Html { t, language, subject: &subject, intro: &intro, blocks: &blocks, reasons: &reasons, questions };
    let html = html.render()?;
    Ok(Letter { subject, text, html })
}

/// The first things in full, the others in brief, and all addresses together.
fn blocks(matters: &[(&Matter, Role)], reader: Reader<'_>) -> Vec<Block> {
    let address = |matter: &Matter| matches!(matter.facts, Facts::Address(_));
    let (addresses, things): (Vec<_>, Vec<_>) = matters.iter().partition(|(matter, _)| address(matter));
    let mut things = things.iter().filter_map(|(matter, role)| Block::of(matter, *role, reader));
    let mut blocks: Vec<_> = things.by_ref().take(IN_FULL).collect();
    blocks.extend(Block::in_brief(things.map(|block| block.subject).collect(), reader));
    match addresses.as_slice() {
        [] => {}
        [(only, role)] => blocks.extend(Block::of(only, *role, reader)),
        several => {
            let several = several.iter().filter_map(|(matter, _)| match &matter.facts {
                Facts::Address(undeliverable) => Some(undeliverable),
                _ => None,
            });
            blocks.push(block::addresses(&several.collect::<Vec<_>>(), reader));
        }
    }
    blocks
}

fn reason(role: Role, t: &Texts, stack: &str) -> String {
    match role {
        Role::Owner | Role::MailboxOwner => t.why_owner.to_owned(),
        Role::Fallback => t.why_fallback.to_owned(),
        Role::Instead => t.why_instead.to_owned(),
        Role::Operator => t.why_operator.with("stack", stack),
    }
}

#[cfg(test)]
mod tests;
