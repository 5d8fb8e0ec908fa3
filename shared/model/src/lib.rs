//! Postroom's words: providers, accounts, mailboxes, batches, cursors, faults.
//!
//! Types here are as they are stored and passed around; rules here are pure: no I/O, no clock, no
//! randomness. Whoever calls passes `now` and the dice in.
//!
//! A stored type may gain fields, never lose the meaning of one: whatever an earlier release wrote
//! still loads (see the fixtures in `mailbox.rs`).

mod account;
pub mod address;
pub mod amount;
mod backoff;
mod batch;
mod client_secret;
mod cursor;
mod expiry;
mod fault;
mod filter;
mod id;
mod identity;
mod interval;
mod mailbox;
mod maildrop;
mod migration;
mod outlook;
mod period;
mod person;
mod provider;
mod refusal;
mod reminder;
mod renewal;
mod stage;
mod state;
mod subject;
mod token;
mod work;

pub use account::{Account, AccountStatus, Grant};
pub use backoff::retry_after;
pub use batch::{Batch, MAX_MAILBOXES, assign, first_due, next_due};
pub use client_secret::ClientSecret;
pub use cursor::FolderCursor;
pub use expiry::{Ends, Expiry, Governs, authorization_ends, expiry};
pub use fault::{Actor, Fault, FaultClass};
pub use filter::{Envelope, Filter, LeftOut, Pattern};
pub use id::{AccountId, BatchId, IdError, MailboxId, ProviderId};
pub use identity::{MAX_HEADER, MessageIdentity, NotAnIdentity, header_block};
pub use interval::{Interval, IntervalError};
pub use mailbox::{AfterFetch, Auth, Mailbox, Protocol, SaslPolicy, Server, Tls};
pub use maildrop::{MaildropCursor, NotHex, Prefix, PrefixDigest, UniqueId};
pub use migration::{Home, Move, is_at_home};
pub use outlook::Outlook;
pub use period::{EndDate, NotAnEndDate, Period, PeriodError};
pub use person::{Language, NotALanguage, Owner, mail_address};
pub use provider::{ClientAuth, Cloud, Endpoints, Preset, Provider, daily_default};
pub use refusal::{Refusal, RefusalKind};
pub use reminder::{Recipient, Rejection, Reminder, Undeliverable};
pub use renewal::renew_at;
pub use stage::{Calendar, NotAStage, Stage, Standing};
pub use state::{Day, Failure, Lease, MailboxState, NoTurn, Run, RunResult, Stuck};
pub use subject::{NotASubject, Subject};
pub use token::{NotATokenSet, TokenSet};
pub use work::{Cause, Work};
