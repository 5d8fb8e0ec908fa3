//! Secrets and token sets: one secret of Secrets Manager for each mailbox, account and provider that
//! has one.
//!
//! Guarantees: a secret is exposed only where it goes over the wire; no error, `Debug` output or log
//! line of this crate holds one or quotes what could not be read. A value that did not change is not
//! written, because Secrets Manager grants one write every ten minutes for each secret
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>). The value
//! before the current one stays as `AWSPREVIOUS`. A token set takes the place only of the one that
//! its writer has seen ([`Vault::replace_token_set`]). A deleted secret can be had back for thirty
//! days by putting it again; until then it counts as absent. What must lie elsewhere for a while is
//! sealed ([`Sealer`]).
//!
//! Left out: who refreshes tokens when; a caller that does holds a lease. Two writers of anything but
//! a token set are both obeyed, and the later one stays. Nothing is cached here.
//!
//! # Secrets
//!
//! | name | value |
//! |---|---|
//! | `prefix/mailbox/id` | `{"v":1,"password":"…"}` |
//! | `prefix/account/id` | `{"v":1,"access_token":"…","refresh_token":"…","expires_at":…,…}` |
//! | `prefix/account-password/id` | `{"v":1,"password":"…"}` |
//! | `prefix/provider/id` | `{"v":1,"client_secret":"…"}`, `{"v":1,"certificate":"…","key":"…"}`, or a Google service account's `client_email`, `private_key_id` and `private_key` |
//! | `prefix/console`, `prefix/links` | the keys of the console's cookies and of owners' personal links, as text or as `{"key":"…"}`; the deployment makes them |
//!
//! Times are seconds since 1970; certificates and keys are PEM. A value without `v` is of version 1.

mod client_secret;
mod error;
mod many;
mod own_key;
mod password;
mod replacement;
mod seal;
mod secret;
mod token_set;

pub use error::{Error, Result};
pub use replacement::Replaced;
pub use seal::{Sealer, SealingKey};
pub use secret::{Change, Vault, Version};
