//! Why a token set could not be changed.

use postroom_model::{AccountId, Fault, FaultClass, ProviderId, Refusal};

/// Why a token set could not be changed. What a renewal had been issued is in the journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// There is no such provider.
    #[error("there is no provider {0}")]
    NoProvider(ProviderId),
    /// Somebody else changes the account's token set and did not end in time.
    #[error("the token set of account {0} is being changed by somebody else")]
    Busy(AccountId),
    /// The authorization server could not be found out about, or not be talked to.
    #[error(transparent)]
    Server(#[from] Fault),
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] postroom_registry::Error),
    /// The vault refused or failed.
    #[error(transparent)]
    Vault(#[from] postroom_vault::Error),
}

impl Error {
    /// Whether the same call may succeed later without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAccount(_) | Self::NoProvider(_) | Self::Server(_) => false,
            Self::Busy(_) => true,
            Self::Registry(error) => error.is_transient(),
            Self::Vault(error) => error.is_transient(),
        }
    }

    /// What AWS did not do, where that is why.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Registry(error) => error.refusal(),
            Self::Vault(error) => error.refusal(),
            Self::NoAccount(_) | Self::NoProvider(_) | Self::Busy(_) | Self::Server(_) => None,
        }
    }

    /// The error as what may be recorded and shown.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoAccount(_) | Self::NoProvider(_) => {
                Fault::new(FaultClass::Configuration, self.to_string())
            }
            Self::Busy(_) => Fault::new(FaultClass::TemporarilyUnavailable, self.to_string()),
            Self::Server(fault) => fault.clone(),
            Self::Registry(error) => error.fault(),
            Self::Vault(error) => error.fault(),
        }
    }
}
