//! COMPRESS=DEFLATE (RFC 4978), where it pays.
//!
//! Servers compress more slowly than good networks carry, so it is only used on connections that have shown
//! to be slow, and for what is still to come. What was measured stands in `docs/servers.md`.

use super::{dialogue::Dialogue, response::StatusKind};
use crate::{Error, wire::Pace};
use tokio::io::{AsyncRead, AsyncWrite};

/// How many bytes have to have come before a connection's speed is known.
const SAMPLE: u64 = 2 * 1024 * 1024;
/// The speed below which a connection is slow, in bytes a second: a server compresses several times as much.
const SLOW: u64 = 5_000_000;

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    /// Whether what is to come had better come compressed, as the speed since `from` shows, and the server
    /// offers that. Before texts have come, nothing shows.
    pub(super) fn compression_pays(&self, from: Pace) -> bool {
        let since = self.wire.pace().since(from);
        let offered = || self.capabilities.as_ref().is_some_and(|c| c.has("COMPRESS=DEFLATE"));
        !self.compression_tried && since.bytes >= SAMPLE && since.is_below(SLOW) && offered()
    }

    /// Compresses the connection from now on, if the server agrees. It is asked once.
    pub(super) async fn compress(&mut self) -> Result<(), Error> {
        self.compression_tried = true;
        let status = self.exchange("COMPRESS DEFLATE").await?;
        if status.kind == StatusKind::Ok {
            self.wire.compress();
        }
        Ok(())
    }
}
