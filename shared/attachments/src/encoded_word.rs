//! Text in header fields: encoded words (RFC 2047), also where they are forbidden, and raw 8-bit text.
//!
//! Our own, because `mail-parser` decodes each word by itself: senders cut Chinese and Japanese names in
//! the middle of a character and leave it to the reader to put the bytes together first.

use crate::base64::Base64;
use crate::charset;
use crate::defect::Defect;
use crate::quoted_printable::hex;

/// The longest name of a character set that is looked up.
const MAX_CHARSET: usize = 64;

/// The text of a header field or a parameter.
pub(crate) fn decode(raw: &[u8], defects: &mut Vec<Defect>) -> String {
    let mut text = String::new();
    let mut plain = 0;
    let mut at = 0;
    let mut run: Option<Run<'_>> = None;
    while let Some(found) = memchr::memmem::find(&raw[at..], b"=?") {
        let start = at + found;
        let Some((word, length)) = Word::parse(&raw[start..]) else {
            at = start + 2;
            continue;
        };
        let between = &raw[plain..start];
        let (end, adjacent) = (start + length, between.iter().all(u8::is_ascii_whitespace));
        match &mut run {
            Some(run) if adjacent && run.charset.eq_ignore_ascii_case(word.charset) => {
                word.append(&mut run.bytes);
            }
            _ => {
                let joined = run.is_some() && adjacent;
                finish(run.take(), &mut text, defects);
                if !joined {
                    text.push_str(&charset::undeclared(between, defects));
                }
                let mut bytes = Vec::new();
                word.append(&mut bytes);
                run = Some(Run { charset: word.charset, bytes });
            }
        }
        (plain, at) = (end, end);
    }
    finish(run, &mut text, defects);
    text.push_str(&charset::undeclared(&raw[plain..], defects));
    text
}

/// Adjacent words of one character set: their bytes are put together before they are read as text.
struct Run<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
}

fn finish(run: Option<Run<'_>>, text: &mut String, defects: &mut Vec<Defect>) {
    if let Some(run) = run {
        text.push_str(&charset::decode(run.charset, &run.bytes, defects));
    }
}

/// `=?charset?B?…?=` or `=?charset*language?Q?…?=` (RFC 2231 section 5).
struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    encoded: &'a [u8],
}

impl<'a> Word<'a> {
    /// The word at the beginning of a text, and its length.
    fn parse(text: &'a [u8]) -> Option<(Self, usize)> {
        let rest = text.strip_prefix(b"=?")?;
        let charset = rest.iter().take(MAX_CHARSET).position(|&b| b == b'?')?;
        let (charset, rest) = (&rest[..charset], &rest[charset + 1..]);
        let charset = charset.split(|&b| b == b'*').next().filter(|name| !name.is_empty())?;
        let base64 = match rest {
            [b'B' | b'b', b'?', ..] => true,
            [b'Q' | b'q', b'?', ..] => false,
            _ => return None,
        };
        let rest = &rest[2..];
        let end = memchr::memmem::find(rest, b"?=")?;
        let length = text.len() - rest.len() + end + 2;
        Some((Self { charset, base64, encoded: &rest[..end] }, length))
    }

    fn append(&self, bytes: &mut Vec<u8>) {
        if self.base64 {
            let mut decoder = Base64::default();
            decoder.decode(self.encoded, bytes);
            decoder.finish(bytes);
            return;
        }
        let mut rest = self.encoded;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let escaped = match (byte, after) {
                (b'=', [high, low, ..]) => hex(*high).zip(hex(*low)),
                _ => None,
            };
            match escaped {
                Some((high, low)) => {
                    bytes.push(high << 4 | low);
                    rest = &after[2..];
                }
                None => bytes.push(if byte == b'_' { b' ' } else { byte }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_read_wherever_they_stand() {
        for (raw, expected) in [
            (&b"plan.pdf"[..], "plan.pdf"),
            (b"=?utf-8?Q?Pl=C3=A4ne?=", "Pläne"),
            (b"=?UTF-8?b?UGzDpG5l?=", "Pläne"),
            (b"=?iso-8859-1?q?Pl=E4ne_2?= und mehr", "Pläne 2 und mehr"),
            (b"a =?utf-8?Q?b?= c", "a b c"),
            (b"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
            (b"=?utf-8?Q?a?=\t =?iso-8859-1?Q?=E4?=", "aä"),
            (b"=?utf-8?Q?a?=b", "ab"),
            // A character cut in two.
            (b"=?utf-8?Q?Pl=C3?= =?utf-8?Q?=A4ne?=", "Pläne"),
            (b"=?gb2312?B?zbzWvQ==?=", "图纸"),
            (b"=?gb2312?B?zbw=?= =?gb2312?B?1r0=?=", "图纸"),
            (b"=?iso-2022-jp?B?GyRCP15MTBsoQg==?=", "図面"),
            (b"=?utf-8*de?Q?Pl=C3=A4ne?=", "Pläne"),
            (b"=?utf-8?Q?two words?=", "two words"),
            (b"=?utf-8?B?UGzDpG5l", "=?utf-8?B?UGzDpG5l"),
            (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
            (b"=??Q?abc?=", "=??Q?abc?="),
            (b"=?utf-8?Q?=ZZ=4?=", "=ZZ=4"),
            (b"=?=?utf-8?Q?a?=", "=?a"),
            (b"Pl\xe4ne", "Pläne"),
            (b"Pl\xc3\xa4ne", "Pläne"),
            (b"=?", "=?"),
        ] {
            assert_eq!(decode(raw, &mut Vec::new()), expected, "{:?}", String::from_utf8_lossy(raw));
        }
    }
}
