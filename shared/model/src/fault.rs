//! What went wrong, and who must act.

use crate::{Refusal, RefusalKind};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// The longest reason kept, in characters.
const MAX_REASON: usize = 400;

/// One failure in words that may be stored and shown to operators: no secret among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{class}: {reason}")]
pub struct Fault {
    /// What kind of failure it was.
    pub class: FaultClass,
    /// What the server or the system said, cleaned and cut.
    pub reason: String,
    /// How long the server asked to be left alone, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// What AWS did not do, where that is why. It is not stored.
    #[serde(skip)]
    pub refusal: Option<Box<Refusal>>,
}

impl Fault {
    /// A fault with its reason: control characters become spaces, and it is cut to 400 characters.
    pub fn new(class: FaultClass, reason: impl AsRef<str>) -> Self {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let reason = reason.as_ref().trim().chars().map(clean).take(MAX_REASON).collect();
        Self { class, reason, retry_after_seconds: None, refusal: None }
    }

    /// The same fault with what AWS did not do. A request that was at fault itself says nothing of the
    /// deployment.
    pub fn because(mut self, refusal: Option<Refusal>) -> Self {
        self.refusal = refusal.filter(|refusal| refusal.kind != RefusalKind::Other).map(Box::new);
        self
    }

    /// The same fault with the pause that the server asked for.
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after_seconds = Some(pause.as_secs().max(1));
        self
    }

    /// Whether the deployment is at fault, and neither the mailbox nor the account that it came up with: nothing
    /// of it goes on record there. A secret that one of them lacks is its own fault ([`FaultClass::Configuration`]).
    pub fn is_the_deployments(&self) -> bool {
        self.class == FaultClass::Storage && self.refusal.is_some()
    }

    /// Whether an authorization server calls the grant invalid in words that nobody has described: the
    /// authorization may have ended, or the server be unwell.
    pub fn is_undescribed(&self) -> bool {
        self.class == FaultClass::Unknown && self.reason.contains("invalid_grant")
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_seconds.map(Duration::from_secs)
    }
}

/// Who must act before a failure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Nobody yet: it is tried again by itself.
    Nobody,
    /// The mailbox's or account's owner.
    Owner,
    /// Whoever runs this Postroom and its app registrations.
    Operator,
    /// Whoever administers the mailbox's server or directory.
    Administrator,
    /// We who write Postroom.
    We,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "nobody yet",
            Self::Owner => "the owner",
            Self::Operator => "the operator",
            Self::Administrator => "the mailbox's administrator",
            Self::We => "Postroom's authors",
        })
    }
}

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident $text:literal $actor:ident $advice:literal)*) => {
        /// What kind of failure it was. Each has one [`Actor`] and one piece of advice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum FaultClass {
            $($(#[$doc])* $name,)*
        }

        impl FaultClass {
            /// Every class, for tables and tests.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Who must act.
            pub fn actor(self) -> Actor {
                match self { $(Self::$name => Actor::$actor,)* }
            }

            /// What that person should do, as a sentence.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }

            /// The class as a metric dimension: the snake-case name it is stored under.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

classes! {
    /// The name does not resolve, or nobody answers at the address.
    Unreachable "unreachable" Nobody "It is tried again by itself; if it lasts, check the host name, the port and the network."
    /// The server took longer than its time limit.
    TimedOut "timed_out" Nobody "It is tried again by itself; if it lasts, ask the mail server's administrator whether it is overloaded."
    /// The server closed the connection before it had answered.
    ConnectionLost "connection_lost" Nobody "It is tried again by itself; if it lasts, ask the mail server's administrator what its log says."
    /// The server asks to slow down.
    Throttled "throttled" Nobody "It is tried again after the pause that the server asked for; a longer interval avoids it."
    /// The server says that it cannot now.
    TemporarilyUnavailable "temporarily_unavailable" Nobody "It is tried again by itself."
    /// The server's certificate is not one that we trust for its name.
    Certificate "certificate" Administrator "Have the mail server's certificate renewed or corrected, or give Postroom its private CA."
    /// The server breaks its protocol.
    Protocol "protocol" We "Run `postroom check` on the mailbox and report what it prints; the server answered in a way that Postroom does not understand."
    /// The server offers no way to sign in that the mailbox may use.
    NoMechanism "no_mechanism" Administrator "Have the sign-in method enabled at the mail server, or change the mailbox's `auth`, `sasl` or `tls`."
    /// A password would have crossed an unprotected connection.
    PlaintextRefused "plaintext_refused" Operator "Set `tls` to \"implicit\" or \"starttls\", or allow the host explicitly in the deployment."
    /// User name or password are wrong.
    PasswordRefused "password_refused" Owner "Check the user name and the password and apply them again; many providers now ask for OAuth or an app password."
    /// The mail server refused the access token.
    TokenRefused "token_refused" Owner "Authorise the account again; if it was authorised just now, check that its scopes include mail access for this protocol."
    /// The authorization is revoked, expired, or was never given.
    AuthorizationEnded "authorization_ended" Owner "Authorise the account again."
    /// The authorization server wants the person: multi-factor sign-in, or another interaction.
    InteractionRequired "interaction_required" Owner "Authorise the account again and complete the sign-in steps that are asked for."
    /// The person has not consented to what is asked for.
    ConsentRequired "consent_required" Owner "Authorise the account again and accept every permission that is asked for."
    /// Consent is an administrator's to give.
    AdminConsentRequired "admin_consent_required" Administrator "An administrator of the directory must consent to the app for everyone."
    /// The directory's rules or the state of the person's account stand in the way.
    AccountPolicy "account_policy" Administrator "Check the account in the directory: disabled, locked, not assigned to the app, or kept out by a conditional-access policy."
    /// The sign-in works, but not for this mailbox.
    NoMailboxAccess "no_mailbox_access" Administrator "Give the account (or the app's service principal) full access to this mailbox, and check that IMAP or POP is enabled for it."
    /// The provider wants a person to sign in on the web first.
    WebLoginRequired "web_login_required" Owner "Sign in to the mailbox in a browser once and confirm that it was you."
    /// The mailbox has used up what the provider grants it for a while.
    OverQuota "over_quota" Nobody "It is tried again after a pause; a longer interval or fewer folders avoid it."
    /// A folder of the mailbox does not exist, or may not be opened.
    Folder "folder" Operator "Correct the mailbox's `folders`; `postroom check` lists what there is."
    /// Somebody has paused the mailbox.
    Paused "paused" Operator "Resume the mailbox in the console, then ask again."
    /// The app registration is wrong: one fault for all its accounts.
    AppRegistration "app_registration" Operator "Mend the app registration: client id, secret or certificate, redirect address, scopes."
    /// Something that this deployment should have is missing or contradictory.
    Configuration "configuration" Operator "Correct the manifest or the deployment and apply it again."
    /// Storage or another AWS service refused or failed.
    Storage "storage" Operator "It is tried again by itself; if it lasts, look at the function's log for the AWS error."
    /// What is asked for is more than this release can do.
    Unsupported "unsupported" We "This release cannot do it; change the mailbox, or update Postroom."
    /// Postroom does something that it must not.
    Bug "bug" We "Report it with the function's log lines; calls stop until then."
    /// Nothing known; it is tried again.
    Unknown "unknown" Nobody "It is tried again by itself; if it lasts, run `postroom check` on the mailbox."
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_is_stored() {
        for class in FaultClass::ALL {
            let stored = serde_json::to_value(class).expect("writes");
            assert_eq!(stored, class.name());
        }
    }

    #[test]
    fn reasons_are_one_bounded_line() {
        let fault = Fault::new(FaultClass::Protocol, format!("a\r\nb\x1b[31m{}", "x".repeat(1000)));
        assert!(fault.reason.starts_with("a  b [31mxxx"));
        assert_eq!(fault.reason.chars().count(), MAX_REASON);
    }
}
