//! Why the registry could not answer.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use postroom_model::{Fault, FaultClass, Refusal};
use std::error::Error as StdError;

/// What the registry's methods return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the registry could not answer. A condition that does not hold is not among it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// DynamoDB refused, failed, or was not reached.
    #[error("DynamoDB {action} on table {table}: {}", refusal.said)]
    Request {
        /// The table.
        table: String,
        /// The DynamoDB action, as in an IAM policy.
        action: &'static str,
        /// What DynamoDB said, or what happened on the way there.
        refusal: Box<Refusal>,
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
    /// An item that a later release has written into. It stays as it is.
    #[error(
        "item {key} of table {table} has version {found}, and this release knows versions up to {known}: \
         a later release has written it; deploy that one, and use its command line"
    )]
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
            Self::Request { refusal, .. } => refusal.is_transient(),
            Self::Throttled { .. } => true,
            Self::Unreadable { .. }
            | Self::TooNew { .. }
            | Self::TooManyIds { .. }
            | Self::Unstorable { .. } => false,
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

    /// What DynamoDB did not do, where that is why.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Request { refusal, .. } => Some((**refusal).clone()),
            Self::Throttled { table, action } => Some(Refusal::throttled(&right(action), &resource(table))),
            _ => None,
        }
    }

    pub(crate) fn request<E>(table: &str, action: &'static str, error: SdkError<E>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let refusal = Box::new(postroom_aws::refusal(&right(action), &resource(table), &error));
        let source = match error {
            SdkError::ServiceError(_) => None,
            _ => error.into_source().ok(),
        };
        Self::Request { table: table.to_owned(), action, refusal, source }
    }
}

/// The right that an action needs.
fn right(action: &str) -> String {
    format!("dynamodb:{action}")
}

fn resource(table: &str) -> String {
    format!("table {table}")
}
