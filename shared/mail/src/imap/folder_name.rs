//! Folder names on the wire: modified UTF-7 (RFC 3501 section 5.1.3) and quoting.

use base64::{
    Engine,
    alphabet::IMAP_MUTF7,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The wire form of a name that a person wrote. A name that is in its wire form already stays so.
pub(super) fn encode(name: &str) -> String {
    if name.is_ascii() && decode(name).is_some() {
        return name.to_owned();
    }
    let mut wire = String::with_capacity(name.len());
    let mut shifted = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            unshift(&mut wire, &mut shifted);
            wire.push(character);
            if character == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut wire, &mut shifted);
    wire
}

fn unshift(wire: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        wire.push('&');
        BASE64.encode_string(&shifted, wire);
        wire.push('-');
        shifted.clear();
    }
}

/// The name that a wire form stands for; none, where it is not modified UTF-7.
pub(super) fn decode(wire: &str) -> Option<String> {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (encoded, after) = shifted.split_once('-')?;
        rest = after;
        if encoded.is_empty() {
            name.push('&');
            continue;
        }
        let bytes = BASE64.decode(encoded).ok().filter(|b| b.len() % 2 == 0)?;
        let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        name.push_str(&char::decode_utf16(units).collect::<Result<String, _>>().ok()?);
    }
    name.push_str(rest);
    Some(name)
}

/// A quoted string (RFC 3501 section 9); none, where the text cannot be one.
pub(super) fn quote(text: &str) -> Option<String> {
    let sendable = text.len() <= 1500 && !text.chars().any(char::is_control);
    sendable.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("R&D", "R&-D"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("üü&", "&APwA,A-&-"),
            ("post 📬", "post &2D3c7A-"),
            ("", ""),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire).as_deref(), Some(name));
            assert_eq!(encode(wire), wire, "stays");
        }
        for broken in ["&", "a&b", "&AA-", "&2D0-", "&!!-"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn quoting_lets_no_command_through() {
        assert_eq!(quote(r#"a "b" \c"#).as_deref(), Some(r#""a \"b\" \\c""#));
        for bad in ["a\r\nP9 LOGOUT", "a\0", &"x".repeat(2000)] {
            assert_eq!(quote(bad), None);
        }
    }
}
