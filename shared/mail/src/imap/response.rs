//! Responses of an IMAP server, parsed (RFC 3501 section 7, RFC 9051 section 7).
//!
//! Only what Postroom asks for is kept. Nesting is bounded, numbers that overflow are errors, and
//! what does not look like IMAP is an [`Error::Protocol`] that quotes none of it.

use super::{EmailId, Folder, parser::Parser};
use crate::{Capabilities, Error};
use std::ops::RangeInclusive;

/// Names a command in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

/// What a server says.
#[derive(Debug)]
pub(super) enum Response {
    /// `+ …`: the server waits for more.
    Continuation(String),
    /// `tag OK|NO|BAD …`: a command is complete.
    Tagged(Tag, Status),
    /// `* OK|NO|BAD|BYE|PREAUTH …`.
    Status(Status),
    /// `* …`: anything else.
    Data(Data),
}

#[derive(Debug)]
pub(super) struct Status {
    pub(super) kind: StatusKind,
    /// The response code, as in `[UIDVALIDITY 7]`, and its arguments, both as the server wrote them.
    pub(super) code: Option<(String, String)>,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusKind {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

#[derive(Debug)]
pub(super) enum Data {
    Capabilities(Capabilities),
    Exists(u32),
    Fetch(Fetch),
    List(Folder),
    /// The UIDs of a SEARCH or ESEARCH response.
    Search(Vec<RangeInclusive<u32>>),
    /// One message is gone.
    Expunge,
    /// Messages are gone (RFC 7162).
    Vanished,
    /// What Postroom has no use for.
    Other,
}

/// The attributes of one FETCH response that Postroom asks for.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// The message's number in the folder; messages are numbered without gaps, in the order of UIDs.
    pub(super) sequence: u32,
    pub(super) uid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) email_id: Option<EmailId>,
    pub(super) body: BodyText,
    /// The name with which the body came, in capitals: `BODY[]`. Empty without a body.
    pub(super) section: Vec<u8>,
}

/// A `BODY[…]` attribute.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum BodyText {
    /// There is none in the response.
    #[default]
    Absent,
    /// `NIL`: the message is gone.
    Nil,
    /// A quoted string.
    Quoted(Vec<u8>),
    /// A literal, which comes next and is to be streamed.
    Streamed,
}

impl Status {
    /// Whether it is of a kind that no command is answered with.
    fn is_unasked(&self) -> bool {
        matches!(self.kind, StatusKind::Bye | StatusKind::Preauth)
    }

    /// Whether it has this response code.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_ref().is_some_and(|(name, _)| name.eq_ignore_ascii_case(code))
    }

    /// The number that this response code carries, if it is there and one.
    pub(super) fn code_number(&self, code: &str) -> Option<u32> {
        self.code.as_ref().filter(|(name, _)| name.eq_ignore_ascii_case(code))?.1.parse().ok()
    }

    /// The capabilities that came in a response code.
    pub(super) fn capabilities(&self) -> Option<Capabilities> {
        let (_, list) = self.code.as_ref().filter(|(name, _)| name.eq_ignore_ascii_case("CAPABILITY"))?;
        Some(Capabilities::parse(list))
    }
}

impl StatusKind {
    /// As it stands in a response.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::Preauth => "PREAUTH",
        }
    }
}

impl Response {
    /// Parses a complete response.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Error> {
        if let Some(text) = line.strip_prefix(b"+") {
            return Ok(Self::Continuation(String::from_utf8_lossy(text.trim_ascii()).into_owned()));
        }
        let mut parser = Parser::new(line);
        if parser.skip(b"* ") {
            return match status(&mut parser)? {
                Some(status) => Ok(Self::Status(status)),
                None => Ok(Self::Data(data(&mut parser)?)),
            };
        }
        let tag = parser.atom();
        let tag = tag.strip_prefix(b"P").map(Parser::whole_number).transpose()?.map(Tag);
        parser.skip(b" ");
        match (tag, status(&mut parser)?) {
            (Some(tag), Some(status)) if !status.is_unasked() => Ok(Self::Tagged(tag, status)),
            _ => Err(Error::Protocol("not an IMAP response")),
        }
    }
}

impl Fetch {
    /// Parses a FETCH response up to the literal of its `BODY[…]`, which is to be streamed. None,
    /// where it is something else.
    pub(super) fn parse_head(line: &[u8]) -> Result<Self, Error> {
        let mut parser = Parser::new(line);
        let sequence = if parser.skip(b"* ") { parser.number_and_space().ok() } else { None };
        let mut fetch = Self { sequence: sequence.unwrap_or_default(), ..Self::default() };
        let named = sequence.is_some() && parser.skip_word(b"FETCH");
        if named && parser.skip(b"(") && !fetch.attributes(&mut parser)? && fetch.body == BodyText::Streamed {
            return Ok(fetch);
        }
        Err(Error::Protocol("a literal in an unexpected place"))
    }

    /// Parses what follows the streamed literal, to the end of the response. Anything that is no
    /// proper continuation means that the literal was not as long as announced.
    pub(super) fn parse_rest(&mut self, line: &[u8]) -> Result<(), Error> {
        let mut parser = Parser::new(line);
        let closed = match parser.peek() {
            Some(b' ') => parser.skip(b" ") && self.attributes(&mut parser)?,
            _ => parser.skip(b")"),
        };
        if closed && parser.is_at_end() {
            Ok(())
        } else {
            Err(Error::Protocol("a message is followed by something else than the end of its response"))
        }
    }

    /// Parses attributes up to the closing parenthesis: true. False, where a streamed literal comes
    /// next.
    fn attributes(&mut self, parser: &mut Parser<'_>) -> Result<bool, Error> {
        while !parser.skip(b")") {
            let name = parser.attribute_name();
            parser.expect(b" ")?;
            match name.as_slice() {
                b"UID" => self.uid = Some(parser.uid()?),
                b"RFC822.SIZE" => self.size = Some(parser.number()?),
                b"EMAILID" => self.email_id = Some(EmailId::object_id(parser)?),
                b"X-GM-MSGID" => self.email_id = Some(EmailId::gmail(parser)?),
                _ if name.starts_with(b"BODY[") => {
                    if self.body != BodyText::Absent {
                        return Err(Error::Protocol("a message with two texts"));
                    }
                    self.section = name;
                    if parser.is_at_end() {
                        self.body = BodyText::Streamed;
                        return Ok(false);
                    }
                    self.body = parser.nullable_string()?.map_or(BodyText::Nil, BodyText::Quoted);
                }
                _ => parser.skip_value()?,
            }
            parser.skip(b" ");
        }
        Ok(true)
    }
}

/// Whether the text before a literal says that it is a `BODY[…]` of a FETCH response.
pub(super) fn announces_body(text: &[u8]) -> bool {
    let word = text.strip_suffix(b" ").and_then(|t| t.rsplit(|b| matches!(b, b' ' | b'(')).next());
    text.starts_with(b"* ") && word.is_some_and(|w| w.to_ascii_uppercase().starts_with(b"BODY["))
}

fn status(parser: &mut Parser<'_>) -> Result<Option<Status>, Error> {
    let kinds: [(&[u8], _); 5] = [
        (b"OK", StatusKind::Ok),
        (b"NO", StatusKind::No),
        (b"BAD", StatusKind::Bad),
        (b"BYE", StatusKind::Bye),
        (b"PREAUTH", StatusKind::Preauth),
    ];
    let Some(kind) = kinds.into_iter().find_map(|(word, kind)| parser.skip_word(word).then_some(kind)) else {
        return Ok(None);
    };
    let code = match parser.skip(b"[") {
        true => {
            let inner = parser.until(b']').ok_or(Error::Protocol("a response code without an end"))?;
            let inner = String::from_utf8_lossy(inner);
            let (name, arguments) = inner.split_once(' ').unwrap_or((&inner, ""));
            Some((name.to_owned(), arguments.to_owned()))
        }
        false => None,
    };
    let text = String::from_utf8_lossy(parser.rest().trim_ascii()).into_owned();
    Ok(Some(Status { kind, code, text }))
}

fn data(parser: &mut Parser<'_>) -> Result<Data, Error> {
    if parser.peek().is_some_and(|b| b.is_ascii_digit()) {
        let number = parser.number_and_space()?;
        if parser.skip_word(b"EXISTS") {
            return Ok(Data::Exists(number));
        }
        if parser.skip_word(b"FETCH") {
            parser.expect(b"(")?;
            let mut fetch = Fetch { sequence: number, ..Fetch::default() };
            return match fetch.attributes(parser)? && parser.is_at_end() {
                true => Ok(Data::Fetch(fetch)),
                false => Err(Error::Protocol("not a FETCH response")),
            };
        }
        return Ok(if parser.skip_word(b"EXPUNGE") { Data::Expunge } else { Data::Other }); // RECENT
    }
    if parser.skip_word(b"CAPABILITY") {
        return Ok(Data::Capabilities(Capabilities::parse(&String::from_utf8_lossy(parser.rest()))));
    }
    if parser.skip_word(b"LIST") {
        return Ok(Data::List(list(parser)?));
    }
    if parser.skip_word(b"SEARCH") {
        return search(parser).map(Data::Search);
    }
    if parser.skip_word(b"ESEARCH") {
        return extended_search(parser).map(Data::Search);
    }
    if parser.skip_word(b"VANISHED") {
        return Ok(Data::Vanished);
    }
    match parser.atom().is_empty() {
        true => Err(Error::Protocol("not an IMAP response")),
        false => Ok(Data::Other),
    }
}

/// `2 5 9`, and perhaps `(MODSEQ 7)` of RFC 7162. Some servers write more spaces than one.
fn search(parser: &mut Parser<'_>) -> Result<Vec<RangeInclusive<u32>>, Error> {
    let mut found = Vec::new();
    loop {
        while parser.skip(b" ") {}
        match parser.peek() {
            None => return Ok(found),
            Some(b'(') => parser.skip_value()?,
            Some(_) => {
                let uid = parser.uid()?;
                found.push(uid..=uid);
                if !matches!(parser.peek(), None | Some(b' ')) {
                    return Err(Error::Protocol("not a SEARCH response"));
                }
            }
        }
    }
}

/// `(TAG "P7") UID ALL 2,10:11` (RFC 9051 section 7.3.4). Without ALL, nothing was found.
fn extended_search(parser: &mut Parser<'_>) -> Result<Vec<RangeInclusive<u32>>, Error> {
    const BROKEN: Error = Error::Protocol("not an ESEARCH response");
    if parser.peek() == Some(b'(') {
        parser.skip_value()?;
        parser.skip(b" ");
    }
    if !parser.skip_word(b"UID") {
        return Err(BROKEN);
    }
    let mut found = Vec::new();
    while !parser.is_at_end() {
        if !parser.skip_word(b"ALL") {
            parser.atom();
            parser.expect(b" ")?;
            parser.skip_value()?;
            parser.skip(b" ");
            continue;
        }
        loop {
            let first = parser.uid()?;
            let last = if parser.skip(b":") { parser.uid()? } else { first };
            found.push(first.min(last)..=first.max(last));
            if !parser.skip(b",") {
                break;
            }
        }
        if !parser.skip(b" ") && !parser.is_at_end() {
            return Err(BROKEN);
        }
    }
    Ok(found)
}

/// `(\HasNoChildren \Sent) "/" "Sent Items"`
fn list(parser: &mut Parser<'_>) -> Result<Folder, Error> {
    parser.expect(b"(")?;
    let mut attributes = Vec::new();
    while !parser.skip(b")") {
        let attribute = parser.atom();
        if attribute.is_empty() {
            return Err(Error::Protocol("not a LIST response"));
        }
        attributes.push(String::from_utf8_lossy(attribute).into_owned());
        parser.skip(b" ");
    }
    parser.expect(b" ")?;
    let separator = parser.nullable_string()?;
    parser.expect(b" ")?;
    let name = parser.any_string()?;
    // What may follow is extended data, RFC 5258.
    let separator = separator.and_then(|s| s.first().copied()).map(char::from);
    Ok(Folder::new(String::from_utf8_lossy(&name).into_owned(), separator, attributes))
}
