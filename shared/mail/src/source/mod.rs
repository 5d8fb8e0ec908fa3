//! A mail source: a mailbox at a server, whichever protocol it is fetched by.
//!
//! ```text
//! connect ─► Connection ── sign_in ─► Source ── memory, open ─► Folder ── needs_known, know
//!                                       ├── page ─► Page of entries
//!                                       ├── headers, bodies ─► Bodies ── next ─► Body ── chunk, finish
//!                                       ├── mark_read, move_to, delete
//!                                       └── close
//! Folder ── moved ─► what is to be put on record
//! ```
//!
//! Guarantees: what a folder's pages leave out is on record as done. Whoever fetches sees numbers, sizes,
//! texts and cursors, and nothing of a protocol. **A message must be durable before it is told to
//! [`Folder::moved`], and before [`Source::close`]**: POP3 servers delete, and some of them count a
//! message as fetched, only then.
//!
//! Left out: what becomes of a message. Retries too: a connection that is lost is the caller's to make anew.

mod bodies;
mod connection;
mod folder;
mod maildrop;
mod position;
mod rehearsal;
mod uid_folder;

pub use crate::imap::{Access, EmailId};
pub use bodies::{Bodies, Body, Size};
pub use connection::{Connection, connect_recorded};
pub use folder::{Cursor, Entry, Fate, Folder, Moved, Page};
pub use position::{MayBeKnown, Position};
pub use rehearsal::{Rehearsed, rehearse};

use crate::{
    Error, MailStream, Traffic,
    imap::{self, UidSet},
    pop3,
};
use bytes::BytesMut;
use folder::Kind;
use maildrop::Maildrop;
use postroom_model::{MAX_HEADER, UniqueId, header_block};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use uid_folder::{UidFolder, Window};

/// The only folder of a maildrop.
const INBOX: &str = "INBOX";

/// A signed-in connection to a mailbox.
///
/// After an error for which [`Error::leaves_session_usable`] is false, after a call that was given
/// up in the middle, and after [`Bodies`] that were not read to their end, every further call is
/// [`Error::OutOfStep`]: the connection is to be dropped, and made anew.
pub enum Source<S = MailStream> {
    /// By IMAP.
    Imap(imap::Session<S>),
    /// By POP3.
    Pop3(pop3::Session<S>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Source<S> {
    /// The names at the server of a mailbox's folders, as it names them: by name, by pattern, or by
    /// special use (`\Sent`), without those that are excluded in the same way. A maildrop has one folder.
    ///
    /// # Errors
    /// [`Error::Folder`] for a pattern that nothing matches, and what ends the session. That nothing is
    /// excluded is no error.
    pub async fn resolve_folders(
        &mut self,
        wanted: &[String],
        excluded: &[String],
    ) -> Result<Vec<String>, Error> {
        let session = match self {
            Self::Imap(session) => session,
            Self::Pop3(_) => return Ok(vec![INBOX.to_owned()]),
        };
        let names = session.resolve_folders_except(wanted, excluded).await?;
        if names.len() > 1 {
            session.ask_for_email_ids().await?;
        }
        Ok(names)
    }

    /// How much memory opening a folder from there takes, in bytes, beyond what any folder takes: a POP3 server
    /// lists a maildrop whole, and says before how full it is. The ids on record, which [`Folder::know`] may
    /// have to take in, are counted too. Nothing but [`Source::open`] may follow; the server waits meanwhile.
    ///
    /// # Errors
    /// [`Error::TooFull`], [`Error::Refused`], and what ends the session.
    pub async fn memory(&mut self, position: &Position) -> Result<u64, Error> {
        match (self, position) {
            (Self::Pop3(session), Position::Maildrop { recorded, .. }) => {
                let messages = session.begin_list().await?.messages;
                Ok(maildrop::memory(messages, *recorded))
            }
            _ => Ok(0),
        }
    }

    /// Opens a folder by its name at the server. Its messages come in [`Source::page`]s of at most `cap`.
    ///
    /// # Errors
    /// [`Error::Folder`] and [`Error::Refused`], and what ends the session.
    pub async fn open(
        &mut self,
        folder: &str,
        access: Access,
        position: Position,
        cap: usize,
    ) -> Result<Folder, Error> {
        match (self, position) {
            (Self::Imap(session), Position::Uid { recorded, may_be_known, origin }) => {
                let goes_on = recorded.filter(|_| may_be_known != MayBeKnown::Everything);
                let list_from = goes_on.map(|cursor| cursor.last_uid.saturating_add(1));
                let opened = session.open(folder, access, list_from, cap).await?;
                let folder = UidFolder::new(opened, recorded, may_be_known, origin, cap);
                Ok(Folder(Kind::Uid(folder)))
            }
            (Self::Pop3(session), Position::Maildrop { recorded, may_be_known, origin }) => {
                let listing = session.list().await?;
                let prefix = recorded.map(|cursor| cursor.prefix).unwrap_or_default();
                let closing = maildrop::closing_message(&listing, prefix);
                let closing = Vec::from_iter(closing.map(|message| (message.number, message.size)));
                let closing = unique_ids(session, closing).await?.first().map(|(_, id)| *id);
                let maildrop = Maildrop::new(listing, recorded, may_be_known, origin, closing, cap);
                Ok(Folder(Kind::Maildrop(Box::new(maildrop))))
            }
            _ => Err(Error::OutOfStep),
        }
    }

    /// The folder's next messages; none after the last. What a page has must be told to [`Folder::moved`]
    /// before the next; in an IMAP folder none comes after one of which a message is still pending. A page
    /// can be empty: then all that was looked at is known, which can take its time at a server without
    /// unique ids, and is worth putting on record where the time is up.
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn page(&mut self, folder: &mut Folder) -> Result<Option<Page>, Error> {
        match (self, &mut folder.0) {
            (Self::Imap(session), Kind::Uid(folder)) => match folder.window() {
                None => Ok(None),
                Some(Window::Opened) => Ok(Some(folder.opened_page())),
                Some(Window::From(first, last)) => {
                    let listing = session.list_messages(first, last, folder.cap()).await?;
                    Ok(Some(folder.page(listing, last)))
                }
            },
            (Self::Pop3(session), Kind::Maildrop(maildrop)) => {
                if let Some(listing) = maildrop.sizes_needed() {
                    session.list_sizes(listing).await?;
                    maildrop.take_sizes();
                }
                let headers = unique_ids(session, maildrop.turn_page()).await?;
                maildrop.identify(&headers);
                Ok(maildrop.page())
            }
            _ => Err(Error::OutOfStep),
        }
    }

    /// The texts of messages of the open folder, exactly as the server holds them. They are not marked
    /// as read by it; Gmail's POP3 counts them as fetched once the session is closed.
    pub fn bodies(&mut self, entries: &[Entry]) -> Bodies<'_, S> {
        match self {
            Self::Imap(session) => Bodies::imap(session.bodies(bodies::commands(entries))),
            Self::Pop3(session) => Bodies::pop3(session.retrieve(numbers(entries)), entries),
        }
    }

    /// The header blocks of messages of the open folder, with the empty line that ends them.
    ///
    /// At a POP3 server this is an option: one that does not know it refuses each.
    pub fn headers(&mut self, entries: &[Entry]) -> Bodies<'_, S> {
        match self {
            Self::Imap(session) => Bodies::imap(session.headers(bodies::commands(entries))),
            Self::Pop3(session) => Bodies::pop3(session.headers(numbers(entries)), entries),
        }
    }

    /// Whether the open folder still has a message.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Protocol`] when the server does not answer the question; and what
    /// ends the session.
    pub async fn exists(&mut self, number: u32) -> Result<bool, Error> {
        match self {
            Self::Imap(session) => session.exists(number).await,
            Self::Pop3(session) => session.exists(number).await,
        }
    }

    /// Marks messages of the open folder as read.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a maildrop, which knows no such thing; [`Error::Refused`], and what ends
    /// the session.
    pub async fn mark_read(&mut self, numbers: &[u32]) -> Result<(), Error> {
        let Self::Imap(session) = self else { return Err(Error::Unsendable(POP3_CANNOT)) };
        for set in UidSet::split(numbers.iter().copied()) {
            session.mark_read(&set).await?;
        }
        Ok(())
    }

    /// Moves messages of the open folder to another, given by its name at the server.
    ///
    /// # Errors
    /// [`Error::Unsendable`] for a maildrop, which knows no such thing; [`Error::Folder`] when the other
    /// folder cannot be made or used, [`Error::Refused`], and what ends the session.
    pub async fn move_to(&mut self, numbers: &[u32], folder: &str) -> Result<(), Error> {
        let Self::Imap(session) = self else { return Err(Error::Unsendable(POP3_CANNOT)) };
        for set in UidSet::split(numbers.iter().copied()) {
            session.move_to(&set, folder).await?;
        }
        Ok(())
    }

    /// Deletes messages of the open folder; see [`Source::deletes_at_close`].
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn delete(&mut self, numbers: &[u32]) -> Result<(), Error> {
        match self {
            Self::Imap(session) => {
                for set in UidSet::split(numbers.iter().copied()) {
                    session.delete(&set).await?;
                }
                Ok(())
            }
            Self::Pop3(session) => session.delete(numbers).await,
        }
    }

    /// Whether messages that are deleted are gone only when [`Source::close`] says so.
    pub fn deletes_at_close(&self) -> bool {
        matches!(self, Self::Pop3(_))
    }

    /// The least time between two sign-ins, if the server says.
    pub fn login_delay(&self) -> Option<Duration> {
        match self {
            Self::Imap(_) => None,
            Self::Pop3(session) => session.login_delay(),
        }
    }

    /// Whether pages tell what messages have in common with their copies in other folders: the mailbox has
    /// several, and the server knows.
    pub fn has_email_ids(&self) -> bool {
        match self {
            Self::Imap(session) => session.has_email_ids(),
            Self::Pop3(_) => false,
        }
    }

    /// What has gone over the connection since it was encrypted.
    pub fn traffic(&self) -> Traffic {
        match self {
            Self::Imap(session) => session.traffic(),
            Self::Pop3(session) => session.traffic(),
        }
    }

    /// Says goodbye and closes. Whatever goes wrong with IMAP does not matter any more.
    ///
    /// # Errors
    /// POP3: [`Error::Refused`], when some of the messages that were to be deleted are not. After any other
    /// error nobody knows which are.
    pub async fn close(self) -> Result<Traffic, Error> {
        match self {
            Self::Imap(session) => Ok(session.logout().await),
            Self::Pop3(session) => session.quit().await,
        }
    }
}

const POP3_CANNOT: &str = "POP3 can neither mark nor move messages";

fn numbers(entries: &[Entry]) -> Vec<u32> {
    entries.iter().map(|entry| entry.number).collect()
}

/// What messages are known by whose headers the server lets us look at, by number. `messages` are
/// numbers and sizes.
async fn unique_ids<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut pop3::Session<S>,
    messages: Vec<(u32, u64)>,
) -> Result<Vec<(u32, UniqueId)>, Error> {
    let mut ids = Vec::with_capacity(messages.len());
    let mut headers = session.headers(messages.iter().map(|(number, _)| *number).collect());
    loop {
        let mut header = match headers.next().await {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(ids),
            Err(error) if error.leaves_session_usable() => continue,
            Err(error) => return Err(error),
        };
        let mut text = BytesMut::new();
        while let Some(chunk) = header.chunk().await? {
            let room = MAX_HEADER.saturating_sub(text.len());
            text.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        let number = header.finish().await?;
        let size = messages.iter().find(|(asked, _)| *asked == number);
        ids.extend(size.map(|(_, size)| (number, UniqueId::of_header(header_block(&text), *size))));
    }
}
