//! What a form asks for that moves mailboxes onto an account, and which mailboxes that does not fit.
//!
//! Left out: what becomes of a mailbox ([`Move::target`]).

use crate::{csrf::Fields, problem::Problem};
use postroom_model::{AfterFetch, Mailbox, Move, Protocol, Tls};
use serde::{Deserialize, Serialize};

/// What a form asks for.
///
/// # Errors
/// [`Problem`], where the form is not one of ours.
pub(crate) fn sent(fields: &Fields) -> Result<Move, Problem> {
    let text = |name| fields.get(name).map(str::trim).filter(|text| !text.is_empty());
    let unknown = || Problem::invalid("a move to something that is not offered");
    Ok(Move {
        protocol: match text("protocol") {
            None => None,
            Some("imap") => Some(Protocol::Imap),
            Some("pop3") => Some(Protocol::Pop3),
            Some(_) => return Err(unknown()),
        },
        host: text("host").map(str::to_owned),
        port: match text("port").map(str::parse) {
            None => None,
            Some(Ok(port @ 1..)) => Some(port),
            Some(_) => return Err(unknown()),
        },
        tls: match text("tls") {
            None => None,
            Some("implicit") => Some(Tls::Implicit),
            Some("starttls") => Some(Tls::Starttls),
            Some(_) => return Err(unknown()),
        },
        user: None,
    })
}

/// Why a mailbox cannot be fetched by POP3 as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Misfit {
    /// It fetches other folders than INBOX.
    Folders,
    /// It marks or moves messages after fetching.
    AfterFetch,
}

impl Misfit {
    /// What of a mailbox does not fit its protocol; `None` where everything does.
    pub(crate) fn of(mailbox: &Mailbox) -> Option<Self> {
        let has_folders = mailbox.folders != ["INBOX"] || !mailbox.exclude_folders.is_empty();
        match (mailbox.protocol, &mailbox.after_fetch) {
            (Protocol::Imap, _) => None,
            (Protocol::Pop3, _) if has_folders => Some(Self::Folders),
            (Protocol::Pop3, AfterFetch::Leave | AfterFetch::Delete) => None,
            (Protocol::Pop3, AfterFetch::MarkRead | AfterFetch::Move(_)) => Some(Self::AfterFetch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn what_pop3_cannot_do_does_not_fit_it() {
        let pop3 = Mailbox { protocol: Protocol::Pop3, ..fixtures::mailbox("plant", None).mailbox };
        let folders = Mailbox { folders: vec!["INBOX".into(), "Sent".into()], ..pop3.clone() };
        let excluded = Mailbox { exclude_folders: vec!["Trash".into()], ..pop3.clone() };
        let marks = Mailbox { after_fetch: AfterFetch::MarkRead, ..pop3.clone() };
        let deletes = Mailbox { after_fetch: AfterFetch::Delete, ..pop3 };
        for (mailbox, expected) in [
            (&folders, Some(Misfit::Folders)),
            (&excluded, Some(Misfit::Folders)),
            (&marks, Some(Misfit::AfterFetch)),
            (&deletes, None),
        ] {
            assert_eq!(Misfit::of(mailbox), expected, "{mailbox:?}");
            let imap = Mailbox { protocol: Protocol::Imap, ..mailbox.clone() };
            assert_eq!(Misfit::of(&imap), None);
        }
    }
}
