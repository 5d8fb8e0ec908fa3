//! What a transcript may show of an IMAP server's responses.
//!
//! Only what is known to carry nothing of a message is shown: status responses in the server's words,
//! capabilities, folders, numbers. Of a FETCH response that is its attributes' names and numbers;
//! quoted strings and literals are shown as `{12345 bytes}`. So is whatever is no IMAP once somebody
//! has signed in: it may be a message that is longer than announced.

use super::parser::Parser;
use crate::shown::{View, cut, length};

impl View<'_> {
    /// A response without its line end, literals in it after their `{n}` and CRLF.
    pub(super) fn response(&self, response: &[u8]) -> String {
        if let Some(challenge) = response.strip_prefix(b"+") {
            return self.challenge(&String::from_utf8_lossy(challenge));
        }
        let mut parser = Parser::new(response);
        if parser.skip(b"* ") {
            return format!("* {}", self.untagged(parser));
        }
        let tag = parser.atom();
        let is_ours = tag.strip_prefix(b"P").is_some_and(is_number);
        if is_ours && parser.skip(b" ") && is_status(&parser) {
            return self.text(response);
        }
        if self.identified { length(response.len()) } else { self.text(response) }
    }

    /// What follows the `* `.
    fn untagged(&self, mut parser: Parser<'_>) -> String {
        if is_status(&parser) {
            return self.text(parser.rest());
        }
        let response = parser.rest();
        let mut words = response.splitn(3, |b| *b == b' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match (first, second.to_ascii_uppercase().as_slice()) {
            (_, b"FETCH") if is_number(first) => fetch(response),
            (_, b"EXISTS" | b"RECENT" | b"EXPUNGE") if is_number(first) => self.text(response),
            _ => match first.to_ascii_uppercase().as_slice() {
                b"CAPABILITY" | b"ENABLED" | b"FLAGS" | b"SEARCH" | b"ESEARCH" | b"VANISHED" => {
                    self.text(response)
                }
                b"LIST" | b"LSUB" => {
                    cut(self.secrets.redact(&tokens(response, |token| token.is_no_literal())))
                }
                _ if !self.identified => self.text(response),
                _ => length(response.len()),
            },
        }
    }
}

/// The attributes of a FETCH response, or of a piece of one, without the texts in it.
pub(super) fn fetch(response: &[u8]) -> String {
    cut(tokens(response, |token| token.is_attribute()))
}

/// What the words of a FETCH response may be, besides numbers and system flags.
#[rustfmt::skip]
const ATTRIBUTES: [&str; 11] = [
    "FETCH", "UID", "RFC822.SIZE", "FLAGS", "MODSEQ", "INTERNALDATE", "EMAILID", "X-GM-MSGID", "NIL",
    "BODY[]", "BODY[HEADER]",
];

/// A piece of a response.
#[derive(Clone, Copy)]
enum Token<'a> {
    /// Between quotation marks, which are part of it.
    Quoted(&'a [u8]),
    /// The bytes that a literal announces.
    Literal(&'a [u8]),
    /// Anything else up to a space or parenthesis.
    Word(&'a [u8]),
}

impl Token<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Quoted(bytes) | Self::Literal(bytes) | Self::Word(bytes) => bytes,
        }
    }

    /// The length of what it stands for.
    fn text_length(&self) -> usize {
        match self {
            Self::Quoted(bytes) => bytes.len().saturating_sub(2),
            Self::Literal(bytes) | Self::Word(bytes) => bytes.len(),
        }
    }

    /// Whether it may be shown where nothing but a long text is kept back.
    fn is_no_literal(&self) -> bool {
        !matches!(self, Self::Literal(_))
    }

    /// Whether it is the name of a FETCH attribute, a system flag, or a number.
    fn is_attribute(&self) -> bool {
        let Self::Word(word) = self else { return false };
        match word {
            [b'\\', flag @ ..] => flag.len() <= 20 && flag.iter().all(u8::is_ascii_alphabetic),
            _ => is_number(word) || ATTRIBUTES.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(word)),
        }
    }
}

/// A response in which those tokens that may not be shown are replaced by their lengths.
fn tokens(response: &[u8], may_be_shown: fn(&Token<'_>) -> bool) -> String {
    let mut shown = String::new();
    let mut rest = response;
    while let Some(first) = rest.first() {
        if matches!(first, b' ' | b'(' | b')') {
            shown.push(char::from(*first));
            rest = &rest[1..];
            continue;
        }
        let (token, after) = token(rest);
        match may_be_shown(&token) {
            true => shown.push_str(&String::from_utf8_lossy(token.bytes())),
            false => shown.push_str(&length(token.text_length())),
        }
        rest = after;
    }
    shown
}

/// The first token, which is not empty, and what follows it.
fn token(rest: &[u8]) -> (Token<'_>, &[u8]) {
    if rest.starts_with(b"\"") {
        let mut escaped = false;
        let end = rest.iter().skip(1).position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        let (quoted, after) = rest.split_at(end.map_or(rest.len(), |end| end + 2));
        return (Token::Quoted(quoted), after);
    }
    if let Some((literal, after)) = literal(rest) {
        return (Token::Literal(literal), after);
    }
    let end = rest.iter().position(|b| matches!(b, b' ' | b'(' | b')' | b'"'));
    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
    (Token::Word(word), after)
}

/// A literal that is in the response as a whole.
fn literal(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parser = Parser::new(rest.strip_prefix(b"{")?);
    let length = usize::try_from(parser.number().ok()?).ok()?;
    parser.expect(b"}\r\n").ok()?;
    parser.rest().split_at_checked(length)
}

fn is_status(parser: &Parser<'_>) -> bool {
    ["OK", "NO", "BAD", "BYE", "PREAUTH"].iter().any(|kind| parser.clone().skip_word(kind.as_bytes()))
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.len() <= 20 && word.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{redaction::Secrets, shown::MAX_TEXT};

    fn shown(response: &str, identified: bool) -> String {
        let mut secrets = Secrets::default();
        secrets.add("s3cret-password".to_owned().into());
        View { secrets: &secrets, identified }.response(response.as_bytes())
    }

    #[test]
    fn responses_are_shown_without_what_they_carry() {
        let long = "x".repeat(2000);
        for (response, expected) in [
            ("* OK [UIDVALIDITY 7] UIDs valid", "* OK [UIDVALIDITY 7] UIDs valid"),
            ("P7 NO [ALERT] s3cret-password is wrong", "P7 NO [ALERT] [redacted] is wrong"),
            ("* OK [COPYUID 7 1:4,6,8:9 10:15] done", "* OK [COPYUID 7 1:4,6,8:9 10:15] done"),
            (
                "P2 NO [WEBALERT https://accounts.example/continue?plt=AKgnsbvAKgnsbvAKgnsbvAKgnsbvAKgnsbvAK] in",
                "P2 NO [WEBALERT {76 bytes} in",
            ),
            ("* 12 EXISTS", "* 12 EXISTS"),
            ("* SEARCH 1 2 5", "* SEARCH 1 2 5"),
            ("* ESEARCH (TAG \"P3\") UID ALL 2,10:11", "* ESEARCH (TAG \"P3\") UID ALL 2,10:11"),
            ("* LIST (\\Sent) \"/\" \"Sent Items\"", "* LIST (\\Sent) \"/\" \"Sent Items\""),
            ("* LIST () \"/\" {4}\r\na\r\nb", "* LIST () \"/\" {4 bytes}"),
            ("* 3 FETCH (UID 7 RFC822.SIZE 99)", "* 3 FETCH (UID 7 RFC822.SIZE 99)"),
            (
                "* 3 FETCH (FLAGS (\\Seen $Label Klient) UID 7 BODY[] \"Subject: \\\"x\")",
                "* 3 FETCH (FLAGS (\\Seen {6 bytes} {6 bytes}) UID 7 BODY[] {12 bytes})",
            ),
            (
                "* 3 FETCH (ENVELOPE (\"Mon\" \"Secret plan\" ((NIL NIL \"ann\" \"x.example\")) NIL) UID 7)",
                "* 3 FETCH ({8 bytes} ({3 bytes} {11 bytes} ((NIL NIL {3 bytes} {9 bytes})) NIL) UID 7)",
            ),
            ("* 3 FETCH (BODY[HEADER] {9}\r\nSubject:x UID 7)", "* 3 FETCH (BODY[HEADER] {9 bytes} UID 7)"),
            ("* 3 FETCH (X \"open Subject: plan)", "* 3 FETCH ({1 bytes} {18 bytes}"),
            ("* 3 FETCH (BODY[] {99}\r\nSubject)", "* 3 FETCH (BODY[] {13 bytes})"),
            ("* ID (\"name\" \"Dovecot\")", "* {21 bytes}"),
            ("* Subject: plan", "* {13 bytes}"),
            ("Subject: plan", "{13 bytes}"),
            ("", "{0 bytes}"),
            ("P7 plan", "{7 bytes}"),
            ("+", "+"),
            ("+ VXNlcm5hbWU6", "+ {12 bytes}"),
            // {"status":"401","schemes":"bearer"}
            ("+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=", "+ (status 401, schemes bearer)"),
            // {"status":"s3cret-password"}
            ("+ eyJzdGF0dXMiOiJzM2NyZXQtcGFzc3dvcmQifQ==", "+ (status [redacted])"),
            (&format!("* OK {long}"), "* OK {2000 bytes}"),
        ] {
            assert_eq!(shown(response, true), expected, "{response}");
        }
        assert_eq!(shown("HTTP/1.1 400 Bad Request", false), "HTTP/1.1 400 Bad Request");
        assert_eq!(shown("220 mail.example ESMTP", false), "220 mail.example ESMTP");
        let many = "1 ".repeat(3000);
        assert_eq!(shown(&format!("* SEARCH {many}"), true).chars().count(), MAX_TEXT + 3);
    }
}
