//! TNEF, the format of `winmail.dat` (MS-OXTNEF): the files in it, as they come.
//!
//! Guarantees: no input makes it hold more than the configured bytes of a file whose name is not known
//! yet, and a kilobyte of each name. Leaves out: the message's text and its other properties, and what
//! lies inside an embedded message, which is handed out as the TNEF stream that it is. Whoever needs them
//! has the `winmail.dat` itself.

use crate::charset;
use crate::defect::Defect;
use crate::mapi::{Properties, Source};
use crate::media;
use crate::outbox::{Declared, Outbox};
use crate::settings::Limits;
use crate::wanted::Wanted;

/// The signature 0x223E9F78, little-endian, and a key that means nothing to a reader (MS-OXTNEF 2.1.3.1).
const SIGNATURE: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
const SIGNATURE_AND_KEY: usize = 6;

/// Level, id and length of an attribute (MS-OXTNEF 2.1.3.3).
const ATTRIBUTE_HEAD: usize = 9;

/// The level of a file's attributes; the message's own have 1.
const ATTACHMENT_LEVEL: u8 = 2;

/// The most of a name that is kept, in bytes.
pub(crate) const MAX_TEXT: usize = 1_024;

/// Attributes (MS-OXTNEF 2.1.3.3), by the lower half of their ids: the upper half is a type that some
/// senders leave out.
mod attribute {
    pub(super) const OEM_CODE_PAGE: u32 = 0x9007;
    pub(super) const ATTACH_REND_DATA: u32 = 0x9002;
    pub(super) const ATTACH_DATA: u32 = 0x800f;
    pub(super) const ATTACH_TITLE: u32 = 0x8010;
    pub(super) const ATTACHMENT: u32 = 0x9005;
}

#[derive(Debug)]
pub(crate) struct Tnef {
    path: String,
    hold: usize,
    stage: Stage,
    charset: String,
    file: Option<File>,
    files: usize,
}

#[derive(Debug)]
enum Stage {
    Signature(Wanted),
    Head(Wanted),
    Value {
        value: Value,
        left: u64,
        sum: u16,
    },
    Checksum {
        wanted: Wanted,
        sum: u16,
    },
    /// It is not TNEF, or not any more.
    Broken,
}

#[derive(Debug)]
enum Value {
    Skipped,
    CodePage(Vec<u8>),
    Title(Vec<u8>),
    Data,
    Properties(Box<Properties>),
}

/// A file in it.
#[derive(Debug)]
struct File {
    /// Its number, once it has begun.
    number: Option<usize>,
    /// Its data until it begins.
    held: Vec<u8>,
    /// Where its data comes from; what another place repeats is left out.
    source: Option<Source>,
    title: Option<String>,
    declared: Declared,
}

impl Tnef {
    pub(crate) fn new(path: &str, limits: &Limits) -> Self {
        Self {
            path: path.to_owned(),
            hold: limits.tnef_hold_bytes,
            stage: Stage::Signature(Wanted::new(SIGNATURE_AND_KEY)),
            charset: charset::of_code_page(0),
            file: None,
            files: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], outbox: &mut Outbox) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.stage {
                Stage::Broken => return,
                Stage::Signature(wanted) => {
                    if let Some(found) = wanted.take(&mut rest) {
                        self.stage = match found.starts_with(&SIGNATURE) {
                            true => Stage::Head(Wanted::new(ATTRIBUTE_HEAD)),
                            false => self.broken(outbox),
                        };
                    }
                }
                Stage::Head(wanted) => {
                    if let Some(head) = wanted.take(&mut rest) {
                        self.stage = self.begin_attribute(&head, outbox);
                    }
                }
                Stage::Value { left, sum, .. } => {
                    let now = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (piece, after) = rest.split_at(now);
                    *left -= now as u64;
                    *sum = piece.iter().fold(*sum, |sum, &byte| sum.wrapping_add(byte.into()));
                    rest = after;
                    self.value(piece, outbox);
                }
                Stage::Checksum { wanted, sum } => {
                    if let Some(found) = wanted.take(&mut rest) {
                        if found != sum.to_le_bytes() {
                            outbox.note(&self.path, Defect::TnefChecksum);
                        }
                        self.stage = Stage::Head(Wanted::new(ATTRIBUTE_HEAD));
                    }
                }
            }
        }
    }

    pub(crate) fn finish(mut self, outbox: &mut Outbox) {
        let complete = match &self.stage {
            Stage::Head(wanted) => wanted.is_untouched(),
            Stage::Broken => true,
            _ => false,
        };
        if !complete {
            outbox.note(&self.path, Defect::TnefBroken);
        }
        self.end_file(outbox);
    }

    fn broken(&self, outbox: &mut Outbox) -> Stage {
        outbox.note(&self.path, Defect::TnefBroken);
        Stage::Broken
    }

    fn begin_attribute(&mut self, head: &[u8], outbox: &mut Outbox) -> Stage {
        let (level, numbers) = (head[0], &head[1..]);
        let id = little_endian(&numbers[..2]);
        let left = u64::from(little_endian(&numbers[4..]));
        if !(1..=ATTACHMENT_LEVEL).contains(&level) {
            return self.broken(outbox);
        }
        if id == attribute::ATTACH_REND_DATA || level == ATTACHMENT_LEVEL && self.file.is_none() {
            self.end_file(outbox);
            self.begin_file(outbox);
        }
        let value = match id {
            attribute::OEM_CODE_PAGE => Value::CodePage(Vec::new()),
            attribute::ATTACH_TITLE => Value::Title(Vec::new()),
            attribute::ATTACH_DATA => Value::Data,
            attribute::ATTACHMENT => Value::Properties(Box::default()),
            _ => Value::Skipped,
        };
        match left {
            0 => Stage::Checksum { wanted: Wanted::new(2), sum: 0 },
            _ => Stage::Value { value, left, sum: 0 },
        }
    }

    /// More of an attribute's value, and its end if nothing is left of it.
    fn value(&mut self, piece: &[u8], outbox: &mut Outbox) {
        let Stage::Value { value, left, sum } = &mut self.stage else { return };
        let hold = self.hold;
        match value {
            Value::Skipped => {}
            Value::CodePage(text) | Value::Title(text) => {
                let room = MAX_TEXT.saturating_sub(text.len());
                text.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            Value::Data => {
                if let Some(file) = &mut self.file {
                    file.data(Source::Attribute, piece, hold, outbox);
                }
            }
            Value::Properties(properties) => {
                let file = &mut self.file;
                properties.push(piece, &mut |source, data| {
                    if let Some(file) = file {
                        file.data(source, data, hold, outbox);
                    }
                });
            }
        }
        if *left > 0 {
            return;
        }
        let checksum = Stage::Checksum { wanted: Wanted::new(2), sum: *sum };
        let Stage::Value { value, .. } = std::mem::replace(&mut self.stage, checksum) else { return };
        self.end_value(value, outbox);
    }

    fn end_value(&mut self, value: Value, outbox: &mut Outbox) {
        let mut defects = Vec::new();
        match (value, &mut self.file) {
            (Value::CodePage(page), _) if page.len() >= 4 => {
                self.charset = charset::of_code_page(little_endian(&page[..4]));
            }
            (Value::Title(title), Some(file)) => {
                file.title = text(self.charset.as_bytes(), &title, &mut defects);
            }
            (Value::Properties(properties), Some(file)) => {
                if properties.is_broken() {
                    defects.push(Defect::TnefBroken);
                }
                file.describe(*properties, self.charset.as_bytes(), &mut defects);
            }
            _ => {}
        }
        outbox.note_all(&self.path, defects);
    }

    fn begin_file(&mut self, outbox: &mut Outbox) {
        self.files += 1;
        if !outbox.count_part() {
            return;
        }
        let path = format!("{}.{}", self.path, self.files);
        let declared = Declared { path, content_type: media::UNKNOWN.into(), ..Declared::default() };
        self.file = Some(File { number: None, held: Vec::new(), source: None, title: None, declared });
    }

    fn end_file(&mut self, outbox: &mut Outbox) {
        if let Some(mut file) = self.file.take() {
            file.begin(outbox);
            if let Some(number) = file.number {
                outbox.end(number);
            }
        }
    }
}

impl File {
    fn data(&mut self, source: Source, data: &[u8], hold: usize, outbox: &mut Outbox) {
        if self.source != Some(source) {
            // A file that is a message has a picture of it as its data.
            let better = source == Source::Message && self.number.is_none();
            if self.source.is_some() && !better {
                return;
            }
            self.source = Some(source);
            self.held.clear();
        }
        if self.number.is_none() && self.held.len() + data.len() > hold {
            self.begin(outbox);
        }
        match self.number {
            Some(number) => outbox.bytes(number, data),
            None => self.held.extend_from_slice(data),
        }
    }

    /// Hands out what is known and held.
    fn begin(&mut self, outbox: &mut Outbox) {
        let held = std::mem::take(&mut self.held);
        let mut declared = std::mem::take(&mut self.declared);
        let mut name = declared.name.take().or_else(|| self.title.take());
        if self.source == Some(Source::Message) {
            declared.content_type = media::TNEF.into();
            name = name.map(|name| name + ".tnef");
        }
        match self.number {
            Some(number) => {
                if let Some(name) = name {
                    outbox.declare_late(number, name);
                }
            }
            None => {
                let number = outbox.begin(Declared { name, ..declared });
                outbox.bytes(number, &held);
                self.number = Some(number);
            }
        }
    }

    fn describe(&mut self, properties: Properties, charset: &[u8], defects: &mut Vec<Defect>) {
        let mut texts = properties.texts.into_iter();
        let mut next = |defects: &mut Vec<Defect>| {
            let found = texts.next().flatten()?;
            let charset = if found.is_unicode { b"utf-16le" } else { charset };
            text(charset, &found.bytes, defects)
        };
        let (long, short) = (next(defects), next(defects));
        let (mime, content_id, display) = (next(defects), next(defects), next(defects));
        self.declared.name = long.or(short).or_else(|| self.title.take()).or(display);
        self.declared.content_id = content_id;
        if let Some(essence) = mime.and_then(|mime| media::essence(&mime)) {
            self.declared.content_type = essence;
        }
    }
}

/// A number of two or four bytes.
pub(crate) fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

/// A string, up to its terminating NUL.
fn text(charset: &[u8], bytes: &[u8], defects: &mut Vec<Defect>) -> Option<String> {
    let text = charset::decode(charset, bytes, defects);
    let text = text.split('\0').next().unwrap_or_default().trim();
    (!text.is_empty()).then(|| text.to_owned())
}
