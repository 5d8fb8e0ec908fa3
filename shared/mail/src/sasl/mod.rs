//! SASL: how to sign in, what is said, and what a refusal means (RFC 4422), whatever protocol carries it.
//!
//! Passwords go by PLAIN (RFC 4616) or LOGIN, tokens by OAUTHBEARER (RFC 7628) or XOAUTH2
//! (<https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>). No mechanism is tried
//! after another was refused: repeated refusals lock accounts.
//!
//! Guarantees: the mechanism follows from the credential, the policy and what a server offers alone; a
//! sign-in comes to an end, whatever a server asks. Left out: the words that a protocol puts around it, and
//! its own commands for passwords.

mod challenge;
mod credential;
mod exchange;
mod mechanism;

pub(crate) use challenge::fields;
pub use credential::Credential;
pub(crate) use credential::Offer;
pub(crate) use exchange::{CLOSED, Exchange};
pub use mechanism::Mechanism;
pub(crate) use mechanism::{Login, encode};
