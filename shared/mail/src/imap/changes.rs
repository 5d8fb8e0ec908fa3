//! What happens to messages at the server after they are archived.
//!
//! The folder must be open with [`Access::ReadWrite`](super::Access::ReadWrite). Only messages that
//! are named are touched: without UIDPLUS (RFC 4315) there is no way to remove just those, and they
//! stay behind marked as deleted, for the owner's program or the server to remove.

use super::{Session, UidSet, folders::quoted, response::StatusKind};
use crate::{Error, classify::Moment};
use tokio::io::{AsyncRead, AsyncWrite};

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Marks messages as read.
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn mark_read(&mut self, set: &UidSet) -> Result<(), Error> {
        let status = self.dialogue.exchange(&format!("UID STORE {set} +FLAGS.SILENT (\\Seen)")).await?;
        self.dialogue.accepted("UID STORE", &status)
    }

    /// Deletes messages: they are gone where the server offers UIDPLUS, marked as deleted elsewhere.
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn delete(&mut self, set: &UidSet) -> Result<(), Error> {
        let expunges = self.dialogue.capabilities().await?.has("UIDPLUS");
        self.dialogue.begin()?;
        let store = self.dialogue.command(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"));
        let expunge = expunges.then(|| self.dialogue.command(&format!("UID EXPUNGE {set}")));
        let stored = self.dialogue.until(store, |_| Ok(())).await?;
        let expunged = match expunge {
            Some(tag) => Some(self.dialogue.until(tag, |_| Ok(())).await?),
            None => None,
        };
        self.dialogue.end();
        self.dialogue.accepted("UID STORE", &stored)?;
        expunged.map_or(Ok(()), |status| self.dialogue.accepted("UID EXPUNGE", &status))
    }

    /// Moves messages to a folder, given by its wire name; the folder is made if it is not there.
    /// Where the server does not offer MOVE (RFC 6851), they are copied and then deleted.
    ///
    /// # Errors
    /// [`Error::Folder`] when the folder cannot be made or used, [`Error::Refused`], and what ends
    /// the session.
    pub async fn move_to(&mut self, set: &UidSet, folder: &str) -> Result<(), Error> {
        let name = quoted(folder)?;
        let moves = self.dialogue.capabilities().await?.has("MOVE");
        let command = format!("UID {} {set} {name}", if moves { "MOVE" } else { "COPY" });
        let mut status = self.dialogue.exchange(&command).await?;
        if status.has_code("TRYCREATE") || status.has_code("NONEXISTENT") {
            let created = self.dialogue.exchange(&format!("CREATE {name}")).await?;
            if created.kind == StatusKind::Ok {
                status = self.dialogue.exchange(&command).await?;
            }
        }
        if status.kind != StatusKind::Ok {
            let answer = Some(self.dialogue.answer(&status, Moment::Folder));
            return Err(Error::Folder { folder: folder.to_owned(), answer });
        }
        if moves { Ok(()) } else { self.delete(set).await }
    }
}
