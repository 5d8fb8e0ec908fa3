//! What is known of providers, accounts, mailboxes and batches: one DynamoDB table.
//!
//! Guarantees: every write is one conditional request, so that a crash between two of them leaves
//! nothing half true. A condition that does not hold is a value (`false`, [`LeasedBatch::Busy`]),
//! never an [`Error`]. Reads of single items and of a batch's mailboxes are strongly consistent;
//! lists come from an index and may lag behind a write by a moment. An item of an earlier release
//! loads; one of a later release is refused by name.
//!
//! Left out: rules. When a batch is due or how long a mailbox rests is decided in `postroom-model`;
//! the clock, too, is the caller's. Secrets never come here: they lie in the vault.
//!
//! # Items
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `PROVIDER#id` | `PROVIDER` | a [`Provider`](postroom_model::Provider) |
//! | `ACCOUNT#id` | `ACCOUNT` | an [`Account`](postroom_model::Account) |
//! | `ACCOUNT#id` | `STATUS` | its [`AccountStatus`](postroom_model::AccountStatus) |
//! | `MAILBOX#id` | `CONFIG` | a [`Mailbox`](postroom_model::Mailbox), its `batch` and `batched_at` |
//! | `MAILBOX#id` | `STATE` | its [`MailboxState`](postroom_model::MailboxState) |
//! | `MAILBOX#id` | `QUARANTINE#uidvalidity#uid#folder` | a [`QuarantineRecord`] |
//! | `BATCH#id` | `BATCH` | a [`Batch`](postroom_model::Batch) |
//!
//! Index `due` (`schedule`, `due_at`; keys only) holds the batches that have mailboxes; index `kind`
//! (`kind`, `id`; everything) holds the definitions. Times are seconds since 1970.

mod account_status;
mod definitions;
mod error;
mod mailbox_state;
mod quarantine;
mod schedule;
mod table;
mod update;

pub use definitions::PlacedMailbox;
pub use error::{Error, Result};
pub use mailbox_state::LoadedMailbox;
pub use quarantine::QuarantineRecord;
pub use schedule::{DueBatch, DueBatches, LeasedBatch};
pub use table::Registry;
