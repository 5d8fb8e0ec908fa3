//! Mail protocols over a byte stream: connecting, SASL, IMAP, POP3. Knows no AWS, and no clock but timers.
//!
//! What it guarantees:
//!
//! - **Memory is bounded**, whatever a server sends: one window of 64 KiB a connection, as much again
//!   where it is compressed, lines and literals with limits, message texts only as a stream of chunks.
//! - **Every wait ends**: a server that falls silent, or stops reading, is given up after
//!   [`NetworkSettings::idle_timeout`]. A server that keeps talking is not: a deadline for the whole
//!   is the caller's.
//! - **Secrets go to the wire only**: nothing here logs, and what a server says is cleaned of our
//!   password or token before it is part of an error. A [`Transcript`], where somebody asks for one,
//!   shows neither secrets nor anything of a message.
//! - **Certificates are always checked**, names too; a password or token crosses an unencrypted
//!   connection only to a host that the deployment allows.
//!
//! What it leaves out: caching of folders or messages, IDLE, anything that writes mail.

mod capability;
mod certificate;
mod classify;
mod deflate;
mod failure;
pub mod imap;
mod network;
mod opening;
pub mod pop3;
mod redaction;
mod sasl;
mod shown;
pub mod source;
mod stream;
mod transcript;
mod wire;

pub use capability::Capabilities;
pub use certificate::CertificateInfo;
pub use failure::{Answer, Error, Stage};
pub use network::{Network, NetworkSettings};
pub use opening::Protection;
pub use postroom_trust::TrustError as NetworkError;
pub use sasl::{Credential, Mechanism};
pub use stream::MailStream;
pub use transcript::Transcript;
pub use wire::Traffic;
