//! The page of reminders: what comes next, who cannot be told, and what was sent to whom.
//!
//! Guarantees: the work for one page is bounded, however much was sent and however much there is to
//! come. Looking changes nothing.

use crate::{
    app::App,
    calendar::{Clock, When},
    coming::{self, Coming},
    language::{Language, Speak},
    page::{self, Page, Section},
    problem::Problem,
    reminder::{About, Ends, Told},
    search::{Around, position},
    session::Administrator,
    texts::Fill,
};
use askama::Template;
use axum::{
    extract::{Query, State as FromState},
    response::Response,
};
use postroom_language::visible;
use postroom_model::{Reminder, Undeliverable};
use postroom_registry::Position;
use serde::Deserialize;

/// Reminders on one page.
const SIZE: usize = 25;
/// Addresses that take no mail which are shown.
const BLOCKED: usize = 100;

/// Which page of what was sent, as its address says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Where it begins, and the pages before it, first to last.
    from: String,
    trail: String,
}

/// What a page shows.
struct Found {
    told: postroom_registry::Page<Reminder>,
    /// What stands above it on the first page: what comes next, and who cannot be told.
    outlook: Option<(Vec<Coming>, postroom_registry::Page<Undeliverable>)>,
    /// Whether people are written to at all.
    sends_mail: bool,
}

/// `GET /reminders`.
pub(crate) async fn reminders(
    FromState(app): FromState<App>,
    administrator: Administrator,
    language: Language,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let from = position(&asked.from)?;
    let told = async { Ok::<_, Problem>(app.registry.reminders(from.as_ref(), SIZE).await?) };
    let outlook = async {
        if from.is_some() {
            return Ok(None);
        }
        let blocked = async { Ok(app.registry.undeliverables(None, BLOCKED).await?) };
        futures::try_join!(coming::of_all(&app), blocked).map(Some)
    };
    let (told, outlook) = futures::try_join!(told, outlook)?;
    let found = Found { told, outlook, sends_mail: app.post.is_some() };
    Ok(page::html(&RemindersPage::new(&found, &asked, &administrator, app.clock(language))))
}

impl Asked {
    fn around(&self, next: Option<&Position>) -> Around {
        Around::new(&self.from, &self.trail, next, |(from, trail)| Self { from, trail }.href())
    }

    fn href(&self) -> String {
        let fields = [("from", self.from.as_str()), ("trail", &self.trail)];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
        let query = query.finish();
        if query.is_empty() { "/reminders".to_owned() } else { format!("/reminders?{query}") }
    }
}

#[derive(Template)]
#[template(path = "reminders.html")]
struct RemindersPage<'a> {
    page: Page<'a>,
    warning: Option<&'static str>,
    outlook: Option<Outlook<'a>>,
    told: Vec<Told>,
    around: Around,
}

struct Outlook<'a> {
    lead: String,
    coming: Vec<ComingRow>,
    blocked: Vec<BlockedRow<'a>>,
    /// That there are more addresses, and where.
    more_blocked: Option<&'static str>,
}

struct ComingRow {
    /// When it is told; none: in the next run.
    at: Option<When>,
    about: About,
    stage: String,
    ends: Ends,
}

struct BlockedRow<'a> {
    address: &'a str,
    because: &'static str,
    said: String,
    since: When,
}

impl<'a> RemindersPage<'a> {
    fn new(found: &'a Found, asked: &Asked, administrator: &'a Administrator, clock: Clock<'_>) -> Self {
        let language = clock.language;
        let t = &language.texts().reminder;
        let page = Page::alone(language, t.title)
            .within(Section::Reminders)
            .signed_in(&administrator.name, &administrator.csrf)
            .at(asked.href());
        let zone = clock.zone.iana_name().unwrap_or("UTC");
        let outlook = found.outlook.as_ref().map(|(coming, blocked)| Outlook {
            lead: t.next_lead.fill(&[("n", &coming::MOST), ("zone", &zone)]),
            coming: coming.iter().map(|coming| ComingRow::new(coming, clock)).collect(),
            blocked: blocked.items.iter().map(|known| BlockedRow::new(known, clock)).collect(),
            more_blocked: blocked.next.is_some().then_some(t.blocked_more),
        });
        Self {
            page,
            warning: (!found.sends_mail).then_some(language.texts().letter.no_sender),
            outlook,
            told: found.told.items.iter().map(|told| Told::new(told, clock)).collect(),
            around: asked.around(found.told.next.as_ref()),
        }
    }
}

impl ComingRow {
    fn new(coming: &Coming, clock: Clock<'_>) -> Self {
        let Coming { subject, expiry, stage, at } = coming;
        Self {
            at: at.map(|at| clock.when(at)),
            about: About::new(subject, clock.language),
            stage: clock.language.texts().stage(*stage, subject),
            ends: Ends::new(subject, expiry.at, expiry.governs, clock),
        }
    }
}

impl<'a> BlockedRow<'a> {
    fn new(known: &'a Undeliverable, clock: Clock<'_>) -> Self {
        Self {
            address: &known.address,
            because: clock.language.texts().rejection(known.because),
            said: visible(&known.said),
            since: clock.when(known.since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use postroom_model::{Expiry, Governs, Stage};

    fn found() -> Found {
        let coming = |subject: &str, ends: &str, governs, stage, at: Option<&str>| Coming {
            subject: subject.parse().expect("a subject"),
            expiry: Expiry::noted(fixtures::at(ends), governs),
            stage,
            at: at.map(fixtures::at),
        };
        let idle = Governs::IdleLimit;
        let coming = vec![
            coming("account:archive", "2026-11-20T08:00:00Z", Governs::Refused, Stage::Overdue(0), None),
            coming(
                "provider:acme-sso",
                "2026-12-04T00:00:00Z",
                Governs::ClientSecret,
                Stage::Week,
                Some("2026-11-27T00:00:00Z"),
            ),
            coming(
                "password:legacy-plant",
                "2026-12-24T00:00:00Z",
                Governs::Password,
                Stage::Month,
                Some("2026-11-24T00:00:00Z"),
            ),
            coming(
                "incident:acme-sso",
                "2026-11-22T07:00:00Z",
                Governs::Incident,
                Stage::Overdue(1),
                Some("2026-11-29T07:00:00Z"),
            ),
            coming(
                "account:projects",
                "2027-02-20T11:18:00Z",
                idle,
                Stage::Month,
                Some("2027-01-20T11:18:00Z"),
            ),
        ];
        let told = postroom_registry::Page {
            items: fixtures::reminders(),
            next: Some("1795000000~a".parse().expect("a position")),
            looked_at: 25,
        };
        let blocked = postroom_registry::Page {
            items: vec![fixtures::undeliverable()],
            next: Some("1794000000~b".parse().expect("a position")),
            looked_at: 100,
        };
        let outlook = Some((coming, blocked));
        Found { told, outlook, sends_mail: true }
    }

    fn html(found: &Found, asked: &Asked, language: Language) -> String {
        let administrator = fixtures::administrator();
        fixtures::html(&RemindersPage::new(found, asked, &administrator, fixtures::clock(language)))
    }

    #[test]
    fn reminders_are_the_same_in_both_languages() {
        for language in Language::ALL {
            insta::assert_snapshot!(
                format!("reminders_{language}"),
                html(&found(), &Asked::default(), language)
            );
        }
    }

    #[test]
    fn an_empty_page_says_so() {
        let nothing = || postroom_registry::Page { items: Vec::new(), next: None, looked_at: 0 };
        let unblocked = postroom_registry::Page { items: Vec::new(), next: None, looked_at: 0 };
        let first = Found { told: nothing(), outlook: Some((Vec::new(), unblocked)), sends_mail: false };
        let page = html(&first, &Asked::default(), Language::En);
        for words in [
            "Nobody was told anything yet.",
            "SenderAddress",
            "Nothing that is known",
            "None: all mail was taken.",
        ] {
            assert!(page.contains(words), "{words}");
        }
        let later = Found { told: nothing(), outlook: None, sends_mail: true };
        let page = html(&later, &Asked { from: "1~a".into(), trail: String::new() }, Language::En);
        assert!(page.contains("There is nothing more.") && page.contains("href=\"/reminders\""));
        assert!(!page.contains("What comes next"));
    }
}
