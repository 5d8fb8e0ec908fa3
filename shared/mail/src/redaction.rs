//! Keeps our secrets out of what servers say.

use crate::{Credential, sasl};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};

/// A shorter piece of a secret than this is not recognised; a shorter secret only as a whole.
const PIECE: usize = 12;
/// A shorter secret in base64 is not looked for: too much else looks like it.
const LEAST_ENCODED: usize = 4;
/// The longest text of a server that is looked at, in characters.
const MAX_TEXT: usize = 1000;
/// What stands in a secret's place.
const MARK: &str = "[redacted]";

/// The secrets that were sent on a connection, in every form in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Adds one form.
    pub(crate) fn add(&mut self, secret: SecretString) {
        if !secret.expose_secret().is_empty() {
            self.0.push(secret);
        }
    }

    /// Adds a password or token in the forms in which one is sent. Where a transcript is kept, it also gets
    /// those in which a server may quote it.
    pub(crate) fn add_credential(&mut self, credential: &Credential, is_recorded: bool) {
        let secret = credential.expose();
        self.add(secret.to_owned().into());
        self.add(sasl::encode(secret));
        if is_recorded {
            self.add_encodings(secret);
        }
    }

    /// Adds the encodings in which a server, or what stands before it, may quote a secret.
    fn add_encodings(&mut self, secret: &str) {
        for shift in 0..3 {
            // Where a secret begins within a group of three bytes decides how it looks in base64; its
            // first and last letters there also depend on its neighbours.
            let bytes = [&b"\0\0"[..shift], secret.as_bytes()].concat();
            for encoded in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
                let end = encoded.len() - usize::from(bytes.len() % 3 != 0);
                let inner = encoded.get((shift * 8).div_ceil(6)..end).unwrap_or_default();
                if inner.len() >= LEAST_ENCODED {
                    self.add(inner.to_owned().into());
                }
            }
        }
        self.add(secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into());
        let percent = |byte: u8| match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        };
        self.add(secret.bytes().map(percent).collect::<String>().into());
    }

    /// A server's text without our secrets, cut to a bearable length.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.redact(&text.chars().take(MAX_TEXT).collect::<String>())
    }

    /// The text with every piece of a secret replaced: a server that quotes half of our line is
    /// caught too, and one that changes the case of its letters.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        for secret in &self.0 {
            let secret = secret.expose_secret().as_bytes();
            let length = secret.len().min(PIECE);
            for (at, piece) in text.as_bytes().windows(length).enumerate() {
                if secret.windows(length).any(|s| s.eq_ignore_ascii_case(piece)) {
                    hidden[at..at + length].fill(true);
                }
            }
        }
        let mut result = String::with_capacity(text.len());
        let mut before = false;
        for (at, character) in text.char_indices() {
            match (hidden[at], before) {
                (true, false) => result.push_str(MARK),
                (true, true) => {}
                (false, _) => result.push(character),
            }
            before = hidden[at];
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_secrets_and_long_pieces_disappear() {
        let mut secrets = Secrets::default();
        secrets.add("pw".to_owned().into());
        secrets.add("ya29.A-very-long-token-0123456789".to_owned().into());
        secrets.add(String::new().into());
        for (said, shown) in [
            ("LOGIN ann pw failed", "LOGIN ann [redacted] failed"),
            ("token ya29.A-very-long-token-0123456789?", "token [redacted]?"),
            ("cut: A-very-long-to", "cut: [redacted]"),
            ("CUT: A-VERY-LONG-TO", "CUT: [redacted]"),
            ("grüße: 0123456789", "grüße: 0123456789"),
            ("very-long is not enough", "very-long is not enough"),
        ] {
            assert_eq!(secrets.redact(said), shown);
        }
        assert!(!format!("{secrets:?}").contains("ya29"));
    }

    #[test]
    fn encodings_disappear_wherever_the_secret_begins() {
        let secret = "p4ss/w\u{f6}rd?>";
        let mut secrets = Secrets::default();
        secrets.add_encodings(secret);
        for before in ["", "a", "ab", "abc", "\0ann\0"] {
            for after in ["", "y", "yz"] {
                let text = [before, secret, after].concat();
                for encoded in [BASE64_STANDARD_NO_PAD.encode(&text), BASE64_URL_SAFE_NO_PAD.encode(&text)] {
                    let shown = secrets.redact(&encoded);
                    let left: usize = shown.split(MARK).map(str::len).sum();
                    assert!(
                        shown.contains(MARK) && left <= 4 + (before.len() + after.len()) * 4 / 3,
                        "{shown}"
                    );
                }
            }
        }
        for encoded in ["703473732f77c3b672643f3e", "703473732F77C3B672643F3E", "p4ss%2Fw%C3%B6rd%3F%3E"] {
            assert_eq!(secrets.redact(encoded), MARK);
        }
    }
}
