//! One table of a manifest, read key by key.
//!
//! Keys are taken out by their names; what is left over at the end is unknown, and the names that
//! were asked for are what a typing error is compared with.

use super::problem::{Placed, Problems};
use postroom_model::{EndDate, NotAnEndDate, mail_address};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    ops::RangeInclusive,
    str::FromStr,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use url::Url;

/// Names that differ by less than this are taken for typing errors (Jaro-Winkler, 1 is equal).
const SIMILAR: f64 = 0.8;

/// A table whose keys are being taken out.
pub(super) struct Section<'p, 'm> {
    /// Where its problems go.
    pub(super) problems: &'p mut Problems,
    /// Where it begins.
    pub(super) at: usize,
    table: DeTable<'m>,
    known: Vec<&'static str>,
    problems_before: usize,
}

impl<'p, 'm> Section<'p, 'm> {
    pub(super) fn new(problems: &'p mut Problems, at: usize, table: DeTable<'m>) -> Self {
        let problems_before = problems.len();
        Self { problems, at, table, known: Vec::new(), problems_before }
    }

    /// Whether anything in it was wrong so far.
    pub(super) fn is_flawed(&self) -> bool {
        self.problems.len() > self.problems_before
    }

    /// Takes a value of any type out.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Placed<DeValue<'m>>> {
        self.known.push(key);
        self.table.remove(key).map(|spanned| Placed { at: spanned.span().start, value: spanned.into_inner() })
    }

    /// Where a key's value stands, while nobody has taken it.
    pub(super) fn place_of(&self, key: &str) -> Option<usize> {
        self.table.get(key).map(|value| value.span().start)
    }

    /// Says so when a key is missing.
    pub(super) fn require(&mut self, key: &str, reason: &str) {
        if self.place_of(key).is_none() {
            self.problems.add(self.at, reason);
        }
    }

    /// A text without control characters.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let Placed { at, value } = self.take(key)?;
        plain_text(self.problems, at, key, value).map(|value| Placed { at, value })
    }

    /// A text that is more than nothing.
    pub(super) fn filled_text(&mut self, key: &'static str) -> Option<Placed<String>> {
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.problems.add(text.at, format!("{key:?} is empty"));
            return None;
        }
        Some(text)
    }

    /// A text that stands for something else.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<Placed<T>> {
        let Placed { at, value } = self.text(key)?;
        match value.parse() {
            Ok(value) => Some(Placed { at, value }),
            Err(error) => {
                self.problems.add(at, error.to_string());
                None
            }
        }
    }

    /// The table's own name, which it must have.
    pub(super) fn id<T: FromStr<Err: Display>>(&mut self, kind: &str) -> Option<Placed<T>> {
        self.require("id", &format!("the {kind} has no \"id\""));
        self.parsed("id")
    }

    /// An address of an authorization server, as in RFC 6749 section 3.1: absolute, no fragment, and
    /// no user name in it.
    pub(super) fn url(&mut self, key: &'static str) -> Option<Placed<Url>> {
        let Placed { at, value } = self.filled_text(key)?;
        let fit = |url: &Url| {
            matches!(url.scheme(), "https" | "http")
                && url.host().is_some()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        match Url::parse(&value).ok().filter(fit) {
            Some(value) => Some(Placed { at, value }),
            None => {
                let hint = format!("{key} = \"https://…\", without a user name and without '#'");
                self.problems.add_with_hint(at, format!("{key:?} is not an address of a server"), hint);
                None
            }
        }
    }

    /// OAuth scopes (RFC 6749 section 3.3).
    pub(super) fn scopes(&mut self) -> Option<Placed<Vec<String>>> {
        let Placed { at, value } = self.texts("scopes")?;
        let allowed = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        for scope in value.iter().filter(|scope| !scope.value.chars().all(allowed)) {
            let reason = format!("{:?} is no scope", scope.value);
            self.problems.add_with_hint(
                scope.at,
                reason,
                "each scope is a text of its own: [\"one\", \"two\"]",
            );
        }
        Some(Placed { at, value: value.into_iter().map(|scope| scope.value).collect() })
    }

    /// Mail addresses of people, each there once, however its letters are written.
    pub(super) fn owners(&mut self) -> Vec<String> {
        let Some(owners) = self.texts("owners") else { return Vec::new() };
        let mut seen = BTreeSet::new();
        for owner in &owners.value {
            if let Some(address) = self.mail_address(owner)
                && !seen.insert(address)
            {
                self.problems.add(owner.at, format!("{:?} is in \"owners\" twice", owner.value));
            }
        }
        owners.value.into_iter().map(|owner| owner.value).collect()
    }

    /// A person's mail address as people are told apart by it.
    pub(super) fn mail_address(&mut self, Placed { at, value }: &Placed<String>) -> Option<String> {
        let address = mail_address(value).filter(|_| value.trim() == value);
        if address.is_none() {
            let hint = "one address alone, without a name, such as \"ann@contoso.com\"";
            self.problems.add_with_hint(*at, format!("{value:?} is no mail address"), hint);
        }
        address
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<Placed<T>> {
        let Placed { at, value } = self.text(key)?;
        chosen(self.problems, at, key, &value, choices).map(|value| Placed { at, value })
    }

    /// A list of texts, each more than nothing and there once.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Placed<Vec<Placed<String>>>> {
        let Placed { at, value } = self.take(key)?;
        let DeValue::Array(items) = value else {
            self.problems.add_with_hint(at, format!("{key:?} must be a list"), format!("{key} = [\"…\"]"));
            return None;
        };
        let mut texts: Vec<Placed<String>> = Vec::new();
        for item in items {
            let at = item.span().start;
            let Some(value) = plain_text(self.problems, at, key, item.into_inner()) else { continue };
            if value.trim().is_empty() {
                self.problems.add(at, format!("an entry of {key:?} is empty"));
            } else if texts.iter().any(|text| text.value == value) {
                self.problems.add(at, format!("{value:?} is in {key:?} twice"));
            } else {
                texts.push(Placed { at, value });
            }
        }
        Some(Placed { at, value: texts })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let Placed { at, value } = self.take(key)?;
        if let DeValue::Boolean(flag) = value {
            return Some(flag);
        }
        self.problems.add(at, format!("{key:?} must be true or false, without quotes"));
        None
    }

    /// A whole number within limits.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u16>) -> Option<u16> {
        let Placed { at, value } = self.take(key)?;
        let number = match &value {
            DeValue::Integer(number) => u16::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.problems.add(at, format!("{key:?} must be a number from {least} to {most}, without quotes"));
        }
        number
    }

    /// When something ends: a day, or a moment with its offset from UTC.
    pub(super) fn end(&mut self, key: &'static str) -> Option<Placed<EndDate>> {
        let Placed { at, value } = self.take(key)?;
        let (reason, hint) = match &value {
            DeValue::Datetime(written) => {
                if let Ok(value) = written.to_string().parse() {
                    return Some(Placed { at, value });
                }
                match (written.date, written.time, written.offset) {
                    (Some(_), Some(_), None) => (
                        format!("{key:?} is a time of day without its offset from UTC"),
                        format!(
                            "{key} = {written}+02:00 where clocks are two hours ahead of UTC, {written}Z in UTC"
                        ),
                    ),
                    _ => (format!("{key:?} is no end"), NotAnEndDate.to_string()),
                }
            }
            _ => (format!("{key:?} must be a day or a moment, without quotes"), NotAnEndDate.to_string()),
        };
        self.problems.add_with_hint(at, reason, hint);
        None
    }

    /// Texts by names of the user's own.
    pub(super) fn text_map(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(Placed { at, value }) = self.take(key) else { return BTreeMap::new() };
        let DeValue::Table(table) = value else {
            self.problems.add(at, format!("{key:?} must be a table of texts"));
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for (name, value) in table {
            let at = value.span().start;
            if let Some(text) = plain_text(self.problems, at, name.get_ref(), value.into_inner()) {
                map.insert(name.into_inner().into_owned(), text);
            }
        }
        map
    }

    /// Reports every key that nothing asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let reason = format!("unknown key {:?}", key.get_ref());
            let hint = did_you_mean(key.get_ref(), &self.known)
                .unwrap_or_else(|| format!("known here: {}", self.known.join(", ")));
            self.problems.add_with_hint(key.span().start, reason, hint);
        }
    }
}

/// The tables of `[[key]]`, in their order; anything else under that key is a problem.
pub(super) fn tables<'m>(document: &mut Section<'_, 'm>, key: &'static str) -> Vec<Placed<DeTable<'m>>> {
    let Some(Placed { at, value }) = document.take(key) else { return Vec::new() };
    let DeValue::Array(items) = value else {
        let reason = format!("{key:?} must be a list of tables");
        document.problems.add_with_hint(at, reason, format!("write [[{key}]], with two brackets"));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for item in items {
        let at = Spanned::span(&item).start;
        match item.into_inner() {
            DeValue::Table(value) => tables.push(Placed { at, value }),
            _ => document.problems.add(at, format!("an entry of {key:?} is not a table")),
        }
    }
    tables
}

/// The value of the word that was chosen.
pub(super) fn chosen<T: Copy>(
    problems: &mut Problems,
    at: usize,
    key: &str,
    word: &str,
    choices: &[(&str, T)],
) -> Option<T> {
    let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let reason = format!("{word:?} is not a possible {key:?}; possible are {}", names.join(", "));
        match did_you_mean(word, &names) {
            Some(hint) => problems.add_with_hint(at, reason, hint),
            None => problems.add(at, reason),
        }
    }
    found
}

fn plain_text(problems: &mut Problems, at: usize, key: &str, value: DeValue<'_>) -> Option<String> {
    let DeValue::String(text) = value else {
        problems.add(at, format!("{key:?} must be a text in quotes"));
        return None;
    };
    if text.chars().any(char::is_control) {
        problems.add(at, format!("{key:?} has control characters in it"));
        return None;
    }
    Some(text.into_owned())
}

pub(super) fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    let scored = known.iter().map(|name| (strsim::jaro_winkler(word, name), name));
    let (score, name) = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score > SIMILAR).then(|| format!("did you mean {name:?}?"))
}
