//! What is asked of a renewal, and what comes of it.

use jiff::Timestamp;
use postroom_model::{Actor, Fault, FaultClass, TokenSet};
use secrecy::SecretString;

/// Why a renewal is asked for.
#[derive(Debug, Clone)]
pub enum Demand {
    /// The schedule says so: it is due by what is on record.
    Due,
    /// Somebody needs an access token that works now.
    Stale {
        /// The one that a mail server has just refused.
        refused: Option<SecretString>,
    },
}

/// What came of a renewal: in the end, who must act.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// There is a new token set, durable and on record.
    Refreshed(TokenSet),
    /// The present one is good, perhaps because somebody else has just renewed it.
    NotDue(TokenSet),
    /// Somebody put another token set into the vault meanwhile; that one counts.
    ChangedUnderneath(TokenSet),
    /// It may pass by itself.
    Transient {
        /// What happened.
        fault: Fault,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// A person must authorise the account again, or have its directory let it in.
    OwnerMustReauthorise(Fault),
    /// The app registration or the deployment must be mended, for all its accounts at once.
    OperatorMustMend(Fault),
}

impl Outcome {
    /// The outcome as a metric dimension and a word in a log line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refreshed(_) => "refreshed",
            Self::NotDue(_) => "not_due",
            Self::ChangedUnderneath(_) => "changed_underneath",
            Self::Transient { .. } => "transient",
            Self::OwnerMustReauthorise(_) => "owner_must_reauthorise",
            Self::OperatorMustMend(_) => "operator_must_mend",
        }
    }

    /// The token set to use now, or why there is none.
    ///
    /// # Errors
    /// The fault.
    pub fn tokens(self) -> Result<TokenSet, Fault> {
        match self {
            Self::Refreshed(tokens) | Self::NotDue(tokens) | Self::ChangedUnderneath(tokens) => Ok(tokens),
            Self::Transient { fault, .. }
            | Self::OwnerMustReauthorise(fault)
            | Self::OperatorMustMend(fault) => Err(fault),
        }
    }

    /// The outcome of a fault, by who must act.
    pub(crate) fn of(fault: Fault, retry_at: Timestamp) -> Self {
        match (fault.class, fault.class.actor()) {
            (FaultClass::AdminConsentRequired | FaultClass::AccountPolicy, _) | (_, Actor::Owner) => {
                Self::OwnerMustReauthorise(fault)
            }
            (FaultClass::Storage, _) | (_, Actor::Nobody | Actor::Administrator) => {
                Self::Transient { fault, retry_at }
            }
            (_, Actor::Operator | Actor::We) => Self::OperatorMustMend(fault),
        }
    }
}
