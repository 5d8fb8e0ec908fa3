//! What the fuzz targets share: servers that say what the fuzzer wants, and how a claim is checked.
//!
//! Guarantees: an input decides everything, so that what was found once is found again: time stands
//! still but for timers, and pieces are cut by a hash of the input. Leaves out: TLS and sockets, and
//! everything that needs AWS.
//!
//! The last byte of an input chooses options, so that a message or a conversation can be put into a
//! corpus as it is.

#![forbid(unsafe_code)]

mod conversation;
mod heard;
mod input;
mod maildrop_server;
mod memory;
mod pieces;
mod secrets;
mod server;

pub use conversation::{IDLE, TARGET, run};
pub use heard::Heard;
pub use input::Input;
pub use maildrop_server::{Letter, MaildropServer};
pub use memory::{MEMORY, bounded};
pub use pieces::Pieces;
pub use secrets::{USER, check_early_error, check_error, check_transcript, password, times_told, token};
pub use server::{Ending, FakeServer};
