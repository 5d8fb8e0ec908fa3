//! The commands against a local AWS API, each test with a table, a vault and a queue of its own.

mod apply;
mod authorize;
mod authserver;
mod check;
mod deployment;
mod fetch;
mod import;
mod mailserver;
mod migrate;
mod reminders;
mod status;
mod support;
mod token;
