//! POP3 (RFC 1939), as far as fetching mail needs it, with the extensions a server offers: CAPA and
//! PIPELINING (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), response codes (RFC 2449, RFC 3206).
//!
//! ```text
//! connect ─► Connection ── sign_in ─► Session ── count, list ─► Listing
//!                                       ├── retrieve, headers ─► Bodies ── next ─► Body ── chunk, finish
//!                                       └── delete, reset, quit
//! ```
//!
//! **Nothing is deleted unless [`Session::quit`] is answered**: a server removes what was marked only
//! after QUIT (RFC 1939 section 6). A connection that is dropped before leaves the mailbox as it was.
//!
//! Message texts are streamed exactly as the server holds them, with dot-stuffing undone; listings are
//! held in compact form. Of servers that do not know CAPA nothing is assumed: UIDL and TOP are tried.

mod apop;
mod bodies;
mod connection;
mod dialogue;
mod dots;
mod listing;
mod reply;
mod session;
mod sign_in;
mod uidl;

pub use bodies::{Bodies, Body};
pub use connection::{Connection, connect, connect_recorded};
pub use listing::{Listing, Message};
pub use session::{Count, Session};
