//! What is in a POP3 mailbox, and by what its messages can be told apart, as `postroom check` tells it.

use super::step::Steps;
use crate::{Error, Outcome, plan::counted, status::size};
use postroom_mail::{
    Error as MailError,
    pop3::{Count, Listing, Session},
};

/// Counts the messages, and finds out whether the server has unique ids and knows TOP.
pub(super) async fn check(steps: &mut Steps<'_>, session: &mut Session) -> Result<Outcome, Error> {
    let Count { messages, bytes } = match session.count().await {
        Ok(count) => count,
        Err(error) => return steps.failed("messages", &error.fault()),
    };
    let counted = counted(messages as usize, "message", "messages");
    steps.done("messages", &format!("{counted}, {}", size(bytes)))?;
    if messages == 0 {
        steps.done("uidl", "nothing to tell apart in an empty mailbox")?;
        return Ok(Outcome::Well);
    }
    let listing = match session.list().await {
        Ok(listing) => listing,
        Err(error) => return steps.failed("uidl", &error.fault()),
    };
    steps.done("uidl", &identified(&listing))?;
    let first = listing.iter().next().map(|message| message.number);
    match top(session, first.unwrap_or(1)).await {
        Ok(()) => steps.done("top", "the server shows headers without their messages")?,
        Err(error) if error.leaves_session_usable() => {
            let price = match listing.has_uidls() {
                true => "messages that may be archived already are read whole to know it",
                false => "without unique ids, every message is read whole at every poll that finds a change",
            };
            steps.done("top", &format!("the server shows none: {price}"))?;
        }
        Err(error) => return steps.failed("top", &error.fault()),
    }
    Ok(Outcome::Well)
}

/// By what the messages are known from one session to the next.
fn identified(listing: &Listing) -> String {
    if !listing.has_uidls() {
        return "the server has no ids that last: messages are known by their headers".to_owned();
    }
    let listed = listing.iter().count();
    let with_id = listing.iter().filter(|message| message.uidl.is_some()).count();
    match listed - with_id {
        0 => "every message has a unique id".to_owned(),
        _ => format!(
            "{with_id} of {listed} messages have an id of their own: the others are known by their headers"
        ),
    }
}

/// Asks for one header, and throws it away.
async fn top(session: &mut Session, number: u32) -> Result<(), MailError> {
    let mut headers = session.headers(vec![number]);
    while let Some(mut header) = headers.next().await? {
        while header.chunk().await?.is_some() {}
        header.finish().await?;
    }
    Ok(())
}
