//! What an AWS SDK's error says of the deployment.
//!
//! Guarantees: the SDK's error is taken apart, and nothing of a request or of an answer's body but its error's
//! code and message gets further. Left out: what follows from it, which `postroom_model::Refusal` knows.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use postroom_model::Refusal;

/// Why a request came to nothing that needs this right, such as `s3:PutObject`, on this resource.
pub fn refusal<E: ProvideErrorMetadata>(
    right: &str,
    resource: &str,
    error: &SdkError<E, HttpResponse>,
) -> Refusal {
    match error {
        SdkError::ServiceError(context) => {
            let (code, message) = (context.err().code(), context.err().message());
            let status = context.raw().status().as_u16();
            Refusal::answered(right, resource, code.unwrap_or_default(), message.unwrap_or_default(), status)
        }
        SdkError::ConstructionFailure(_) => Refusal::unbuilt(right, resource),
        SdkError::TimeoutError(_) => Refusal::unanswered(right, resource, "no answer in time"),
        SdkError::DispatchFailure(_) => Refusal::unanswered(right, resource, "not reached"),
        _ => Refusal::unanswered(right, resource, "the answer cannot be read"),
    }
}
