//! The whole thing on real servers: Dovecot, an authorization server, an AWS API, the deployed stack.
//!
//! `make test` starts them and says where they are. Tests that drive the `fetch` library directly use
//! a [`Lab`](postroom_tests::Lab) of their own; tests of the deployed stack share it and use names of
//! their own.

mod attachments;
mod cli;
mod costs;
mod dovecot;
mod events;
mod faults;
mod filters;
mod interruption;
mod labels;
mod limits;
mod maildrop;
mod migration;
mod moves;
mod pop3;
mod reminders;
mod restore;
mod schedule;
mod stack;
mod stale;
mod tokens;
mod upgrade;
mod watching;
mod written;
