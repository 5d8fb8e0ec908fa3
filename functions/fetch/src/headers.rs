//! What the archive reads out of a message's header block: the day it belongs to, and the few fields
//! that are kept as object metadata.
//!
//! Guarantees: the result depends on the header block alone, so that the same message always has the
//! same place. Leaves out: understanding the message; that is for whoever reads the archive.

use jiff::civil::Date;
use mail_parser::DateTime;

/// The fields kept as object metadata, by their metadata names.
const KEPT: [&str; 5] = ["message-id", "date", "from", "to", "subject"];

/// The most that one field may take, in bytes: five of them and the folder stay under S3's 2 KB of
/// user metadata (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
const MAX_FIELD: usize = 300;

/// The day a message belongs to in UTC: when the last server received it (the topmost `Received`
/// field, RFC 5321 section 4.4), else its own `Date`.
pub(crate) fn day(header: &[u8]) -> Option<Date> {
    let received = fields(header).find(|(name, _)| name.eq_ignore_ascii_case(b"received"));
    let received = received.and_then(|(_, value)| {
        let stamp = value.iter().rposition(|&b| b == b';')?;
        parse_day(&value[stamp + 1..])
    });
    received.or_else(|| {
        let (_, value) = fields(header).find(|(name, _)| name.eq_ignore_ascii_case(b"date"))?;
        parse_day(value)
    })
}

fn parse_day(text: &[u8]) -> Option<Date> {
    let text = unfold(text);
    let parsed = DateTime::parse_rfc822(text.trim()).filter(DateTime::is_valid)?;
    let moment = jiff::Timestamp::from_second(parsed.to_timestamp()).ok()?;
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    (1970..=9999).contains(&date.year()).then_some(date)
}

/// The kept fields as S3 metadata: printable ASCII, percent-encoded where they are not, and cut.
pub(crate) fn metadata(header: &[u8]) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in fields(header) {
        let kept = KEPT.iter().find(|kept| name.eq_ignore_ascii_case(kept.as_bytes()));
        if let Some(kept) = kept.filter(|kept| found.iter().all(|(name, _)| name != *kept)) {
            let value = encode(unfold(value).trim());
            if !value.is_empty() {
                found.push((kept, value));
            }
        }
    }
    found
}

/// The Message-ID, in the form of [`metadata`].
pub(crate) fn message_id(header: &[u8]) -> Option<String> {
    metadata(header).into_iter().find(|(name, _)| *name == "message-id").map(|(_, value)| value)
}

/// Text as a metadata value: `%` and whatever is not printable ASCII as `%XX`, cut at 300 bytes.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let unit = match byte {
            b'%' | 0..0x20 | 0x7f.. => format!("%{byte:02X}"),
            _ => char::from(byte).to_string(),
        };
        if encoded.len() + unit.len() > MAX_FIELD {
            break;
        }
        encoded.push_str(&unit);
    }
    encoded.trim_end().to_owned()
}

/// The header fields, each with its value as it stands, folds included (RFC 5322 section 2.2).
fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let field = &rest[..field_length(rest)];
            rest = &rest[field.len()..];
            if let Some(colon) = field.iter().position(|&b| b == b':') {
                return Some((field[..colon].trim_ascii(), &field[colon + 1..]));
            }
        }
        None
    })
}

/// The length of the first field: its line and every line after it that begins with white space.
fn field_length(text: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let line = text[end..].iter().position(|&b| b == b'\n').map_or(text.len() - end, |at| at + 1);
        end += line;
        if !matches!(text.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
}

fn unfold(value: &[u8]) -> String {
    String::from_utf8_lossy(value).replace(['\r', '\n'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] =
        b"Received: from a by b with ESMTP id 1\r\n\tfor <x@y>; Tue, 31 Dec 2024 23:30:00 -0500\r\n\
        Received: from c by a; Mon, 1 Jan 2001 00:00:00 +0000\r\nDate: Fri, 1 Mar 2024 10:00:00 +0000\r\n\
        Subject: =?utf-8?q?hi?=\r\n  there 100% \xc3\xa4\r\nbroken line\r\nFROM: A <a@b>\r\nFrom: second\r\n";

    #[test]
    fn the_day_is_the_last_servers_in_utc_else_the_messages_own() {
        let table: [(&[u8], Option<&str>); 6] = [
            (HEADER, Some("2025-01-01")),
            (b"Date: Fri, 1 Mar 2024 10:00:00 +0000\r\n", Some("2024-03-01")),
            (b"Received: no date here\r\nDate: Fri, 1 Mar 2024 10:00:00 +0000\r\n", Some("2024-03-01")),
            (b"Date: yesterday\r\n", None),
            (b"Date: Fri, 99 Foo 99999 99:99:99 +9999\r\n", None),
            (b"", None),
        ];
        for (header, expected) in table {
            assert_eq!(day(header).map(|d| d.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn metadata_is_the_first_of_each_kept_field_and_plain_ascii() {
        let found = metadata(HEADER);
        let expected = [
            ("date", "Fri, 1 Mar 2024 10:00:00 +0000"),
            ("subject", "=?utf-8?q?hi?=  there 100%25 %C3%A4"),
            ("from", "A <a@b>"),
        ];
        assert_eq!(found, expected.map(|(n, v)| (n, v.to_owned())));
        assert_eq!(message_id(b"Message-Id:\r\n <1@x>\r\nMessage-ID: <2@x>\r\n").as_deref(), Some("<1@x>"));
        assert_eq!(message_id(HEADER), None);
        let long = metadata(format!("Subject: {}\r\n", "ä".repeat(5000)).as_bytes());
        assert!(long[0].1.len() <= MAX_FIELD);
    }
}
