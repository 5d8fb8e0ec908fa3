//! What every page has: its language, its title, who looks at it, and the frame around it.

use crate::{
    assets,
    language::{Language, Speak},
    texts::{Fill, Texts},
};
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use postroom_language::Words;

/// The frame of a page. A page's template struct has one as its field `page`, and its template
/// begins with `{% extends "layout.html" %}`.
#[derive(Debug, Clone)]
pub(crate) struct Page<'a> {
    /// The texts in the page's language.
    pub(crate) t: &'static Texts,
    /// The page's language.
    pub(crate) language: Language,
    /// What the page is about; the browser's title and the heading.
    pub(crate) title: String,
    /// The entry of the navigation that it belongs to.
    pub(crate) section: Section,
    /// The administrator or owner who is signed in, as shown to that person.
    pub(crate) who: Option<&'a str>,
    /// The token that every form of the page carries, while somebody is signed in.
    pub(crate) csrf: Option<&'a str>,
    /// Where the page can be asked for again, in another language.
    pub(crate) path: Option<String>,
}

/// Which navigation a page shows, and what is marked in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Accounts and mailboxes, for administrators.
    Accounts,
    /// App registrations, for administrators.
    Providers,
    /// Who was told what, for administrators.
    Reminders,
    /// A page without navigation: signing in, an owner's page, an error.
    Alone,
}

impl<'a> Page<'a> {
    /// A page for somebody who is not signed in, without navigation.
    pub(crate) fn alone(language: Language, title: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            t: language.texts(),
            language,
            title,
            section: Section::Alone,
            who: None,
            csrf: None,
            path: None,
        }
    }

    /// The page with whoever looks at it, and the token for its forms.
    pub(crate) fn signed_in(self, who: &'a str, csrf: &'a str) -> Self {
        Self { who: Some(who), csrf: Some(csrf), ..self }
    }

    /// The page as part of the navigation.
    pub(crate) fn within(self, section: Section) -> Self {
        Self { section, ..self }
    }

    /// The page as one that can be asked for again at a path.
    pub(crate) fn at(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    // What follows is for the template of the frame.

    pub(crate) fn shows_navigation(&self) -> bool {
        self.section != Section::Alone && self.who.is_some()
    }

    pub(crate) fn is_accounts(&self) -> bool {
        self.section == Section::Accounts
    }

    pub(crate) fn is_providers(&self) -> bool {
        self.section == Section::Providers
    }

    pub(crate) fn is_reminders(&self) -> bool {
        self.section == Section::Reminders
    }

    /// Where the logo leads: an owner has one page only.
    pub(crate) fn home(&self) -> &'static str {
        if self.section == Section::Alone && self.who.is_some() { "/mine" } else { "/" }
    }

    /// Where another language leads: to this page again, or to the beginning.
    pub(crate) fn again(&self) -> &str {
        self.path.as_deref().unwrap_or(self.home())
    }

    pub(crate) fn signed_in_as(&self) -> String {
        self.t.layout.signed_in_as.fill(&[("who", &self.who.unwrap_or_default())])
    }

    /// Code, name and whether it is the page's, of each language.
    pub(crate) fn languages(&self) -> [(&'static str, &'static str, bool); 2] {
        Language::ALL.map(|language| (language.tag(), language.name(), language == self.language))
    }

    pub(crate) fn stylesheet(&self) -> &'static str {
        assets::stylesheet()
    }

    pub(crate) fn icon(&self) -> &'static str {
        assets::icon()
    }

    pub(crate) fn script(&self) -> &'static str {
        assets::script()
    }
}

/// The page as an answer: HTML.
pub(crate) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            // Writing to memory cannot fail; a template that refuses its values is our mistake.
            tracing::error!(%error, "a page could not be written");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
