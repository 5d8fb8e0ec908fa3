//! One row of a list, as what a `[[mailbox]]` would say.

use super::column::Column;
use crate::manifest::{
    mailbox::MailboxEntry,
    problem::{Placed, Problems},
    secret::{SecretSources, Shape, Sourced, from_file_beside},
};
use postroom_model::MailboxId;
use secrecy::SecretString;
use std::{borrow::Cow, collections::BTreeMap};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

/// Words for how a connection is protected, besides the manifest's own.
const TLS: [(&str, &str); 11] = [
    ("ssl", "implicit"),
    ("ssl/tls", "implicit"),
    ("tls", "implicit"),
    ("yes", "implicit"),
    ("true", "implicit"),
    ("1", "implicit"),
    ("start_tls", "starttls"),
    ("no", "none"),
    ("false", "none"),
    ("0", "none"),
    ("plain", "none"),
];
/// Words for a protocol, and whether they say that it is protected by TLS from the first byte.
const PROTOCOLS: [(&str, &str, bool); 8] = [
    ("imap", "imap", false),
    ("imap4", "imap", false),
    ("imaps", "imap", true),
    ("imap-ssl", "imap", true),
    ("pop", "pop3", false),
    ("pop3", "pop3", false),
    ("pop3s", "pop3", true),
    ("pop3-ssl", "pop3", true),
];
const YES: [&str; 6] = ["yes", "true", "1", "x", "y", "ja"];
const NO: [&str; 5] = ["no", "false", "0", "n", "nein"];
/// The folder that `after_fetch` moves messages to is written behind this word.
const MOVE: &str = "move:";

/// The cells of a row that have anything in them, by what they are.
struct Row {
    at: usize,
    cells: BTreeMap<&'static str, Placed<String>>,
    tags: Vec<(String, Placed<String>)>,
}

/// Reads a row; none, where too little of it can be read.
pub(super) fn read(
    cells: Vec<Placed<String>>,
    columns: &[Column],
    file: &str,
    sources: &SecretSources<'_>,
    problems: &mut Problems,
) -> Option<MailboxEntry> {
    let before = problems.len();
    let mut row = Row::new(cells, columns, problems);
    let password = password(&mut row, file, sources, problems);
    let has_password = password.is_some();
    let is_id_made = row.cell("id").is_none();
    let table = row.table(problems)?;
    let (at, is_flawed) = (row.at, problems.len() > before);
    let mut entry = MailboxEntry::read(problems, Placed { at, value: table }, sources)?;
    entry.flawed |= is_flawed;
    entry.has_password = has_password;
    entry.is_id_made = is_id_made;
    entry.password = password.flatten();
    entry.password_hint = "fill in its column \"password\" or \"password_file\"";
    Some(entry)
}

impl Row {
    fn new(cells: Vec<Placed<String>>, columns: &[Column], problems: &mut Problems) -> Self {
        let at = cells.first().map_or(0, |cell| cell.at);
        let mut row = Self { at, cells: BTreeMap::new(), tags: Vec::new() };
        for (index, mut cell) in cells.into_iter().enumerate() {
            match columns.get(index) {
                _ if cell.value.trim().is_empty() => {}
                // Spaces may be part of it.
                Some(Column::Key("password")) => drop(row.cells.insert("password", cell)),
                Some(Column::Key(key)) => {
                    cell.value = cell.value.trim().to_owned();
                    row.cells.insert(key, cell);
                }
                Some(Column::Tag(name)) => {
                    cell.value = cell.value.trim().to_owned();
                    row.tags.push((name.clone(), cell));
                }
                Some(Column::Ignored) => {}
                None => {
                    let hint = "a text with the delimiter in it stands in quotes";
                    problems.add_with_hint(cell.at, "the row has more cells than there are columns", hint);
                    break;
                }
            }
        }
        row
    }

    fn cell(&self, key: &str) -> Option<&Placed<String>> {
        self.cells.get(key)
    }

    /// The row as a manifest's table, without its password.
    fn table(&self, problems: &mut Problems) -> Option<DeTable<'_>> {
        let email = self.cell("email");
        let Some(user) = self.cell("user").or(email) else {
            problems.add(self.at, "the row has no \"user\"");
            return None;
        };
        let id = match self.cell("id") {
            Some(id) => Some(id.clone()),
            None => made_id(email.unwrap_or(user), problems),
        }?;
        let mut table = DeTable::new();
        set(&mut table, "id", id.at, text(id.value));
        set(&mut table, "user", user.at, text(&user.value));
        self.server(&mut table, problems);
        for key in ["interval", "daily_limit"] {
            if let Some(Placed { at, value }) = self.cell(key) {
                set(&mut table, key, *at, text(value));
            }
        }
        for key in ["folders", "exclude_folders"] {
            self.list(&mut table, key, |c| matches!(c, ';' | '|'));
        }
        self.list(&mut table, "owners", |c| matches!(c, ';' | ',' | '|') || c.is_whitespace());
        for key in ["attachments", "inline_images"] {
            self.flag(&mut table, key, problems);
        }
        if let Some(Placed { at, value }) = self.cell("password_expires") {
            let end = DeValue::parse(value).ok().map(Spanned::into_inner);
            let end = end.filter(|end| matches!(end, DeValue::Datetime(_)));
            set(&mut table, "password_expires", *at, end.unwrap_or_else(|| text(value)));
        }
        self.after_fetch(&mut table);
        self.tags(&mut table, problems);
        Some(table)
    }

    /// Where the server is, and how it is spoken to. What is left out follows from the port.
    fn server<'r>(&'r self, table: &mut DeTable<'r>, problems: &mut Problems) {
        if let Some(Placed { at, value }) = self.cell("host") {
            set(table, "host", *at, text(value));
        }
        let mut number = None;
        if let Some(Placed { at, value }) = self.cell("port") {
            number = value.parse::<u16>().ok().filter(|port| *port > 0);
            match DeValue::parse(value).ok().filter(|_| number.is_some()) {
                Some(port) => set(table, "port", *at, port.into_inner()),
                None => problems.add(*at, format!("{value:?} is no port: write a number from 1 to 65535")),
            }
        }
        let mut is_tls_by_name = false;
        match (self.cell("protocol"), number) {
            (Some(Placed { at, value }), _) => {
                let known = PROTOCOLS.iter().find(|(name, ..)| value.eq_ignore_ascii_case(name));
                is_tls_by_name = known.is_some_and(|(.., is_tls)| *is_tls);
                set(table, "protocol", *at, text(known.map_or(value.as_str(), |(_, protocol, _)| *protocol)));
            }
            (None, Some(110 | 995)) => set(table, "protocol", self.at, text("pop3")),
            (None, _) => {}
        }
        match (self.cell("tls"), number) {
            (Some(Placed { at, value }), _) => {
                let known = TLS.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
                let tls = known.map_or_else(|| value.to_ascii_lowercase(), |(_, tls)| (*tls).to_owned());
                set(table, "tls", *at, text(tls));
            }
            (None, Some(110 | 143)) if !is_tls_by_name => set(table, "tls", self.at, text("starttls")),
            (None, _) => {}
        }
    }

    /// Several texts in one cell.
    fn list<'r>(&'r self, table: &mut DeTable<'r>, key: &'static str, is_between: fn(char) -> bool) {
        let Some(Placed { at, value }) = self.cell(key) else { return };
        let texts = value.split(is_between).map(str::trim).filter(|text| !text.is_empty());
        let mut array = DeArray::new();
        texts.for_each(|item| array.push(Spanned::new(*at..*at, text(item))));
        set(table, key, *at, DeValue::Array(array));
    }

    fn flag(&self, table: &mut DeTable<'_>, key: &'static str, problems: &mut Problems) {
        let Some(Placed { at, value }) = self.cell(key) else { return };
        let word = value.to_lowercase();
        let is_yes = YES.contains(&word.as_str());
        if is_yes || NO.contains(&word.as_str()) {
            set(table, key, *at, DeValue::Boolean(is_yes));
        } else {
            problems.add(*at, format!("{value:?} is not a possible {key:?}; possible are yes and no"));
        }
    }

    /// A word, or `move:Folder`.
    fn after_fetch<'r>(&'r self, table: &mut DeTable<'r>) {
        let Some(Placed { at, value }) = self.cell("after_fetch") else { return };
        let word = value.get(..MOVE.len()).filter(|word| word.eq_ignore_ascii_case(MOVE));
        let meant = match word {
            Some(_) => {
                let mut target = DeTable::new();
                set(&mut target, "move", *at, text(value[MOVE.len()..].trim()));
                DeValue::Table(target)
            }
            None => text(value.to_lowercase()),
        };
        set(table, "after_fetch", *at, meant);
    }

    /// The columns `tag:NAME`, and `name=value;name=value` of the column `tags`.
    fn tags<'r>(&'r self, table: &mut DeTable<'r>, problems: &mut Problems) {
        let mut tags = DeTable::new();
        for (name, Placed { at, value }) in &self.tags {
            set(&mut tags, name, *at, text(value));
        }
        if let Some(Placed { at, value }) = self.cell("tags") {
            for tag in value.split(';').map(str::trim).filter(|tag| !tag.is_empty()) {
                match tag.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                    Some((name, _)) if tags.contains_key(name) => {
                        problems.add(*at, format!("{tag:?} is a second tag of this name"));
                    }
                    Some((name, value)) if !name.is_empty() => set(&mut tags, name, *at, text(value)),
                    _ => {
                        problems.add(*at, format!("{tag:?} is no tag: write name=value, and ';' between two"))
                    }
                }
            }
        }
        if !tags.is_empty() {
            set(table, "tags", self.at, DeValue::Table(tags));
        }
    }
}

/// The row's password: nothing, if it has none; `Some(None)`, if it cannot be used and that was said.
fn password(
    row: &mut Row,
    file: &str,
    sources: &SecretSources<'_>,
    problems: &mut Problems,
) -> Option<Option<Sourced<SecretString>>> {
    let (at, found) = match (row.cells.remove("password"), row.cells.remove("password_file")) {
        (None, None) => return None,
        (Some(_), Some(Placed { at, .. })) => {
            (at, Err("the row has a \"password\" and a \"password_file\": leave one out".to_owned()))
        }
        (Some(Placed { at, value }), None) => {
            let source = format!("line {} of {file}", problems.line(at));
            let has_controls = value.chars().any(char::is_control);
            let password = Sourced { secret: SecretString::from(value), source };
            let reason = "the password has control characters in it".to_owned();
            (at, if has_controls { Err(reason) } else { Ok(password) })
        }
        (None, Some(Placed { at, value })) => {
            (at, from_file_beside(&value, "password_file", Shape::Line, sources))
        }
    };
    match found {
        Ok(password) => Some(Some(password)),
        Err(reason) => {
            problems.add(at, reason);
            Some(None)
        }
    }
}

/// An id made of a user name or address: always the same, whatever else is in the list.
fn made_id(user: &Placed<String>, problems: &mut Problems) -> Option<Placed<String>> {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    let id: String = user.value.chars().map(fits).collect::<String>().to_ascii_lowercase();
    let id = id.trim_matches(['-', '.', '_']).to_owned();
    if id.parse::<MailboxId>().is_ok() {
        return Some(Placed { at: user.at, value: id });
    }
    let hint = "give it one in a column \"id\": a-z, 0-9, '.', '_' and '-'";
    problems.add_with_hint(user.at, format!("no id can be made of {:?}", user.value), hint);
    None
}

fn text<'r>(value: impl Into<Cow<'r, str>>) -> DeValue<'r> {
    DeValue::String(value.into())
}

fn set<'r>(table: &mut DeTable<'r>, key: &'r str, at: usize, value: DeValue<'r>) {
    table.insert(Spanned::new(at..at, Cow::Borrowed(key)), Spanned::new(at..at, value));
}
