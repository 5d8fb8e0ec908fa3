//! Finding folders: LIST (RFC 3501 section 6.3.8) and special uses (RFC 6154).

use super::{
    Session, folder_name,
    response::{Data, Response},
};
use crate::Error;
use std::collections::HashSet;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most memory for what one LIST may answer, in bytes.
const MAX_LIST: usize = 4 * 1024 * 1024;
/// The most folders that one LIST may answer.
const MAX_FOLDERS: usize = 5_000;
/// What a folder takes beside its characters, rounded up.
const FOLDER_OVERHEAD: usize = 256;
/// What an attribute takes beside its characters, rounded up.
const ATTRIBUTE_OVERHEAD: usize = 48;

/// A folder as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its wire name.
    pub name: String,
    /// Its name for people.
    pub display: String,
    /// The character between it and its parent in the name, if the server has levels.
    pub separator: Option<char>,
    /// Its attributes, such as `\Sent` and `\HasChildren`.
    pub attributes: Vec<String>,
    /// Whether it can be opened.
    pub selectable: bool,
}

impl Folder {
    pub(super) fn new(name: String, separator: Option<char>, attributes: Vec<String>) -> Self {
        let display = folder_name::decode(&name).unwrap_or_else(|| name.clone());
        let mut folder = Self { name, display, separator, attributes, selectable: true };
        folder.selectable = !folder.has(r"\Noselect") && !folder.has(r"\NonExistent");
        folder
    }

    /// Whether it has this attribute.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|a| a.eq_ignore_ascii_case(attribute))
    }

    /// Whether a mailbox's folder setting, a pattern or a special use, means this folder.
    fn matches(&self, wanted: &str) -> bool {
        if wanted.starts_with('\\') {
            return self.has(wanted);
        }
        let matches = |name: &str| match name.eq_ignore_ascii_case("INBOX") {
            true => glob(wanted.to_ascii_uppercase().as_bytes(), b"INBOX", self.separator),
            false => glob(wanted.as_bytes(), name.as_bytes(), self.separator),
        };
        matches(&self.display) || matches(&self.name)
    }

    /// How much memory it takes at most, in bytes.
    fn footprint(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(|a| a.len() + ATTRIBUTE_OVERHEAD).sum();
        FOLDER_OVERHEAD + self.name.len() + self.display.len() + attributes
    }
}

/// Whether a setting must be looked up, rather than being a name.
fn is_looked_up(wanted: &str) -> bool {
    wanted.starts_with('\\') || wanted.contains(['*', '%'])
}

/// Matches IMAP's wildcards: `*` any characters, `%` any but the separator.
fn glob(pattern: &[u8], name: &[u8], separator: Option<char>) -> bool {
    // The last wildcard seen: what follows it in the pattern, and where in the name it ends so far.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut percent: Option<(usize, usize)> = None;
    let stops = |byte: u8| separator.is_some_and(|s| s == char::from(byte));
    loop {
        match pattern.get(p) {
            Some(b'*') => {
                (star, percent) = (Some((p + 1, n)), None);
                p += 1;
                continue;
            }
            Some(b'%') => {
                percent = Some((p + 1, n));
                p += 1;
                continue;
            }
            None if n == name.len() => return true,
            Some(wanted) if name.get(n) == Some(wanted) => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            _ => {}
        }
        if let Some((after, end)) = percent.filter(|(_, end)| *end < name.len() && !stops(name[*end])) {
            percent = Some((after, end + 1));
            (p, n) = (after, end + 1);
        } else if let Some((after, end)) = star.filter(|(_, end)| *end < name.len()) {
            (star, percent) = (Some((after, end + 1)), None);
            (p, n) = (after, end + 1);
        } else {
            return false;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// The folders whose wire names match a pattern (`*`, `%`). Special uses are asked for where
    /// the server offers that; many servers tell them unasked. What has no name is left out.
    ///
    /// # Errors
    /// [`Error::Refused`], and what ends the session.
    pub async fn list(&mut self, pattern: &str) -> Result<Vec<Folder>, Error> {
        let offered = self.dialogue.capabilities().await?;
        let extended = offered.has("LIST-EXTENDED") && offered.has("SPECIAL-USE");
        let quoted = quoted(pattern)?;
        let extension = if extended { " RETURN (SPECIAL-USE)" } else { "" };
        self.dialogue.begin()?;
        let tag = self.dialogue.command(&format!("LIST \"\" {quoted}{extension}"));
        let mut found = Vec::new();
        let (mut count, mut footprint) = (0, 0);
        let each = |response| {
            if let Response::Data(Data::List(folder)) = response {
                count += 1;
                footprint += folder.footprint();
                found.extend(Some(folder).filter(|folder| !folder.name.is_empty()));
            }
            match () {
                () if count > MAX_FOLDERS => Err(Error::Protocol("more than 5000 folders")),
                () if footprint > MAX_LIST => Err(Error::Protocol("a folder list longer than 4 MiB")),
                () => Ok(()),
            }
        };
        let status = self.dialogue.until(tag, each).await?;
        self.dialogue.end();
        self.dialogue.accepted("LIST", &status)?;
        Ok(found)
    }

    /// The wire names of a mailbox's folders, as it names them: by name, by pattern, or by special
    /// use (`\Sent`). Names cost no round trip; everything else together costs one LIST.
    ///
    /// # Errors
    /// [`Error::Folder`] for a pattern that nothing matches, and what ends the session.
    pub async fn resolve_folders(&mut self, wanted: &[String]) -> Result<Vec<String>, Error> {
        self.resolve_folders_except(wanted, &[]).await
    }

    /// As [`Session::resolve_folders`], without the folders that are excluded in the same words. That
    /// nothing is excluded is no error.
    ///
    /// # Errors
    /// As [`Session::resolve_folders`].
    pub async fn resolve_folders_except(
        &mut self,
        wanted: &[String],
        excluded: &[String],
    ) -> Result<Vec<String>, Error> {
        let mut looked_up = wanted.iter().chain(excluded).filter(|w| is_looked_up(w));
        let known = match (looked_up.next(), looked_up.next()) {
            (None, _) => Vec::new(),
            (Some(only), None) if !only.starts_with('\\') => self.list(&folder_name::encode(only)).await?,
            _ => self.list("*").await?,
        };
        let named = |setting: &String| -> Vec<String> {
            let matches = |folder: &&Folder| folder.selectable && folder.matches(setting);
            match is_looked_up(setting) {
                true => known.iter().filter(matches).map(|folder| folder.name.clone()).collect(),
                false => vec![folder_name::encode(setting)],
            }
        };
        let mut seen: HashSet<String> = excluded.iter().flat_map(named).collect();
        if seen.iter().any(|name| name.eq_ignore_ascii_case("INBOX")) {
            seen.insert("INBOX".to_owned());
        }
        let mut names: Vec<String> = Vec::new();
        for wanted in wanted {
            let found = named(wanted);
            if found.is_empty() {
                return Err(Error::Folder { folder: wanted.clone(), answer: None });
            }
            names.extend(found.into_iter().filter(|name| seen.insert(name.clone())));
        }
        Ok(names)
    }
}

/// A name or pattern, quoted.
pub(super) fn quoted(name: &str) -> Result<String, Error> {
    folder_name::quote(name).ok_or(Error::Unsendable("a folder's name is too long or has control characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_protocol_says() {
        for (pattern, name, matches) in [
            ("*", "a/b/c", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/%/c", "a/b/c", true),
            ("%/%", "a/b", true),
            ("*/c", "a/b/c", true),
            ("a*", "b", false),
            ("*b*", "abc", true),
            ("*a%b", "a/aab", true),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("", "", true),
            ("", "a", false),
            ("Projects/20%", "Projects/2026", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), name.as_bytes(), Some('/')), matches, "{pattern} {name}");
        }
        assert!(glob(b"%", b"a/b", None));
        let hostile = ("*a".repeat(30), "a".repeat(2000) + "b");
        assert!(!glob(hostile.0.as_bytes(), hostile.1.as_bytes(), Some('/')), "and ends");
    }

    #[test]
    fn folders_match_by_either_name_and_by_use() {
        let folder = |name: &str, attributes: &[&str]| {
            Folder::new(name.to_owned(), Some('/'), attributes.iter().map(|a| (*a).to_owned()).collect())
        };
        let drafts = folder("Entw&APw-rfe", &[r"\Drafts"]);
        assert_eq!(drafts.display, "Entwürfe");
        assert!(drafts.matches("Entwü*") && drafts.matches(r"\drafts") && !drafts.matches(r"\Sent"));
        assert!(folder("inbox", &[]).matches("In*"));
        assert!(!folder("x", &[r"\NoSelect"]).selectable);
    }
}
