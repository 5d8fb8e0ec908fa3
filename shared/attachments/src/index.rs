//! The index of a message: what it is, what it carries, and what was odd about it.

use mail_parser::parsers::MessageStream;
use mail_parser::{Address as ParsedAddress, DateTime, HeaderValue};
use serde::Serialize;

use crate::charset;
use crate::defect::{Defect, Noted};
use crate::encoded_word;
use crate::header::{Field, HeaderBlock};
use crate::part::Attachment;

/// The most addresses of one field that are listed.
const MOST_ADDRESSES: usize = 500;

/// A message and its attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageIndex {
    /// The authors.
    pub from: Vec<Address>,
    /// The recipients, groups taken apart.
    pub to: Vec<Address>,
    /// Who got a copy.
    pub cc: Vec<Address>,
    /// The subject, decoded.
    pub subject: Option<String>,
    /// The date the message claims, as RFC 3339 with its own offset; `None` where it claims none that
    /// can be read.
    pub date: Option<String>,
    /// The message id without its angle brackets.
    pub message_id: Option<String>,
    /// The attachments, in the order in which they began.
    pub parts: Vec<Attachment>,
    /// What was odd; empty for a message in good order.
    pub defects: Vec<Noted>,
}

/// A person in a message's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The mail address as it stands there; it need not be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What the index says about the message itself.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) from: Vec<Address>,
    pub(crate) to: Vec<Address>,
    pub(crate) cc: Vec<Address>,
    pub(crate) subject: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) message_id: Option<String>,
}

impl Envelope {
    pub(crate) fn read(header: &HeaderBlock, defects: &mut Vec<Defect>) -> Self {
        let date = header.value(Field::Date).map(String::from_utf8_lossy);
        let date = date.and_then(|date| DateTime::parse_rfc822(&date)).filter(DateTime::is_valid);
        Self {
            from: addresses(header.value(Field::From), defects),
            to: addresses(header.value(Field::To), defects),
            cc: addresses(header.value(Field::Cc), defects),
            subject: header.value(Field::Subject).map(|raw| encoded_word::decode(raw, defects)),
            date: date.map(|date| date.to_rfc3339()),
            message_id: id(header.value(Field::MessageId)),
        }
    }
}

/// A message id or content id (RFC 5322 section 3.6.4), also without its brackets.
pub(crate) fn id(raw: Option<&[u8]>) -> Option<String> {
    let line = [raw?, b"\n"].concat();
    match MessageStream::new(&line).parse_id() {
        HeaderValue::Text(id) => Some(id.into_owned()),
        HeaderValue::TextList(ids) => ids.into_iter().next().map(Into::into),
        _ => None,
    }
}

fn addresses(raw: Option<&[u8]>, defects: &mut Vec<Defect>) -> Vec<Address> {
    let Some(raw) = raw else { return Vec::new() };
    let line = charset::undeclared(raw, defects) + "\n";
    let parsed = match MessageStream::new(line.as_bytes()).parse_address() {
        HeaderValue::Address(ParsedAddress::List(list)) => list,
        HeaderValue::Address(ParsedAddress::Group(groups)) => {
            groups.into_iter().flat_map(|group| group.addresses).collect()
        }
        _ => Vec::new(),
    };
    if parsed.len() > MOST_ADDRESSES {
        defects.push(Defect::FieldCut);
    }
    let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(Into::into);
    let parsed = parsed.into_iter().take(MOST_ADDRESSES);
    parsed.map(|one| Address { name: owned(one.name), address: owned(one.address) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(header: &str) -> Envelope {
        let mut block = HeaderBlock::new(64 * 1024);
        for line in header.lines() {
            assert_eq!(block.text(line.as_bytes()), Ok(()));
            block.end_line();
        }
        Envelope::read(&block, &mut Vec::new())
    }

    #[test]
    fn the_envelope_is_read() {
        let envelope = envelope(
            "From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\n\
             To: a@example.org, \"B, C\" <b@example.org>\n\
             Cc: Team: x@example.org, y@example.org;\n\
             Subject: =?gb2312?B?zbw=?= =?gb2312?B?1r0=?=\n\
             Date: Mon, 27 Jul 2026 09:30:00 +0200 (CEST)\n\
             Message-ID: <1@example.org>\n",
        );
        let shown = |list: &[Address]| {
            let one = |a: &Address| format!("{:?} {:?}", a.name, a.address);
            list.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown(&envelope.from), r#"Some("Jürgen") Some("j@example.org")"#);
        assert_eq!(shown(&envelope.to), r#"None Some("a@example.org"), Some("B, C") Some("b@example.org")"#);
        assert_eq!(shown(&envelope.cc), r#"None Some("x@example.org"), None Some("y@example.org")"#);
        assert_eq!(envelope.subject.as_deref(), Some("图纸"));
        assert_eq!(envelope.date.as_deref(), Some("2026-07-27T09:30:00+02:00"));
        assert_eq!(envelope.message_id.as_deref(), Some("1@example.org"));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let envelope = envelope("From:\nDate: yesterday\nMessage-ID: no-brackets\n");
        assert_eq!(envelope.from, []);
        assert_eq!(envelope.date, None);
        assert_eq!(envelope.message_id.as_deref(), Some("no-brackets"));
        assert_eq!(envelope.subject, None);
    }
}
