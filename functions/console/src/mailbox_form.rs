//! A mailbox's settings as a form: as it is shown, and as it was sent.

mod reading;
mod selection;

pub(crate) use reading::{Ground, Opener, Wrongs};
pub(crate) use selection::Selection;

use crate::csrf::Fields;
use postroom_model::{AfterFetch, Auth, Mailbox, Protocol, Tls};
use secrecy::SecretString;

/// The form as it was entered. The password is not among it: it is never shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) auth: String,
    pub(crate) account: String,
    pub(crate) protocol: String,
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) tls: String,
    pub(crate) user: String,
    pub(crate) password_expires: String,
    pub(crate) folders: String,
    pub(crate) interval: String,
    pub(crate) after: String,
    pub(crate) move_to: String,
    pub(crate) selection: Selection,
}

impl Form {
    /// A mailbox as the form shows it.
    pub(crate) fn of(mailbox: &Mailbox) -> Self {
        let (auth, account) = match &mailbox.auth {
            Auth::Basic => ("basic", String::new()),
            Auth::Oauth(account) => ("oauth", account.to_string()),
        };
        let (after, move_to) = match &mailbox.after_fetch {
            AfterFetch::Leave => ("leave", String::new()),
            AfterFetch::MarkRead => ("mark_read", String::new()),
            AfterFetch::Move(folder) => ("move", folder.clone()),
            AfterFetch::Delete => ("delete", String::new()),
        };
        Self {
            auth: auth.to_owned(),
            account,
            protocol: match mailbox.protocol {
                Protocol::Imap => "imap",
                Protocol::Pop3 => "pop3",
            }
            .to_owned(),
            host: mailbox.server.host.clone(),
            port: mailbox.server.port.to_string(),
            tls: match mailbox.server.tls {
                Tls::Implicit => "implicit",
                Tls::Starttls => "starttls",
                Tls::None => "none",
            }
            .to_owned(),
            user: mailbox.user.clone(),
            password_expires: mailbox.password_expires.map(|end| end.to_string()).unwrap_or_default(),
            folders: mailbox.folders.join("\n"),
            interval: mailbox.interval.to_string(),
            after: after.to_owned(),
            move_to,
            selection: Selection::of(mailbox),
        }
    }

    /// The form as it was sent.
    pub(crate) fn sent(fields: &Fields) -> Self {
        let text = |name| fields.get(name).unwrap_or_default().trim().to_owned();
        Self {
            auth: text("auth"),
            account: text("account"),
            protocol: text("protocol"),
            host: text("host"),
            port: text("port"),
            tls: text("tls"),
            user: text("user"),
            password_expires: text("password_expires"),
            folders: text("folders"),
            interval: text("interval"),
            after: text("after"),
            move_to: text("move_to"),
            selection: Selection::sent(fields),
        }
    }
}

/// The password that was entered, if one was.
pub(crate) fn password(fields: &Fields) -> Option<SecretString> {
    fields.get("password").filter(|text| !text.is_empty()).map(SecretString::from)
}
