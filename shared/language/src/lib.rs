//! What people read, in each [`Language`].
//!
//! Guarantees: a text that lacks one of the languages does not compile, and neither does anything that
//! names a text which does not exist. Values come in at placeholders such as `{name}`, once: what a
//! value contains is not looked at again.
//!
//! The terms Basic auth, OAuth, Client ID, Client secret, Token URL and Scope stand in every language
//! as they are: they are what people find on their provider's pages. For other things there is one word
//! each, in pages as in mails, which [`mistakes`] knows.
//!
//! Left out: the texts themselves, which stand beside whoever says them, and which language somebody
//! reads.

mod calendar;
mod fill;
mod group;
mod review;
mod visible;
mod words;

pub use fill::{Fill, fill};
#[doc(no_inline)]
pub use postroom_model::Language;
pub use review::{Translated, mistakes};
pub use visible::{is_unseen, visible};
pub use words::{Words, day_in};
