//! Scripts of servers for sources.

use crate::conversation::{IDLE, against, password, script, server};
use postroom_mail::{
    Error, Protection, imap, pop3,
    source::{Bodies, Connection, Entry, Fate, Folder, MayBeKnown, Moved, Page, Position, Source},
};
use postroom_model::{FolderCursor, MaildropCursor, Protocol, SaslPolicy, UniqueId};
use tokio::io::DuplexStream;

/// Plays scripts one after the other to a source that is signed in as `ann` by the first.
pub(crate) async fn with<T>(
    protocol: Protocol,
    parts: &[&str],
    client: impl AsyncFnOnce(Source<DuplexStream>) -> T,
) -> T {
    let begin = match protocol {
        Protocol::Imap => "",
        Protocol::Pop3 => "S: +OK ready\n",
    };
    against(script(&[begin, &parts.concat()].concat()), async |stream| {
        let connection = greeted(protocol, stream).await.expect("greets");
        let source = connection.sign_in("ann", &password(), SaslPolicy::Auto).await;
        client(source.expect("signs in")).await
    })
    .await
}

/// Reads the greeting, and what is offered.
pub(crate) async fn greeted(
    protocol: Protocol,
    stream: DuplexStream,
) -> Result<Connection<DuplexStream>, Error> {
    let (server, protection) = (server(), Protection::Tls);
    Ok(match protocol {
        Protocol::Imap => {
            Connection::Imap(imap::Connection::over(stream, &server, protection, IDLE, None).await?)
        }
        Protocol::Pop3 => {
            Connection::Pop3(pop3::Connection::over(stream, &server, protection, IDLE, None).await?)
        }
    })
}

/// A maildrop of which this is on record.
pub(crate) fn maildrop(recorded: Option<MaildropCursor>) -> Position {
    Position::Maildrop { recorded, may_be_known: MayBeKnown::Nothing, origin: 1 }
}

/// A folder of which this is on record.
pub(crate) fn folder(recorded: Option<FolderCursor>) -> Position {
    Position::Uid { recorded, may_be_known: MayBeKnown::Nothing, origin: 1 }
}

/// Reads texts to the end; a refusal stands in its place.
pub(crate) async fn read(mut bodies: Bodies<'_, DuplexStream>) -> Result<Vec<(u32, String)>, Error> {
    let mut found = Vec::new();
    loop {
        let mut body = match bodies.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(found),
            Err(error) if error.leaves_session_usable() => {
                found.push((0, error.to_string()));
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            text.extend_from_slice(&chunk);
        }
        found.push((body.finish().await?, String::from_utf8_lossy(&text).into_owned()));
    }
}

/// The next page, which there is.
pub(crate) async fn page(source: &mut Source<DuplexStream>, folder: &mut Folder) -> Page {
    source.page(folder).await.expect("works").expect("there is one")
}

/// Number, size, and whether it may be known.
pub(crate) fn shown(entries: &[Entry]) -> Vec<(u32, u64, bool)> {
    entries.iter().map(|entry| (entry.number, entry.size, entry.may_be_known)).collect()
}

/// Has messages done, and what comes of it put on record.
pub(crate) fn done(folder: &mut Folder, entries: &[Entry]) -> (MaildropCursor, Vec<UniqueId>) {
    match folder.moved(entries, |_| Fate::Done) {
        Moved::Maildrop { to, ids, .. } => (to, ids),
        Moved::Uid { .. } => panic!("not a maildrop"),
    }
}
