//! The overview: every account and every mailbox with Basic auth, how they are doing, and what ends
//! when.
//!
//! Guarantees: the work for one page is bounded, however many accounts there are: one list of
//! accounts, one of mailboxes, one of endings, one of incidents, and the mailboxes of the accounts
//! shown, side by side.

use crate::{
    app::App,
    calendar::{Clock, When},
    chain::{self, Resumable},
    condition::{Condition, Ends, SOON, State},
    language::{Language, Speak},
    mailbox_state,
    page::{self, Page, Section},
    problem::Problem,
    search::{Around, Asked, Show, filled, position},
    session::Administrator,
    texts::Fill,
    timeline::{self, Timeline},
};
use askama::Template;
use axum::{
    extract::{Query, State as FromState},
    response::Response,
};
use jiff::Timestamp;
use postroom_language::Words;
use postroom_model::{Account, AccountId, AccountStatus, MailboxState, Provider};
use postroom_registry::{Incident, PlacedMailbox};
use std::collections::HashMap;

/// Accounts on one page, and mailboxes with Basic auth.
const SIZE: usize = 25;
/// Mailboxes of one account that are named.
const NAMED: usize = 3;
/// Mailboxes of one account that are counted.
const COUNTED: usize = 100;
/// Everything that a page shows.
struct Found {
    accounts: postroom_registry::Page<(Account, AccountStatus)>,
    mailboxes: HashMap<AccountId, Vec<PlacedMailbox>>,
    basic: postroom_registry::Page<(PlacedMailbox, MailboxState)>,
    providers: Vec<Provider>,
    incidents: Vec<Incident>,
    endings: Vec<(AccountId, Timestamp)>,
    chain: Option<Resumable>,
}

/// `GET /`.
pub(crate) async fn overview(
    FromState(app): FromState<App>,
    administrator: Administrator,
    language: Language,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let clock = app.clock(language);
    let found = find(&app, &administrator, &asked, clock.now).await?;
    Ok(page::html(&OverviewPage::new(&found, &asked, &administrator, clock)))
}

async fn find(
    app: &App,
    administrator: &Administrator,
    asked: &Asked,
    now: Timestamp,
) -> Result<Found, Problem> {
    let registry = &app.registry;
    let accounts = async {
        let from = position(&asked.from)?;
        let accounts = registry.accounts_page(&asked.accounts(now), from.as_ref(), SIZE).await?;
        let ids: Vec<AccountId> = accounts.items.iter().map(|(account, _)| account.id.clone()).collect();
        let mailboxes = futures::future::try_join_all(ids.into_iter().map(|id| async {
            let mailboxes = registry.first_mailboxes_of(&id, COUNTED + 1).await?;
            Ok::<_, Problem>((id, mailboxes))
        }));
        let mailboxes: HashMap<_, _> = mailboxes.await?.into_iter().collect();
        Ok((accounts, mailboxes))
    };
    let basic = find_basic(app, asked, now);
    let ((accounts, mailboxes), basic, providers, incidents, endings, chain) = futures::try_join!(
        accounts,
        basic,
        async { Ok(registry.providers().await?) },
        async { Ok(registry.incidents().await?) },
        async { Ok(registry.endings(timeline::until(now, &app.settings.calendar.zone)).await?) },
        chain::of(app, administrator),
    )?;
    Ok(Found { accounts, mailboxes, basic, providers, incidents, endings, chain })
}

/// Mailboxes with Basic auth: they have no provider, so that whoever looks for one does not look for them.
async fn find_basic(
    app: &App,
    asked: &Asked,
    now: Timestamp,
) -> Result<postroom_registry::Page<(PlacedMailbox, MailboxState)>, Problem> {
    if !asked.shows_basic() {
        return Ok(postroom_registry::Page { items: Vec::new(), next: None, looked_at: 0 });
    }
    let from = position(&asked.basic_from)?;
    let text = [&asked.q, &asked.owner].into_iter().find_map(|text| filled(text));
    let owned = |placed: &PlacedMailbox| {
        let is = |owner: &String| owner.eq_ignore_ascii_case(asked.owner.trim());
        asked.owner.trim().is_empty() || placed.mailbox.owners.iter().any(is)
    };
    if let Some(concern) = asked.concern(now) {
        let registry = &app.registry;
        let mut page = registry.basic_mailboxes_of_concern(concern, text, from.as_ref(), SIZE).await?;
        page.items.retain(|(placed, _)| owned(placed));
        return Ok(page);
    }
    let page = app.registry.mailboxes_page(true, text, from.as_ref(), SIZE).await?;
    let shown: Vec<PlacedMailbox> = page.items.into_iter().filter(owned).collect();
    let mut states = mailbox_state::of(app, &shown).await?;
    let with_state = |placed: PlacedMailbox| {
        let state = states.remove(&placed.mailbox.id).unwrap_or_default();
        (placed, state)
    };
    let items = shown.into_iter().map(with_state).collect();
    Ok(postroom_registry::Page { items, next: page.next, looked_at: page.looked_at })
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    page: Page<'a>,
    asked: &'a Asked,
    rows: Vec<Row<'a>>,
    empty: &'static str,
    around: Around,
    basic_lead: &'static str,
    basic: Vec<BasicRow<'a>>,
    basic_around: Around,
    providers: Vec<&'a str>,
    incidents: Vec<String>,
    chain: Option<String>,
    timeline: Timeline,
    timeline_desc: String,
}

/// One account.
struct Row<'a> {
    id: &'a str,
    login: Option<&'a str>,
    provider: String,
    state: State,
    ends: Ends,
    renewed: Option<When>,
    mailboxes: Vec<&'a str>,
    more: Option<String>,
    owners: &'a [String],
    select: String,
}

/// One mailbox with Basic auth.
struct BasicRow<'a> {
    id: &'a str,
    user: &'a str,
    server: String,
    state: State,
    /// When its password ends, where that is soon or past.
    password_ends: Option<String>,
    interval: String,
    owners: &'a [String],
}

impl<'a> OverviewPage<'a> {
    fn new(found: &'a Found, asked: &'a Asked, administrator: &'a Administrator, clock: Clock<'_>) -> Self {
        let language = clock.language;
        let t = &language.texts().overview;
        let page = Page::alone(language, t.title)
            .within(Section::Accounts)
            .signed_in(&administrator.name, &administrator.csrf)
            .at(asked.href());
        let rows = found.accounts.items.iter().map(|(account, status)| {
            let mailboxes = found.mailboxes.get(&account.id).map(Vec::as_slice).unwrap_or_default();
            Row::new(account, status, mailboxes, clock)
        });
        let basic = found.basic.items.iter().map(|(placed, state)| BasicRow::new(placed, state, clock));
        let incidents = found.incidents.iter().map(|incident| {
            let since = clock.moment(incident.since);
            t.incident.fill(&[("provider", &incident.provider), ("when", &since)])
        });
        let chain =
            found.chain.as_ref().map(|chain| t.chain.fill(&[("done", &chain.done), ("all", &chain.all)]));
        let endings: Vec<Timestamp> = found.endings.iter().map(|(_, at)| *at).collect();
        let timeline = Timeline::new(&endings, clock);
        Self {
            page,
            asked,
            rows: rows.collect(),
            empty: match (found.accounts.next.is_some(), asked.is_filtered()) {
                (true, _) => t.empty_searching,
                (false, true) => t.empty,
                (false, false) => t.empty_at_all,
            },
            around: asked.around(found.accounts.next.as_ref()),
            basic_lead: match asked.show {
                Show::All => t.basic_lead,
                Show::Needs => t.basic_lead_needs,
                Show::Soon => t.basic_lead_soon,
            },
            basic: basic.collect(),
            basic_around: asked.basic_around(found.basic.next.as_ref()),
            providers: found.providers.iter().map(|provider| provider.id.as_str()).collect(),
            incidents: incidents.collect(),
            chain,
            timeline_desc: t.timeline_desc.fill(&[("most", &timeline.most)]),
            timeline,
        }
    }

    /// Whether there is nothing at all yet, so that the way to begin is told.
    fn is_beginning(&self) -> bool {
        self.rows.is_empty() && !self.asked.is_filtered() && self.around.is_only()
    }

    fn is_shown(&self, value: &str) -> bool {
        self.asked.show.value() == value
    }

    fn is_provider(&self, id: &str) -> bool {
        self.asked.provider == id
    }
}

impl<'a> Row<'a> {
    fn new(
        account: &'a Account,
        status: &'a AccountStatus,
        mailboxes: &'a [PlacedMailbox],
        clock: Clock<'_>,
    ) -> Self {
        let language = clock.language;
        let t = &language.texts().overview;
        let condition = Condition::of(account, status, clock.now);
        let (more, words) = match mailboxes.len() {
            n if n > COUNTED => (COUNTED - NAMED, t.more_than),
            n => (n.saturating_sub(NAMED), t.more),
        };
        Self {
            id: account.id.as_str(),
            login: account.login.as_deref(),
            provider: t.by_provider.fill(&[("provider", &account.provider)]),
            state: condition.state(status, clock),
            ends: Ends::of(&condition, status, clock),
            renewed: status.obtained_at.map(|at| clock.when(at)),
            mailboxes: mailboxes.iter().take(NAMED).map(|placed| placed.mailbox.id.as_str()).collect(),
            more: (more > 0).then(|| words.fill(&[("n", &more)])),
            owners: &account.owners,
            select: t.select.fill(&[("id", &account.id)]),
        }
    }
}

impl<'a> BasicRow<'a> {
    fn new(placed: &'a PlacedMailbox, state: &MailboxState, clock: Clock<'_>) -> Self {
        let mailbox = &placed.mailbox;
        let t = &clock.language.texts().overview;
        Self {
            id: mailbox.id.as_str(),
            user: &mailbox.user,
            server: format!("{}:{}", mailbox.server.host, mailbox.server.port),
            state: mailbox_state::words(placed, state, clock),
            password_ends: mailbox
                .password_expires
                .filter(|end| end.at().duration_since(clock.now) <= SOON)
                .map(|end| {
                    let (date, distance) = (clock.end_date(end), clock.distance(end.at()));
                    t.password_ends.fill(&[("date", &date), ("distance", &distance)])
                }),
            interval: clock.language.interval(mailbox.interval),
            owners: &mailbox.owners,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use jiff::ToSpan;

    fn found() -> Found {
        let mailboxes =
            [("projects", 5), ("archive", 1), ("reports", 2), ("shop", 1)].into_iter().map(|(id, n)| {
                let mailbox = |n| fixtures::mailbox(&format!("{id}-{n}"), Some(id));
                (id.parse().expect("id"), (1..=n).map(mailbox).collect())
            });
        let ending = |n: i64, days: i64| {
            let at = fixtures::now() + (days * 24).hours();
            (format!("account-{n}").parse().expect("id"), at)
        };
        Found {
            accounts: postroom_registry::Page {
                items: fixtures::accounts(),
                next: Some("tenders".parse().expect("a position")),
                looked_at: 26,
            },
            mailboxes: mailboxes.collect(),
            basic: postroom_registry::Page {
                items: vec![
                    (fixtures::mailbox("legacy-plant", None), fixtures::failing()),
                    (fixtures::mailbox("press", None), fixtures::fetched()),
                ],
                next: None,
                looked_at: 2,
            },
            providers: fixtures::providers(),
            incidents: vec![fixtures::incident()],
            endings: (0..60).map(|n| ending(n, n * n / 10 - 3)).collect(),
            chain: Some(Resumable { done: 3, all: 12 }),
        }
    }

    #[test]
    fn the_overview_is_the_same_in_both_languages() {
        let (found, administrator) = (found(), fixtures::administrator());
        let asked = Asked::default();
        for language in Language::ALL {
            let page = OverviewPage::new(&found, &asked, &administrator, fixtures::clock(language));
            insta::assert_snapshot!(format!("overview_{language}"), fixtures::html(&page));
        }
    }

    #[test]
    fn an_empty_deployment_says_how_to_begin() {
        let nothing = || postroom_registry::Page { items: Vec::new(), next: None, looked_at: 0 };
        let found = Found {
            accounts: nothing(),
            mailboxes: HashMap::new(),
            basic: postroom_registry::Page { items: Vec::new(), next: None, looked_at: 0 },
            providers: Vec::new(),
            incidents: Vec::new(),
            endings: Vec::new(),
            chain: None,
        };
        let administrator = fixtures::administrator();
        let asked = Asked::default();
        let page = OverviewPage::new(&found, &asked, &administrator, fixtures::clock(Language::En));
        let html = fixtures::html(&page);
        assert!(html.contains("postroom apply") && html.contains("No authorization ends"));
        let asked = Asked { q: "<script>".into(), show: Show::Needs, ..Asked::default() };
        let page = OverviewPage::new(&found, &asked, &administrator, fixtures::clock(Language::En));
        let html = fixtures::html(&page);
        assert!(html.contains("No account fits") && !html.contains("<script>"));
    }
}
