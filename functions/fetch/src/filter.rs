//! What a mailbox's filter looks at in a header.

use crate::headers;
use postroom_attachments::{Settings, Unpacker};
use postroom_model::{Envelope, Filter, LeftOut, header_block};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Senders, subject and day of a message whose text begins with `header`, read as its index would say
/// them: encoded words are decoded, groups are taken apart. A subject that was folded reads as if it had
/// not been.
pub(crate) fn envelope(header: &[u8]) -> Envelope {
    let header = header_block(header);
    let mut unpacker = Unpacker::new(Settings::default());
    let mut rest = header;
    while unpacker.unpack(&mut rest).is_some() {}
    let index = unpacker.into_index();
    Envelope {
        from: index.from.into_iter().filter_map(|sender| sender.address).collect(),
        subject: index.subject.map(|subject| subject.replace('\t', " ")),
        day: headers::day(header),
    }
}

/// The rule by which a filter leaves out the message whose text begins with `header`, if one does. A message
/// whose header makes its reader panic, which is a bug, is not left out: it is archived like any other.
pub(crate) fn leaves_out(filter: &Filter, header: &[u8]) -> Option<LeftOut> {
    let judge = || filter.by_header(&envelope(header));
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &[u8]) -> (Vec<String>, Option<String>, Option<String>) {
        let Envelope { from, subject, day } = envelope(header);
        (from, subject, day.map(|day| day.to_string()))
    }

    #[test]
    fn an_envelope_is_read_as_people_see_it() {
        let (from, subject, day) = read(
            b"Received: from a by b; Tue, 31 Dec 2024 23:30:00 -0500\r\n\
            Date: Mon, 30 Dec 2024 10:00:00 +0000\r\n\
            FROM: =?utf-8?Q?J=C3=BCrgen?= <J@Example.org>, \"A, B\" <a@example.org>\r\n\
            Subject: =?utf-8?B?UGzDpG5l?=\r\n\tBlatt 2\r\nSubject: second\r\n\r\nSubject: body\r\n",
        );
        assert_eq!(from, ["J@Example.org", "a@example.org"]);
        assert_eq!(subject.as_deref(), Some("Pläne Blatt 2"));
        assert_eq!(day.as_deref(), Some("2025-01-01"));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for header in [&b""[..], b"\r\n", b"no header", b"\xff\xfe\0", b"From:\r\nDate: yesterday\r\n"] {
            assert_eq!(read(header), (Vec::new(), None, None), "{header:?}");
        }
        assert_eq!(read(b"Subject:\r\n\r\n").1.as_deref(), Some(""));
    }
}
