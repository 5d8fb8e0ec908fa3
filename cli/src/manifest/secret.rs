//! Secrets that a manifest points to: an environment variable or a file, never the value itself.

use super::{problem::Placed, section::Section};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
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
    let checked = found.map(without_line_end).and_then(|text| check(&text, key, shape).map(|()| text));
    let secret = match checked {
        Ok(text) => Some(Sourced { secret: SecretString::from(text), source }),
        Err(reason) => {
            inner.problems.add(at, reason);
            None
        }
    };
    inner.finish();
    secret
}

/// Whether a variable is among those that whoever applies a manifest is signed in to AWS with.
fn is_of_aws(name: &str) -> bool {
    name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("AWS_"))
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?.len();
    if size > MAX_BYTES {
        return Err(format!("{shown} is larger than {MAX_BYTES} bytes; that is no secret"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))
}

/// Editors and `echo` end a file with a line end that is not part of the secret.
fn without_line_end(text: String) -> String {
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    text.to_owned()
}

fn check(text: &str, key: &str, shape: Shape) -> Result<(), String> {
    match shape {
        _ if text.is_empty() => Err(format!("what {key:?} points to is empty")),
        Shape::Line if text.chars().any(char::is_control) => {
            Err(format!("what {key:?} points to has line ends or other control characters in it"))
        }
        Shape::Pem(label) if !text.contains("-----BEGIN ") || !text.contains(&format!("{label}-----")) => {
            Err(format!("what {key:?} points to is no PEM file with a {label}"))
        }
        _ => Ok(()),
    }
}
