//! What the columns of a list are called, and what they mean.

use crate::manifest::{
    problem::{Placed, Problems},
    section::did_you_mean,
};

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    /// What a `[[mailbox]]` has under this key; or `email`, which is the user where there is no `user`,
    /// and else what the id is made of.
    Key(&'static str),
    /// The mailbox's tag of this name.
    Tag(String),
    /// Nothing that counts.
    Ignored,
}

/// Keys, and the names that columns have for them: without regard to case, spaces and signs. The first is
/// the manifest's own.
const NAMES: [(&str, &[&str]); 19] = [
    ("id", &["id", "mailboxid"]),
    (
        "host",
        &[
            "host",
            "hostname",
            "server",
            "servername",
            "mailserver",
            "imapserver",
            "imaphost",
            "popserver",
            "pop3server",
            "incomingserver",
        ],
    ),
    ("port", &["port", "serverport", "imapport", "popport", "pop3port"]),
    ("protocol", &["protocol", "proto", "type", "accounttype", "servertype"]),
    ("tls", &["tls", "ssl", "ssltls", "security", "encryption", "connectionsecurity"]),
    ("user", &["user", "username", "login", "loginname", "userid", "benutzer", "benutzername"]),
    ("email", &["email", "emailaddress", "mail", "mailaddress", "mailbox", "account"]),
    ("password", &["password", "pass", "passwd", "pwd", "passwort", "kennwort"]),
    ("password_file", &["passwordfile", "passfile"]),
    ("password_expires", &["passwordexpires", "passwordends"]),
    ("owners", &["owners", "owner", "contact", "contacts", "responsible"]),
    ("folders", &["folders", "folder"]),
    ("exclude_folders", &["excludefolders", "exclude"]),
    ("interval", &["interval", "pollinterval", "every"]),
    ("after_fetch", &["afterfetch"]),
    ("attachments", &["attachments"]),
    ("inline_images", &["inlineimages"]),
    ("daily_limit", &["dailylimit"]),
    ("tags", &["tags"]),
];

/// Whether a cell of the first line names a column.
pub(super) fn is_known(cell: &str) -> bool {
    key(cell).is_some() || tag(cell).is_some()
}

/// What the columns hold, by the cells of the first line.
pub(super) fn columns(head: &[Placed<String>], ignored: &[String], problems: &mut Problems) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for Placed { at, value } in head {
        let is_ignored = ignored.iter().any(|name| normal(name) == normal(value));
        let column = match (key(value), tag(value)) {
            _ if is_ignored || value.trim().is_empty() => Column::Ignored,
            (Some(key), _) => Column::Key(key),
            (None, Some(name)) => Column::Tag(name),
            (None, None) => {
                let names: Vec<&str> = NAMES.iter().map(|(key, _)| *key).collect();
                let similar = did_you_mean(&value.trim().to_lowercase(), &names);
                let rename = format!(
                    "name it \"tag:{0}\" to keep it as a tag, or pass it over with --ignore \"{0}\"",
                    value.trim()
                );
                problems.add_with_hint(*at, format!("unknown column {value:?}"), similar.unwrap_or(rename));
                Column::Ignored
            }
        };
        if column != Column::Ignored && columns.contains(&column) {
            problems.add(*at, format!("{value:?} is a second column of the same meaning"));
        }
        columns.push(column);
    }
    columns
}

/// The key that a column of this name has.
pub(super) fn key(cell: &str) -> Option<&'static str> {
    let name = normal(cell);
    NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(key, _)| *key)
}

/// The name of a column `tag:NAME`.
fn tag(cell: &str) -> Option<String> {
    let (word, name) = cell.trim().split_once(':')?;
    let name = name.trim();
    (word.trim().eq_ignore_ascii_case("tag") && !name.is_empty()).then(|| name.to_owned())
}

/// A name without what people write differently.
fn normal(cell: &str) -> String {
    cell.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
