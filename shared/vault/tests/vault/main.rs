//! The vault against a local AWS API: real requests, one prefix for each test.

mod failures;
mod secrets;
mod support;
