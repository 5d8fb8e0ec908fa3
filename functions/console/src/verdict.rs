//! What came of something that was tried: a page with one verdict for each thing.

use crate::{
    condition::{Explained, Mark, State},
    language::Language,
    page::Page,
    texts::Fill,
};
use askama::Template;
use postroom_model::Fault;

/// What came of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The thing.
    pub(crate) name: String,
    /// How it went.
    pub(crate) state: State,
    /// Where it failed: what to do, and who.
    pub(crate) fault: Option<Explained>,
}

impl Verdict {
    /// It went well.
    pub(crate) fn well(name: &str, words: &'static str, because: String) -> Self {
        Self {
            name: name.to_owned(),
            state: State { mark: Mark::Ok, words, because: Some(because) },
            fault: None,
        }
    }

    /// Nothing was to be done.
    pub(crate) fn idle(name: &str, words: &'static str) -> Self {
        Self { name: name.to_owned(), state: State { mark: Mark::Idle, words, because: None }, fault: None }
    }

    /// It may not be.
    pub(crate) fn refused(name: &str, words: &'static str, because: &str) -> Self {
        let because = Some(because.to_owned());
        Self { name: name.to_owned(), state: State { mark: Mark::Bad, words, because }, fault: None }
    }

    /// It failed.
    pub(crate) fn failed(name: &str, words: &'static str, fault: &Fault, language: Language) -> Self {
        let explained = Explained::new(fault, language);
        let because = Some(explained.words.what.to_owned());
        Self {
            name: name.to_owned(),
            state: State { mark: Mark::Bad, words, because },
            fault: Some(explained),
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "verdicts.html")]
pub(crate) struct Verdicts<'a> {
    /// The frame.
    pub(crate) page: Page<'a>,
    /// What was tried; empty where the title says it.
    pub(crate) lead: String,
    /// What came of it.
    pub(crate) verdicts: Vec<Verdict>,
    /// What is to be said besides.
    pub(crate) note: Option<String>,
    /// Where to go back to.
    pub(crate) back: String,
    /// What that is called.
    pub(crate) back_label: &'static str,
}
