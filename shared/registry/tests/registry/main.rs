//! The registry against a local AWS API: real requests, one table for each test.

mod account_lease;
mod account_list;
mod account_status;
mod definitions;
mod ephemeral;
mod failures;
mod incident;
mod mailbox_list;
mod mailbox_state;
mod maildrop;
mod migration;
mod person;
mod place;
mod remind;
mod reminder;
mod schedule;
mod support;
mod version;
