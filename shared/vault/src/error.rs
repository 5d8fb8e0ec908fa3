//! Why the vault could not answer. No error holds a secret.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use postroom_model::AccountId;
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
    #[error("{service} {action} on {name}: {what}")]
    Request {
        /// Which of them.
        service: &'static str,
        /// The secret's name (for a request about many, the first one's), or the key's.
        name: String,
        /// The action, as in an IAM policy.
        action: &'static str,
        /// The service's own words, or what happened on the way there.
        what: String,
        /// Whether the same request may succeed later.
        transient: bool,
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
    /// A value that a later release wrote.
    #[error("the value of secret {name} has version {found}; this release knows versions up to {known}")]
    TooNew {
        /// The secret's name.
        name: String,
        /// Its version.
        found: u64,
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
            Self::Request { transient, .. } => *transient,
            Self::Unreadable { .. }
            | Self::TooNew { .. }
            | Self::TooLarge { .. }
            | Self::TokenReused { .. }
            | Self::Unsealable { .. } => false,
        }
    }

    pub(crate) fn request<E>(name: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::of_service(SECRETS_MANAGER, name, action, error)
    }

    /// The error of a request about a KMS key.
    pub(crate) fn of_key<E>(key: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::of_service(KMS, key, action, error)
    }

    /// KMS's answer lacks what it should have.
    pub(crate) fn incomplete_key(key: &str, action: &'static str) -> Self {
        let what = "the answer cannot be read".into();
        Self::Request { service: KMS, name: key.to_owned(), action, what, transient: true, source: None }
    }

    fn of_service<E>(service: &'static str, name: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        // The SDK's error is taken apart: as a whole it carries the raw answer, with the secret in it.
        let (what, transient, source) = match error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or("unnamed error");
                let transient = is_transient(code, context.raw().status().as_u16());
                (words(code, context.err().message()), transient, None)
            }
            SdkError::ConstructionFailure(_) => ("the request cannot be built".into(), false, None),
            SdkError::TimeoutError(_) => ("no answer in time".into(), true, error.into_source().ok()),
            SdkError::DispatchFailure(_) => ("not reached".into(), true, error.into_source().ok()),
            _ => ("the answer cannot be read".into(), true, None),
        };
        Self::Request { service, name: name.to_owned(), action, what, transient, source }
    }

    /// The error of one secret in an answer about many.
    pub(crate) fn of_entry(name: &str, action: &'static str, code: &str, message: Option<&str>) -> Self {
        let transient = is_transient(code, 200);
        let (service, what) = (SECRETS_MANAGER, words(code, message));
        Self::Request { service, name: name.to_owned(), action, what, transient, source: None }
    }
}

/// What a service error says. Complaints about the input are cut to their code: they may quote it.
fn words(code: &str, message: Option<&str>) -> String {
    let about_input = matches!(code, "ValidationException" | "InvalidParameterException");
    match message {
        Some(message) if !about_input => format!("{code}: {message}"),
        _ => code.to_owned(),
    }
}

/// Error codes that pass by themselves
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>).
fn is_transient(code: &str, status: u16) -> bool {
    const PASSING: [&str; 5] = [
        "InternalServiceError",
        "InternalFailure",
        "LimitExceededException",
        "ServiceUnavailable",
        "ThrottlingException",
    ];
    status >= 500 || status == 429 || PASSING.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_about_the_input_are_not_repeated() {
        let quoted = Some("Value 's3cret' at 'secretString' failed to satisfy a constraint");
        assert_eq!(words("ValidationException", quoted), "ValidationException");
        assert_eq!(words("AccessDeniedException", Some("not yours")), "AccessDeniedException: not yours");
    }
}
