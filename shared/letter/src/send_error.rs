//! Why a letter was not sent, by what would help.

use aws_sdk_sesv2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
};
use postroom_language::visible;
use postroom_model::mail_address;

/// The most of what a mail system says that is kept, in characters.
const MAX_SAID: usize = 300;

/// Why a letter was not sent. What is printed holds no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// More is sent a second than SES lets the account send: it goes in a moment.
    #[error("SES is asked too often")]
    Throttled,
    /// The account has sent all that it may within 24 hours.
    #[error("SES sends no more today: the account's daily quota is used up")]
    QuotaUsedUp,
    /// To this address nothing can be sent: it is none.
    #[error("SES does not send to this address: {0}")]
    Recipient(String),
    /// To this address nothing can be sent yet: it is not verified, and the account is in SES's sandbox.
    #[error("SES does not send to this address while it is in its sandbox: {0}")]
    Unverified(String),
    /// To nobody anything can be sent: sending is paused, the sender is not verified, the configuration
    /// set is gone, or the rights are missing.
    #[error("SES sends nothing: {}", .0.said)]
    Stopped(Answer),
    /// SES takes exception to this one letter, and will whenever it is sent.
    #[error("SES rejects this letter: {}", .0.said)]
    Rejected(Answer),
    /// SES was not reached, or could not do it now.
    #[error("SES could not send it now: {0}")]
    Passing(String),
}

/// What SES answered in place of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its code; empty where it gave none.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// What it said.
    pub said: String,
}

/// What is sent with, for telling whose address SES complains about.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) address: &'a str,
    pub(crate) reply_to: &'a [String],
}

impl Sender<'_> {
    /// The bare address: `Postroom <post@contoso.com>` may be configured too.
    fn bare(&self) -> &str {
        let inside = self.address.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
        inside.map_or(self.address, |(address, _)| address).trim()
    }

    /// Whether SES lists the sender among the identities that are not verified.
    fn is_named_in(&self, message: &str) -> bool {
        let mut words = message.split([' ', ',', '/', '<', '>']);
        words.any(|word| word.eq_ignore_ascii_case(self.bare()))
    }

    /// Whether everything that is the deployment's own is an address that SES takes.
    fn is_sound(&self) -> bool {
        let mut addresses = self.reply_to.iter().map(String::as_str).chain([self.bare()]);
        addresses.all(|address| address.is_ascii() && mail_address(address).is_some())
    }
}

impl SendError {
    pub(crate) fn of_send(error: &SdkError<SendEmailError, HttpResponse>, sender: Sender<'_>) -> Self {
        let Some(service) = error.as_service_error() else { return Self::of_request(error) };
        let message = service.message().unwrap_or_default();
        match service {
            // https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
            SendEmailError::MessageRejected(_) if message.contains("not verified") => {
                if sender.is_named_in(message) {
                    Self::Stopped(Answer::of(error))
                } else {
                    Self::Unverified(said(message))
                }
            }
            SendEmailError::MessageRejected(_) => Self::Rejected(Answer::of(error)),
            SendEmailError::BadRequestException(_) if sender.is_sound() => {
                let words = message.to_ascii_lowercase();
                // "Illegal address", "Domain contains dot-dot": anything else is not the recipient's.
                if words.contains("address") || words.contains("domain") {
                    Self::Recipient(said(message))
                } else {
                    Self::Rejected(Answer::of(error))
                }
            }
            _ => Self::of_request(error),
        }
    }

    pub(crate) fn of_request<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let Some(service) = error.as_service_error() else {
            // A time-out, a connection that failed, an answer that was none.
            return Self::Passing("SES was not reached".to_owned());
        };
        let answer = Answer::of(error);
        match &*answer.code {
            // https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
            "LimitExceededException" | "TooManyRequestsException" | "Throttling" | "ThrottlingException" => {
                let words = service.message().unwrap_or_default().to_ascii_lowercase();
                if words.contains("daily") { Self::QuotaUsedUp } else { Self::Throttled }
            }
            _ if (400..500).contains(&answer.status) => Self::Stopped(answer),
            _ => Self::Passing(answer.said),
        }
    }

    /// What whoever runs the deployment should do; `None` where it passes by itself, or is told elsewhere.
    ///
    /// Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors>.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::QuotaUsedUp => Some("The rest goes tomorrow; ask AWS for a higher quota (Service Quotas)."),
            Self::Stopped(Answer { code, .. }) => Some(match &**code {
                "MailFromDomainNotVerifiedException" => {
                    "SES does not find the MX record of the sender's MAIL FROM domain: put it back into the DNS, or take \
                     that domain away from the identity in SES."
                }
                "MessageRejected" => {
                    "Verify the identity of SenderAddress in SES, in this region (docs/deploy.md, \"Mails\")."
                }
                "BadRequestException" => {
                    "Correct SenderAddress and OperatorAddresses: SES takes one of them for no address."
                }
                "AccountSuspendedException" | "SendingPausedException" => {
                    "Too many mails of this AWS account came back or were complained about: SES console, \"Account \
                     dashboard\"."
                }
                _ => "Look at the identity of SenderAddress and at the configuration set in SES.",
            }),
            Self::Throttled
            | Self::Recipient(_)
            | Self::Unverified(_)
            | Self::Rejected(_)
            | Self::Passing(_) => None,
        }
    }
}

impl Answer {
    fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let code = error.code().unwrap_or_default().to_owned();
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let said = match (error.message().unwrap_or_default(), &*code) {
            ("", "") => format!("status {status}"),
            ("", code) => said(code),
            (message, _) => said(message),
        };
        Self { code, status, said }
    }
}

/// What a mail system says, as it may be kept and shown: one line of what can be seen, without
/// addresses, cut.
pub fn said(text: &str) -> String {
    let visible = visible(text);
    let words = visible.split_whitespace().map(|word| if word.contains('@') { "…" } else { word });
    let clean = words.collect::<Vec<_>>().join(" ");
    match clean.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_holds_no_address() {
        for (text, clean) in [
            ("550 5.1.1 <ann@contoso.com>: user\r\n unknown", "550 5.1.1 … user unknown"),
            ("failed the check: ann@contoso.com, ben@contoso.com", "failed the check: … …"),
            ("smtp; 550 mailbox full", "smtp; 550 mailbox full"),
            // An address that hides behind a character which is not seen.
            ("550 \u{202e}ann\u{2060}@contoso.com\u{e0041} \0unknown\x1b", "550 … unknown"),
            ("5\u{180e}5\u{fffa}0\u{3164} \u{115f}full", "550 full"),
            ("", ""),
        ] {
            assert_eq!(said(text), clean);
        }
        assert_eq!(said(&"ü".repeat(400)).chars().count(), MAX_SAID + 1);
    }

    #[test]
    fn a_sender_is_known_by_its_whole_address() {
        let sender = Sender { address: "Postroom <post@contoso.com>", reply_to: &[] };
        let failed =
            "Email address is not verified. The following identities failed the check in region EU-WEST-1: ";
        assert!(sender.is_named_in(&format!("{failed}ann@x.example, Post@contoso.com")));
        assert!(sender.is_named_in(&format!("{failed}arn:aws:ses:eu-west-1:1:identity/post@contoso.com")));
        assert!(!sender.is_named_in(&format!("{failed}compost@contoso.com")));
        assert!(sender.is_sound());
        let wrong = ["ops".to_owned()];
        assert!(!Sender { reply_to: &wrong, ..sender }.is_sound());
    }
}
