//! The registry against a local AWS API: real requests, one table for each test.

mod definitions;
mod failures;
mod mailbox_state;
mod schedule;
mod support;
