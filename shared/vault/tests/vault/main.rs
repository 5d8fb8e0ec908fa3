//! The vault against a local AWS API: real requests, one prefix for each test.

mod failures;
mod replacement;
mod seal;
mod secrets;
mod support;
