//! What a translation may not get wrong.

/// One text in each language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Translated {
    /// Its group and its name.
    pub name: &'static str,
    /// English.
    pub en: &'static str,
    /// German.
    pub de: &'static str,
}

/// What is never translated.
const TERMS: [&str; 6] = ["Basic auth", "OAuth", "Client ID", "Client secret", "Token URL", "Scope"];

/// One word for one thing, on pages and in mails: what stands in small letters on the left is said as on
/// the right.
const ENGLISH: [(&str, &str); 2] = [("collect", "fetch"), ("re-authoriz", "re-authorise")];
const GERMAN: [(&str, &str); 7] = [
    ("abgeholt", "abgerufen"),
    ("abholen", "abrufen"),
    ("besitzer", "Eigentümer"),
    ("neu autorisier", "erneut autorisier…"),
    ("neu zu autorisier", "erneut zu autorisier…"),
    ("reautorisier", "erneut autorisier…"),
    ("account", "Konto"),
];

/// What is wrong with some texts, for a test that expects nothing: one that is empty, a placeholder
/// that one language lacks, a term that was translated, a word that is not the glossary's.
pub fn mistakes(texts: &[Translated]) -> Vec<String> {
    texts.iter().flat_map(of_one).collect()
}

fn of_one(text: &Translated) -> Vec<String> {
    let Translated { name, en, de } = text;
    let mut mistakes = Vec::new();
    if en.is_empty() || de.is_empty() {
        mistakes.push(format!("{name} is empty"));
    }
    let places = [en, de].map(|text| {
        let mut names = placeholders(text);
        names.sort_unstable();
        names
    });
    if places[0] != places[1] {
        mistakes.push(format!("{name} takes other values in German"));
    }
    let (en, de) = (without_placeholders(en), without_placeholders(de));
    for (text, glossary) in [(&en, &ENGLISH[..]), (&de, &GERMAN)] {
        let text = text.to_lowercase();
        let other = glossary.iter().filter(|(other, _)| is_in(&text, other));
        mistakes.extend(other.map(|(other, word)| format!("{name} says {other} for {word}")));
    }
    for term in TERMS {
        let count = |text: &str| text.to_lowercase().matches(&term.to_lowercase()).count();
        // In an English sentence a term may be lower-case; in a German one it is a noun.
        if count(&en) != count(&de) || count(&de) != de.matches(term).count() {
            mistakes.push(format!("{name} translates {term}"));
        }
    }
    mistakes
}

/// Whether a text has a word that begins so.
fn is_in(text: &str, beginning: &str) -> bool {
    text.match_indices(beginning).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
}

fn without_placeholders(text: &str) -> String {
    placeholders(text).into_iter().fold(text.to_owned(), |text, name| text.replace(name, ""))
}

fn placeholders(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|from| Some(from.split_once('}')?.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found() {
        let text = |en, de| Translated { name: "Group.text", en, de };
        for (en, de, mistake) in [
            ("{n} of {all}", "{all}, davon {n}", None),
            ("Set the client secret", "Setzen Sie das Client secret", None),
            ("", "etwas", Some("Group.text is empty")),
            ("No owner", "Kein Besitzer", Some("Group.text says besitzer for Eigentümer")),
            ("Collect mail", "Mail abrufen", Some("Group.text says collect for fetch")),
            ("Erneut", "Erneut autorisieren, renommiert", None),
            ("{n} left", "{m} übrig", Some("Group.text takes other values in German")),
            (
                "Set the Client secret",
                "Setzen Sie das Geheimnis",
                Some("Group.text translates Client secret"),
            ),
            (
                "Set the client secret",
                "Setzen Sie das client secret",
                Some("Group.text translates Client secret"),
            ),
        ] {
            assert_eq!(mistakes(&[text(en, de)]), Vec::from_iter(mistake.map(str::to_owned)), "{en} / {de}");
        }
    }
}
