//! What messages have in common with their copies in other folders.
//!
//! Two messages with one id have the same text: RFC 8474 section 5.1 says so of `EMAILID`, Google of
//! `X-GM-MSGID` (<https://developers.google.com/workspace/gmail/imap/imap-extensions>). It is asked for
//! only where somebody needs it, because it makes the lines of a listing up to three quarters longer.

use super::{Session, parser::Parser};
use crate::{Capabilities, Error};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest `EMAILID` (RFC 8474 section 7), in bytes.
const MAX_OBJECT_ID: usize = 255;

/// A message's id, good within one mailbox at one server. Of an id that is text it is a hash of 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailId(u128);

/// How a server names the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmailIdItem {
    /// `EMAILID`, of the capability OBJECTID.
    ObjectId,
    /// `X-GM-MSGID`, of the capability X-GM-EXT-1.
    Gmail,
}

impl EmailIdItem {
    fn offered(capabilities: &Capabilities) -> Option<Self> {
        match () {
            () if capabilities.has("X-GM-EXT-1") => Some(Self::Gmail),
            () if capabilities.has("OBJECTID") => Some(Self::ObjectId),
            () => None,
        }
    }

    /// What a listing asks for besides UID and size, with the space before it.
    pub(super) fn in_listing(self) -> &'static str {
        match self {
            Self::ObjectId => " EMAILID",
            Self::Gmail => " X-GM-MSGID",
        }
    }
}

impl EmailId {
    /// Reads `(M6d99ac3275bb4e)`.
    pub(super) fn object_id(parser: &mut Parser<'_>) -> Result<Self, Error> {
        parser.expect(b"(")?;
        let id = parser.until(b')').filter(|id| !id.is_empty() && id.len() <= MAX_OBJECT_ID);
        let id = id.ok_or(Error::Protocol("an EMAILID that is none"))?;
        let hash: [u8; 32] = Sha256::digest(id).into();
        let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Ok(Self(u128::from_be_bytes(*half)))
    }

    /// Reads Google's, an unsigned number of 64 bits.
    pub(super) fn gmail(parser: &mut Parser<'_>) -> Result<Self, Error> {
        parser.number().map(|id| Self(id.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// From now on, listings ask for ids, if the server has them, and tell whether it has.
    ///
    /// # Errors
    /// [`Error`], when the server does not say properly what it offers.
    pub async fn ask_for_email_ids(&mut self) -> Result<bool, Error> {
        self.email_ids = EmailIdItem::offered(self.dialogue.capabilities().await?);
        Ok(self.email_ids.is_some())
    }

    /// Whether listings ask for ids that the server has.
    pub fn has_email_ids(&self) -> bool {
        self.email_ids.is_some()
    }
}
