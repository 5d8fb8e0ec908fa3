//! Mailboxes: where mail is fetched from, how, how often, and what happens to it afterwards.

use crate::{AccountId, EndDate, Filter, Interval, MailboxId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One mailbox at one mail server.
///
/// A mailbox without an `auth` setting is basic: what was stored before OAuth existed keeps working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its name, and the folder of its mail in the archive.
    pub id: MailboxId,
    /// How its server is spoken to.
    pub protocol: Protocol,
    /// Where its server answers.
    #[serde(flatten)]
    pub server: Server,
    /// The user name at the server; for a shared mailbox its own, not the account's.
    pub user: String,
    /// How it signs in.
    #[serde(default)]
    pub auth: Auth,
    /// Which mechanism it signs in with, where there are several.
    #[serde(default)]
    pub sasl: SaslPolicy,
    /// Folder names, patterns (`*`, `%`; RFC 3501 section 6.3.8) or special uses (`\Sent`; RFC 6154).
    #[serde(default = "inbox")]
    pub folders: Vec<String>,
    /// Folders that are not fetched although `folders` names them, written as there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_folders: Vec<String>,
    /// Which messages are fetched.
    #[serde(default, skip_serializing_if = "Filter::is_empty")]
    pub filter: Filter,
    /// The most bytes that may be read from the server on one day (UTC): no message is begun beyond it.
    /// None: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_bytes: Option<u64>,
    /// Time between two polls.
    #[serde(default)]
    pub interval: Interval,
    /// What happens to a message at the server once it is durable in the archive.
    #[serde(default)]
    pub after_fetch: AfterFetch,
    /// Whether attachments are unpacked beside the message.
    #[serde(default)]
    pub attachments: bool,
    /// Whether images that belong to a text are unpacked as attachments too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline_images: bool,
    /// Who is told when it fails, besides its account's owners.
    #[serde(default)]
    pub owners: Vec<String>,
    /// When the password of a basic mailbox ends, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expires: Option<EndDate>,
    /// Labels of the user's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Mailbox {
    /// Tells mailboxes of different servers or users apart, whatever they are named here.
    pub fn origin(&self) -> u64 {
        let text = format!("{}\n{}", self.server.host.to_ascii_lowercase(), self.user);
        let digest: [u8; 32] = Sha256::digest(text).into();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

fn inbox() -> Vec<String> {
    vec!["INBOX".to_owned()]
}

/// Where a mail server answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Server {
    /// Host name or address, as in the server's certificate.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
}

/// How mail is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// IMAP4rev1 (RFC 3501) and its extensions as offered.
    Imap,
    /// POP3 (RFC 1939).
    Pop3,
}

impl Protocol {
    /// The well-known port (RFC 8314 section 7.3, RFC 3501, RFC 1939).
    pub fn default_port(self, tls: Tls) -> u16 {
        match (self, tls) {
            (Self::Imap, Tls::Implicit) => 993,
            (Self::Imap, Tls::Starttls | Tls::None) => 143,
            (Self::Pop3, Tls::Implicit) => 995,
            (Self::Pop3, Tls::Starttls | Tls::None) => 110,
        }
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Implicit,
    /// A plain connection that must become TLS before anything else happens (RFC 2595).
    Starttls,
    /// Not at all: only for hosts that the deployment allows by name.
    None,
}

/// How a mailbox signs in. In a manifest: `auth = { oauth = "account" }`, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// With its own password from the vault.
    #[default]
    Basic,
    /// With the access token of an account.
    Oauth(AccountId),
}

/// Which mechanism is used, where there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaslPolicy {
    /// What the server offers; OAUTHBEARER where it offers both.
    #[default]
    Auto,
    /// XOAUTH2 (<https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>).
    Xoauth2,
    /// OAUTHBEARER (RFC 7628).
    Oauthbearer,
    /// POP3's APOP (RFC 1939 section 7), for passwords: only for servers that offer nothing better.
    Apop,
}

/// What happens to a message at the server, once it is durable in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterFetch {
    /// Nothing; the folder is opened read-only.
    #[default]
    Leave,
    /// It is marked as read.
    MarkRead,
    /// It is moved to the named folder.
    Move(String),
    /// It is deleted.
    Delete,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a release that knew no OAuth stored.
    const BEFORE_OAUTH: &str = r#"{"id":"plant","protocol":"imap","host":"mail.example","port":993,
        "tls":"implicit","user":"plant","interval":"5m"}"#;

    #[test]
    fn an_item_from_before_oauth_is_basic_and_complete() {
        let mailbox: Mailbox = serde_json::from_str(BEFORE_OAUTH).expect("loads");
        assert_eq!(mailbox.auth, Auth::Basic);
        assert_eq!(mailbox.folders, ["INBOX"]);
        assert_eq!(mailbox.after_fetch, AfterFetch::Leave);
    }

    #[test]
    fn a_mailbox_round_trips() {
        let mut mailbox: Mailbox = serde_json::from_str(BEFORE_OAUTH).expect("loads");
        mailbox.auth = Auth::Oauth("projects".parse().expect("id"));
        mailbox.after_fetch = AfterFetch::Move("Archived".into());
        let text = serde_json::to_string(&mailbox).expect("writes");
        assert_eq!(serde_json::from_str::<Mailbox>(&text).expect("loads"), mailbox);
    }
}
