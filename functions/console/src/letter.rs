//! Mail to owners with personal links.
//!
//! Guarantees: each owner gets one letter about all of the accounts that were chosen, with a link for
//! each that nobody else got, in the language that is on record for the owner; owners are those of the
//! account and of the mailboxes that use it, as for a reminder. What could not be sent is told address by
//! address on the page. The log says of which accounts a letter went out, by SES's name for it, and knows
//! no address.
//!
//! Left out: reminding anybody by itself; a record of such a letter among the reminders, which are of ends
//! and their stages.

use crate::{
    app::{App, Id},
    calendar::Clock,
    condition::{Mark, State as Condition},
    csrf::Posted,
    language::{Language, Speak},
    ownership::{Owners, owners_of},
    page::{self, Page, Section},
    problem::Problem,
    session::Administrator,
    texts::{Fill, Texts, letter::Letter as LetterTexts},
    verdict::{Verdict, Verdicts},
};
use askama::Template;
use axum::{extract::State, response::Response};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_language::visible;
use postroom_letter::{Letter, Post, SendError, personal_link};
use postroom_model::{Account, AccountId};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How long a link works.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Letters that are sent at the same time; SES grants a new account 14 a second.
const AT_ONCE: usize = 5;
/// When the page must be done: API Gateway gives up after 30 seconds.
const LONGEST: Duration = Duration::from_secs(20);
/// The most accounts that letters are sent for at once.
const MOST: usize = 200;

/// `POST /accounts/{id}/link`: mails the account's owners a link.
pub(crate) async fn send(
    State(app): State<App>,
    language: Language,
    Id(id): Id<AccountId>,
    posted: Posted<Administrator>,
) -> Result<Response, Problem> {
    send_to_owners(&app, &posted.visitor, language, &[id]).await
}

/// Mails the owners of some accounts their links, and tells what came of it.
pub(crate) async fn send_to_owners(
    app: &App,
    administrator: &Administrator,
    language: Language,
    ids: &[AccountId],
) -> Result<Response, Problem> {
    let t = &language.texts().letter;
    let mut note = (ids.len() > MOST).then(|| t.too_many.fill(&[("most", &MOST)]));
    let mut verdicts = Vec::new();
    if let Some(post) = &app.post {
        let chosen = &ids[..ids.len().min(MOST)];
        let statuses = app.registry.account_statuses(chosen).await?;
        let found = stream::iter(chosen.to_vec()).map(|id| async move {
            let account = app.registry.account(&id).await?.ok_or_else(Problem::not_found)?;
            let owners = owners_of(app, &account).await?;
            Ok::<_, Problem>((account, owners))
        });
        let found: Vec<(Account, Owners)> = found.buffered(AT_ONCE).try_collect().await?;
        let mut letters: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
        let mut invalid = BTreeSet::new();
        for (account, owners) in &found {
            let id = account.id.as_str();
            match account {
                account if !account.grant.needs_consent() => verdicts.push(Verdict::idle(id, t.no_consent)),
                _ if owners.is_empty() => verdicts.push(Verdict::idle(id, t.no_owner)),
                account => {
                    let authorised_at = statuses.get(&account.id).and_then(|status| status.authorised_at);
                    let authorised_at = authorised_at.map_or(0, Timestamp::as_second);
                    for owner in &owners.addresses {
                        letters.entry(owner.clone()).or_default().push(Asked { account, authorised_at });
                    }
                    invalid.extend(&owners.invalid);
                }
            }
        }
        verdicts
            .extend(invalid.into_iter().map(|owner| not_sent(visible(owner), t, t.no_address.to_owned())));
        verdicts.extend(send_all(app, post, &letters, language).await?);
    } else {
        note = Some(t.no_sender.to_owned());
    }
    let page = Page::alone(language, t.sent_title)
        .within(Section::Accounts)
        .signed_in(&administrator.name, &administrator.csrf);
    let (back, back_label) = ("/".to_owned(), language.texts().chain.back);
    Ok(page::html(&Verdicts { page, lead: String::new(), verdicts, note, back, back_label }))
}

/// An account that an owner is asked for, and when somebody last authorised it, as links have it.
struct Asked<'a> {
    account: &'a Account,
    authorised_at: i64,
}

/// Sends each owner a letter. One that fails stops no other.
async fn send_all(
    app: &App,
    post: &Post,
    letters: &BTreeMap<String, Vec<Asked<'_>>>,
    language: Language,
) -> Result<Vec<Verdict>, Problem> {
    let t = &language.texts().letter;
    let end = Instant::now() + LONGEST;
    let keys = app.keys().await?;
    let (key, console) = (keys.links()?, &app.settings.public_url);
    let until = app.now().saturating_add(LINK_LIFE).unwrap_or(Timestamp::MAX);
    let people = app.registry.people(&letters.keys().cloned().collect::<Vec<_>>()).await?;
    let letters = letters.iter().map(|(owner, accounts)| {
        let links = accounts.iter().map(|Asked { account, authorised_at }| LetterLink {
            account: account.id.as_str(),
            login: account.login.as_deref(),
            url: personal_link(key, console, &account.id, *authorised_at, owner, until),
        });
        // Not the administrator's language: owners are other people.
        let known = people.get(owner).and_then(|person| person.language);
        let clock = app.clock(known.unwrap_or(app.settings.language));
        (owner, LinkLetter::new(links.collect(), until, clock))
    });
    let sent = letters.map(|(owner, letter)| async move {
        let failed = |because: String| not_sent(owner.clone(), t, because);
        let written = match letter.write() {
            Ok(written) => written,
            Err(error) => return failed(error.to_string()),
        };
        match timeout_at(end, post.send(&written, owner)).await {
            Ok(Ok(sent)) => {
                for link in &letter.links {
                    tracing::info!(account = link.account, message_id = sent.0, "an owner was mailed a link");
                }
                Verdict::well(owner, t.sent, t.sent_what.fill(&[("n", &letter.links.len())]))
            }
            Ok(Err(error)) => {
                if !app.refusals.noted(post.refusal("ses:SendEmail", &error)) {
                    tracing::warn!(%error, "a letter to an owner was not sent");
                }
                failed(because(&error, t))
            }
            Err(_) => failed(t.no_time.to_owned()),
        }
    });
    Ok(stream::iter(sent.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await)
}

fn not_sent(owner: String, t: &LetterTexts, because: String) -> Verdict {
    let state = Condition { mark: Mark::Bad, words: t.not_sent, because: Some(because) };
    Verdict { name: owner, state, fault: None }
}

/// Why a letter was not sent, as the page says it.
fn because(error: &SendError, t: &LetterTexts) -> String {
    match error {
        SendError::Throttled => t.throttled.to_owned(),
        SendError::QuotaUsedUp => t.quota_used_up.to_owned(),
        SendError::Recipient(said) | SendError::Unverified(said) => {
            t.recipient_refused.fill(&[("said", &visible(said))])
        }
        SendError::Stopped(answer) => t.stopped.fill(&[("said", &visible(&answer.said))]),
        SendError::Rejected(answer) => t.rejected.fill(&[("said", &visible(&answer.said))]),
        SendError::Passing(said) => t.not_now.fill(&[("said", &visible(said))]),
    }
}

/// A letter to an owner.
struct LinkLetter<'a> {
    t: &'static Texts,
    links: Vec<LetterLink<'a>>,
    until: String,
    language: Language,
}

/// One account of a letter.
struct LetterLink<'a> {
    account: &'a str,
    login: Option<&'a str>,
    url: Url,
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct LetterText<'a>(&'a LinkLetter<'a>);

#[derive(Template)]
#[template(path = "letter.html")]
struct LetterHtml<'a>(&'a LinkLetter<'a>);

impl<'a> LinkLetter<'a> {
    fn new(links: Vec<LetterLink<'a>>, until: Timestamp, clock: Clock<'_>) -> Self {
        let language = clock.language;
        Self { t: language.texts(), links, until: clock.moment(until), language }
    }

    fn write(&self) -> askama::Result<Letter> {
        Ok(Letter {
            subject: self.t.letter.subject.to_owned(),
            text: LetterText(self).render()?,
            html: LetterHtml(self).render()?,
        })
    }

    /// The line above a link.
    fn about(&self, link: &LetterLink<'_>) -> String {
        let t = &self.t.letter;
        match link.login {
            Some(login) => t.about_login.fill(&[("account", &link.account), ("login", &login)]),
            None => t.about.fill(&[("account", &link.account)]),
        }
    }

    fn works_until(&self) -> String {
        self.t.letter.works_until.fill(&[("until", &self.until)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_letter_says_what_to_do_in_text_and_in_html() {
        let url = Url::parse("https://post.example/link/a.b").expect("url");
        let links = || {
            let named =
                LetterLink { account: "projects", login: Some("<ann>@post.example"), url: url.clone() };
            vec![named, LetterLink { account: "plans", login: None, url: url.clone() }]
        };
        let until = Timestamp::from_second(1_800_000_000).expect("in range");
        for language in Language::ALL {
            let letter = LinkLetter::new(links(), until, fixtures::clock(language));
            insta::assert_snapshot!(
                format!("letter_text_{language}"),
                LetterText(&letter).render().expect("text")
            );
            insta::assert_snapshot!(
                format!("letter_html_{language}"),
                LetterHtml(&letter).render().expect("html")
            );
        }
    }
}
