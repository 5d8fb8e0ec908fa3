//! What is known of providers, accounts, mailboxes, batches and people: one DynamoDB table.
//!
//! Guarantees: every write is one conditional request, so that a crash between two of them leaves
//! nothing half true. A condition that does not hold is a value (`false`, [`LeasedBatch::Busy`]),
//! never an [`Error`]. Reads of single items, of mailboxes and of accounts' statuses are strongly consistent, but
//! for [`Registry::load_for_poll`]; lists come from an index and may lag behind a write by a moment. An item of
//! an earlier release loads; one that a later release has written into is neither read nor changed, and
//! refused by name.
//!
//! Left out: rules. When a batch is due or how long a mailbox rests is decided in `postroom-model`;
//! the clock, too, is the caller's. Secrets never come here: they lie in the vault. What an account's
//! `journal` holds is sealed by the vault's key.
//!
//! # Items
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `PROVIDER#id` | `PROVIDER` | a [`Provider`](postroom_model::Provider) |
//! | `INCIDENT#id` | `INCIDENT` | the [`Incident`] of provider `id`, until its end was told |
//! | `ACCOUNT#id` | `ACCOUNT` | an [`Account`](postroom_model::Account) |
//! | `ACCOUNT#id` | `STATUS` | its [`AccountStatus`](postroom_model::AccountStatus) |
//! | `MAILBOX#id` | `CONFIG` | a [`Mailbox`](postroom_model::Mailbox), the other fields of [`PlacedMailbox`], and `former`, a [`Former`], where it was migrated |
//! | `MAILBOX#id` | `STATE` | its [`MailboxState`](postroom_model::MailboxState) |
//! | `MAILBOX#id` | `QUARANTINE#uidvalidity#uid#folder`, in a maildrop `QUARANTINE#id` | a [`QuarantineRecord`] |
//! | `KNOWN#id` | `generation#part` | `ids`: at most 600 of the ids that are known of mailbox `id`'s maildrop |
//! | `BATCH#id` | `BATCH` | a [`Batch`](postroom_model::Batch), and `changed`, where its membership or a mailbox's definition has changed since it was last leased; `waits_since`, from its first claim until a run goes through |
//! | `OWNER#address` | `OWNER` | an [`Owner`](postroom_model::Owner) |
//! | `OWNER#address` | `DELIVERY` | an [`Undeliverable`](postroom_model::Undeliverable), while the address takes no mail |
//! | `REMINDER#subject` | `ends_at#stage#recipient` | a [`Reminder`](postroom_model::Reminder), and `expires_at`, 400 days after it was sent |
//! | `EPHEMERAL#kind#key` | `EPHEMERAL` | `value`, `version`, and `expires_at`, after which DynamoDB removes it |
//!
//! # Indexes
//!
//! | index | keys | what |
//! |---|---|---|
//! | `due` | `schedule`, `due_at` | `batch`: batches that have mailboxes; `refresh`: statuses of accounts whose tokens are to be renewed. Keys only |
//! | `kind` | `kind`, `id` | definitions, but no batches, which are written at every poll; `unauthorised`: statuses of accounts that wait for a person; `incident`: incidents that are open; `undeliverable`: addresses that take no mail, and `reminder`: what was told, by when |
//! | `ending` | `ending`, `ends_at` | `account`: statuses of accounts whose authorization ends. Keys only |
//! | `remind` | `remind`, `remind_at` | what somebody may have to be told of: `account`: statuses; `provider`: providers whose secret ends; `password`: mailboxes whose password ends; `mailbox`: states of mailboxes that failed; `incident`: incidents; `address`: addresses that take no mail; `batch`: batches that came due again while they waited, by since when they wait. Keys only |
//! | `account` | `account`, `id` | mailboxes by their account's id; `-`: basic ones |
//!
//! Times are seconds since 1970. Every item carries `v`, its version; one without it is of version 1.

mod account_lease;
mod account_list;
mod account_status;
mod batch_get;
mod definitions;
mod due;
mod ephemeral;
mod error;
mod incident;
mod index;
mod latest;
mod mailbox_list;
mod mailbox_state;
mod maildrop;
mod migration;
mod page;
mod person;
mod place;
mod quarantine;
mod remind;
mod reminder;
mod schedule;
mod table;
mod update;
mod version;

pub use account_lease::{LeasedAccount, TokenRecord};
pub use account_list::{AccountQuery, Standing};
pub use account_status::{DueAccount, DueAccounts};
pub use definitions::PlacedMailbox;
pub use due::DuePages;
pub use error::{Error, Result};
pub use incident::Incident;
pub use mailbox_list::Concern;
pub use mailbox_state::{Counted, LoadedMailbox};
pub use migration::Former;
pub use page::{NotAPosition, Page, Position};
pub use person::Person;
pub use quarantine::QuarantineRecord;
pub use remind::DueSubject;
pub use schedule::{DueBatch, DueBatches, LeasedBatch};
pub use table::Registry;
