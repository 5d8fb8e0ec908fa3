//! What S3 answers when it does not do what was asked.

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use postroom_model::{Fault, FaultClass, Refusal};

/// A request that S3 refused or did not answer. As text it is S3's code alone: its words name the object, and an
/// attachment's name is mail.
#[derive(Debug, thiserror::Error)]
#[error("S3 {action} on bucket {bucket} failed: {}", code.as_deref().unwrap_or(refusal.kind.words()))]
pub(crate) struct S3Error {
    action: &'static str,
    bucket: String,
    code: Option<String>,
    /// The request could not even be written down.
    is_unbuilt: bool,
    refusal: Box<Refusal>,
}

impl S3Error {
    pub(crate) fn new<E>(action: &'static str, bucket: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let code = error.code().map(str::to_owned);
        let is_unbuilt = matches!(error, SdkError::ConstructionFailure(_));
        let refusal = postroom_aws::refusal(right(action), &format!("bucket {bucket}"), &error);
        Self { action, bucket: bucket.to_owned(), code, is_unbuilt, refusal: Box::new(refusal) }
    }

    /// An answer that broke off.
    pub(crate) fn cut_off(action: &'static str, bucket: &str) -> Self {
        let refusal = Refusal::unanswered(right(action), &format!("bucket {bucket}"), "the answer broke off");
        Self { action, bucket: bucket.to_owned(), code: None, is_unbuilt: false, refusal: Box::new(refusal) }
    }

    /// What S3 did not do.
    pub(crate) fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// Whether S3 will never take the object, however often it is asked: what is said of it is at fault, its
    /// key or its metadata, and neither the bucket nor the moment
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
    pub(crate) fn is_about_the_object(&self) -> bool {
        const CODES: [&str; 5] =
            ["EntityTooLarge", "InvalidArgument", "InvalidURI", "KeyTooLongError", "MetadataTooLarge"];
        self.is_unbuilt || self.code.as_deref().is_some_and(|code| CODES.contains(&code))
    }

    /// Whether the object lies in cold storage and cannot be read before it is restored
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, "Errors"). S3 answers so with status
    /// 403, and no right is missing.
    pub(crate) fn is_in_cold_storage(&self) -> bool {
        self.code.as_deref() == Some("InvalidObjectState")
    }

    /// The fault as it is kept at the mailbox.
    pub(crate) fn fault(&self) -> Fault {
        let refusal = Some((*self.refusal).clone())
            .filter(|_| !self.is_about_the_object() && !self.is_in_cold_storage());
        Fault::new(FaultClass::Storage, self.to_string()).because(refusal)
    }
}

/// The right that an action needs
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>).
fn right(action: &str) -> &'static str {
    match action {
        "HeadObject" | "GetObject" => "s3:GetObject",
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        _ => "s3:PutObject",
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// There is no such object.
pub(crate) fn is_missing<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404)
}

/// There is an object already (`If-None-Match: *`).
pub(crate) fn is_precondition_failed<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(412)
}

/// Another write of the same key is under way.
pub(crate) fn is_conflict<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(409)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::{error::ErrorMetadata, primitives::SdkBody};

    fn refused(action: &'static str, code: &str) -> S3Error {
        let answer = HttpResponse::new(403_u16.try_into().expect("a status"), SdkBody::empty());
        let error = ErrorMetadata::builder().code(code).build();
        S3Error::new(action, "b", SdkError::service_error(error, answer))
    }

    #[test]
    fn a_denied_action_lacks_its_own_right() {
        for (action, right) in [
            ("GetObject", "s3:GetObject"),
            ("HeadObject", "s3:GetObject"),
            ("AbortMultipartUpload", "s3:AbortMultipartUpload"),
            ("UploadPart", "s3:PutObject"),
        ] {
            let fault = refused(action, "AccessDenied").fault();
            assert!(fault.is_the_deployments(), "{action}");
            assert_eq!(fault.refusal.map(|refusal| refusal.right), Some(right.to_owned()), "{action}");
        }
    }

    #[test]
    fn nobody_must_mend_what_is_the_objects_own_state() {
        for code in ["InvalidObjectState", "KeyTooLongError"] {
            let fault = refused("GetObject", code).fault();
            assert!(!fault.is_the_deployments() && fault.refusal.is_none(), "{code}: {fault}");
        }
    }
}
