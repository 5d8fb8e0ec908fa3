//! What a person sees when something does not work: what happened, what to do next, and a reference
//! number that stands in the log with the cause.
//!
//! Guarantees: the page says nothing that came from elsewhere, and the log nothing secret; nobody
//! sees a stack trace. A problem is logged once, when its page is made.

use crate::{
    app::{App, FUNCTION},
    keys::random_bytes,
    language::{self, Speak},
    page::{self, Page, Section},
    session::Session,
    texts::Texts,
};
use askama::Template;
use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use postroom_lambda::chain;
use postroom_model::{Fault, Refusal};
use std::fmt::Display;

/// What kind of problem it is; each has a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotFound,
    Invalid,
    ForeignForm,
    LinkNeeded,
    LinkInvalid,
    LinkExpired,
    LinkUsed,
    LinkWithdrawn,
    LinkOvertaken,
    TooMany,
    StateUnknown,
    OtherBrowser,
    OtherServer,
    SignInNotConfigured,
    SignInDeclined,
    SignInFailed,
    NotAnAdministrator,
    Unavailable,
    Internal,
}

/// Something that did not work, as an answer.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
enum Inner {
    /// A page of its own.
    Page { kind: Kind, cause: String, refusal: Option<Box<Refusal>> },
    /// Signing in comes first; then the page that was asked for, where that can be asked for again.
    SignIn { wanted: Option<String> },
}

impl Problem {
    fn page(kind: Kind, cause: impl Display) -> Self {
        Self(Box::new(Inner::Page { kind, cause: cause.to_string(), refusal: None }))
    }

    /// AWS did not do what the page needs.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self::unavailable(&refusal).because(Some(refusal))
    }

    fn because(mut self, because: Option<Refusal>) -> Self {
        if let Inner::Page { refusal, .. } = &mut *self.0 {
            *refusal = because.map(Box::new);
        }
        self
    }

    /// There is no such page, account or mailbox.
    pub(crate) fn not_found() -> Self {
        Self::page(Kind::NotFound, "there is nothing of that name")
    }

    /// The request is not one that our pages make. The cause is for the log: no secret in it.
    pub(crate) fn invalid(cause: impl Display) -> Self {
        Self::page(Kind::Invalid, cause)
    }

    /// A form that does not come from a page of this session.
    pub(crate) fn foreign_form(cause: impl Display) -> Self {
        Self::page(Kind::ForeignForm, cause)
    }

    /// Something that the console needs does not answer now.
    pub(crate) fn unavailable(cause: impl Display) -> Self {
        Self::page(Kind::Unavailable, cause)
    }

    /// A mistake of ours or of the deployment's.
    pub(crate) fn internal(cause: impl Display) -> Self {
        Self::page(Kind::Internal, cause)
    }

    /// Nobody is signed in, or not the right person for this page.
    pub(crate) fn not_signed_in(parts: &Parts) -> Self {
        let wanted = (parts.method == Method::GET).then(|| {
            let path_and_query = parts.uri.path_and_query();
            path_and_query.map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned())
        });
        Self(Box::new(Inner::SignIn { wanted }))
    }

    /// The page is an owner's, who comes by a link.
    pub(crate) fn link_needed() -> Self {
        Self::page(Kind::LinkNeeded, "an owner's page without an owner's session")
    }

    /// A link that this console did not make.
    pub(crate) fn link_invalid() -> Self {
        Self::page(Kind::LinkInvalid, "the link's signature does not fit")
    }

    /// A link whose time is over.
    pub(crate) fn link_expired() -> Self {
        Self::page(Kind::LinkExpired, "the link has expired")
    }

    /// A link that was used before.
    pub(crate) fn link_used() -> Self {
        Self::page(Kind::LinkUsed, "the link was used before")
    }

    /// A link to an account that does not list the person it was made for, or not any more.
    pub(crate) fn link_withdrawn() -> Self {
        Self::page(Kind::LinkWithdrawn, "the account lists no owner for whom the link was made")
    }

    /// A link from before somebody authorised its account.
    pub(crate) fn link_overtaken() -> Self {
        Self::page(Kind::LinkOvertaken, "the account was authorised after the link was made")
    }

    /// Too much from one place within a minute.
    pub(crate) fn too_many(what: &'static str) -> Self {
        Self::page(Kind::TooMany, what)
    }

    /// A callback whose state nobody waits for: it was used, it is too old, or it never was.
    pub(crate) fn state_unknown(cause: impl Display) -> Self {
        Self::page(Kind::StateUnknown, cause)
    }

    /// A callback that belongs to another browser, or to another session of this one.
    pub(crate) fn other_browser(cause: impl Display) -> Self {
        Self::page(Kind::OtherBrowser, cause)
    }

    /// A callback that another authorization server answered (RFC 9207).
    pub(crate) fn other_server(cause: impl Display) -> Self {
        Self::page(Kind::OtherServer, cause)
    }

    /// Nobody may sign in, because nothing says who may.
    pub(crate) fn sign_in_not_configured(cause: impl Display) -> Self {
        Self::page(Kind::SignInNotConfigured, cause)
    }

    /// The person did not want to sign in after all.
    pub(crate) fn sign_in_declined(cause: impl Display) -> Self {
        Self::page(Kind::SignInDeclined, cause)
    }

    /// Signing in did not work, for a reason that lies with the authorization server or its answer.
    pub(crate) fn sign_in_failed(cause: impl Display) -> Self {
        Self::page(Kind::SignInFailed, cause)
    }

    /// Whoever signed in is no administrator here.
    pub(crate) fn not_an_administrator() -> Self {
        Self::page(Kind::NotAnAdministrator, "not in the list of administrators, nor in their group")
    }
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid | Self::StateUnknown | Self::OtherServer => StatusCode::BAD_REQUEST,
            Self::ForeignForm
            | Self::LinkNeeded
            | Self::LinkInvalid
            | Self::OtherBrowser
            | Self::SignInNotConfigured
            | Self::SignInDeclined
            | Self::NotAnAdministrator => StatusCode::FORBIDDEN,
            Self::LinkExpired | Self::LinkUsed | Self::LinkWithdrawn | Self::LinkOvertaken => {
                StatusCode::GONE
            }
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::SignInFailed => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn is_about_a_link(self) -> bool {
        matches!(
            self,
            Self::LinkNeeded
                | Self::LinkInvalid
                | Self::LinkExpired
                | Self::LinkUsed
                | Self::LinkWithdrawn
                | Self::LinkOvertaken
        )
    }

    /// Title, what happened, what to do next.
    fn words(self, t: &'static Texts) -> [&'static str; 3] {
        let p = &t.problem;
        match self {
            Self::NotFound => [p.not_found, p.not_found_what, p.not_found_next],
            Self::Invalid => [p.invalid, p.invalid_what, p.invalid_next],
            Self::ForeignForm => [p.foreign_form, p.foreign_form_what, p.foreign_form_next],
            Self::LinkNeeded => [p.link_needed, p.link_needed_what, p.link_next],
            Self::LinkInvalid => [p.link_invalid, p.link_invalid_what, p.link_next],
            Self::LinkExpired => [p.link_expired, p.link_expired_what, p.link_next],
            Self::LinkUsed => [p.link_used, p.link_used_what, p.link_next],
            Self::LinkWithdrawn => [p.link_withdrawn, p.link_withdrawn_what, p.link_next],
            Self::LinkOvertaken => [p.link_overtaken, p.link_overtaken_what, p.link_overtaken_next],
            Self::TooMany => [p.too_many, p.too_many_what, p.too_many_next],
            Self::StateUnknown => [p.state_unknown, p.state_unknown_what, p.start_again],
            Self::OtherBrowser => [p.other_browser, p.other_browser_what, p.start_again],
            Self::OtherServer => [p.other_server, p.other_server_what, p.other_server_next],
            Self::SignInNotConfigured => [p.not_configured, p.not_configured_what, p.not_configured_next],
            Self::SignInDeclined => [p.declined, p.declined_what, p.declined_next],
            Self::SignInFailed => [p.failed, p.failed_what, p.failed_next],
            Self::NotAnAdministrator => {
                [p.no_administrator, p.no_administrator_what, p.no_administrator_next]
            }
            Self::Unavailable => [p.unavailable, p.unavailable_what, p.unavailable_next],
            Self::Internal => [p.internal, p.internal_what, p.internal_next],
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    page: Page<'a>,
    what: &'a str,
    next: &'a str,
    reference: &'a str,
    /// Where the person begins anew; nowhere, where only a new link helps.
    home: Option<&'static str>,
}

/// Makes the pages of problems, in the language of the request.
pub(crate) async fn explain(State(app): State<App>, request: Request, next: Next) -> Response {
    let language = language::of(request.headers(), app.settings.language);
    let response = next.run(request).await;
    let Some(Inner::Page { kind, cause, refusal }) = response.extensions().get().cloned() else {
        return response;
    };
    let reference: String = random_bytes::<5>().map(|byte| format!("{byte:02x}")).concat();
    let status = kind.status();
    if let Some(refusal) = refusal {
        let Refusal { right, resource, kind: why, .. } = *refusal;
        let (function, advice) = (FUNCTION, why.advice());
        let lacks = u64::from(why.lasts());
        app.metrics.refused(FUNCTION, lacks, app.now());
        tracing::error!(
            reference,
            ?kind,
            function,
            cause,
            right,
            resource,
            advice,
            "a page could not be given"
        );
    } else if status.is_server_error() {
        tracing::error!(reference, ?kind, cause, "a page could not be given");
    } else {
        tracing::info!(reference, ?kind, cause, "a request was refused");
    }
    let [title, what, next] = kind.words(language.texts());
    let session = response.extensions().get::<Session>().cloned();
    let page = Page::alone(language, title);
    let (page, home) = match &session {
        Some(session) => {
            let section = if session.is_administrators() { Section::Accounts } else { Section::Alone };
            let page = page.within(section).signed_in(session.name(), &session.csrf);
            let home = page.home();
            (page, Some(home))
        }
        None => (page, Some("/").filter(|_| !kind.is_about_a_link())),
    };
    let html = page::html(&ProblemPage { page, what, next, reference: &reference, home });
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_TYPE);
    (parts, html).into_response()
}

/// The problem as an answer: its page is made by [`explain`], which knows the language.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match *self.0 {
            Inner::SignIn { wanted } => {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(wanted.filter(|path| path != "/").map(|path| ("to", path)));
                let query = query.finish();
                let separator = if query.is_empty() { "" } else { "?" };
                Redirect::to(&format!("/sign-in{separator}{query}")).into_response()
            }
            page @ Inner::Page { kind, .. } => {
                let mut response = kind.status().into_response();
                response.extensions_mut().insert(page);
                response
            }
        }
    }
}

impl From<postroom_registry::Error> for Problem {
    fn from(error: postroom_registry::Error) -> Self {
        let refusal = error.refusal();
        let problem =
            if error.is_transient() { Self::unavailable(error) } else { Self::internal(chain(&error)) };
        problem.because(refusal)
    }
}

impl From<postroom_vault::Error> for Problem {
    fn from(error: postroom_vault::Error) -> Self {
        let refusal = error.refusal();
        let problem =
            if error.is_transient() { Self::unavailable(error) } else { Self::internal(chain(&error)) };
        problem.because(refusal)
    }
}

impl From<postroom_tokens::Error> for Problem {
    fn from(error: postroom_tokens::Error) -> Self {
        match error {
            postroom_tokens::Error::NoAccount(_) => Self::not_found(),
            postroom_tokens::Error::Registry(error) => error.into(),
            postroom_tokens::Error::Vault(error) => error.into(),
            postroom_tokens::Error::Server(fault) => fault.into(),
            error => Self::unavailable(error),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let refusal = fault.refusal.as_deref().cloned();
        Self::unavailable(fault).because(refusal)
    }
}
