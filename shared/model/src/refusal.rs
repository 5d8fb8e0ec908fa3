//! What AWS does not do for a deployment: a right that is missing, a resource that is gone, a service that
//! is asked too often or does not answer.
//!
//! Guarantees: what is said of it holds no mail address and no name of an object, names the right and the
//! resource, and fits a line. What kind it is follows from AWS's own codes, in this one place; its words count only where
//! a code says nothing by itself. Left out: who hears of it (`postroom_lambda::Refusals`).

/// The longest part of what AWS says that is kept, in characters.
const MAX_SAID: usize = 600;

/// A request to AWS that came to nothing, in words for whoever runs the deployment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} ({right} on {resource}): {said}", kind.words())]
pub struct Refusal {
    /// The right that the request needs, as an IAM policy names it: `dynamodb:Query`.
    pub right: String,
    /// What the request was about: an ARN, or a name and what it is the name of.
    pub resource: String,
    /// What stands in the way.
    pub kind: RefusalKind,
    /// AWS's own words, or what happened on the way there.
    pub said: String,
}

/// What stands in the way of a request to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalKind {
    /// The right is missing.
    Denied,
    /// The resource is gone, or cannot be used any more.
    Missing,
    /// AWS is asked more than it allows.
    Throttled,
    /// AWS was not reached, failed, or gave an answer that cannot be read.
    Unanswered,
    /// What was asked is at fault, and not the deployment.
    Other,
}

impl RefusalKind {
    /// The kind as a sentence without its end.
    pub fn words(self) -> &'static str {
        match self {
            Self::Denied => "a right is missing",
            Self::Missing => "a resource is missing",
            Self::Throttled => "AWS is asked too often",
            Self::Unanswered => "AWS does not answer",
            Self::Other => "AWS refuses a request",
        }
    }

    /// What whoever runs the deployment should do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Denied => {
                "Give the function's role the right back (docs/operations.md, \"What somebody has changed by hand\"). If \
                 it has the right, a policy of the organisation, of the resource or of its key denies it."
            }
            Self::Missing => {
                "Get it back (docs/operations.md, \"Getting back what was lost\"), or deploy the stack again."
            }
            Self::Throttled => {
                "It is tried again by itself; if it lasts, ask AWS for a higher quota (Service Quotas)."
            }
            Self::Unanswered => {
                "It is tried again by itself; if it lasts, look at the AWS Health dashboard, and at the way to AWS \
                 where the functions run in subnets."
            }
            Self::Other => "`said` is what AWS takes exception to. Report it with this line.",
        }
    }

    /// Whether somebody must act before it ends.
    pub fn lasts(self) -> bool {
        matches!(self, Self::Denied | Self::Missing)
    }

    /// From the code, the words and the HTTP status of an answer.
    ///
    /// Sources: "Common Errors" in the API reference of each service, such as
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>,
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>,
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
    /// <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html>,
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>,
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>,
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>.
    fn of(code: &str, message: &str, status: u16) -> Self {
        // Some have the service before a dot: `KMS.DisabledException`, `AWS.SimpleQueueService.NonExistentQueue`.
        let name = code.rsplit('.').next().unwrap_or(code);
        let says = |words: &str| message.contains(words);
        match name {
            "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "ExpiredToken"
            | "ExpiredTokenException" | "IncompleteSignature" | "InvalidAccessKeyId" | "InvalidClientTokenId"
            | "InvalidSignatureException" | "KMSAccessDeniedException" | "KmsAccessDenied"
            | "MissingAuthenticationToken" | "OptInRequired" | "SignatureDoesNotMatch" | "UnauthorizedOperation"
            | "UnrecognizedClientException" => Self::Denied,
            "" if says(NOT_AUTHORIZED) => Self::Denied,
            // The first two: a secret's key is disabled, or to be deleted.
            "DecryptionFailure" | "EncryptionFailure" | "DisabledException" | "KMSInvalidStateException"
            | "KmsDisabled" | "KmsInvalidState" | "KmsNotFound" | "NoSuchBucket" | "NonExistentQueue"
            | "NotFoundException" | "QueueDoesNotExist" | "ResourceNotFoundException"
            | "TableNotFoundException" => Self::Missing,
            "ValidationException" if says("does not have the specified index") => Self::Missing,
            "BadRequestException" if says("onfiguration set") && says("does not exist") => Self::Missing,
            "LimitExceededException" | "ProvisionedThroughputExceededException" | "RequestLimitExceeded"
            | "RequestThrottled" | "SlowDown" | "Throttling" | "ThrottlingException" | "TooManyRequestsException"
            // Others write the same items at this moment.
            | "TransactionConflictException" | "TransactionInProgressException" => Self::Throttled,
            "TransactionCanceledException" if is_contended(message) => Self::Throttled,
            "DependencyTimeoutException" | "InternalFailure" | "InternalServiceError" | "KeyUnavailableException"
            | "KMSInternalException" | "RequestTimeout" | "ServiceUnavailable" => Self::Unanswered,
            _ => match status {
                401 | 403 => Self::Denied,
                429 => Self::Throttled,
                500.. => Self::Unanswered,
                _ => Self::Other,
            },
        }
    }
}

/// Whether a transaction was cancelled only because others write the same items, or too much is asked. The reasons
/// are at the end of what DynamoDB says, one for each item: `… for specific reasons [None, TransactionConflict]`.
/// What a condition or a value was wrong for comes to the same the next time.
fn is_contended(message: &str) -> bool {
    let reasons = message.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let reasons = reasons.map_or("", |(reasons, _)| reasons);
    let mut reasons = reasons.split(',').map(str::trim).filter(|reason| *reason != "None").peekable();
    reasons.peek().is_some()
        && reasons.all(|reason| {
            matches!(reason, "ProvisionedThroughputExceeded" | "ThrottlingError" | "TransactionConflict")
        })
}

/// How AWS begins to say which right is missing
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
const NOT_AUTHORIZED: &str = "is not authorized to perform";
/// What stands around names in what AWS says.
const QUOTES: [char; 3] = ['"', '`', '\''];

impl Refusal {
    /// What AWS answered. A missing right is the one that AWS names, which may be another than was asked for: a
    /// key's, of what is encrypted. So is a resource that cannot be used.
    pub fn answered(right: &str, resource: &str, code: &str, message: &str, status: u16) -> Self {
        let kind = RefusalKind::of(code, message, status);
        let message = &*without_objects(message);
        let (named_right, named_resource) = match kind {
            RefusalKind::Denied => named(message),
            RefusalKind::Missing => (None, named_arn(message)),
            _ => (None, None),
        };
        // SQS names its rights in small letters.
        let named_right = named_right.filter(|named| !named.eq_ignore_ascii_case(right));
        let said = match (code, message) {
            ("", "") => format!("HTTP status {status}"),
            (code, "") => code.to_owned(),
            ("", message) => clean(message),
            (code, message) => format!("{code}: {}", clean(message)),
        };
        Self {
            right: named_right.unwrap_or(right).to_owned(),
            resource: named_resource.unwrap_or(resource).to_owned(),
            kind,
            said,
        }
    }

    /// AWS says that there is no such thing, or only a deleted one.
    pub fn missing(right: &str, resource: &str) -> Self {
        Self::new(right, resource, RefusalKind::Missing, "it does not exist")
    }

    /// AWS left part of a request undone, again and again.
    pub fn throttled(right: &str, resource: &str) -> Self {
        Self::new(right, resource, RefusalKind::Throttled, "part of the request stayed undone")
    }

    /// No answer came that could be read; `what` happened.
    pub fn unanswered(right: &str, resource: &str, what: &str) -> Self {
        Self::new(right, resource, RefusalKind::Unanswered, what)
    }

    /// The request could not even be written down.
    pub fn unbuilt(right: &str, resource: &str) -> Self {
        Self::new(right, resource, RefusalKind::Other, "the request cannot be built")
    }

    fn new(right: &str, resource: &str, kind: RefusalKind, said: &str) -> Self {
        Self { right: right.to_owned(), resource: resource.to_owned(), kind, said: said.to_owned() }
    }

    /// What whoever runs the deployment should do.
    pub fn advice(&self) -> &'static str {
        match (self.kind, &*self.right) {
            (RefusalKind::Other, "ses:SendEmail") => {
                "SES takes exception to the mail itself, for what `said` says: look at what it is made of, the names \
                 of accounts and mailboxes (docs/operations.md, \"RemindersFailedAlarm\"). The next run sends \
                 reminders again."
            }
            (kind, _) => kind.advice(),
        }
    }

    /// Whether the same request may succeed later without anybody's doing.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, RefusalKind::Throttled | RefusalKind::Unanswered)
    }
}

/// The right and the resource that AWS says are missing: `… is not authorized to perform: sqs:SendMessage on
/// resource: arn:aws:sqs:… because …`, or as SES has it: ``… perform `ses:SendEmail' on resource `arn:aws:ses:…'``.
/// A resource that is everything, or holds an address, is none.
fn named(message: &str) -> (Option<&str>, Option<&str>) {
    let Some((_, rest)) = message.split_once(NOT_AUTHORIZED) else { return (None, None) };
    let right = first_name(rest).filter(|right| right.contains(':'));
    let resource = rest.split_once(" on resource").and_then(|(_, rest)| first_name(rest));
    (right, resource.filter(|resource| !resource.contains('@') && !matches!(*resource, "" | "*" | "…")))
}

/// The resource that AWS says cannot be used, where it says so by its ARN: `arn:aws:kms:… is disabled.`
fn named_arn(message: &str) -> Option<&str> {
    let mut words = message.split_whitespace().map(|word| word.trim_matches(QUOTES));
    words.find(|word| word.starts_with("arn:") && !word.contains('@'))
}

/// The name that a text begins with, behind a colon or none.
fn first_name(text: &str) -> Option<&str> {
    let text = text.strip_prefix(':').unwrap_or(text);
    text.split_whitespace().next().map(|name| name.trim_matches(QUOTES))
}

/// The text with the keys of S3's objects cut after their first part: an object may have the name of an
/// attachment, with anything in it. What stands between a name and the text after it may be in the name, too, so
/// the last of its kind ends it.
fn without_objects(message: &str) -> String {
    const S3: &str = ":s3:";
    let Some((before, rest)) = message.split_once(S3) else { return message.to_owned() };
    let is_end = |c: char| c == '/' || c.is_whitespace() || QUOTES.contains(&c);
    let (bucket, key) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
    let Some(key) = key.strip_prefix('/') else {
        return format!("{before}{S3}{bucket}{}", without_objects(key));
    };
    let first = key.split_once('/').map(|(first, _)| first);
    let first = first.filter(|first| first.chars().all(|c| c.is_ascii_alphanumeric())).unwrap_or_default();
    let arn = before.rfind(char::is_whitespace).and_then(|at| before.get(at..)).unwrap_or(before);
    let end = match arn.trim_start().chars().next().filter(|c| QUOTES.contains(c)) {
        Some('`') => key.rfind('\''),
        Some(quote) => key.rfind(quote),
        None => key.rfind(" because "),
    };
    let after = end.and_then(|end| key.get(end..)).unwrap_or_default();
    let slash = if first.is_empty() { "" } else { "/" };
    format!("{before}{S3}{bucket}/{first}{slash}…{after}")
}

/// One line without addresses, cut.
fn clean(message: &str) -> String {
    let words = message.split_whitespace().map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(MAX_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefusalKind::{Denied, Missing, Other, Throttled, Unanswered};

    const ROLE: &str = "User: arn:aws:sts::111122223333:assumed-role/post-FetchRole-1X/post-FetchFunction-2Y";

    #[test]
    fn a_missing_right_is_the_one_that_aws_names() {
        for (right, message, named_right, named_resource) in [
            (
                "dynamodb:Query",
                "is not authorized to perform: dynamodb:Query on resource: \
                 arn:aws:dynamodb:eu-central-1:111122223333:table/t/index/due because no identity-based policy \
                 allows the dynamodb:Query action",
                "dynamodb:Query",
                "arn:aws:dynamodb:eu-central-1:111122223333:table/t/index/due",
            ),
            (
                "s3:PutObject",
                "is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::b/mail/m/1.eml\" because \
                 no identity-based policy allows the s3:PutObject action",
                "s3:PutObject",
                "arn:aws:s3:::b/mail/…",
            ),
            (
                "sqs:SendMessage",
                "is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:eu-central-1:1:q because \
                 no resource-based policy allows the sqs:sendmessage action",
                "sqs:SendMessage",
                "arn:aws:sqs:eu-central-1:1:q",
            ),
            (
                "s3:PutObject",
                "is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-central-1:1:key/k \
                 because no identity-based policy allows the kms:GenerateDataKey action",
                "kms:GenerateDataKey",
                "arn:aws:kms:eu-central-1:1:key/k",
            ),
            (
                "ses:SendEmail",
                "is not authorized to perform: ses:SendEmail on resource: \
                 arn:aws:ses:eu-central-1:1:identity/ann@contoso.com",
                "ses:SendEmail",
                "own",
            ),
            (
                "ses:SendEmail",
                "is not authorized to perform `ses:SendEmail' on resource \
                 `arn:aws:ses:eu-central-1:1:identity/contoso.com'",
                "ses:SendEmail",
                "arn:aws:ses:eu-central-1:1:identity/contoso.com",
            ),
            (
                "ses:SendEmail",
                "is not authorized to perform `ses:SendRawEmail' on resource \
                 `arn:aws:ses:eu-central-1:1:identity/ann@contoso.com'",
                "ses:SendRawEmail",
                "own",
            ),
            (
                "secretsmanager:BatchGetSecretValue",
                "is not authorized to perform: secretsmanager:BatchGetSecretValue because …",
                "secretsmanager:BatchGetSecretValue",
                "own",
            ),
        ] {
            let message = format!("{ROLE} {message}");
            let refusal = Refusal::answered(right, "own", "AccessDeniedException", &message, 400);
            assert_eq!(
                (refusal.kind, &*refusal.right, &*refusal.resource),
                (Denied, named_right, named_resource)
            );
            assert!(
                refusal.said.contains("post-FetchRole-1X") && !refusal.said.contains("ann@"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_resource_that_cannot_be_used_is_the_one_that_aws_names() {
        const KEY: &str = "arn:aws:kms:eu-central-1:1:key/k";
        for (code, message, resource) in [
            ("KMS.DisabledException", "arn:aws:kms:eu-central-1:1:key/k is disabled.", KEY),
            ("NotFoundException", "Key 'arn:aws:kms:eu-central-1:1:key/k' does not exist", KEY),
            ("NoSuchBucket", "The specified bucket does not exist", "own"),
            ("ResourceNotFoundException", "Requested resource not found: Table: t not found", "own"),
            // Not the resource's, but that of whoever asks.
            ("ThrottlingException", "Rate exceeded for arn:aws:kms:eu-central-1:1:key/k", "own"),
        ] {
            let refusal = Refusal::answered("s3:PutObject", "own", code, message, 400);
            assert_eq!((&*refusal.right, &*refusal.resource), ("s3:PutObject", resource), "{code}");
        }
    }

    #[test]
    fn an_objects_name_is_not_repeated() {
        const RIGHT: &str =
            "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: s3:PutObject on resource:";
        const CUT: &str = "arn:aws:s3:::b/attachments/…";
        for (said, resource) in [
            (
                "\"arn:aws:s3:::b/attachments/hr/2026/1/Kündigung Max Mustermann.pdf\" because no policy allows",
                CUT,
            ),
            (
                "\"arn:aws:s3:::b/attachments/hr/Max\" because \"Mustermann.pdf\" because no policy allows",
                CUT,
            ),
            ("\"arn:aws:s3:::b/attachments/hr/Max because Mustermann.pdf\" with an explicit deny", CUT),
            (
                "\"arn:aws:s3:::b/attachments/hr/arn:aws:s3:::Max/a/Mustermann.pdf\" with an explicit deny",
                CUT,
            ),
            ("arn:aws:s3:::b/attachments/hr/Max Mustermann.pdf because no policy allows", CUT),
            ("arn:aws:s3:::b/attachments/hr/Max Mustermann.pdf", CUT),
            ("arn:aws:s3:::b/attachments/hr/Kündigung: Max", CUT),
            ("\"arn:aws:s3:::b/attachments/Kündigung Max, cut off", CUT),
            ("\"arn:aws:s3:::b/Max Mustermann.pdf\" because no policy allows", "arn:aws:s3:::b/…"),
            (
                "\"arn:aws-cn:s3:eu-1:1:accesspoint/ap/object/attachments/Max.pdf\" because no policy allows",
                "arn:aws-cn:s3:eu-1:1:accesspoint/ap/…",
            ),
            ("arn:aws:s3:::b because no policy allows", "arn:aws:s3:::b"),
            ("arn:aws:s3:::b with an explicit deny in arn:aws:s3:::b/x/Max", "arn:aws:s3:::b"),
        ] {
            let refusal = Refusal::answered(
                "s3:PutObject",
                "bucket b",
                "AccessDenied",
                &format!("{RIGHT} {said}"),
                403,
            );
            assert_eq!(refusal.resource, resource, "{said}");
            let printed = format!("{refusal} {refusal:?}");
            assert!(!printed.contains("Max") && !printed.contains("Mustermann"), "{printed}");
            assert!(!printed.contains("Kündigung"), "{printed}");
            assert!(
                !said.contains("no policy") || refusal.said.ends_with(" because no policy allows"),
                "{printed}"
            );
        }
    }

    #[test]
    fn kinds_follow_from_codes() {
        for (code, message, status, kind) in [
            ("AccessDenied", "Access Denied", 403, Denied),
            ("", "", 403, Denied),
            (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                400,
                Denied,
            ),
            ("KMS.AccessDeniedException", "", 400, Denied),
            ("IncompleteSignature", "", 400, Denied),
            ("MissingAuthenticationToken", "", 400, Denied),
            ("", "ann is not authorized to perform: a:B", 400, Denied),
            ("AccessDeniedException", "Access to KMS is not allowed", 400, Denied),
            ("ResourceNotFoundException", "Requested resource not found", 400, Missing),
            ("ValidationException", "The table does not have the specified index: due", 400, Missing),
            ("NoSuchBucket", "", 404, Missing),
            ("AWS.SimpleQueueService.NonExistentQueue", "", 400, Missing),
            ("DisabledException", "arn:aws:kms:…:key/k is disabled.", 400, Missing),
            ("KMSInvalidStateException", "arn:aws:kms:…:key/k is pending deletion.", 400, Missing),
            ("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text", 200, Missing),
            ("EncryptionFailure", "", 400, Missing),
            ("BadRequestException", "Configuration set <c> does not exist.", 400, Missing),
            ("ThrottlingException", "Rate exceeded", 400, Throttled),
            (
                "TransactionCanceledException",
                "… for specific reasons [None, TransactionConflict]",
                400,
                Throttled,
            ),
            (
                "TransactionCanceledException",
                "… [ThrottlingError, ProvisionedThroughputExceeded]",
                400,
                Throttled,
            ),
            ("TransactionCanceledException", "… [TransactionConflict, ConditionalCheckFailed]", 400, Other),
            ("TransactionCanceledException", "… for specific reasons [ValidationError, None]", 400, Other),
            ("TransactionCanceledException", "… [ItemCollectionSizeLimitExceeded]", 400, Other),
            ("TransactionCanceledException", "… for specific reasons [None, None]", 400, Other),
            ("TransactionCanceledException", "", 400, Other),
            ("TransactionConflictException", "", 400, Throttled),
            ("SlowDown", "", 503, Throttled),
            ("", "", 429, Throttled),
            ("InternalServerError", "", 500, Unanswered),
            ("KMSInternalException", "", 400, Unanswered),
            ("ServiceUnavailable", "", 503, Unanswered),
            ("ValidationException", "Item size has exceeded the maximum allowed size", 400, Other),
            ("KeyTooLongError", "", 400, Other),
            // What a service quotes is not its own word.
            ("ValidationException", "ann is not authorized to perform: a:B", 400, Other),
            ("MessageRejected", "Configuration set <c> does not exist.", 400, Other),
        ] {
            let refusal = Refusal::answered("a:B", "r", code, message, status);
            assert_eq!(refusal.kind, kind, "{code} {message} {status}");
            assert_eq!(refusal.is_transient(), matches!(kind, Throttled | Unanswered));
        }
        let silent = Refusal::answered("s3:GetObject", "bucket b", "", "", 403);
        assert_eq!(silent.to_string(), "a right is missing (s3:GetObject on bucket b): HTTP status 403");
    }
}
