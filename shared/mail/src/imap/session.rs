//! A signed-in session.

use super::{dialogue::Dialogue, email_id::EmailIdItem};
use crate::{Capabilities, Error, MailStream, Traffic};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A signed-in connection. Its commands are in the modules of what they work on: folders, listings,
/// bodies, changes.
///
/// After an error for which [`Error::leaves_session_usable`] is false, after a call that was given
/// up in the middle, and after [`Bodies`](super::Bodies) that were not read to their end, every
/// further call is [`Error::OutOfStep`]: the connection is to be dropped, and made anew.
pub struct Session<S = MailStream> {
    pub(super) dialogue: Dialogue<S>,
    /// What listings ask for to know a message in several folders; nothing, unless somebody wants it.
    pub(super) email_ids: Option<EmailIdItem>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(dialogue: Dialogue<S>) -> Self {
        Self { dialogue, email_ids: None }
    }

    /// What the server offers now. Asked for only if the server did not say it at sign-in.
    ///
    /// # Errors
    /// [`Error`], when the server does not answer properly.
    pub async fn capabilities(&mut self) -> Result<&Capabilities, Error> {
        self.dialogue.capabilities().await
    }

    /// What has gone over the connection since it was encrypted.
    pub fn traffic(&self) -> Traffic {
        self.dialogue.wire.traffic()
    }

    /// Says goodbye and closes, within about a second. Whatever goes wrong does not matter any more.
    pub async fn logout(mut self) -> Traffic {
        if self.dialogue.begin().is_ok() {
            self.dialogue.command("LOGOUT");
            let goodbye = async {
                // It ends with BYE, which is an error anywhere else.
                while self.dialogue.response().await.is_ok() {}
            };
            _ = timeout(GOODBYE, goodbye).await;
        }
        _ = timeout(GOODBYE, self.dialogue.wire.shutdown()).await;
        self.traffic()
    }
}
