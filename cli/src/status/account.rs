//! How one account is doing, from its definition and its status.

use super::{FaultReport, OwnerReport};
use crate::reminders::Outlook;
use jiff::Timestamp;
use postroom_model::{
    Account, AccountId, AccountStatus, Actor, Calendar, EndDate, Governs, Grant, MailboxId, Provider,
    ProviderId, authorization_ends, expiry,
};
use postroom_registry::Incident;
use serde::Serialize;

/// How one account is doing.
#[derive(Debug, Clone, Serialize)]
pub struct AccountReport {
    /// Which.
    pub id: AccountId,
    /// Its provider.
    pub provider: ProviderId,
    /// How it is authorised.
    pub grant: Grant,
    /// In one word.
    pub status: AuthorizationStatus,
    /// The mailboxes that sign in with it.
    pub mailboxes: Vec<MailboxId>,
    /// The identity that must consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Who consented, as the authorization server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When a person last consented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorised_at: Option<Timestamp>,
    /// When its token set was obtained: its last renewal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obtained_at: Option<Timestamp>,
    /// When its access token ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_expires_at: Option<Timestamp>,
    /// When its refresh token ends, where the server said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    /// When its token set is renewed next; absent where nothing can renew it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_renewal: Option<Timestamp>,
    /// When the authorization ends unless something is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// What makes it end then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Governs>,
    /// The end that its owners are reminded of, which a new consent puts off. Another one where the
    /// app's client secret or certificate ends first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder: Option<Outlook>,
    /// Who is reminded.
    pub owners: Vec<OwnerReport>,
    /// Scopes that were asked for and not granted.
    pub missing_scopes: Vec<String>,
    /// When its provider's client secret or certificate ends, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires: Option<EndDate>,
    /// Why it got no tokens when it was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultReport>,
    /// Renewals in a row that failed.
    pub failures: u32,
}

/// An account's authorization in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationStatus {
    /// It has a token set, and nothing that would last speaks against it.
    Authorised,
    /// Its access token, as far as is known, has ended, and nothing has renewed it.
    Expired,
    /// Its tokens were refused.
    Failing,
    /// It never had a token set, or its authorization was revoked.
    NeverAuthorised,
}

impl AccountReport {
    /// An account's report at `now`, from what the registry knows.
    pub fn new(
        account: &Account,
        known: &AccountStatus,
        provider: Option<&Provider>,
        mailboxes: Vec<MailboxId>,
        owners: Vec<OwnerReport>,
        (calendar, now): (&Calendar, Timestamp),
    ) -> Self {
        // A fault that may pass says nothing of the tokens that there are.
        let is_refused = known.fault.as_ref().is_some_and(|fault| fault.class.actor() != Actor::Nobody);
        let status = match known {
            _ if is_refused => AuthorizationStatus::Failing,
            AccountStatus { obtained_at: None, .. } => AuthorizationStatus::NeverAuthorised,
            AccountStatus { access_expires_at: Some(end), .. } if *end <= now => AuthorizationStatus::Expired,
            _ => AuthorizationStatus::Authorised,
        };
        let ends = provider.and_then(|provider| expiry(account, provider, known));
        let reminded = provider.map(|provider| authorization_ends(account, provider, known));
        Self {
            id: account.id.clone(),
            provider: account.provider.clone(),
            grant: account.grant,
            status,
            mailboxes,
            login: account.login.clone(),
            identity: known.identity.clone(),
            authorised_at: known.authorised_at,
            obtained_at: known.obtained_at,
            access_expires_at: known.access_expires_at,
            refresh_expires_at: known.refresh_expires_at,
            next_renewal: known.due_at,
            ends_at: ends.map(|ends| ends.at),
            ended_by: ends.map(|ends| ends.governs),
            reminder: reminded.and_then(|ends| Outlook::of(&ends, calendar, now)),
            owners,
            missing_scopes: known.missing_scopes.clone(),
            client_secret_expires: provider.and_then(|provider| provider.client_auth_expires),
            fault: known.fault.as_ref().map(FaultReport::from),
            failures: known.failures,
        }
    }
}

/// What keeps a provider's accounts from new tokens, until somebody mends it.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentReport {
    /// Which provider.
    pub provider: ProviderId,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: FaultReport,
    /// Since when.
    pub since: Timestamp,
    /// When it was seen last.
    pub seen_at: Timestamp,
    /// The account that it was seen with.
    pub account: AccountId,
}

impl From<Incident> for IncidentReport {
    fn from(Incident { provider, fault, since, seen_at, account, .. }: Incident) -> Self {
        Self { provider, fault: (&fault).into(), since, seen_at, account }
    }
}
