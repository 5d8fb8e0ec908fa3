//! What a server means when it refuses: response codes first (RFC 5530), then the habits of
//! Microsoft, Google and common servers, then the moment at which it refused.

use crate::{Answer, redaction::Secrets};
use postroom_model::FaultClass;
use std::time::Duration;

/// The moment of a refusal: it decides where neither code nor text says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before we have said who we are: no password or token can have been refused.
    Greeting,
    /// While signing in with a password.
    Password,
    /// While signing in with an access token.
    AccessToken,
    /// While opening, listing or creating a folder.
    Folder,
    /// Any other command.
    Command,
    /// The server ends the session of its own accord.
    Goodbye,
}

/// A refusal as the server wrote it.
pub(crate) struct Refusal<'a> {
    /// The word that makes it one, as `NO` or `-ERR`.
    pub(crate) status: &'static str,
    /// The response code without its arguments.
    pub(crate) code: Option<&'a str>,
    /// What follows.
    pub(crate) text: &'a str,
    /// The server did not understand, rather than that it would not.
    pub(crate) bad: bool,
}

impl Refusal<'_> {
    /// The refusal in words that may be shown.
    pub(crate) fn answer(&self, moment: Moment, secrets: &Secrets) -> Answer {
        // A code that is none could be a piece of a secret: only known ones are passed on.
        let code = self.code.and_then(known_code).map(str::to_owned);
        let text = secrets.clean(self.text);
        let shown = match &code {
            Some(code) => format!("{} [{code}] {text}", self.status),
            None => format!("{} {text}", self.status),
        };
        let class = class(code.as_deref(), &text, self.bad, moment);
        Answer { class, retry_after: retry_after(&text), text: shown, code }
    }
}

/// Texts that mean one thing at any moment, in lower case. The first match counts.
const TEXTS: &[(&str, FaultClass)] = &[
    ("throttled", FaultClass::Throttled),
    ("too many simultaneous connections", FaultClass::Throttled),
    ("too many connections", FaultClass::Throttled),
    ("maximum number of connections", FaultClass::Throttled),
    ("rate limit", FaultClass::Throttled),
    ("exceeded the login limit", FaultClass::Throttled),
    ("login allowed only every", FaultClass::Throttled),
    ("exceeded command or bandwidth limits", FaultClass::OverQuota),
    ("bandwidth limit", FaultClass::OverQuota),
    ("accesstokenexpired", FaultClass::TokenRefused),
    ("user is authenticated but not connected", FaultClass::NoMailboxAccess),
    ("not enabled for imap", FaultClass::NoMailboxAccess),
    ("not enabled for pop", FaultClass::NoMailboxAccess),
    ("yet to enable imap", FaultClass::NoMailboxAccess),
    ("imap access is disabled", FaultClass::NoMailboxAccess),
    ("pop access is disabled", FaultClass::NoMailboxAccess),
    ("unsafe login", FaultClass::AccountPolicy),
    ("unsupported authentication mechanism", FaultClass::NoMechanism),
    ("unrecognized authentication type", FaultClass::NoMechanism),
    ("plaintext authentication disallowed", FaultClass::PlaintextRefused),
    ("only available under a layer", FaultClass::PlaintextRefused),
    ("already locked", FaultClass::TemporarilyUnavailable),
    ("unable to lock", FaultClass::TemporarilyUnavailable),
    ("lock busy", FaultClass::TemporarilyUnavailable),
    ("web login required", FaultClass::WebLoginRequired),
    ("log in via your web browser", FaultClass::WebLoginRequired),
    ("via a web browser", FaultClass::WebLoginRequired),
    ("application-specific password required", FaultClass::PasswordRefused),
    ("server busy", FaultClass::TemporarilyUnavailable),
    ("server unavailable", FaultClass::TemporarilyUnavailable),
    ("server(s) unavailable", FaultClass::TemporarilyUnavailable),
    ("services unavailable", FaultClass::TemporarilyUnavailable),
    ("mailbox could not be opened", FaultClass::TemporarilyUnavailable),
    ("system error", FaultClass::TemporarilyUnavailable),
    ("temporary system problem", FaultClass::TemporarilyUnavailable),
    ("temporary authentication failure", FaultClass::TemporarilyUnavailable),
    ("temporarily", FaultClass::TemporarilyUnavailable),
    ("try again later", FaultClass::TemporarilyUnavailable),
    ("internal error", FaultClass::TemporarilyUnavailable),
];

/// Response codes of RFC 3501, RFC 5530, RFC 9051, their extensions, Google and Dovecot that a refusal
/// may have; then POP3's, of RFC 2449 section 8 and RFC 3206.
#[rustfmt::skip]
const CODES: &[&str] = &[
    "ALERT", "ALREADYEXISTS", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "BADCHARSET", "CANNOT",
    "CAPABILITY", "CLIENTBUG", "CLOSED", "CONTACTADMIN", "CORRUPTION", "EXPIRED", "EXPUNGEISSUED",
    "HASCHILDREN", "INUSE", "LIMIT", "NONEXISTENT", "NOPERM", "NOTSAVED", "NOUPDATE", "OVERQUOTA",
    "PARSE", "PRIVACYREQUIRED", "READ-ONLY", "READ-WRITE", "REFERRAL", "SERVERBUG", "THROTTLED",
    "TOOBIG", "TRYCREATE", "UNAVAILABLE", "UNKNOWN-CTE", "WEBALERT",
    "AUTH", "IN-USE", "LOGIN-DELAY", "SYS/PERM", "SYS/TEMP",
];

/// The class of a refusal. `code` is the response code without its arguments; `bad` says that the
/// server did not understand (IMAP's BAD) rather than that it would not.
fn class(code: Option<&str>, text: &str, bad: bool, moment: Moment) -> FaultClass {
    let text = text.to_ascii_lowercase();
    let means = |class| moment != Moment::Greeting || !is_about_secrets(class);
    let by_text = TEXTS.iter().find(|(words, class)| text.contains(words) && means(*class));
    let by_text = by_text.map(|(_, class)| *class);
    let by_code = || by_code(&code?.to_ascii_uppercase(), moment);
    by_text.or_else(by_code).unwrap_or(if bad { FaultClass::Protocol } else { by_moment(moment) })
}

/// Whether a refusal of this class is about the password or token.
fn is_about_secrets(class: FaultClass) -> bool {
    matches!(class, FaultClass::PasswordRefused | FaultClass::TokenRefused)
}

/// The response code, in capitals, if it is one that is in use.
pub(crate) fn known_code(code: &str) -> Option<&'static str> {
    CODES.iter().find(|known| known.eq_ignore_ascii_case(code)).copied()
}

/// How long the server asks to be left alone, in whole seconds and never less: Microsoft's `Suggested Backoff
/// Time: N milliseconds`.
fn retry_after(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let (_, rest) = text.split_once("suggested backoff time:")?;
    let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().map(|millis: u64| Duration::from_secs(millis.div_ceil(1000)))
}

fn by_code(code: &str, moment: Moment) -> Option<FaultClass> {
    let signing_in = matches!(moment, Moment::Password | Moment::AccessToken);
    Some(match code {
        "THROTTLED" | "LIMIT" | "LOGIN-DELAY" => FaultClass::Throttled,
        "OVERQUOTA" => FaultClass::OverQuota,
        "WEBALERT" => FaultClass::WebLoginRequired,
        "AUTHENTICATIONFAILED" | "EXPIRED" | "AUTH" => by_moment(moment),
        "AUTHORIZATIONFAILED" => FaultClass::NoMailboxAccess,
        "NOPERM" if signing_in => FaultClass::NoMailboxAccess,
        "NOPERM" | "NONEXISTENT" | "TRYCREATE" => FaultClass::Folder,
        "CANNOT" if moment == Moment::Folder => FaultClass::Folder,
        "UNAVAILABLE" | "INUSE" | "IN-USE" | "SYS/TEMP" | "SERVERBUG" => FaultClass::TemporarilyUnavailable,
        "CONTACTADMIN" | "SYS/PERM" => FaultClass::AccountPolicy,
        "PRIVACYREQUIRED" => FaultClass::PlaintextRefused,
        "CLIENTBUG" => FaultClass::Bug,
        _ => return None,
    })
}

fn by_moment(moment: Moment) -> FaultClass {
    match moment {
        Moment::Greeting => FaultClass::TemporarilyUnavailable,
        Moment::Password => FaultClass::PasswordRefused,
        Moment::AccessToken => FaultClass::TokenRefused,
        Moment::Folder => FaultClass::Folder,
        Moment::Command => FaultClass::Unknown,
        Moment::Goodbye => FaultClass::ConnectionLost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultClass as F;
    use Moment as M;

    #[test]
    fn what_servers_say_is_understood() {
        let table = [
            // Microsoft
            (None, "AUTHENTICATE failed.", M::AccessToken, F::TokenRefused),
            (None, "LOGIN failed.", M::Password, F::PasswordRefused),
            (None, "User is authenticated but not connected.", M::Folder, F::NoMailboxAccess),
            (
                None,
                "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
                M::Command,
                F::Throttled,
            ),
            (None, "Session invalidated - AccessTokenExpired", M::Goodbye, F::TokenRefused),
            (None, "Connection closed. 14", M::Goodbye, F::ConnectionLost),
            (None, "Server Busy.", M::Greeting, F::TemporarilyUnavailable),
            (None, "The specified mailbox doesn't exist.", M::Folder, F::Folder),
            // Google
            (Some("AUTHENTICATIONFAILED"), "Invalid credentials (Failure)", M::Password, F::PasswordRefused),
            (Some("AUTHENTICATIONFAILED"), "Invalid credentials (Failure)", M::AccessToken, F::TokenRefused),
            (Some("ALERT"), "Too many simultaneous connections. (Failure)", M::AccessToken, F::Throttled),
            (
                Some("ALERT"),
                "Web login required: https://support.google.com/mail/accounts/answer/78754",
                M::AccessToken,
                F::WebLoginRequired,
            ),
            (Some("WEBALERT"), "Web login required.", M::Password, F::WebLoginRequired),
            (
                Some("ALERT"),
                "Please log in via your web browser: https://support.google.com/",
                M::Password,
                F::WebLoginRequired,
            ),
            (
                Some("ALERT"),
                "Application-specific password required: https://support.google.com/accounts/answer/185833",
                M::Password,
                F::PasswordRefused,
            ),
            (
                Some("ALERT"),
                "Your account is not enabled for IMAP use. Please visit your Gmail settings page",
                M::AccessToken,
                F::NoMailboxAccess,
            ),
            (
                Some("OVERQUOTA"),
                "Account exceeded command or bandwidth limits. abc",
                M::Command,
                F::OverQuota,
            ),
            (
                None,
                "Account exceeded command or bandwidth limits. l13mb1 (Failure)",
                M::Goodbye,
                F::OverQuota,
            ),
            (Some("THROTTLED"), "FETCH responses were too slow", M::Command, F::Throttled),
            (Some("UNAVAILABLE"), "Temporary System Error", M::Password, F::TemporarilyUnavailable),
            (None, "Temporary System Error, try again later", M::Goodbye, F::TemporarilyUnavailable),
            // Dovecot
            (Some("AUTHENTICATIONFAILED"), "Authentication failed.", M::AccessToken, F::TokenRefused),
            (
                Some("UNAVAILABLE"),
                "Temporary authentication failure. [host:2026-11-21]",
                M::AccessToken,
                F::TemporarilyUnavailable,
            ),
            (Some("AUTHORIZATIONFAILED"), "Authorization failed.", M::Password, F::NoMailboxAccess),
            (Some("NONEXISTENT"), "Unknown Mailbox: Sent", M::Folder, F::Folder),
            (
                Some("UNAVAILABLE"),
                "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
                M::Password,
                F::Throttled,
            ),
            (
                Some("PRIVACYREQUIRED"),
                "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
                M::Password,
                F::PlaintextRefused,
            ),
            (Some("SERVERBUG"), "Internal error occurred.", M::Command, F::TemporarilyUnavailable),
            (Some("OVERQUOTA"), "Quota exceeded (mailbox for user is full)", M::Command, F::OverQuota),
            // RFC 5530, whatever the text
            (Some("EXPIRED"), "", M::Password, F::PasswordRefused),
            (Some("INUSE"), "", M::Folder, F::TemporarilyUnavailable),
            (Some("LIMIT"), "", M::Command, F::Throttled),
            (Some("NOPERM"), "", M::Folder, F::Folder),
            (Some("NOPERM"), "", M::Password, F::NoMailboxAccess),
            (Some("CONTACTADMIN"), "", M::Password, F::AccountPolicy),
            (Some("CLIENTBUG"), "", M::Command, F::Bug),
            (Some("X-UNHEARD-OF"), "No.", M::Command, F::Unknown),
            (None, "", M::Greeting, F::TemporarilyUnavailable),
        ];
        for (code, text, moment, expected) in table {
            assert_eq!(class(code, text, false, moment), expected, "{code:?} {text:?} {moment:?}");
        }
        for (text, expected) in [
            ("Session invalidated - AccessTokenExpired", F::TemporarilyUnavailable),
            ("Application-specific password required", F::TemporarilyUnavailable),
            ("Request is throttled.", F::Throttled),
        ] {
            assert_eq!(class(None, text, false, M::Greeting), expected, "nobody has signed in: {text}");
        }
        assert_eq!(class(None, "Command Error. 12", true, M::Command), F::Protocol);
        assert_eq!(class(None, "Request is throttled.", true, M::Command), F::Throttled);
    }

    #[test]
    fn codes_are_known_in_any_case() {
        assert_eq!(known_code("AuthenticationFailed"), Some("AUTHENTICATIONFAILED"));
        assert_eq!(known_code("hunter2"), None);
    }

    #[test]
    fn the_pause_is_read() {
        let millis = |text| retry_after(text).map(|d| d.as_millis());
        assert_eq!(
            millis("Request is throttled. Suggested Backoff Time: 299961 milliseconds"),
            Some(300_000)
        );
        assert_eq!(millis("Suggested Backoff Time: soon"), None);
        assert_eq!(millis("Suggested Backoff Time: 99999999999999999999 milliseconds"), None);
        assert_eq!(millis("nothing"), None);
    }
}
