//! Identities that were authorised once, for any number of mailboxes.

use crate::{AccountId, Fault, FaultClass, Governs, Lease, Period, ProviderId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One identity at one provider. Its token set lies in the vault, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// The app registration it was authorised through.
    pub provider: ProviderId,
    /// How it is authorised.
    pub grant: Grant,
    /// The identity that must consent; shown as `login_hint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// What it asks for; empty means the provider's scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Who is told when it must be authorised again.
    #[serde(default)]
    pub owners: Vec<String>,
    /// How often an administrator wants it authorised anew, whatever the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reauthorise_every: Option<Period>,
}

/// How an account is authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Consent in a browser (RFC 6749 section 4.1 with PKCE).
    AuthorizationCode,
    /// The app's own rights (RFC 6749 section 4.4).
    ClientCredentials,
    /// Google's domain-wide delegation (RFC 7523).
    ServiceAccount,
    /// Consent on another device (RFC 8628).
    DeviceCode,
    /// The person's password, sent to the token endpoint (RFC 6749 section 4.3); only where the
    /// provider allows it.
    Password,
}

impl Grant {
    /// Whether a person consents, so that a person must do so again when the authorization ends.
    pub fn needs_consent(self) -> bool {
        match self {
            Self::AuthorizationCode | Self::DeviceCode => true,
            Self::ClientCredentials | Self::ServiceAccount | Self::Password => false,
        }
    }
}

/// What is known of an account besides its definition; no secret among it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// When the token set in the vault was obtained.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub obtained_at: Option<Timestamp>,
    /// When its access token ends.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub access_expires_at: Option<Timestamp>,
    /// When its refresh token ends, where the server said so.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub refresh_expires_at: Option<Timestamp>,
    /// Since when that end is known, give or take ten minutes: a server that says anew at each renewal
    /// how many seconds are left names the same end.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub refresh_expires_since: Option<Timestamp>,
    /// Whether it has no refresh token, so that it ends with its access token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrefreshable: bool,
    /// Why its tokens were last refused; cleared when they work again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Since when it has a fault that a person must mend: its owner, or the directory's administrator.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub refused_at: Option<Timestamp>,
    /// Since when mail servers refuse its tokens, however often those are renewed meanwhile.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub mail_refused_at: Option<Timestamp>,
    /// When one last did.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub mail_refused_seen_at: Option<Timestamp>,
    /// Since when its renewals fail, whatever the reason; absent while they work.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub failing_since: Option<Timestamp>,
    /// When a person last consented.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub authorised_at: Option<Timestamp>,
    /// Who consented, as the authorization server names that person: an address where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Scopes that were asked for and not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    /// When the authorization ends unless something is done.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub ends_at: Option<Timestamp>,
    /// What makes it end then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Governs>,
    /// When it is looked at whether somebody is to be told of its end; no later than the first stage
    /// begins.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub remind_at: Option<Timestamp>,
    /// When its tokens are to be renewed next; absent where nothing can renew them.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::second::optional"
    )]
    pub due_at: Option<Timestamp>,
    /// Renewals in a row that failed for a reason that may pass.
    #[serde(default)]
    pub failures: u32,
    /// How often the server has called the grant invalid since they last worked, in words that nobody has
    /// described.
    #[serde(default)]
    pub undescribed: u32,
    /// Who changes the token set now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Counts leases: whoever writes names the number of the lease that it holds, so that a holder
    /// whose lease ended meanwhile is refused.
    #[serde(default)]
    pub fence: u64,
    /// A token set that was issued and is not yet known to be in the vault, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
}

impl AccountStatus {
    /// How long it counts that a mail server refused an account's tokens: longer than any mailbox goes
    /// unpolled. A mailbox that was paused or removed meanwhile does not keep its account refused.
    pub const MAIL_REFUSAL: SignedDuration = SignedDuration::from_hours(24 * 3);

    /// Whether mail servers refuse its tokens, as far as is known at `now`.
    pub fn is_refused_by_mail(&self, now: Timestamp) -> bool {
        let is_said = self.fault.as_ref().is_some_and(|fault| fault.class == FaultClass::TokenRefused);
        is_said && self.mail_refused_seen_at.is_some_and(|seen| now.duration_since(seen) < Self::MAIL_REFUSAL)
    }
}
