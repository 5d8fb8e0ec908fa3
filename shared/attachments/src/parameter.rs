//! Structured MIME fields: a value and its parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231).
//!
//! Our own, because `mail-parser` decodes the pieces of an RFC 2231 parameter one by one and knows the
//! character set of the first alone; names in GB2312 come out wrong. Bytes are put together here first.

use serde::Serialize;
use std::collections::HashMap;

use crate::charset;
use crate::defect::Defect;
use crate::encoded_word;
use crate::quoted_printable::hex;

/// A parameter of `Content-Type`, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// In lower case.
    pub name: String,
    /// As text, quotes and encodings undone.
    pub value: String,
}

/// A field such as `Content-Type`: what stands before the first `;`, in lower case, and what follows.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Structured {
    pub(crate) value: String,
    pub(crate) parameters: Vec<Parameter>,
    /// The parameter `boundary` byte by byte: it is compared, never shown.
    pub(crate) boundary: Option<Vec<u8>>,
}

impl Structured {
    /// Reads an unfolded field. Nothing is an error; what cannot be read is left out.
    pub(crate) fn parse(raw: &[u8], defects: &mut Vec<Defect>) -> Self {
        let mut pieces = split(raw).into_iter();
        let value = without_comments(pieces.next().unwrap_or_default());
        let value = String::from_utf8_lossy(value.trim_ascii()).to_ascii_lowercase();
        let mut parameters = Vec::new();
        let mut boundary = None;
        let mut segmented: Vec<(String, Vec<Segment>)> = Vec::new();
        // Senders may write thousands of names: each is looked up, never searched for.
        let mut places: HashMap<String, usize> = HashMap::new();
        for piece in pieces {
            let Some(equals) = memchr::memchr(b'=', piece) else { continue };
            let name = String::from_utf8_lossy(piece[..equals].trim_ascii()).to_ascii_lowercase();
            let raw = unquote(piece[equals + 1..].trim_ascii());
            if name == "boundary" && boundary.is_none() {
                boundary = Some(raw.clone());
            }
            match Segment::parse(&name, raw) {
                Err(raw) => parameters.push(Parameter { name, value: encoded_word::decode(&raw, defects) }),
                Ok((name, segment)) => {
                    let place = *places.entry(name.to_owned()).or_insert(segmented.len());
                    if place == segmented.len() {
                        segmented.push((name.to_owned(), Vec::new()));
                    }
                    segmented[place].1.push(segment);
                }
            }
        }
        // What is written as RFC 2231 asks stands for the same parameter in a simpler form.
        parameters.retain(|parameter: &Parameter| !places.contains_key(&parameter.name));
        for (name, segments) in segmented {
            let value = join(segments, defects);
            if name == "boundary" {
                boundary = Some(value.clone().into_bytes());
            }
            parameters.push(Parameter { name, value });
        }
        Self { value, parameters, boundary }
    }

    /// A parameter's value; the first counts where there are several.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|parameter| parameter.name == name)?;
        Some(&found.value)
    }
}

/// One piece of a parameter: `name*`, `name*0`, `name*0*` (RFC 2231 sections 3 and 4).
struct Segment {
    index: u32,
    encoded: bool,
    raw: Vec<u8>,
}

impl Segment {
    /// The piece, and the name of the parameter that it belongs to.
    fn parse(name: &str, raw: Vec<u8>) -> Result<(&str, Self), Vec<u8>> {
        let Some((base, rest)) = name.split_once('*').filter(|(base, _)| !base.is_empty()) else {
            return Err(raw);
        };
        let (digits, encoded) = match rest.strip_suffix('*') {
            Some(digits) => (digits, true),
            None => (rest, rest.is_empty()),
        };
        let index = if digits.is_empty() { Ok(0) } else { digits.parse() };
        match index {
            Ok(index) => Ok((base, Self { index, encoded, raw })),
            Err(_) => Err(raw),
        }
    }
}

fn join(mut segments: Vec<Segment>, defects: &mut Vec<Defect>) -> String {
    segments.sort_by_key(|segment| segment.index);
    segments.dedup_by_key(|segment| segment.index);
    let first = segments.first().map_or(0, |segment| segment.index);
    if segments.iter().zip(first..).any(|(segment, expected)| segment.index != expected) || first > 1 {
        defects.push(Defect::ParameterGap);
    }
    if segments.iter().all(|segment| !segment.encoded) {
        let raw: Vec<u8> = segments.into_iter().flat_map(|segment| segment.raw).collect();
        return encoded_word::decode(&raw, defects);
    }
    let mut charset = Vec::new();
    let mut bytes = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        let mut raw = &segment.raw[..];
        if number == 0 && segment.encoded {
            let mut fields = raw.splitn(3, |&b| b == b'\'');
            if let (Some(name), Some(_language), Some(text)) = (fields.next(), fields.next(), fields.next()) {
                charset = name.to_ascii_lowercase();
                raw = text;
            }
        }
        if segment.encoded {
            percent_decode(raw, &mut bytes);
        } else {
            bytes.extend_from_slice(raw);
        }
    }
    charset::decode(&charset, &bytes, defects)
}

fn percent_decode(raw: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
}

/// The pieces between semicolons that are not in quotes.
fn split(raw: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (i, &byte) in raw.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                pieces.push(&raw[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    pieces.push(&raw[start..]);
    pieces
}

/// A parameter's value without its quotes. A backslash escapes a quote and itself only: many senders
/// write a path such as `C:\plans\a.pdf` as it is.
fn unquote(raw: &[u8]) -> Vec<u8> {
    let Some(inner) = raw.strip_prefix(b"\"") else { return raw.to_vec() };
    let closed = match inner.strip_suffix(b"\"") {
        Some(closed) => closed,
        None => inner.split(|&b| b == b'"').next().unwrap_or_default(),
    };
    let mut value = Vec::with_capacity(closed.len());
    let mut rest = closed;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'\\', [escaped @ (b'"' | b'\\'), after @ ..]) => (*escaped, after),
            _ => (byte, after),
        };
        value.push(byte);
        rest = after;
    }
    value
}

/// The value before the parameters, without comments (RFC 5322 section 3.2.2).
fn without_comments(raw: &[u8]) -> Vec<u8> {
    let mut depth = 0_usize;
    let kept = raw.iter().copied().filter(|&byte| {
        match byte {
            b'(' => depth += 1,
            b')' => {
                let comment = depth > 0;
                depth = depth.saturating_sub(1);
                return !comment;
            }
            _ => {}
        }
        depth == 0
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &[u8]) -> (Structured, Vec<Defect>) {
        let mut defects = Vec::new();
        (Structured::parse(raw, &mut defects), defects)
    }

    #[test]
    fn thousands_of_names_are_each_looked_up_once() {
        let mut raw = b"text/plain".to_vec();
        for number in 0..100_000 {
            raw.extend_from_slice(format!("; n{number}*0=a; n{number}=b; n{number}*1=c").as_bytes());
        }
        // What searches for each name again takes some minutes for this.
        let (field, _) = parse(&raw);
        assert_eq!(field.parameters.len(), 100_000);
        assert_eq!(field.parameter("n99999"), Some("ac"));
    }

    #[test]
    fn a_name_is_read_in_every_notation() {
        for (raw, name) in [
            (&b"attachment; filename=plan.pdf"[..], "plan.pdf"),
            (b"attachment; filename=site plan (1).pdf", "site plan (1).pdf"),
            (b"attachment; FileName = \"site plan.pdf\" ; size=3", "site plan.pdf"),
            (b"attachment; filename=\"a;b.pdf\"", "a;b.pdf"),
            (b"attachment; filename=\"a\\\"b.pdf\"", "a\"b.pdf"),
            (b"attachment; filename=\"C:\\plans\\a.pdf\"", "C:\\plans\\a.pdf"),
            (b"attachment; filename=\"open.pdf", "open.pdf"),
            (b"attachment; filename=\"a.pdf\" trailing", "a.pdf"),
            (b"attachment;filename=;x", ""),
            (b"attachment; filename=\"\"", ""),
            // RFC 2231
            (b"attachment; filename*=utf-8''Pl%C3%A4ne.pdf", "Pläne.pdf"),
            (b"attachment; filename*=UTF-8'de'Pl%c3%a4ne.pdf", "Pläne.pdf"),
            (b"attachment; filename*=\"utf-8''Pl%C3%A4ne.pdf\"", "Pläne.pdf"),
            (b"attachment; filename*=iso-8859-1''Pl%E4ne.pdf", "Pläne.pdf"),
            (b"attachment; filename=\"Plane.pdf\"; filename*=utf-8''Pl%C3%A4ne.pdf", "Pläne.pdf"),
            (b"attachment; filename*=utf-8''Pl%C3%A4ne.pdf; filename=\"Plane.pdf\"", "Pläne.pdf"),
            (b"attachment; filename*0=\"site \"; filename*1=\"plan.pdf\"", "site plan.pdf"),
            (b"attachment; filename*1=\"plan.pdf\"; filename*0=\"site \"", "site plan.pdf"),
            (b"attachment; filename*0*=utf-8''Pl%C3; filename*1*=%A4ne; filename*2=.pdf", "Pläne.pdf"),
            (b"attachment; filename*0*=gb2312''%CD%BC; filename*1*=%D6%BD.pdf", "图纸.pdf"),
            (b"attachment; filename*0*=gb2312''%CD; filename*1*=%BC%D6%BD.pdf", "图纸.pdf"),
            (b"attachment; filename*1=a; filename*2=b", "ab"),
            (b"attachment; filename*0=a; filename*0=x; filename*1=b", "ab"),
            (b"attachment; filename*=Pl%C3%A4ne.pdf", "Pläne.pdf"),
            (b"attachment; filename*=utf-8''100%.pdf", "100%.pdf"),
            (b"attachment; filename*=nonsense''a%20b", "a b"),
            // RFC 2047, where it is forbidden
            (b"attachment; filename=\"=?utf-8?Q?Pl=C3=A4ne.pdf?=\"", "Pläne.pdf"),
            (b"attachment; filename==?utf-8?Q?Pl=C3=A4ne.pdf?=", "Pläne.pdf"),
            (b"attachment; filename*0=\"=?utf-8?Q?Pl=C3\"; filename*1=\"=A4ne.pdf?=\"", "Pläne.pdf"),
            // Raw bytes
            (b"attachment; filename=\"Pl\xc3\xa4ne.pdf\"", "Pläne.pdf"),
            (b"attachment; filename=\"Pl\xe4ne.pdf\"", "Pläne.pdf"),
        ] {
            let (field, _) = parse(raw);
            let shown = String::from_utf8_lossy(raw);
            assert_eq!(field.parameter("filename"), Some(name), "{shown}");
            assert_eq!(field.value, "attachment", "{shown}");
        }
    }

    #[test]
    fn a_value_is_read_in_every_notation() {
        for (raw, value) in [
            (&b"text/plain"[..], "text/plain"),
            (b" Text/PLAIN ; charset=x", "text/plain"),
            (b"text/plain (a (nested) comment); charset=x", "text/plain"),
            (b"", ""),
            (b";", ""),
            (b"application/pdf name=a", "application/pdf name=a"),
        ] {
            assert_eq!(parse(raw).0.value, value, "{:?}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn missing_pieces_are_noted() {
        for (raw, gap) in [
            (&b"a; n*0=x; n*1=y"[..], false),
            (b"a; n*1=x; n*2=y", false),
            (b"a; n*0=x; n*2=y", true),
            (b"a; n*3=x", true),
        ] {
            assert_eq!(parse(raw).1.contains(&Defect::ParameterGap), gap);
        }
    }
}
