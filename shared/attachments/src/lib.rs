//! A message's attachments, unpacked as a stream.
//!
//! The caller feeds an [`Unpacker`] a message's bytes as they come, in chunks of any size, and takes
//! [`Event`]s: an attachment begins, decoded bytes, it has ended. At the end there is a [`MessageIndex`].
//!
//! ```
//! use postroom_attachments::{Event, Settings, Unpacker};
//!
//! let message = b"Content-Type: application/pdf; name=plan.pdf\r\n\
//!     Content-Transfer-Encoding: base64\r\n\r\ncGxhbg==\r\n";
//! let mut unpacker = Unpacker::new(Settings::default());
//! let mut plan = Vec::new();
//! for mut chunk in message.chunks(7) {
//!     while let Some(event) = unpacker.unpack(&mut chunk) {
//!         if let Event::Bytes { bytes, .. } = event {
//!             plan.extend_from_slice(bytes);
//!         }
//!     }
//! }
//! while unpacker.finish().is_some() {}
//! assert_eq!(plan, b"plan");
//! assert_eq!(unpacker.into_index().parts[0].part.name, "plan.pdf");
//! ```
//!
//! # What it guarantees
//!
//! - Memory is bounded by [`Limits`], whatever is sent: not by a message, a line, a header, a name or a
//!   number of parts. With the default limits it stays under 2 MiB, and under 256 KiB for a message in
//!   good order. A byte is handed out at most three times.
//! - The same message gives the same events whatever the chunks, but for how bytes are cut.
//! - Nothing is an error. A message that cannot be understood ends with what was found, and with its
//!   [`Defect`]s.
//! - It knows no AWS, no network and no clock.
//!
//! # What is an attachment
//!
//! A part with disposition `attachment`, or with a file name, or that is neither text nor a multipart.
//! Texts without a name are for people to read, and stay where they are; so do the images that belong to
//! them, unless [`Settings::inline_images`] asks for them. Beyond that:
//!
//! - A nested message is kept whole, as an `.eml`.
//! - `multipart/signed` and `multipart/encrypted` (RFC 1847, RFC 3156, RFC 8551) are kept whole and never
//!   taken apart, as an `.eml` of their own `Content-Type` and their bytes as they stand: a signature
//!   stays verifiable. `application/pkcs7-mime` is an attachment like any other.
//! - [`Settings::look_inside`] also unpacks what lies inside nested messages and signed parts.
//! - `winmail.dat` (TNEF) is an attachment, and the files in it are too.
//! - A multipart that lies too deep is kept whole.
//! - uuencoded files in a text are part of the text.
//!
//! # Names
//!
//! The file name comes from `filename`, else from the type's `name`; in RFC 2231 notation, as encoded
//! words, or as raw bytes. [`Part::name`] is made from it: one path component of at most 200 bytes of
//! UTF-8 in NFC, its extension kept, without control, invisible or bidirectional characters and without
//! what Windows reserves, not hidden, and unlike the others of the message: the second `a.pdf` is
//! `a (2).pdf`. A part without a name is called by its path and type, `part-1.2.pdf`.
//!
//! # Why our own walk
//!
//! `mail-parser` and every other parser at hand want the whole message in memory, and decode an
//! attachment into memory as well: a message of 100 MB would take several times that. So boundaries and
//! transfer encodings are worked here, as a stream. Header values are small: `mail-parser` reads
//! addresses, dates, ids and character sets.

mod base64;
mod charset;
mod defect;
mod encoded_word;
mod entity;
mod header;
mod index;
mod leaf;
mod mapi;
mod media;
mod name;
mod outbox;
mod parameter;
mod part;
mod quoted_printable;
mod settings;
mod tnef;
mod transfer;
mod unpacker;
mod walker;
mod wanted;

pub use defect::{Defect, Noted};
pub use index::{Address, MessageIndex};
pub use parameter::Parameter;
pub use part::{Attachment, Disposition, Part, Sha256Sum};
pub use settings::{Limits, Settings};
pub use unpacker::{Event, Unpacker};
