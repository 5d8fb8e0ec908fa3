//! Secrets and token sets: one secret of Secrets Manager for each mailbox, account and provider that
//! has one.
//!
//! Guarantees: a secret is exposed only where it goes over the wire; no error, `Debug` output or log
//! line of this crate holds one or quotes what could not be read. A value that did not change is not
//! written, because Secrets Manager grants one write every ten minutes for each secret
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>). The value
//! before the current one stays as `AWSPREVIOUS`. A deleted secret can be had back for thirty days by
//! putting it again; until then it counts as absent.
//!
//! Left out: who may write when. Two writers at once are both obeyed, and the later one stays; a
//! caller that refreshes tokens holds a lease. Nothing is cached here.
//!
//! # Secrets
//!
//! | name | value |
//! |---|---|
//! | `prefix/mailbox/id` | `{"v":1,"password":"…"}` |
//! | `prefix/account/id` | `{"v":1,"access_token":"…","refresh_token":"…","expires_at":…,…}` |
//! | `prefix/provider/id` | `{"v":1,"client_secret":"…"}` or `{"v":1,"certificate":"…","key":"…"}` |
//!
//! Times are seconds since 1970; certificates and keys are PEM. A value without `v` is of version 1.

mod client_secret;
mod error;
mod password;
mod secret;
mod token_set;

pub use client_secret::ClientSecret;
pub use error::{Error, Result};
pub use secret::{Change, Vault};
