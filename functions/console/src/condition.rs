//! How an account is doing, in words: what works, what does not, why, and who must act.

use crate::{
    calendar::{Clock, When},
    language::{Language, Speak},
    texts::{Fill, Texts, fault::Faults},
};
use jiff::{SignedDuration, Timestamp};
use postroom_language::visible;
use postroom_model::{Account, AccountStatus, Actor, Fault, FaultClass, Governs};

/// What ends within this time is worth a warning, unless it renews itself.
pub(crate) const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How an account is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// Its tokens work.
    Works,
    /// They work, but not everything that was asked for was granted.
    Narrowed,
    /// They work and end soon, and nothing will renew them by itself.
    EndsSoon {
        /// The moment.
        at: Timestamp,
        /// What makes it end then.
        governs: Governs,
    },
    /// They work, and the day has come on which the app's client secret or certificate ends, as it was
    /// noted: the next renewal shows whether it does. Nobody's consent would change that.
    SecretEnded(Timestamp),
    /// The last renewal failed for a reason that may pass; the access token still works.
    WorksForNow(&'a Fault),
    /// As before, and the access token has ended.
    Interrupted(&'a Fault),
    /// Nobody has consented yet.
    NotAuthorised,
    /// It needs nobody's consent, and has not been tried yet.
    NotTried,
    /// Its authorization has ended by a date that was known.
    Ended(Timestamp),
    /// They work, and an administrator wants it authorised anew since then.
    Due(Timestamp),
    /// Somebody must act, as the fault says.
    Needs(Actor, &'a Fault),
}

/// The shape and colour of a state's mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Well.
    Ok,
    /// Look at it sometime.
    Warn,
    /// Somebody must act.
    Bad,
    /// Nothing has happened yet, or nothing shall.
    Idle,
}

impl Mark {
    /// The mark's class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }
}

/// A state as a page shows it: a mark, a few words, and a sentence that explains them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The mark beside the words.
    pub(crate) mark: Mark,
    /// The state in a few words.
    pub(crate) words: &'static str,
    /// Why, or since when.
    pub(crate) because: Option<String>,
}

impl<'a> Condition<'a> {
    /// How an account is doing at `now`.
    pub(crate) fn of(account: &Account, status: &'a AccountStatus, now: Timestamp) -> Self {
        let over = |end: Option<Timestamp>| end.filter(|end| *end <= now);
        if let Some(fault) = &status.fault {
            return match fault.class.actor() {
                Actor::Nobody if status.obtained_at.is_none() || over(status.access_expires_at).is_some() => {
                    Self::Interrupted(fault)
                }
                Actor::Nobody => Self::WorksForNow(fault),
                actor => Self::Needs(actor, fault),
            };
        }
        match (status.obtained_at, account.grant.needs_consent()) {
            (None, true) => return Self::NotAuthorised,
            (None, false) => return Self::NotTried,
            (Some(_), _) => {}
        }
        match status.ends_at.zip(status.ended_by) {
            Some((at, Governs::Policy)) if at <= now => Self::Due(at),
            Some((at, Governs::ClientSecret)) if at <= now => Self::SecretEnded(at),
            Some((at, _)) if at <= now => Self::Ended(at),
            _ if !status.missing_scopes.is_empty() => Self::Narrowed,
            Some((at, governs)) if is_worth_a_warning(at, governs, now) => Self::EndsSoon { at, governs },
            _ => Self::Works,
        }
    }

    /// Whether a person can mend it by signing in.
    pub(crate) fn needs_consent(&self) -> bool {
        matches!(self, Self::NotAuthorised | Self::Ended(_) | Self::Due(_) | Self::Needs(Actor::Owner, _))
    }

    /// What the account's server or the system said, where something went wrong.
    pub(crate) fn fault(&self) -> Option<&'a Fault> {
        match *self {
            Self::WorksForNow(fault) | Self::Interrupted(fault) | Self::Needs(_, fault) => Some(fault),
            _ => None,
        }
    }

    /// The condition in words.
    pub(crate) fn state(&self, status: &AccountStatus, clock: Clock<'_>) -> State {
        let Clock { now, language, .. } = clock;
        let t = &language.texts().condition;
        let (mark, words) = match self {
            Self::Works => (Mark::Ok, t.works),
            Self::Narrowed => (Mark::Warn, t.narrowed),
            Self::EndsSoon { .. } => (Mark::Warn, t.ends_soon),
            Self::WorksForNow(_) | Self::SecretEnded(_) => (Mark::Warn, t.works_for_now),
            Self::Interrupted(_) => (Mark::Warn, t.interrupted),
            Self::NotAuthorised => (Mark::Idle, t.not_authorised),
            Self::NotTried => (Mark::Idle, t.not_tried),
            Self::Ended(_) => (Mark::Bad, t.ended),
            Self::Due(_) => (Mark::Warn, t.due),
            Self::Needs(Actor::Operator, fault) if fault.class == FaultClass::AppRegistration => {
                (Mark::Bad, t.provider)
            }
            Self::Needs(Actor::Operator, _) => (Mark::Bad, t.operator),
            Self::Needs(Actor::Administrator, _) => (Mark::Bad, t.administrator),
            Self::Needs(Actor::We, _) => (Mark::Bad, t.unexpected),
            Self::Needs(Actor::Owner | Actor::Nobody, _) => (Mark::Bad, t.reauthorise),
        };
        let distance = |at: Timestamp| clock.distance(at);
        let again = || status.due_at.filter(|due| *due > now).map_or(t.retry_soon.to_owned(), distance);
        let because = match self {
            Self::Works => match status.due_at.filter(|due| *due > now) {
                Some(due) => Some(t.works_renews.fill(&[("when", &distance(due))])),
                None => status.obtained_at.map(|at| t.works_renewed.fill(&[("when", &distance(at))])),
            },
            Self::Narrowed => Some(t.narrowed_because.fill(&[("scopes", &status.missing_scopes.join(", "))])),
            Self::EndsSoon { at, governs } => {
                let text = match governs {
                    Governs::ClientSecret => t.ends_soon_operator,
                    _ => t.ends_soon_owner,
                };
                Some(text.fill(&[("date", &clock.date(*at))]))
            }
            Self::WorksForNow(_) => Some(t.works_for_now_because.fill(&[("when", &again())])),
            Self::SecretEnded(at) => Some(t.secret_ended_because.fill(&[("date", &clock.date(*at))])),
            Self::Interrupted(fault) => {
                let tried = t.interrupted_because.fill(&[("when", &again())]);
                Some(format!("{} {tried}", language.texts().explained(fault.class).what))
            }
            Self::NotAuthorised => Some(t.not_authorised_because.to_owned()),
            Self::NotTried => Some(t.not_tried_because.to_owned()),
            Self::Ended(at) => Some(t.ended_because.fill(&[("when", &distance(*at))])),
            Self::Due(at) => Some(t.due_because.fill(&[("date", &clock.date(*at))])),
            Self::Needs(_, fault) => Some(language.texts().explained(fault.class).what.to_owned()),
        };
        State { mark, words, because }
    }
}

/// An idle limit is put off by each renewal long before it comes: no reason for a warning while
/// renewals work.
fn is_worth_a_warning(at: Timestamp, governs: Governs, now: Timestamp) -> bool {
    governs != Governs::IdleLimit && at.duration_since(now) <= SOON
}

/// When an authorization ends, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The moment; none where it is not known, or is past.
    pub(crate) when: Option<When>,
    /// What makes it end then, or why there is no such moment.
    pub(crate) words: &'static str,
}

impl Ends {
    /// The end of an account's authorization.
    pub(crate) fn of(condition: &Condition<'_>, status: &AccountStatus, clock: Clock<'_>) -> Self {
        let language = clock.language;
        let t = &language.texts().condition;
        match (condition, status.ends_at.zip(status.ended_by)) {
            (Condition::NotAuthorised, _) => Self { when: None, words: t.not_begun },
            (Condition::Ended(_) | Condition::Needs(Actor::Owner, _), _) => {
                Self { when: None, words: t.has_ended }
            }
            (_, Some((at, governs))) => {
                Self { when: Some(clock.when(at)), words: language.texts().governs(governs) }
            }
            (_, None) => Self { when: None, words: t.never_ends },
        }
    }
}

/// A class of fault in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FaultWords {
    /// What happened.
    pub(crate) what: &'static str,
    /// What to do.
    pub(crate) advice: &'static str,
}

/// A fault as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    /// What happened, and what to do.
    pub(crate) words: FaultWords,
    /// Who must act.
    pub(crate) actor: &'static str,
    /// What the server or the system said, without what cannot be seen.
    pub(crate) said: String,
}

impl Explained {
    /// A fault, explained.
    pub(crate) fn new(fault: &Fault, language: Language) -> Self {
        Self {
            words: language.texts().explained(fault.class),
            actor: language.texts().actor(fault.class.actor()),
            said: visible(&fault.reason),
        }
    }
}

impl Texts {
    /// What makes something end, as a sentence.
    pub(crate) fn governs(&self, governs: Governs) -> &'static str {
        let t = &self.condition;
        match governs {
            Governs::RefreshToken => t.governs_refresh_token,
            Governs::IdleLimit => t.governs_idle_limit,
            Governs::AccessToken => t.governs_access_token,
            Governs::ClientSecret => t.governs_client_secret,
            Governs::ProviderLimit => t.governs_provider_limit,
            Governs::Policy => t.governs_policy,
            Governs::Refused => t.governs_refused,
            Governs::Password => t.governs_password,
            Governs::Incident => t.governs_incident,
            _ => t.governs_other,
        }
    }

    /// Who must act.
    pub(crate) fn actor(&self, actor: Actor) -> &'static str {
        let t = &self.condition;
        match actor {
            Actor::Nobody => t.actor_nobody,
            Actor::Owner => t.actor_owner,
            Actor::Operator => t.actor_operator,
            Actor::Administrator => t.actor_administrator,
            Actor::We => t.actor_we,
        }
    }

    /// A class of fault in two sentences.
    pub(crate) fn explained(&self, class: FaultClass) -> FaultWords {
        words(class, &self.fault)
    }
}

/// One arm for each class; what a later release of the model adds is unknown here until it has one.
macro_rules! words {
    ($class:expr, $t:expr, $($name:ident $what:ident $advice:ident)*) => {
        match $class {
            $(FaultClass::$name => FaultWords { what: $t.$what, advice: $t.$advice },)*
            _ => FaultWords { what: $t.unknown, advice: $t.unknown_advice },
        }
    };
}

fn words(class: FaultClass, t: &Faults) -> FaultWords {
    words!(class, t,
        Unreachable unreachable unreachable_advice
        TimedOut timed_out timed_out_advice
        ConnectionLost connection_lost connection_lost_advice
        Throttled throttled throttled_advice
        TemporarilyUnavailable temporarily_unavailable temporarily_unavailable_advice
        Certificate certificate certificate_advice
        Protocol protocol protocol_advice
        NoMechanism no_mechanism no_mechanism_advice
        PlaintextRefused plaintext_refused plaintext_refused_advice
        PasswordRefused password_refused password_refused_advice
        TokenRefused token_refused token_refused_advice
        AuthorizationEnded authorization_ended authorization_ended_advice
        InteractionRequired interaction_required interaction_required_advice
        ConsentRequired consent_required consent_required_advice
        AdminConsentRequired admin_consent_required admin_consent_required_advice
        AccountPolicy account_policy account_policy_advice
        NoMailboxAccess no_mailbox_access no_mailbox_access_advice
        WebLoginRequired web_login_required web_login_required_advice
        OverQuota over_quota over_quota_advice
        Folder folder folder_advice
        Paused paused paused_advice
        AppRegistration app_registration app_registration_advice
        Configuration configuration configuration_advice
        Storage storage storage_advice
        Unsupported unsupported unsupported_advice
        Bug bug bug_advice
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use postroom_model::Grant;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn account(grant: Grant) -> Account {
        let (id, provider) = ("projects".parse().expect("id"), "contoso".parse().expect("id"));
        Account { id, provider, grant, login: None, scopes: vec![], owners: vec![], reauthorise_every: None }
    }

    #[test]
    fn every_class_has_words_of_its_own() {
        for language in Language::ALL {
            for class in FaultClass::ALL.iter().filter(|class| **class != FaultClass::Unknown) {
                assert_ne!(
                    language.texts().explained(*class),
                    language.texts().explained(FaultClass::Unknown),
                    "{class}"
                );
            }
        }
    }

    /// What the overview says in each state.
    #[test]
    fn conditions_are_words() {
        let now = at("2026-11-22T12:00:00Z");
        let clock = |language| Clock { now, ..fixtures::clock(language) };
        let well = AccountStatus {
            obtained_at: Some(at("2026-11-22T09:00:00Z")),
            access_expires_at: Some(at("2026-11-22T13:00:00Z")),
            ends_at: Some(at("2027-02-20T09:00:00Z")),
            ended_by: Some(Governs::IdleLimit),
            ..AccountStatus::default()
        };
        let faulty = |class| AccountStatus { fault: Some(Fault::new(class, "said")), ..well.clone() };
        let ends = |at, governs| AccountStatus { ends_at: Some(at), ended_by: Some(governs), ..well.clone() };
        let soon = at("2026-12-04T12:00:00Z");
        let cases = [
            (AccountStatus::default(), Mark::Idle, "Not authorised yet"),
            (well.clone(), Mark::Ok, "Works"),
            (ends(soon, Governs::RefreshToken), Mark::Warn, "Ends soon"),
            (ends(soon, Governs::IdleLimit), Mark::Ok, "Works"),
            (ends(now, Governs::IdleLimit), Mark::Bad, "Must be authorised again"),
            (ends(soon, Governs::Policy), Mark::Warn, "Ends soon"),
            (ends(now, Governs::Policy), Mark::Warn, "Works, due to be authorised again"),
            (ends(soon, Governs::ClientSecret), Mark::Warn, "Ends soon"),
            (ends(now, Governs::ClientSecret), Mark::Warn, "Works for now"),
            (
                AccountStatus { missing_scopes: vec!["imap".into()], ..well.clone() },
                Mark::Warn,
                "Works, with permissions missing",
            ),
            (faulty(FaultClass::TimedOut), Mark::Warn, "Works for now"),
            (
                AccountStatus { access_expires_at: Some(now), ..faulty(FaultClass::TimedOut) },
                Mark::Warn,
                "Interrupted",
            ),
            (faulty(FaultClass::AuthorizationEnded), Mark::Bad, "Must be authorised again"),
            (faulty(FaultClass::AppRegistration), Mark::Bad, "The operator must mend the provider"),
            (faulty(FaultClass::Storage), Mark::Bad, "The operator must act"),
            (faulty(FaultClass::AccountPolicy), Mark::Bad, "The directory's administrator must act"),
            (faulty(FaultClass::Bug), Mark::Bad, "An answer that Postroom does not understand"),
        ];
        let mut said = Vec::new();
        let account = account(Grant::AuthorizationCode);
        for (status, mark, words) in &cases {
            let condition = Condition::of(&account, status, now);
            let state = condition.state(status, clock(Language::En));
            assert_eq!((state.mark, state.words), (*mark, *words));
            for language in Language::ALL {
                let state = condition.state(status, clock(language));
                said.push(format!("{}: {}", state.words, state.because.unwrap_or_default()));
            }
        }
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_secret_that_has_ended_is_nothing_to_consent_to() {
        let now = at("2026-11-22T12:00:00Z");
        let asks = |ended_by| {
            let obtained_at = Some(at("2026-11-22T09:00:00Z"));
            let (ends_at, ended_by) = (Some(now), Some(ended_by));
            let status = AccountStatus { obtained_at, ends_at, ended_by, ..AccountStatus::default() };
            Condition::of(&account(Grant::AuthorizationCode), &status, now).needs_consent()
        };
        assert!(asks(Governs::RefreshToken) && asks(Governs::Policy) && !asks(Governs::ClientSecret));
    }

    #[test]
    fn who_consents_to_nothing_is_not_asked_to() {
        let now = at("2026-11-22T12:00:00Z");
        let status = AccountStatus::default();
        let robot = account(Grant::ClientCredentials);
        assert_eq!(Condition::of(&robot, &status, now), Condition::NotTried);
        assert!(!Condition::of(&robot, &status, now).needs_consent());
        assert!(Condition::of(&account(Grant::DeviceCode), &status, now).needs_consent());
    }
}
