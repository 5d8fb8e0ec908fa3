//! What is to be told of a subject now, and when it is looked at next. Pure: facts, a calendar and
//! the time go in.

use crate::{event::State, facts::Facts};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Calendar, Expiry, Failure, FaultClass, Governs, Outlook, Stage, authorization_ends};

/// When a failing mailbox is looked at again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(6);

/// What is to be told, and when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    /// What is to be told now, if anything: whether somebody has been told is another question.
    pub(crate) occasion: Option<Occasion>,
    /// When it is looked at next; `None`: when something changes.
    pub(crate) next: Option<Timestamp>,
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// An end has reached a stage: people are told, and machines.
    Stage {
        expiry: Expiry,
        stage: Stage,
        /// When that stage began.
        began_at: Timestamp,
    },
    /// A failure has begun or is over: machines are told.
    Incident { state: State, since: Timestamp },
}

impl Decision {
    const NOTHING: Self = Self { occasion: None, next: None };

    /// What the facts come to at `now`.
    pub(crate) fn of(facts: &Facts, calendar: &Calendar, now: Timestamp) -> Self {
        let staged = |outlook: Outlook| {
            let (expiry, next) = (outlook.expiry, Some(outlook.next_look(now)));
            let staged = |stage| Occasion::Stage { expiry, stage, began_at: calendar.begins(&expiry, stage) };
            Self { occasion: outlook.standing.stage.map(staged), next }
        };
        let noted = |at, governs| staged(calendar.outlook_of(&Expiry::noted(at, governs), now));
        match facts {
            Facts::Account { account, provider, status } => {
                let ends = authorization_ends(account, provider, status);
                calendar.outlook(&ends, now).map_or(Self::NOTHING, staged)
            }
            Facts::Provider(provider) => {
                let end = provider.client_auth_expires;
                end.map_or(Self::NOTHING, |end| noted(end.at(), Governs::ClientSecret))
            }
            Facts::Password(mailbox) => {
                let end = mailbox.password_expires;
                end.map_or(Self::NOTHING, |end| noted(end.at(), Governs::Password))
            }
            Facts::Incident(incident) if incident.closed_at.is_some() => {
                let occasion = Occasion::Incident { state: State::Closed, since: incident.since };
                Self { occasion: Some(occasion), next: None }
            }
            Facts::Incident(incident) => {
                let since = incident.since;
                let expiry = Expiry { at: since, governs: Governs::Incident, since };
                staged(calendar.outlook_of(&expiry, now))
            }
            Facts::Mailbox { failure, hushed, told } => {
                Self::of_mailbox(failure.as_ref(), *hushed, *told, now)
            }
            Facts::Address(undeliverable) => {
                let at = undeliverable.since;
                let expiry = Expiry { at, governs: Governs::Refused, since: at };
                let occasion = Occasion::Stage { expiry, stage: Stage::Overdue(0), began_at: at };
                Self { occasion: Some(occasion), next: None }
            }
            Facts::Gone => Self::NOTHING,
        }
    }

    fn of_mailbox(failure: Option<&Failure>, hushed: bool, told: Option<Timestamp>, now: Timestamp) -> Self {
        let later = |pause: SignedDuration, from: Timestamp| from.saturating_add(pause).ok();
        let closed = |since| Occasion::Incident { state: State::Closed, since };
        let Some(failure) = failure else { return Self { occasion: told.map(closed), next: None } };
        match told {
            Some(since) if since == failure.since => Self { occasion: None, next: later(LOOK_AGAIN, now) },
            // It has worked in between.
            Some(since) => Self { occasion: Some(closed(since)), next: Some(now) },
            None => {
                let opens = later(Failure::PATIENCE, failure.since).unwrap_or(Timestamp::MAX);
                if opens > now {
                    return Self { occasion: None, next: Some(opens) };
                }
                let opened = Occasion::Incident { state: State::Opened, since: failure.since };
                Self { occasion: Some(opened).filter(|_| !hushed), next: later(LOOK_AGAIN, now) }
            }
        }
    }
}

/// Whose a mailbox's fault is, and with it where people and machines hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The mailbox's own.
    Mailbox,
    /// Its account's or its provider's, where it is on record there, and otherwise the mailbox's own: mail
    /// servers, too, say that an administrator must act, one mailbox may be refused a token that others take,
    /// and one that has a password has no account.
    Account,
}

impl Whose {
    pub(crate) fn of(class: FaultClass) -> Self {
        match class {
            FaultClass::AuthorizationEnded
            | FaultClass::InteractionRequired
            | FaultClass::ConsentRequired
            | FaultClass::AdminConsentRequired
            | FaultClass::AccountPolicy
            | FaultClass::AppRegistration
            | FaultClass::TokenRefused
            | FaultClass::Configuration
            | FaultClass::Bug => Self::Account,
            _ => Self::Mailbox,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{account, at, failure, incident, provider, refused, status, undeliverable};
    use jiff::tz::TimeZone;
    use postroom_model::Rejection;

    const CALENDAR: Calendar = Calendar { zone: TimeZone::UTC, repeat_days: Some(7) };

    fn stage(governs: Governs, ends: &str, stage: &str) -> Option<String> {
        Some(format!("{governs:?} {ends} {stage}"))
    }

    fn shown(occasion: Occasion) -> String {
        match occasion {
            Occasion::Stage { expiry, stage, .. } => format!("{:?} {} {stage}", expiry.governs, expiry.at),
            Occasion::Incident { state, since } => format!("{state:?} {since}"),
        }
    }

    #[test]
    fn people_are_told_at_stages() {
        let account = |facts: (&str, AccountStatus)| Facts::Account {
            account: account("projects"),
            provider: provider(Some(90), None),
            status: facts.1,
        };
        let secret = |end| Facts::Provider(provider(None, Some(end)));
        let end = "2027-04-11T09:00:00Z";
        use postroom_model::AccountStatus;
        for (what, facts, now, told, next) in [
            ("nothing is known", account(("", AccountStatus::default())), "2027-01-20T00:00:00Z", None, None),
            (
                "an early look",
                account(("", status())),
                "2027-03-10T00:00:00Z",
                None,
                Some("2027-03-11T09:00:00Z"),
            ),
            (
                "a month before",
                account(("", status())),
                "2027-03-11T09:00:00Z",
                stage(Governs::IdleLimit, end, "month"),
                Some("2027-04-04T09:00:00Z"),
            ),
            (
                "ten days without a run",
                account(("", status())),
                "2027-04-10T12:00:00Z",
                stage(Governs::IdleLimit, end, "day"),
                Some(end),
            ),
            (
                "overdue for the second time",
                account(("", status())),
                "2027-04-18T10:00:00Z",
                stage(Governs::IdleLimit, end, "overdue-1"),
                Some("2027-04-25T09:00:00Z"),
            ),
            ("a secret without an end", Facts::Provider(provider(None, None)), end, None, None),
            (
                "a secret that was noted a week before",
                secret("2027-04-12"),
                end,
                stage(Governs::ClientSecret, "2027-04-12T00:00:00Z", "day"),
                Some("2027-04-12T00:00:00Z"),
            ),
            (
                "a secret whose end lies far back",
                secret("2027-01-01"),
                "2027-01-15T00:00:00Z",
                stage(Governs::ClientSecret, "2027-01-01T00:00:00Z", "overdue-2"),
                Some("2027-01-22T00:00:00Z"),
            ),
            (
                "an incident",
                Facts::Incident(incident(end, None)),
                end,
                stage(Governs::Incident, end, "overdue-0"),
                Some("2027-04-18T09:00:00Z"),
            ),
            (
                "an incident that lasts",
                Facts::Incident(incident(end, None)),
                "2027-04-18T09:30:00Z",
                stage(Governs::Incident, end, "overdue-1"),
                Some("2027-04-25T09:00:00Z"),
            ),
            (
                "an incident that is over",
                Facts::Incident(incident(end, Some("2027-04-12T00:00:00Z"))),
                "2027-04-12T00:00:01Z",
                Some(format!("Closed {end}")),
                None,
            ),
            (
                "an address",
                Facts::Address(undeliverable(Rejection::Bounced, end)),
                "2027-04-11T09:40:00Z",
                stage(Governs::Refused, end, "overdue-0"),
                None,
            ),
            ("nothing is there", Facts::Gone, end, None, None),
        ] {
            let decision = Decision::of(&facts, &CALENDAR, at(now));
            assert_eq!(decision.occasion.map(shown), told, "{what}");
            assert_eq!(decision.next, next.map(at), "{what}");
        }
    }

    #[test]
    fn machines_are_told_of_mailboxes_that_fail_for_long() {
        let began = "2027-04-11T09:00:00Z";
        let failing = |class| Some(failure(class, began));
        let timed_out = || failing(FaultClass::TimedOut);
        for (what, failure, hushed, told, now, occasion, next) in [
            ("it works", None, false, None, "2027-04-12T09:00:00Z", None, None),
            (
                "not long",
                timed_out(),
                false,
                None,
                "2027-04-12T08:59:59Z",
                None,
                Some("2027-04-12T09:00:00Z"),
            ),
            (
                "a day",
                timed_out(),
                false,
                None,
                "2027-04-12T09:00:00Z",
                Some(format!("Opened {began}")),
                Some("2027-04-12T15:00:00Z"),
            ),
            (
                "told already",
                timed_out(),
                false,
                Some(began),
                "2027-04-12T15:00:00Z",
                None,
                Some("2027-04-12T21:00:00Z"),
            ),
            ("over", None, false, Some(began), "2027-04-13T00:00:00Z", Some(format!("Closed {began}")), None),
            (
                "over, and begun anew",
                timed_out(),
                false,
                Some("2027-04-01T00:00:00Z"),
                "2027-04-11T12:00:00Z",
                Some("Closed 2027-04-01T00:00:00Z".to_owned()),
                Some("2027-04-11T12:00:00Z"),
            ),
            (
                "paused, or told elsewhere",
                timed_out(),
                true,
                None,
                "2027-04-12T09:00:00Z",
                None,
                Some("2027-04-12T15:00:00Z"),
            ),
            (
                "its password's",
                failing(FaultClass::PasswordRefused),
                false,
                None,
                "2027-04-12T09:00:00Z",
                Some(format!("Opened {began}")),
                Some("2027-04-12T15:00:00Z"),
            ),
        ] {
            let facts = Facts::Mailbox { failure, hushed, told: told.map(at) };
            let decision = Decision::of(&facts, &CALENDAR, at(now));
            assert_eq!(decision.occasion.map(shown), occasion, "{what}");
            assert_eq!(decision.next, next.map(at), "{what}");
        }
    }

    /// What ends an account's authorization or is a provider's incident is told there; what mail servers
    /// alone say is told of the mailbox.
    #[test]
    fn every_fault_of_an_account_or_a_provider_is_told_there() {
        use FaultClass::{
            AppRegistration, Bug, Certificate, Configuration, NoMailboxAccess, NoMechanism, PasswordRefused,
            WebLoginRequired,
        };
        let of_mail_servers = [Certificate, NoMechanism, PasswordRefused, WebLoginRequired, NoMailboxAccess];
        let incidents = [AppRegistration, Configuration, Bug];
        for class in FaultClass::ALL {
            let status = refused(*class, "2027-04-11T09:00:00Z", "no");
            let ends = authorization_ends(&account("projects"), &provider(None, None), &status);
            let is_accounts = ends.hard.is_some() && !of_mail_servers.contains(class);
            let elsewhere = is_accounts || incidents.contains(class);
            assert_eq!(Whose::of(*class) != Whose::Mailbox, elsewhere, "{class}");
        }
    }
}
