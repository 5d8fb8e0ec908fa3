//! What a transcript may show of what a server says, whatever its protocol.

use crate::{redaction::Secrets, sasl};
use std::borrow::Cow;

/// The longest text that is shown, in characters.
pub(crate) const MAX_TEXT: usize = 1000;
/// A longer word in a server's texts is shown by its length: it may be a personal link, or a token.
const MAX_WORD: usize = 64;
/// What is looked at beyond the longest text, so that no secret is cut before it is found.
const SLACK: usize = 256;

/// What decides what may be shown of a response.
pub(crate) struct View<'a> {
    /// What must not be shown.
    pub(crate) secrets: &'a Secrets,
    /// Somebody has tried to sign in.
    pub(crate) identified: bool,
}

impl View<'_> {
    /// What a server asks for in a sign-in, or says of a refusal.
    pub(crate) fn challenge(&self, challenge: &str) -> String {
        let challenge = challenge.trim();
        match sasl::fields(challenge) {
            _ if challenge.is_empty() => "+".to_owned(),
            Some(fields) => format!("+ ({})", self.text(fields.as_bytes())),
            None => format!("+ {}", length(challenge.len())),
        }
    }

    /// A text of the server's, without our secrets and without words that could be secrets of its own.
    pub(crate) fn text(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text);
        let words = text.split(' ').map(|word| match word.len() {
            long if long > MAX_WORD && !is_list(word) => Cow::Owned(length(long)),
            _ => Cow::Borrowed(word),
        });
        let text = words.collect::<Vec<_>>().join(" ");
        let text: String = text.chars().take(MAX_TEXT + SLACK).collect();
        cut(self.secrets.redact(&text))
    }
}

/// That so many bytes are not shown.
pub(crate) fn length(bytes: usize) -> String {
    format!("{{{bytes} bytes}}")
}

/// Whether it is a set of numbers, such as `1:4,7`.
fn is_list(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b',' | b']'))
}

/// A text of a bearable length.
pub(crate) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}
