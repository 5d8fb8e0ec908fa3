//! Keeps our secrets out of what servers say.

use secrecy::{ExposeSecret, SecretString};

/// A shorter piece of a secret than this is not recognised; a shorter secret only as a whole.
const PIECE: usize = 12;
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
}
