//! What came of a consent, as it is kept for a while and as a page tells it.
//!
//! Guarantees: nothing secret in it, and nothing that a server said but in cleaned and shortened form.

use crate::{
    condition::{Mark, State},
    language::{Language, Speak},
    texts::Fill,
    trial::{Trial, Trials},
    verdict::Verdict,
};
use postroom_language::visible;
use postroom_model::{AccountId, Fault, MailboxId};
use serde::{Deserialize, Serialize};

/// The longest reason that is kept of a fault, in characters.
const MAX_REASON: usize = 160;
/// The longest name of a person that is kept, in characters: an address is not longer.
const MAX_NAME: usize = 254;
/// The most scopes that are named.
const MAX_SCOPES: usize = 8;

/// What came of a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The account has tokens.
    Authorised(Authorised),
    /// It has not, and nothing about it was changed.
    Failed(Trouble),
}

/// An account that has tokens now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authorised {
    /// Who consented, where the server says.
    pub(crate) identity: Option<String>,
    /// Scopes that were asked for and not granted, which mail can do without.
    pub(crate) missing_scopes: Vec<String>,
    /// Whether it has a refresh token.
    pub(crate) renews: bool,
    /// How its mailboxes did; `None`: there was no time to try them.
    pub(crate) trials: Option<Trials>,
}

/// Why an account has no new tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    /// The person said no.
    Declined,
    /// Somebody else signed in than whoever must.
    WrongPerson {
        /// Who must.
        expected: String,
        /// Who did.
        signed_in: String,
    },
    /// An owner signed in for an account that names nobody, and is not who consented before.
    NoLogin,
    /// Nobody knows who signed in: the id_token is missing or does not stand its checks.
    Unidentified(String),
    /// Without these scopes mail cannot be read.
    MissingScopes(Vec<String>),
    /// The account is not one that a person consents for.
    NotByConsent,
    /// The account is gone, or another provider's by now.
    Changed,
    /// The authorization server, or storage, refused or failed.
    Fault(Fault),
}

impl Outcome {
    /// What the server or storage said when it failed.
    pub(crate) fn fault(fault: &Fault) -> Self {
        Self::Failed(Trouble::Fault(shortened(fault)))
    }

    /// The outcome that scopes are missing.
    pub(crate) fn missing(scopes: Vec<String>) -> Self {
        Self::Failed(Trouble::MissingScopes(scopes.into_iter().take(MAX_SCOPES).collect()))
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self, Self::Authorised(authorised) if authorised.is_well())
    }

    /// Whether the account has tokens.
    pub(crate) fn is_authorised(&self) -> bool {
        matches!(self, Self::Authorised(_))
    }
}

impl Authorised {
    /// An account that was authorised, with as much as is kept of it.
    pub(crate) fn new(
        identity: Option<String>,
        missing_scopes: Vec<String>,
        renews: bool,
        trials: Option<Trials>,
    ) -> Self {
        let short = |trial: Trial| Trial { result: trial.result.map_err(|fault| shortened(&fault)), ..trial };
        let trials =
            trials.map(|Trials { tried, of }| Trials { tried: tried.into_iter().map(short).collect(), of });
        let missing_scopes = missing_scopes.into_iter().take(MAX_SCOPES).collect();
        Self { identity, missing_scopes, renews, trials }
    }

    fn is_well(&self) -> bool {
        self.trials.iter().flat_map(|trials| &trials.tried).all(|trial| trial.result.is_ok())
    }
}

/// A person's name as the authorization server gave it, with as much as is kept of it.
pub(crate) fn short_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

fn shortened(fault: &Fault) -> Fault {
    let reason: String = fault.reason.chars().take(MAX_REASON).collect();
    Fault { reason, ..fault.clone() }
}

/// An outcome as a page tells it.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// The account, how it went, and what to do.
    pub(crate) verdict: Verdict,
    /// What is to be said besides.
    pub(crate) lines: Vec<String>,
    /// How its mailboxes did.
    pub(crate) trials: Vec<Verdict>,
    /// What to do, where no server's fault says it.
    pub(crate) next: Option<&'static str>,
    /// Whether signing in as another user would help.
    pub(crate) another: bool,
}

impl Report {
    /// An outcome in words.
    pub(crate) fn new(account: &AccountId, outcome: &Outcome, language: Language) -> Self {
        match outcome {
            Outcome::Authorised(authorised) => Self::authorised(account, authorised, language),
            Outcome::Failed(trouble) => Self::failed(account, trouble, language),
        }
    }

    /// The same for somebody who may know of some mailboxes only: of the others it says how many there
    /// are, and how many of them opened.
    pub(crate) fn about(mut self, mailboxes: &[&MailboxId], language: Language) -> Self {
        let is_known = |trial: &Verdict| mailboxes.iter().any(|id| id.as_str() == trial.name);
        let (known, others): (Vec<_>, Vec<_>) = self.trials.into_iter().partition(is_known);
        self.trials = known;
        if !others.is_empty() {
            let open = others.iter().filter(|trial| trial.state.mark == Mark::Ok).count();
            let t = &language.texts().owner;
            self.lines.push(t.others_tried.fill(&[("n", &others.len()), ("open", &open)]));
        }
        self
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_well(&self) -> bool {
        self.verdict.state.mark == Mark::Ok
    }

    fn authorised(account: &AccountId, authorised: &Authorised, language: Language) -> Self {
        let t = &language.texts().consent;
        let (mark, words) = match &authorised.trials {
            _ if !authorised.is_well() => (Mark::Warn, t.authorised_but),
            Some(trials) if !trials.tried.is_empty() => (Mark::Ok, t.authorised_and_read),
            _ => (Mark::Ok, t.authorised),
        };
        let because = match &authorised.identity {
            Some(identity) => t.by.fill(&[("identity", &visible(identity))]),
            None => t.by_nobody_named.to_owned(),
        };
        let mut lines = Vec::new();
        if !authorised.missing_scopes.is_empty() {
            lines.push(t.narrowed.fill(&[("scopes", &authorised.missing_scopes.join(", "))]));
        }
        if !authorised.renews {
            lines.push(t.not_renewing.to_owned());
        }
        match &authorised.trials {
            None => lines.push(t.not_tried.to_owned()),
            Some(Trials { of: 0, .. }) => lines.push(t.no_mailboxes.to_owned()),
            Some(Trials { tried, of }) if tried.len() < *of => {
                lines.push(t.some_tried.fill(&[("n", &tried.len()), ("all", of)]));
            }
            Some(_) => {}
        }
        let tried = authorised.trials.iter().flat_map(|trials| &trials.tried);
        let trials = tried.map(|trial| match &trial.result {
            Ok(n) => Verdict::well(trial.mailbox.as_str(), t.opens, t.messages.fill(&[("n", n)])),
            Err(fault) => Verdict::failed(trial.mailbox.as_str(), t.does_not_open, fault, language),
        });
        let state = State { mark, words, because: Some(because) };
        Self {
            trials: trials.collect(),
            verdict: Verdict { name: account.to_string(), state, fault: None },
            lines,
            next: None,
            another: false,
        }
    }

    fn failed(account: &AccountId, trouble: &Trouble, language: Language) -> Self {
        let t = &language.texts().consent;
        let (words, because, next) = match trouble {
            Trouble::Declined => (t.declined, t.declined_what.to_owned(), t.declined_next),
            Trouble::WrongPerson { expected, signed_in } => {
                let signed_in = visible(signed_in);
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("expected", expected), ("signed_in", &signed_in)];
                (t.wrong_person, t.wrong_person_what.fill(&values), t.wrong_person_next)
            }
            Trouble::Unidentified(why) => {
                (t.unidentified, t.unidentified_what.fill(&[("why", &visible(why))]), t.unidentified_next)
            }
            Trouble::NoLogin => (t.no_login, t.no_login_what.to_owned(), t.no_login_next),
            Trouble::MissingScopes(scopes) => {
                let scopes = scopes.join(", ");
                (t.missing, t.missing_what.fill(&[("scopes", &scopes)]), t.missing_next)
            }
            Trouble::NotByConsent => {
                (t.not_by_consent, t.not_by_consent_what.to_owned(), t.not_by_consent_next)
            }
            Trouble::Changed => (t.changed, t.changed_what.to_owned(), t.changed_next),
            Trouble::Fault(fault) => {
                let verdict = Verdict::failed(account.as_str(), t.failed, fault, language);
                return Self { verdict, lines: Vec::new(), trials: Vec::new(), next: None, another: false };
            }
        };
        let state = State { mark: Mark::Bad, words, because: Some(because) };
        Self {
            verdict: Verdict { name: account.to_string(), state, fault: None },
            lines: Vec::new(),
            trials: Vec::new(),
            next: Some(next),
            another: matches!(trouble, Trouble::WrongPerson { .. }),
        }
    }
}
