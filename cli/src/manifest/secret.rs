//! Secrets that a manifest points to: an environment variable or a file, never the value itself.

use super::{problem::Placed, section::Section};
use secrecy::SecretString;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};
use toml::de::DeValue;

/// The largest secret file, in bytes: what Secrets Manager stores.
const MAX_BYTES: u64 = 65_536;

/// Where a manifest's secrets are read from.
pub struct SecretSources<'a> {
    /// The folder that file names are relative to: the manifest's own.
    pub folder: PathBuf,
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// A secret, and where it was read from.
#[derive(Debug, Clone)]
pub struct Sourced<T> {
    /// The secret.
    pub secret: T,
    /// Its source in words: `environment variable NAME` or `file name`.
    pub source: String,
}

impl<T> Sourced<T> {
    /// Something made of the secret, from the same source.
    pub(super) fn map<U>(self, make: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { secret: make(self.secret), source: self.source }
    }
}

/// What a secret must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One line without control characters, as a mail or authorization server can take it.
    Line,
    /// Any text; whoever asked for it looks into it.
    Text,
    /// A PEM file (RFC 7468) with a block whose label ends in this word.
    Pem(&'static str),
}

/// Reads `key = { env = "NAME" }` or `key = { file = "name" }`. A problem names the variable or the
/// file, never the value.
pub(super) fn secret(
    section: &mut Section<'_, '_>,
    key: &'static str,
    shape: Shape,
    sources: &SecretSources<'_>,
) -> Option<Sourced<SecretString>> {
    let Placed { at, value } = section.take(key)?;
    let hint = format!("{key} = {{ env = \"NAME\" }} or {key} = {{ file = \"name\" }}");
    let table = match value {
        DeValue::Table(table) => table,
        DeValue::String(_) => {
            let reason =
                format!("{key:?} holds the secret itself; a manifest only says where it is read from");
            section.problems.add_with_hint(at, reason, hint);
            return None;
        }
        _ => {
            section.problems.add_with_hint(
                at,
                format!("{key:?} must say where the secret is read from"),
                hint,
            );
            return None;
        }
    };
    let mut inner = Section::new(section.problems, at, table);
    let variable = inner.filled_text("env");
    let file = inner.filled_text("file");
    let (source, found) = match (variable, file) {
        (Some(Placed { value: name, .. }), None) => {
            let source = format!("environment variable {name}");
            let found = match is_of_aws(&name) {
                true => Err(format!("{source} is AWS's own: no mail or authorization server may get it")),
                false => (sources.variable)(&name).ok_or_else(|| format!("{source} is not set")),
            };
            (source, found)
        }
        (None, Some(Placed { value: name, .. })) => {
            (format!("file {name}"), read(&sources.folder.join(&name)))
        }
        (None, None) if inner.is_flawed() => return None,
        _ => {
            inner.problems.add_with_hint(at, format!("{key:?} needs either \"env\" or \"file\""), hint);
            return None;
        }
    };
    let secret = match found.and_then(|text| checked(text, key, shape)) {
        Ok(secret) => Some(Sourced { secret, source }),
        Err(reason) => {
            inner.problems.add(at, reason);
            None
        }
    };
    inner.finish();
    secret
}

/// Reads the file of this name, which lies in the folder or below it: whoever fills in a list is not
/// always whoever imports it, and reaches no other file.
///
/// # Errors
/// A sentence that names the file, never what is in it.
pub(super) fn from_file_beside(
    name: &str,
    key: &str,
    shape: Shape,
    sources: &SecretSources<'_>,
) -> Result<Sourced<SecretString>, String> {
    let secret = checked(read(&beside(&sources.folder, name)?)?, key, shape)?;
    Ok(Sourced { secret, source: format!("file {name}") })
}

/// Whether a variable is among those that whoever applies a manifest is signed in to AWS with.
fn is_of_aws(name: &str) -> bool {
    name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("AWS_"))
}

/// Where a file of the folder is, if it is one: links are followed.
fn beside(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let outside = || format!("{name:?} is outside the list's folder; put the file beside the list");
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = folder.join(name);
    let unreadable = |error| cannot_read(&path, &error);
    let found = fs::canonicalize(&path).map_err(unreadable)?;
    let folder = fs::canonicalize(folder).map_err(unreadable)?;
    if found.starts_with(folder) { Ok(found) } else { Err(outside()) }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error| cannot_read(path, &error);
    // Before it is opened: a pipe would wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    // Cut off, it may end within a character.
    match read {
        Ok(size) if size as u64 <= MAX_BYTES => Ok(text),
        Err(error) if fs::metadata(path).map_err(unreadable)?.len() <= MAX_BYTES => Err(unreadable(error)),
        Ok(_) | Err(_) => {
            Err(format!("{} is larger than {MAX_BYTES} bytes; that is no secret", path.display()))
        }
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// Editors and `echo` end a file with a line end that is not part of the secret.
fn without_line_end(text: String) -> String {
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    text.to_owned()
}

fn checked(text: String, key: &str, shape: Shape) -> Result<SecretString, String> {
    let text = without_line_end(text);
    match shape {
        _ if text.is_empty() => Err(format!("what {key:?} points to is empty")),
        Shape::Line if text.chars().any(char::is_control) => {
            Err(format!("what {key:?} points to has line ends or other control characters in it"))
        }
        Shape::Pem(label) if !text.contains("-----BEGIN ") || !text.contains(&format!("{label}-----")) => {
            Err(format!("what {key:?} points to is no PEM file with a {label}"))
        }
        _ => Ok(SecretString::from(text)),
    }
}
