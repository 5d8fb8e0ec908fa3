//! APOP (RFC 1939 section 7): a digest in the password's place.
//!
//! It is used only where somebody asks for it: the digest is MD5, and whoever can choose many timestamps
//! learns the password from the answers (CVE-2007-1558). Such timestamps need bytes that no message id
//! may have, so that only one which is a message id of RFC 5322 section 3.6.4 is answered. For the same
//! reason a timestamp from before STLS is not used.

use md5::{Digest, Md5};

/// The longest timestamp that is answered, in bytes.
const MAX_TIMESTAMP: usize = 255;

/// The timestamp in a greeting, with its angle brackets, if it is one to be answered.
pub(super) fn timestamp(greeting: &str) -> Option<&str> {
    let begin = greeting.find('<')?;
    let end = begin + greeting[begin..].find('>')?;
    let timestamp = &greeting[begin..=end];
    let (left, right) = greeting[begin + 1..end].split_once('@')?;
    (timestamp.len() <= MAX_TIMESTAMP && is_dot_atom(left) && is_domain(right)).then_some(timestamp)
}

/// What is sent after the user name.
pub(super) fn digest(timestamp: &str, password: &str) -> String {
    let digest: [u8; 16] = Md5::new().chain_update(timestamp).chain_update(password).finalize().into();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `dot-atom-text` of RFC 5322 section 3.2.3.
fn is_dot_atom(text: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// `id-right`: a `dot-atom-text`, or a `no-fold-literal` in brackets.
fn is_domain(text: &str) -> bool {
    let literal = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let is_dtext = |b: u8| b.is_ascii_graphic() && !b"[]\\<>".contains(&b);
    literal.map_or_else(|| is_dot_atom(text), |literal| literal.bytes().all(is_dtext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_standards() {
        // RFC 1939 section 7
        let greeting = "POP3 server ready <1896.697170952@dbc.mtview.ca.us>";
        let timestamp = timestamp(greeting).expect("there is one");
        assert_eq!(timestamp, "<1896.697170952@dbc.mtview.ca.us>");
        assert_eq!(digest(timestamp, "tanstaaf"), "c4c9334bac560ecc979e58001b3e22fb");
    }

    #[test]
    fn only_message_ids_are_answered() {
        for good in ["<a@b>", "<2a.1.67.b+64/==@mail.example>", "<1@[192.0.2.1]>"] {
            assert_eq!(timestamp(&format!("x {good} y")), Some(good));
        }
        let long = format!("<{}@b>", "a".repeat(300));
        for bad in [
            "ready",
            "<a>",
            "<@b>",
            "<a@>",
            "<a@b",
            "a@b>",
            "<a b@c>",
            "<a..b@c>",
            "<a.@c>",
            "<a@b@c>",
            "<\u{e9}@b>",
            "<a\u{1}@b>",
            "<a@[b]c]>",
            "<a@[b\\]>",
            "<<a@b>",
            "<a@b\u{fffd}>",
            &long,
        ] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }
}
