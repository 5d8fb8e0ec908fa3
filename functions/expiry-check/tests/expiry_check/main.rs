//! Whole runs against a local AWS API: mails that SES took, events that EventBridge delivered, records.

mod earlier;
mod feedback;
mod machines;
mod people;
mod support;
mod trouble;
