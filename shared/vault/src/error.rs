//! Why the vault could not answer. No error holds a secret.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use postroom_model::{AccountId, Fault, FaultClass, Refusal};
use std::error::Error as StdError;

const SECRETS_MANAGER: &str = "Secrets Manager";
const KMS: &str = "KMS";

/// What the vault's methods return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the vault could not answer. It never holds a secret, nor quotes one that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Secrets Manager or KMS refused, failed, or was not reached.
    #[error("{service} {action} on {name}: {}", refusal.said)]
    Request {
        /// Which of them.
        service: &'static str,
        /// The secret's name (for a request about many, the first one's), or the key's.
        name: String,
        /// The action, as in an IAM policy.
        action: &'static str,
        /// What the service said, or what happened on the way there.
        refusal: Box<Refusal>,
        /// What lies beneath, where the service itself did not answer.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// A value that is not what the secret's name says.
    #[error("the value of secret {name} cannot be read; it should look like {expected}")]
    Unreadable {
        /// The secret's name.
        name: String,
        /// The form that was expected.
        expected: &'static str,
    },
    /// A value that a later release wrote. It stays as it is.
    #[error(
        "the value of secret {name} has version {found}, and this release knows versions up to {known}: \
         a later release has written it; deploy that one, and use its command line"
    )]
    TooNew {
        /// The secret's name.
        name: String,
        /// Its version, or that it cannot be read.
        found: String,
        /// The latest version that this release reads.
        known: u64,
    },
    /// A value that is larger than Secrets Manager takes.
    #[error("the value for secret {name} has {bytes} bytes; Secrets Manager takes at most {most}")]
    TooLarge {
        /// The secret's name.
        name: String,
        /// The value's size.
        bytes: usize,
        /// The largest size.
        most: usize,
    },
    /// A request token that came with another value before.
    #[error("secret {name} has another value under this request token")]
    TokenReused {
        /// The secret's name.
        name: String,
    },
    /// A sealed text that does not open.
    #[error("what is sealed for account {account} does not open: it is damaged, or was sealed for another")]
    Unsealable {
        /// The account.
        account: AccountId,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Request { refusal, .. } => refusal.is_transient(),
            Self::Unreadable { .. }
            | Self::TooNew { .. }
            | Self::TooLarge { .. }
            | Self::TokenReused { .. }
            | Self::Unsealable { .. } => false,
        }
    }

    /// What kind of fault it is, where it is put on record.
    pub fn class(&self) -> FaultClass {
        match self {
            Self::TooNew { .. } => FaultClass::Unsupported,
            _ => FaultClass::Storage,
        }
    }

    /// The error as what may be recorded and shown.
    pub fn fault(&self) -> Fault {
        Fault::new(self.class(), self.to_string()).because(self.refusal())
    }

    /// What AWS did not do, where that is why.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Request { refusal, .. } => Some((**refusal).clone()),
            _ => None,
        }
    }

    pub(crate) fn request<E>(name: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let right = format!("secretsmanager:{action}");
        Self::of_service(SECRETS_MANAGER, name, action, &right, &format!("secret {name}"), error)
    }

    /// The error of a request about a KMS key.
    pub(crate) fn of_key<E>(key: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::of_service(KMS, key, action, &format!("kms:{action}"), &format!("key {key}"), error)
    }

    /// KMS's answer lacks what it should have.
    pub(crate) fn incomplete_key(key: &str, action: &'static str) -> Self {
        let refusal =
            Refusal::unanswered(&format!("kms:{action}"), &format!("key {key}"), "the answer cannot be read");
        Self::Request { service: KMS, name: key.to_owned(), action, refusal: Box::new(refusal), source: None }
    }

    fn of_service<E>(
        service: &'static str,
        name: &str,
        action: &'static str,
        right: &str,
        resource: &str,
        error: SdkError<E>,
    ) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        // The SDK's error is taken apart: as a whole it carries the raw answer, with the secret in it.
        let refusal = postroom_aws::refusal(right, resource, &error);
        let refusal = Box::new(unquoted(refusal, error.code()));
        let source = match error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => error.into_source().ok(),
            _ => None,
        };
        Self::Request { service, name: name.to_owned(), action, refusal, source }
    }

    /// The error of one secret in an answer about many.
    pub(crate) fn of_entry(name: &str, action: &'static str, code: &str, message: Option<&str>) -> Self {
        let (right, resource) = (format!("secretsmanager:{action}"), format!("secret {name}"));
        let refusal = Refusal::answered(&right, &resource, code, message.unwrap_or_default(), 200);
        let refusal = Box::new(unquoted(refusal, Some(code)));
        Self::Request { service: SECRETS_MANAGER, name: name.to_owned(), action, refusal, source: None }
    }
}

/// What a service said. Complaints about the input are cut to their code: they may quote it.
fn unquoted(refusal: Refusal, code: Option<&str>) -> Refusal {
    match code {
        Some(code @ ("ValidationException" | "InvalidParameterException")) => {
            Refusal { said: code.to_owned(), ..refusal }
        }
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_about_the_input_are_not_repeated() {
        let quoted = "Value 's3cret' at 'secretString' failed to satisfy a constraint";
        let said =
            |code, message| Error::of_entry("s", "BatchGetSecretValue", code, Some(message)).to_string();
        let shown = "Secrets Manager BatchGetSecretValue on s: ";
        assert_eq!(said("ValidationException", quoted), format!("{shown}ValidationException"));
        let denied = said("AccessDeniedException", "not yours");
        assert_eq!(denied, format!("{shown}AccessDeniedException: not yours"));
    }
}
