//! Mail to people, and the personal links in it.
//!
//! Guarantees: a letter goes to one address at a time; why it did not go tells whether another try,
//! another address or an operator would help; nothing that is printed here holds an address or a
//! link. A link opens one account, for one of the people whom it concerns, until it ends.
//!
//! Left out: what letters say, who gets them, and when another try is made.

mod link;
mod post;
mod send_error;

pub use link::{LinkError, LinkKey, PersonalLink, personal_link};
pub use post::{Letter, MessageId, Post, Quota};
pub use send_error::{Answer, SendError, said};
