//! IMAP4rev1 (RFC 3501), as far as fetching mail needs it, with the extensions a server offers:
//! SASL-IR, LITERAL+, COMPRESS=DEFLATE, UIDPLUS, MOVE, SPECIAL-USE, OBJECTID, and Google's X-GM-EXT-1.
//!
//! ```text
//! connect ─► Connection ── sign_in ─► Session ── open ─► Listing
//!                                       ├── bodies ─► Bodies ── next ─► Body ── chunk, finish
//!                                       └── mark_read, delete, move_to, logout
//! ```
//!
//! Commands that do not depend on one another's answers go out together; message texts are never
//! held whole. Folder names are *wire names* throughout: opaque texts as the server writes them.
//! [`Session::resolve_folders`] makes them from what a person wrote.
//!
//! Flags are never asked for, nothing is cached, and there is no IDLE.

mod bodies;
mod changes;
mod compression;
mod connection;
mod dialogue;
mod email_id;
mod folder_name;
mod folders;
mod gaps;
mod listing;
mod literal;
mod parser;
mod response;
mod session;
mod shown;
mod sign_in;
mod uid_set;

pub use bodies::{Bodies, Body};
pub use connection::{Connection, connect, connect_recorded};
pub use email_id::EmailId;
pub use folders::Folder;
pub use listing::{Access, Entry, Listing, Opened};
pub use session::Session;
pub use uid_set::UidSet;
