//! The app registrations: what each authorization server knows Postroom as, and whether it still
//! takes it.

use crate::{
    app::App,
    calendar::Clock,
    condition::{Explained, Mark, SOON, State},
    language::{Language, Speak},
    page::{self, Page, Section},
    problem::Problem,
    session::Administrator,
    texts::{Fill, registration::Registration as RegistrationTexts},
};
use askama::Template;
use axum::{extract::State as FromState, response::Response};
use postroom_language::Words;
use postroom_model::{ClientAuth, EndDate, Endpoints, Preset, Provider};
use postroom_registry::Incident;

/// `GET /providers`.
pub(crate) async fn registrations(
    FromState(app): FromState<App>,
    administrator: Administrator,
    language: Language,
) -> Result<Response, Problem> {
    let (providers, incidents) = futures::try_join!(app.registry.providers(), app.registry.incidents())?;
    let signs_in = app.settings.administrators.provider.as_ref();
    let rows = providers.iter().map(|provider| {
        let incident = incidents.iter().find(|incident| incident.provider == provider.id);
        Row::new(provider, incident, signs_in == Some(&provider.id), app.clock(language))
    });
    let page = Page::alone(language, language.texts().registration.title)
        .within(Section::Providers)
        .signed_in(&administrator.name, &administrator.csrf)
        .at("/providers");
    let redirect = app.settings.redirect_url();
    Ok(page::html(&RegistrationsPage { page, redirect: redirect.as_str(), rows: rows.collect() }))
}

#[derive(Template)]
#[template(path = "registrations.html")]
struct RegistrationsPage<'a> {
    page: Page<'a>,
    redirect: &'a str,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    id: &'a str,
    kind: &'static str,
    state: State,
    fault: Option<Explained>,
    client_id: &'a str,
    auth: &'static str,
    /// When that ends, in words, and whether it is soon.
    ends: Option<(String, bool)>,
    tenant: Option<&'a str>,
    issuer: Option<&'a str>,
    authorize_url: Option<&'a str>,
    token_url: Option<&'a str>,
    scopes: &'a [String],
    signs_administrators_in: bool,
    allows_passwords: bool,
}

impl<'a> Row<'a> {
    fn new(
        provider: &'a Provider,
        incident: Option<&Incident>,
        signs_administrators_in: bool,
        clock: Clock<'_>,
    ) -> Self {
        let language = clock.language;
        let t = &language.texts().registration;
        let state = match incident {
            None => State { mark: Mark::Ok, words: t.works, because: None },
            Some(incident) => {
                let when = clock.distance(incident.since);
                let seen = clock.distance(incident.seen_at);
                let because = t.incident_because.fill(&[("when", &when), ("seen", &seen)]);
                State { mark: Mark::Bad, words: t.incident, because: Some(because) }
            }
        };
        let (issuer, authorize_url, token_url) = match &provider.endpoints {
            Endpoints::Issuer(issuer) => (Some(issuer.as_str()), None, None),
            Endpoints::Explicit { authorize_url, token_url, .. } => {
                (None, Some(authorize_url.as_str()), Some(token_url.as_str()))
            }
        };
        let has_end = provider.client_auth != ClientAuth::Public;
        Self {
            id: provider.id.as_str(),
            kind: match provider.preset {
                Preset::Microsoft => "Microsoft",
                Preset::Google => "Google",
                Preset::Custom => "OAuth",
            },
            state,
            fault: incident.map(|incident| Explained::new(&incident.fault, language)),
            client_id: &provider.client_id,
            auth: match provider.client_auth {
                ClientAuth::Public => t.auth_public,
                ClientAuth::Secret => t.auth_secret,
                ClientAuth::Certificate => t.auth_certificate,
                ClientAuth::ServiceAccount => t.auth_service_account,
            },
            ends: has_end.then(|| ends(provider.client_auth_expires, clock, t)),
            tenant: provider.tenant.as_deref(),
            issuer,
            authorize_url,
            token_url,
            scopes: &provider.scopes,
            signs_administrators_in,
            allows_passwords: provider.allow_password_grant,
        }
    }
}

/// When a secret or certificate ends, in words, and whether that is soon or over.
fn ends(end: Option<EndDate>, clock: Clock<'_>, t: &RegistrationTexts) -> (String, bool) {
    let Some(end) = end else { return (t.ends_unknown.to_owned(), false) };
    let at = end.at();
    let date = match end {
        EndDate::Day(day) => clock.language.date(day),
        EndDate::Moment(at) => clock.moment(at),
    };
    let distance = clock.distance(at);
    if at <= clock.now {
        (t.ends_over.fill(&[("date", &date)]), true)
    } else if at.duration_since(clock.now) <= SOON {
        (t.ends_soon.fill(&[("date", &date), ("distance", &distance)]), true)
    } else {
        (format!("{date}, {distance}"), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn app_registrations_are_the_same_in_both_languages() {
        let (providers, incident, administrator) =
            (fixtures::providers(), fixtures::incident(), fixtures::administrator());
        for language in Language::ALL {
            let rows = providers.iter().map(|provider| {
                let incident = Some(&incident).filter(|incident| incident.provider == provider.id);
                Row::new(provider, incident, incident.is_some(), fixtures::clock(language))
            });
            let page = Page::alone(language, language.texts().registration.title)
                .within(Section::Providers)
                .signed_in(&administrator.name, &administrator.csrf);
            let page =
                RegistrationsPage { page, redirect: "https://post.example/callback", rows: rows.collect() };
            insta::assert_snapshot!(format!("registrations_{language}"), fixtures::html(&page));
        }
    }

    #[test]
    fn the_end_of_a_secret_is_told_in_time() {
        let t = &Language::En.texts().registration;
        for (day, words, is_soon) in [
            (None, "Not known; say it in the manifest to be warned in time", false),
            (Some("2027-09-30"), "30 September 2027, in 10 months", false),
            (
                Some("2026-11-22T14:00:00+02:00"),
                "Over since 22 November 2026, 13:00 CET: no token can be renewed any more. Enter a new one.",
                true,
            ),
            (Some("2026-12-04"), "4 December 2026, in 11 days: make a new one in time.", true),
            (
                Some("2026-11-22"),
                "Over since 22 November 2026: no token can be renewed any more. Enter a new one.",
                true,
            ),
        ] {
            let day = day.map(|day| day.parse().expect("a day"));
            assert_eq!(ends(day, fixtures::clock(Language::En), t), (words.to_owned(), is_soon));
        }
    }
}
