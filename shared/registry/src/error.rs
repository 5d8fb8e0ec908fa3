//! Why the registry could not answer.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error as StdError;

/// What the registry's methods return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the registry could not answer. A condition that does not hold is not among it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// DynamoDB refused, failed, or was not reached.
    #[error("DynamoDB {action} on table {table}: {what}")]
    Request {
        /// The table.
        table: String,
        /// The DynamoDB action, as in an IAM policy.
        action: &'static str,
        /// DynamoDB's own words, or what happened on the way there.
        what: String,
        /// Whether the same request may succeed later.
        transient: bool,
        /// What lies beneath, where DynamoDB itself did not answer.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// DynamoDB left part of a request undone again and again.
    #[error("DynamoDB {action} on table {table}: throttled, part of the request stayed undone")]
    Throttled {
        /// The table.
        table: String,
        /// The DynamoDB action.
        action: &'static str,
    },
    /// An item that is not what its key says.
    #[error("item {key} of table {table} cannot be read")]
    Unreadable {
        /// The table.
        table: String,
        /// The item's key, `pk/sk`; one that holds an address as its kind and a digest.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_dynamo::Error,
    },
    /// An item that a later release wrote.
    #[error("item {key} of table {table} has version {found}; this release knows versions up to {known}")]
    TooNew {
        /// The table.
        table: String,
        /// The item's key, `pk/sk`; one that holds an address as its kind and a digest.
        key: String,
        /// Its version.
        found: String,
        /// The latest version that this release reads.
        known: u32,
    },
    /// More messages of a maildrop are known than any maildrop has.
    #[error("more than {most} messages of mailbox {mailbox} are on record")]
    TooManyIds {
        /// The mailbox's id.
        mailbox: String,
        /// How many there may be.
        most: usize,
    },
    /// A value that cannot be stored.
    #[error("a value for item {key} cannot be stored")]
    Unstorable {
        /// The item's key, `pk/sk`; one that holds an address as its kind and a digest.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_dynamo::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody's doing.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Request { transient, .. } => *transient,
            Self::Throttled { .. } => true,
            Self::Unreadable { .. }
            | Self::TooNew { .. }
            | Self::TooManyIds { .. }
            | Self::Unstorable { .. } => false,
        }
    }

    pub(crate) fn request<E>(table: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let (what, transient, source) = match error {
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or("unnamed error");
                let transient = is_transient(code, context.raw().status().as_u16());
                let what = match context.err().message() {
                    Some(message) => format!("{code}: {message}"),
                    None => code.to_owned(),
                };
                (what, transient, None)
            }
            SdkError::ConstructionFailure(_) => {
                ("the request cannot be built".into(), false, error.into_source().ok())
            }
            SdkError::TimeoutError(_) => ("no answer in time".into(), true, error.into_source().ok()),
            SdkError::DispatchFailure(_) => ("not reached".into(), true, error.into_source().ok()),
            _ => ("the answer cannot be read".into(), true, error.into_source().ok()),
        };
        Self::Request { table: table.to_owned(), action, what, transient, source }
    }
}

/// Error codes that pass by themselves
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).
fn is_transient(code: &str, status: u16) -> bool {
    const PASSING: [&str; 7] = [
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionInProgressException",
    ];
    status >= 500 || status == 429 || PASSING.contains(&code)
}
