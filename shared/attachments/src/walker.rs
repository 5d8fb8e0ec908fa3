//! The walk along a message's boundaries (RFC 2046 section 5.1).
//!
//! It works line by line, and holds no more of a line than the start that may be a boundary. A line ends
//! with CRLF, LF or CR alone: boundaries are found in a message that a broken server has rewritten. A
//! boundary must be the whole line but for blanks after it, so that one boundary may begin like another.
//! Where multiparts lie in one another, any of their boundaries ends what is open inside; if two share
//! theirs, it counts for the inner one. The line end before a boundary belongs to the boundary.

use crate::defect::Defect;
use crate::entity::{Entity, MAX_BOUNDARY, Surroundings, Treatment};
use crate::header::{Field, HeaderBlock, LineEnd};
use crate::index::Envelope;
use crate::leaf::Leaf;
use crate::outbox::Outbox;
use crate::settings::Settings;

/// The most of a line that may be a boundary: hyphens before and after it, and blanks.
const MAX_HELD: usize = MAX_BOUNDARY + 256;

#[derive(Debug)]
pub(crate) struct Walker {
    /// The path of the part that is walked; empty for the message itself.
    path: String,
    /// How deep that part lies.
    depth: usize,
    open: Vec<Multipart>,
    state: State,
    line: Line,
    /// The line end that belongs to the boundary if the next line is one.
    line_end: &'static [u8],
    /// A CR has come, and it is not known yet whether LF follows.
    carriage_return: bool,
}

/// A multipart whose parts are being walked.
#[derive(Debug)]
struct Multipart {
    path: String,
    boundary: Vec<u8>,
    surroundings: Surroundings,
    parts: usize,
}

#[derive(Debug)]
enum State {
    Header(Box<HeaderBlock>),
    Leaf(Box<Leaf>),
    /// Nothing here is handed out: texts, and what lies before the first and after the last part.
    Ignored,
}

#[derive(Debug)]
enum Line {
    Start,
    /// It may be a boundary.
    Held(Vec<u8>),
    Rest,
}

/// A boundary of one of the open multiparts.
struct Delimiter {
    level: usize,
    last: bool,
}

impl Walker {
    /// A walker for a message.
    pub(crate) fn of_message(settings: &Settings) -> Self {
        Self::inside(String::new(), 0, settings)
    }

    /// A walker for what lies inside a part that is kept whole.
    fn inside(path: String, depth: usize, settings: &Settings) -> Self {
        Self {
            path,
            depth,
            open: Vec::new(),
            state: State::Header(Box::new(HeaderBlock::new(settings.limits.header_bytes))),
            line: Line::Start,
            line_end: b"",
            carriage_return: false,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], outbox: &mut Outbox) {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.carriage_return) {
                if first == b'\n' {
                    self.end_line(b"\r\n", outbox);
                    rest = &rest[1..];
                    continue;
                }
                self.end_line(b"\r", outbox);
            }
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            if !text.is_empty() {
                self.text(text, outbox);
            }
            match after.split_first() {
                Some((b'\n', after)) => {
                    self.end_line(b"\n", outbox);
                    rest = after;
                }
                Some((_, after)) => {
                    self.carriage_return = true;
                    rest = after;
                }
                None => rest = after,
            }
        }
    }

    /// The end of the message.
    pub(crate) fn finish(mut self, outbox: &mut Outbox) {
        if std::mem::take(&mut self.carriage_return) {
            self.end_line(b"\r", outbox);
        }
        self.line_is_complete(outbox);
        if let State::Header(_) = self.state {
            self.begin_body(outbox);
        }
        self.release_line_end(outbox);
        self.end_part(outbox);
        self.close_down_to(0, outbox);
    }

    fn text(&mut self, text: &[u8], outbox: &mut Outbox) {
        match &mut self.line {
            Line::Rest => self.content(text, outbox),
            Line::Start if !self.open.is_empty() && (text == b"-" || text.starts_with(b"--")) => {
                self.hold(Vec::new(), text, outbox);
            }
            Line::Start => {
                self.line = Line::Rest;
                self.content(text, outbox);
            }
            Line::Held(held) => {
                let held = std::mem::take(held);
                self.hold(held, text, outbox);
            }
        }
    }

    fn hold(&mut self, mut held: Vec<u8>, text: &[u8], outbox: &mut Outbox) {
        if held.len() + text.len() <= MAX_HELD {
            held.extend_from_slice(text);
            self.line = Line::Held(held);
        } else {
            self.line = Line::Rest;
            self.content(&held, outbox);
            self.text(text, outbox);
        }
    }

    fn end_line(&mut self, line_end: &'static [u8], outbox: &mut Outbox) {
        if self.line_is_complete(outbox) {
            self.release_line_end(outbox);
            self.line_end = line_end;
        }
    }

    /// Does with a line what could not be done before it was complete; true if it is part of a body.
    fn line_is_complete(&mut self, outbox: &mut Outbox) -> bool {
        loop {
            if let Line::Held(line) = std::mem::replace(&mut self.line, Line::Start) {
                if let Some(delimiter) = self.delimiter(&line) {
                    self.cross(delimiter, outbox);
                    return false;
                }
                self.content(&line, outbox);
                // It may have ended a header block, and be a boundary of what begins there.
                if let Line::Held(_) = self.line {
                    continue;
                }
                self.line = Line::Start;
            }
            let State::Header(header) = &mut self.state else { return true };
            match header.end_line() {
                LineEnd::Field => return false,
                LineEnd::Blank => {
                    self.begin_body(outbox);
                    return false;
                }
                LineEnd::Body(text) => self.end_header(&text, outbox),
            }
        }
    }

    /// A header block has ended with a line that is no field: that line is looked at again as body.
    fn end_header(&mut self, text: &[u8], outbox: &mut Outbox) {
        outbox.note(&self.place(), Defect::HeaderNotEnded);
        self.begin_body(outbox);
        self.line = Line::Start;
        self.text(text, outbox);
    }

    /// Part of a line that is not a boundary.
    fn content(&mut self, text: &[u8], outbox: &mut Outbox) {
        self.release_line_end(outbox);
        match &mut self.state {
            State::Ignored => {}
            State::Leaf(leaf) => leaf.write(text, outbox),
            State::Header(header) => {
                if let Err(text) = header.text(text) {
                    self.end_header(&text, outbox);
                }
            }
        }
    }

    fn release_line_end(&mut self, outbox: &mut Outbox) {
        let line_end = std::mem::take(&mut self.line_end);
        if let State::Leaf(leaf) = &mut self.state {
            leaf.write(line_end, outbox);
        }
    }

    fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        let text = line.trim_ascii_end().strip_prefix(b"--")?;
        self.open.iter().enumerate().rev().find_map(|(level, multipart)| {
            match text.strip_prefix(&multipart.boundary[..])? {
                b"" => Some(Delimiter { level, last: false }),
                b"--" => Some(Delimiter { level, last: true }),
                _ => None,
            }
        })
    }

    /// Crosses a boundary: the part before it ends, and perhaps another one begins.
    fn cross(&mut self, delimiter: Delimiter, outbox: &mut Outbox) {
        if let State::Header(_) = self.state {
            self.begin_body(outbox);
        }
        self.line_end = b"";
        self.end_part(outbox);
        self.close_down_to(delimiter.level + 1, outbox);
        if delimiter.last {
            self.open.truncate(delimiter.level);
        } else if outbox.count_part() {
            self.open[delimiter.level].parts += 1;
            self.state = State::Header(Box::new(HeaderBlock::new(outbox.settings.limits.header_bytes)));
        } else {
            self.open.clear();
        }
    }

    fn end_part(&mut self, outbox: &mut Outbox) {
        if let State::Leaf(leaf) = std::mem::replace(&mut self.state, State::Ignored) {
            leaf.end(outbox);
        }
    }

    /// Closes multiparts that did not end by themselves.
    fn close_down_to(&mut self, level: usize, outbox: &mut Outbox) {
        for multipart in self.open.drain(level.min(self.open.len())..).rev() {
            let begun = multipart.parts > 0;
            let defect = if begun { Defect::NoEndBoundary } else { Defect::NoStartBoundary };
            outbox.note(&multipart.path, defect);
        }
    }

    /// The path of the part at hand, not knowing whether it is a multipart.
    fn place(&self) -> String {
        match self.open.last() {
            None => self.path.clone(),
            Some(parent) => join(&parent.path, parent.parts),
        }
    }

    /// The header block has ended: decides what the part is.
    fn begin_body(&mut self, outbox: &mut Outbox) {
        let State::Header(header) = std::mem::replace(&mut self.state, State::Ignored) else { return };
        let surroundings = self.open.last().map(|parent| parent.surroundings).unwrap_or_default();
        let is_root = self.open.is_empty();
        let mut entity = Entity::read(&header, surroundings, self.place());
        if is_root && self.path.is_empty() {
            if !header.any_field {
                entity.defects.push(Defect::NoHeader);
            }
            outbox.envelope = Envelope::read(&header, &mut entity.defects);
        }
        outbox.note_all(&entity.declared.path, std::mem::take(&mut entity.defects));
        let treatment = entity.treatment(surroundings, &outbox.settings);
        // What is not taken apart at the root of a message is its part 1.
        let is_within_whole = !self.path.is_empty();
        let taken_apart = match treatment {
            Treatment::TakenApart => true,
            Treatment::Signed => is_within_whole,
            _ => false,
        };
        if is_root && !taken_apart {
            entity.declared.path = join(&self.path, 1);
        }
        self.state = self.treat(treatment, entity, &header, outbox);
    }

    fn treat(
        &mut self,
        treatment: Treatment,
        entity: Entity,
        header: &HeaderBlock,
        outbox: &mut Outbox,
    ) -> State {
        let encoding = header.value(Field::ContentTransferEncoding);
        let raw_type = header.value(Field::ContentType).unwrap_or_default();
        let is_within_whole = !self.path.is_empty();
        let depth = self.depth + self.open.len() + 1;
        let leaf = match treatment {
            Treatment::Body => return State::Ignored,
            Treatment::Attachment => Leaf::attachment(entity, encoding, outbox),
            Treatment::Message => {
                let inside = self.look_inside(&entity, depth, outbox);
                if is_within_whole && inside.is_none() {
                    return State::Ignored;
                }
                Leaf::message(entity, encoding, !is_within_whole, inside, outbox)
            }
            Treatment::Encrypted if is_within_whole => return State::Ignored,
            Treatment::Signed | Treatment::Encrypted if !is_within_whole => {
                let inside = self.look_inside(&entity, depth, outbox);
                Leaf::whole(entity, treatment, raw_type, inside, outbox)
            }
            Treatment::TakenApart | Treatment::Signed | Treatment::Encrypted => {
                if encoding.is_some_and(is_encoded) {
                    outbox.note(&entity.declared.path, Defect::EncodingMisplaced);
                }
                if depth <= outbox.settings.limits.depth {
                    self.open(entity, outbox);
                    return State::Ignored;
                }
                outbox.note(&entity.declared.path, Defect::TooDeep);
                if is_within_whole {
                    return State::Ignored;
                }
                Leaf::whole(entity, treatment, raw_type, None, outbox)
            }
        };
        State::Leaf(Box::new(leaf))
    }

    /// A walker for what lies inside, where that is asked for and not too deep.
    fn look_inside(&self, entity: &Entity, depth: usize, outbox: &mut Outbox) -> Option<Self> {
        let path = &entity.declared.path;
        if !outbox.settings.look_inside {
            return None;
        }
        if depth > outbox.settings.limits.depth {
            outbox.note(path, Defect::TooDeep);
            return None;
        }
        Some(Self::inside(path.clone(), depth, &outbox.settings))
    }

    fn open(&mut self, entity: Entity, outbox: &mut Outbox) {
        let surroundings = entity.surroundings();
        let path = entity.declared.path;
        let boundary = entity.boundary.unwrap_or_default().trim_ascii_end().to_vec();
        match boundary.len() {
            1..=MAX_BOUNDARY => self.open.push(Multipart { path, boundary, surroundings, parts: 0 }),
            _ => outbox.note(&path, Defect::NoBoundary),
        }
    }
}

fn is_encoded(encoding: &[u8]) -> bool {
    ["base64", "quoted-printable"].iter().any(|name| encoding.eq_ignore_ascii_case(name.as_bytes()))
}

fn join(path: &str, number: usize) -> String {
    if path.is_empty() { number.to_string() } else { format!("{path}.{number}") }
}
