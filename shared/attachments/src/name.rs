//! Names that are safe to store and to open anywhere, whatever a sender wrote.
//!
//! Guarantees: a name is one path component of 1 to 200 bytes of UTF-8 in Unicode NFC, without control,
//! invisible or bidirectional characters, without what Windows reserves, not hidden, and unlike any other
//! of its message in more than case. Leaves out: whether what is in the file is what its name says.

use std::collections::HashMap;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

use crate::charset;
use crate::media;

/// The most bytes of UTF-8 in a name: every file system takes 255, and a key of S3 1,024 with its path.
const MAX_NAME: usize = 200;

/// The longest ending that counts as an extension, in bytes, its dot not counted.
const MAX_EXTENSION: usize = 20;

/// What Windows takes for a device, with any extension
/// (<https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file>).
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The names of one message.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Names in lower case, with the number to try next where one comes again.
    taken: HashMap<String, u32>,
}

impl Names {
    /// A safe name for a part, unlike those before it.
    pub(crate) fn choose(&mut self, declared: Option<&str>, path: &str, content_type: &str) -> String {
        let safe = declared.and_then(safe_name).unwrap_or_else(|| {
            let place = if path.is_empty() { "1" } else { path };
            let name = format!("part-{place}.{}", media::extension(content_type));
            safe_name(&name).unwrap_or(name)
        });
        let name = match media::is_message(content_type) && !has_ending(&safe, ".eml") {
            true => with_room_for(&safe, ".eml"),
            false => safe,
        };
        self.unlike(name)
    }

    fn unlike(&mut self, name: String) -> String {
        let key = name.to_lowercase();
        let Some(next) = self.taken.get(&key).copied() else {
            self.taken.insert(key, 2);
            return name;
        };
        let (stem, extension) = split_extension(&name);
        let mut number = next;
        loop {
            let candidate = with_room_for(stem, &format!(" ({number}){extension}"));
            number += 1;
            let candidate_key = candidate.to_lowercase();
            if !self.taken.contains_key(&candidate_key) {
                self.taken.insert(key, number);
                self.taken.insert(candidate_key, 2);
                return candidate;
            }
        }
    }
}

/// A declared name made safe; `None` where nothing of it is left.
fn safe_name(declared: &str) -> Option<String> {
    let clean = clean(declared);
    let component = clean.split(['/', '\\']).map(trimmed).rfind(|component| !component.is_empty())?;
    let normal = ComposingNormalizerBorrowed::new_nfc().normalize(component).into_owned();
    // Composing may leave nothing at the ends that was not there before, except where the text began
    // with something that was dropped: trim again.
    let mut name = trimmed(&normal).to_owned();
    if is_device(&name) {
        name.insert(0, '_');
    }
    let (stem, extension) = split_extension(&name);
    let short = with_room_for(stem, extension);
    (!short.is_empty()).then_some(short)
}

/// Blanks of all kinds become one space, what cannot be seen is dropped, what Windows reserves becomes
/// `_`. Path separators are still there.
fn clean(declared: &str) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let categories = CodePointMapData::<GeneralCategory>::new();
    let mut clean = String::with_capacity(declared.len());
    for character in declared.chars() {
        let kept = match categories.get(character) {
            GeneralCategory::SpaceSeparator => Some(' '),
            GeneralCategory::Control if matches!(character, '\t' | '\n' | '\r') => Some(' '),
            GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse => None,
            _ if ignorable.contains(character) => None,
            _ => match character {
                '<' | '>' | ':' | '"' | '|' | '?' | '*' => Some('_'),
                '\u{fffe}' | '\u{ffff}' => None,
                _ => Some(character),
            },
        };
        match kept {
            Some(' ') if clean.is_empty() || clean.ends_with(' ') => {}
            Some(character) => clean.push(character),
            None => {}
        }
    }
    clean
}

/// Without dots and spaces at the front (hidden files) and at the end (Windows drops them).
fn trimmed(name: &str) -> &str {
    name.trim_matches([' ', '.'])
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = || {
        let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"))?;
        Some(matches!(port, "¹" | "²" | "³") || port.len() == 1 && port.as_bytes()[0].is_ascii_digit())
    };
    DEVICES.contains(&stem.as_str()) || numbered().unwrap_or(false)
}

fn has_ending(name: &str, ending: &str) -> bool {
    let at = name.len().checked_sub(ending.len());
    at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// A name's stem, and its extension with the dot, or nothing.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot - 1 <= MAX_EXTENSION => name.split_at(dot),
        _ => (name, ""),
    }
}

/// The stem, cut where necessary, and the ending.
fn with_room_for(stem: &str, ending: &str) -> String {
    let mut name = stem.to_owned();
    if charset::cut(&mut name, MAX_NAME.saturating_sub(ending.len())) {
        name.truncate(name.trim_end_matches([' ', '.']).len());
    }
    name.push_str(ending);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_name_becomes_a_safe_one() {
        for (declared, expected) in [
            ("plan.pdf", "plan.pdf"),
            ("  site   plan\t.pdf ", "site plan .pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\Windows\\system.ini", "system.ini"),
            ("C:\\plans\\a.pdf", "a.pdf"),
            ("C:a.pdf", "C_a.pdf"),
            ("/", "part-1.2.pdf"),
            ("..", "part-1.2.pdf"),
            ("", "part-1.2.pdf"),
            (" . ", "part-1.2.pdf"),
            ("\u{202e}\u{200b}", "part-1.2.pdf"),
            ("plans/", "plans"),
            ("a/../", "a"),
            (".htaccess", "htaccess"),
            ("...hidden.txt", "hidden.txt"),
            ("trailing. . ", "trailing"),
            ("a.txt:stream", "a.txt_stream"),
            ("what?<is>|this*\".txt", "what__is__this__.txt"),
            ("a\0b\r\nc.txt", "ab c.txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("soft\u{ad}hyphen\u{feff}.txt", "softhyphen.txt"),
            ("hangul\u{3164}filler.txt", "hangulfiller.txt"),
            ("thin\u{202f}space\u{3000}.png", "thin space .png"),
            // NFD becomes NFC.
            ("Pla\u{308}ne.pdf", "Pläne.pdf"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Aux .pdf", "_Aux .pdf"),
            ("COM1.pdf", "_COM1.pdf"),
            ("lpt².x", "_lpt².x"),
            ("COM10.pdf", "COM10.pdf"),
            ("console.pdf", "console.pdf"),
            ("nul/nul", "_nul"),
            ("图纸.pdf", "图纸.pdf"),
        ] {
            let name = Names::default().choose(Some(declared), "1.2", "application/pdf");
            assert_eq!(name, expected, "{declared:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = |declared: &str| Names::default().choose(Some(declared), "1", "application/pdf");
        let long = name(&format!("{}.pdf", "ä".repeat(300)));
        assert_eq!(long, format!("{}.pdf", "ä".repeat(98)));
        let ending = name(&format!("a.{}", "b".repeat(300)));
        assert_eq!(ending.len(), 200);
        assert_eq!(
            name(&format!("{} . {}.pdf", "a".repeat(195), "b".repeat(9))),
            format!("{}.pdf", "a".repeat(195))
        );
    }

    #[test]
    fn names_of_one_message_differ_in_more_than_case() {
        let mut names = Names::default();
        let mut choose = |declared: &str| names.choose(Some(declared), "1", "application/pdf");
        for (declared, expected) in [
            ("a.pdf", "a.pdf"),
            ("a.pdf", "a (2).pdf"),
            ("A.PDF", "A (3).PDF"),
            ("a (4).pdf", "a (4).pdf"),
            ("a.pdf", "a (5).pdf"),
            ("a (2).pdf", "a (2) (2).pdf"),
            ("a", "a"),
            ("a", "a (2)"),
        ] {
            assert_eq!(choose(declared), expected);
        }
        let long = "b".repeat(200);
        assert_eq!(choose(&long), long);
        assert_eq!(choose(&long), format!("{} (2)", "b".repeat(196)));
    }

    #[test]
    fn a_name_comes_from_place_and_type_where_there_is_none() {
        let choose = |declared, content_type| Names::default().choose(declared, "2.1", content_type);
        assert_eq!(choose(None, "application/pdf"), "part-2.1.pdf");
        assert_eq!(choose(None, "application/x-unheard-of"), "part-2.1.bin");
        assert_eq!(choose(None, "message/rfc822"), "part-2.1.eml");
        assert_eq!(choose(Some("Re: offer"), "message/rfc822"), "Re_ offer.eml");
        assert_eq!(choose(Some("offer.EML"), "message/rfc822"), "offer.EML");
    }

    #[test]
    fn whatever_comes_the_name_is_safe() {
        let mut random = fastrand::Rng::with_seed(5);
        let odd =
            ['.', ' ', '/', '\\', ':', '\0', '\u{202e}', '\u{308}', 'a', 'ä', 'C', 'O', 'N', '\u{1161}'];
        for _ in 0..5_000 {
            let length = random.usize(0..300);
            let pick = |_| match random.bool() {
                true => odd[random.usize(0..odd.len())],
                false => random.char(..),
            };
            let declared: String = (0..length).map(pick).collect();
            let name = Names::default().choose(Some(&declared), "1", "text/plain");
            assert!((1..=MAX_NAME).contains(&name.len()), "{declared:?}");
            assert!(!name.contains(['/', '\\', '\0', ':']), "{declared:?}");
            assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "{declared:?}: {name:?}");
            assert!(ComposingNormalizerBorrowed::new_nfc().is_normalized(&name), "{declared:?}");
            assert_eq!(safe_name(&name).as_deref(), Some(&name[..]), "not stable: {declared:?}");
        }
    }
}
