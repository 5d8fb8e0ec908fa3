//! Every text that people read, in English and in German.
//!
//! Guarantees: a text that lacks one of the two languages does not compile, and neither does a page
//! that names a text which does not exist. Values come in at placeholders such as `{name}`.
//!
//! The terms Basic auth, OAuth, Client ID, Client secret, Token URL and Scope stand in both languages
//! as they are: they are what people find on their provider's pages.
//!
//! Each file below `texts/` holds the texts of one page, or of a few that belong together.

use std::fmt::{Display, Write};

/// One group of texts: a struct with a field for each, and its two values.
///
/// ```text
/// texts! {
///     /// What the overview says.
///     Overview
///     title = "Accounts and mailboxes" / "Konten und Postfächer";
/// }
/// ```
macro_rules! texts {
    ($(#[$doc:meta])* $group:ident $($name:ident = $en:literal / $de:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $group {
            $(pub(crate) $name: &'static str,)*
        }

        impl $group {
            pub(super) const EN: Self = Self { $($name: $en,)* };
            pub(super) const DE: Self = Self { $($name: $de,)* };

            /// Name, English and German of every text.
            #[cfg(test)]
            pub(super) const ALL: &'static [(&'static str, &'static str, &'static str)] =
                &[$((concat!(stringify!($group), ".", stringify!($name)), $en, $de),)*];
        }
    };
}

/// All groups: a module and a field for each.
macro_rules! groups {
    ($($module:ident: $group:ident;)*) => {
        $(pub(crate) mod $module;)*

        /// Every text in one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $module: $module::$group,)*
        }

        /// English.
        pub(crate) static EN: Texts = Texts { $($module: $module::$group::EN,)* };

        /// German.
        pub(crate) static DE: Texts = Texts { $($module: $module::$group::DE,)* };

        #[cfg(test)]
        const ALL: &[&[(&str, &str, &str)]] = &[$($module::$group::ALL,)*];
    };
}

groups! {
    account: Account;
    calendar: Calendar;
    chain: Chain;
    condition: Condition;
    consent: Consent;
    fault: Faults;
    guide: Guide;
    layout: Layout;
    letter: Letter;
    mailbox: Mailbox;
    overview: Overview;
    owner: Owner;
    problem: Problem;
    registration: Registration;
    sign_in: SignIn;
}

/// Puts values in at their placeholders, in one pass: what a value contains is not looked at again.
/// A placeholder without a value stays as it is.
pub(crate) fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let found = from.find('}').and_then(|end| {
            let name = &from[1..end];
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, end))
        });
        match found {
            Some((value, end)) => {
                // Writing to a `String` cannot fail.
                let _ = write!(filled, "{value}");
                rest = &from[end + 1..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// [`fill`] as a method.
pub(crate) trait Fill {
    /// The text with its values.
    fn fill(&self, values: &[(&str, &dyn Display)]) -> String;

    /// The text with one value: templates pass references to what they name, which a list of `dyn`
    /// values does not take.
    fn with(&self, name: &str, value: impl Display) -> String {
        self.fill(&[(name, &value)])
    }
}

impl Fill for str {
    fn fill(&self, values: &[(&str, &dyn Display)]) -> String {
        fill(self, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is never translated.
    const TERMS: [&str; 6] = ["Basic auth", "OAuth", "Client ID", "Client secret", "Token URL", "Scope"];

    fn all() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
        ALL.iter().flat_map(|group| group.iter())
    }

    #[test]
    fn terms_stand_in_german_as_they_are() {
        let count = |text: &str, term: &str| text.to_lowercase().matches(&term.to_lowercase()).count();
        for (name, en, de) in all() {
            let (en, de) = (without_placeholders(en), without_placeholders(de));
            for term in TERMS {
                // In an English sentence a term may be lower-case; in a German one it is a noun.
                assert_eq!(count(&en, term), count(&de, term), "{name}: {term}");
                assert_eq!(count(&de, term), de.matches(term).count(), "{name}: {term}");
            }
        }
    }

    #[test]
    fn both_languages_take_the_same_values() {
        for (name, en, de) in all() {
            assert!(!en.is_empty() && !de.is_empty(), "{name} is empty");
            let mut places = [placeholders(en), placeholders(de)];
            places.iter_mut().for_each(|names| names.sort_unstable());
            assert_eq!(places[0], places[1], "{name}");
        }
    }

    fn without_placeholders(text: &str) -> String {
        placeholders(text).into_iter().fold(text.to_owned(), |text, name| text.replace(name, ""))
    }

    fn placeholders(text: &str) -> Vec<&str> {
        text.split('{').skip(1).filter_map(|from| Some(from.split_once('}')?.0)).collect()
    }

    #[test]
    fn values_are_put_in_once() {
        let text = fill("{a} of {b}, {c} {", &[("a", &"{b}"), ("b", &12)]);
        assert_eq!(text, "{b} of 12, {c} {");
    }
}
