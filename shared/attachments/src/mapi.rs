//! The properties of a file inside TNEF (MS-OXTNEF 2.1.3.4): its name, its type, and in the case of an
//! embedded message or object its data.

use crate::tnef::{MAX_TEXT, little_endian};
use crate::wanted::Wanted;

/// The properties whose text is kept (MS-OXPROPS), in the order of [`Properties::texts`]:
/// PidTagAttachLongFilename, PidTagAttachFilename, PidTagAttachMimeTag, PidTagAttachContentId,
/// PidTagDisplayName.
const TEXTS: [u16; 5] = [0x3707, 0x3704, 0x370e, 0x3712, 0x3001];

/// PidTagAttachDataBinary and PidTagAttachDataObject.
const ATTACH_DATA: u16 = 0x3701;

/// An object begins with the id of its interface (MS-OXTNEF 2.1.3.4); this one, IID_IMessage, says that
/// it is a message, as a TNEF stream of its own.
const MESSAGE_INTERFACE: [u8; 16] = [0x07, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

const INTERFACE_ID: u32 = 16;

/// Property types (MS-OXCDATA 2.11.1).
mod property_type {
    pub(super) const MULTIPLE: u16 = 0x1000;
    pub(super) const OBJECT: u16 = 0x000d;
    pub(super) const STRING8: u16 = 0x001e;
    pub(super) const UNICODE: u16 = 0x001f;
    pub(super) const BINARY: u16 = 0x0102;
}

/// Reads properties as they come.
#[derive(Debug)]
pub(crate) struct Properties {
    pub(crate) texts: [Option<Text>; TEXTS.len()],
    /// What the object is that is being read.
    object: Source,
    stage: Stage,
    /// How many properties are still to come.
    left: u32,
}

/// Where a file's data comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The attribute attAttachData.
    Attribute,
    /// A property of the file.
    Property,
    /// A property too, and it is an embedded message.
    Message,
}

/// A text property, not decoded.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) is_unicode: bool,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Tag {
    kind: u16,
    id: u16,
}

#[derive(Debug)]
enum Stage {
    Count(Wanted),
    Tag(Wanted),
    /// A named property says its name first: a GUID and the kind of name.
    NameKind(Tag, Wanted),
    /// The number, or the length of the string, that names it.
    Name {
        tag: Tag,
        is_string: bool,
        wanted: Wanted,
    },
    /// How many values it has.
    Values(Tag, Wanted),
    /// The length of one value of so many.
    Length {
        tag: Tag,
        values: u32,
        wanted: Wanted,
    },
    Interface {
        tag: Tag,
        values: u32,
        length: u32,
        wanted: Wanted,
    },
    Value {
        tag: Tag,
        values: u32,
        left: u32,
        padding: u32,
    },
    /// What fills a value up to a multiple of four bytes.
    Padding {
        tag: Tag,
        values: u32,
        left: u32,
    },
    /// A string that names a property, or values that nobody asks for.
    Skip {
        left: u64,
        then: Option<Tag>,
    },
    Done,
    Broken,
}

impl Default for Properties {
    fn default() -> Self {
        Self {
            texts: Default::default(),
            object: Source::Property,
            stage: Stage::Count(Wanted::new(4)),
            left: 0,
        }
    }
}

impl Properties {
    /// More of them; `data` gets the file's data.
    pub(crate) fn push(&mut self, bytes: &[u8], data: &mut dyn FnMut(Source, &[u8])) {
        let mut rest = bytes;
        while !rest.is_empty() && !matches!(self.stage, Stage::Done | Stage::Broken) {
            self.stage = self.step(&mut rest, data);
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        !matches!(self.stage, Stage::Done)
    }

    fn step(&mut self, rest: &mut &[u8], data: &mut dyn FnMut(Source, &[u8])) -> Stage {
        match std::mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Count(mut wanted) => match wanted.take(rest) {
                Some(count) => {
                    self.left = little_endian(&count);
                    self.next_property()
                }
                None => Stage::Count(wanted),
            },
            Stage::Tag(mut wanted) => match wanted.take(rest) {
                Some(tag) => {
                    let tag = Tag { kind: half(&tag[..2]), id: half(&tag[2..]) };
                    if tag.id >= 0x8000 { Stage::NameKind(tag, Wanted::new(20)) } else { self.begin(tag) }
                }
                None => Stage::Tag(wanted),
            },
            Stage::NameKind(tag, mut wanted) => match wanted.take(rest) {
                Some(name) => {
                    let is_string = little_endian(&name[16..]) == 1;
                    Stage::Name { tag, is_string, wanted: Wanted::new(4) }
                }
                None => Stage::NameKind(tag, wanted),
            },
            Stage::Name { tag, is_string, mut wanted } => match wanted.take(rest) {
                Some(length) if is_string => {
                    Stage::Skip { left: padded(little_endian(&length)), then: Some(tag) }.or_next(self)
                }
                Some(_) => self.begin(tag),
                None => Stage::Name { tag, is_string, wanted },
            },
            Stage::Values(tag, mut wanted) => match wanted.take(rest) {
                Some(values) => self.values(tag, little_endian(&values)),
                None => Stage::Values(tag, wanted),
            },
            Stage::Length { tag, values, mut wanted } => match wanted.take(rest) {
                Some(length) => self.value(tag, values, little_endian(&length)),
                None => Stage::Length { tag, values, wanted },
            },
            Stage::Interface { tag, values, length, mut wanted } => match wanted.take(rest) {
                Some(interface) => {
                    self.object =
                        if interface == MESSAGE_INTERFACE { Source::Message } else { Source::Property };
                    let left = length - INTERFACE_ID;
                    Stage::Value { tag, values, left, padding: padding(length) }.or_next(self)
                }
                None => Stage::Interface { tag, values, length, wanted },
            },
            Stage::Value { tag, values, left, padding } => {
                let now = take(rest, left);
                let left = left - length(now);
                self.keep(tag, now, data);
                Stage::Value { tag, values, left, padding }.or_next(self)
            }
            Stage::Padding { tag, values, left } => {
                let left = left - length(take(rest, left));
                Stage::Padding { tag, values, left }.or_next(self)
            }
            Stage::Skip { left, then } => {
                let now = take(rest, u32::try_from(left).unwrap_or(u32::MAX));
                Stage::Skip { left: left - now.len() as u64, then }.or_next(self)
            }
            ended @ (Stage::Done | Stage::Broken) => ended,
        }
    }

    fn next_property(&mut self) -> Stage {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Stage::Tag(Wanted::new(4))
            }
            None => Stage::Done,
        }
    }

    /// The property's name is known; its value follows.
    fn begin(&mut self, tag: Tag) -> Stage {
        let base = tag.kind & !property_type::MULTIPLE;
        if base != tag.kind || is_variable(base) {
            return Stage::Values(tag, Wanted::new(4));
        }
        match fixed_size(base) {
            Some(size) => Stage::Skip { left: size, then: None }.or_next(self),
            None => Stage::Broken,
        }
    }

    fn values(&mut self, tag: Tag, values: u32) -> Stage {
        let base = tag.kind & !property_type::MULTIPLE;
        match (is_variable(base), fixed_size(base)) {
            (true, _) if values == 0 => self.next_property(),
            (true, _) => Stage::Length { tag, values: values - 1, wanted: Wanted::new(4) },
            (false, Some(size)) => Stage::Skip { left: size * u64::from(values), then: None }.or_next(self),
            (false, None) => Stage::Broken,
        }
    }

    fn value(&mut self, tag: Tag, values: u32, length: u32) -> Stage {
        if let Some(at) = TEXTS.iter().position(|&id| id == tag.id) {
            let is_unicode = tag.kind == property_type::UNICODE;
            let is_text = is_unicode || tag.kind == property_type::STRING8;
            self.texts[at] = is_text.then(|| Text { is_unicode, bytes: Vec::new() });
        }
        if tag.kind == property_type::OBJECT && length >= INTERFACE_ID {
            return Stage::Interface { tag, values, length, wanted: Wanted::new(MESSAGE_INTERFACE.len()) };
        }
        Stage::Value { tag, values, left: length, padding: padding(length) }.or_next(self)
    }

    fn keep(&mut self, tag: Tag, bytes: &[u8], data: &mut dyn FnMut(Source, &[u8])) {
        if let Some(at) = TEXTS.iter().position(|&id| id == tag.id) {
            if let Some(text) = &mut self.texts[at] {
                let room = MAX_TEXT.saturating_sub(text.bytes.len());
                text.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        } else if tag.id == ATTACH_DATA && matches!(tag.kind, property_type::OBJECT | property_type::BINARY) {
            data(self.object, bytes);
        }
    }
}

impl Stage {
    /// The stage after this one if nothing is left of it.
    fn or_next(self, properties: &mut Properties) -> Self {
        match self {
            Self::Value { tag, values, left: 0, padding, .. } => {
                Self::Padding { tag, values, left: padding }.or_next(properties)
            }
            Self::Padding { values: 0, left: 0, .. } => properties.next_property(),
            Self::Padding { tag, values, left: 0 } => {
                Self::Length { tag, values: values - 1, wanted: Wanted::new(4) }
            }
            Self::Skip { left: 0, then: Some(tag) } => properties.begin(tag),
            Self::Skip { left: 0, then: None } => properties.next_property(),
            unfinished => unfinished,
        }
    }
}

fn is_variable(base: u16) -> bool {
    use property_type::{BINARY, OBJECT, STRING8, UNICODE};
    matches!(base, OBJECT | STRING8 | UNICODE | BINARY)
}

/// The size of a value in bytes, filled up to a multiple of four.
fn fixed_size(base: u16) -> Option<u64> {
    match base {
        // Unspecified and null.
        0x0000 | 0x0001 => Some(0),
        // Short, long, float, error, boolean.
        0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => Some(4),
        // Double, currency, application time, 64-bit integer, system time.
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        // GUID
        0x0048 => Some(16),
        _ => None,
    }
}

fn half(bytes: &[u8]) -> u16 {
    u16::try_from(little_endian(bytes)).unwrap_or_default()
}

fn padded(length: u32) -> u64 {
    u64::from(length).next_multiple_of(4)
}

/// At most so many bytes off the front.
fn take<'a>(rest: &mut &'a [u8], most: u32) -> &'a [u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(rest.len());
    let (now, after) = rest.split_at(most);
    *rest = after;
    now
}

/// A length that is known to fit, because it was taken by such a number.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// What fills a value up to a multiple of four bytes.
fn padding(length: u32) -> u32 {
    length.wrapping_neg() % 4
}
