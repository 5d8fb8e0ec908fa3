//! What was found and not yet taken: the one place through which parts, bytes and defects leave.

use std::collections::VecDeque;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::charset;
use crate::defect::{Defect, Defects};
use crate::index::Envelope;
use crate::name::Names;
use crate::parameter::Parameter;
use crate::part::{Attachment, Part, Sha256Sum};
use crate::settings::Settings;
use crate::unpacker::Event;

/// The longest declared name that is kept, in bytes.
const MAX_DECLARED_NAME: usize = 512;

/// The longest parameter and content id that are kept, in bytes.
const MAX_VALUE: usize = 256;

/// The most parameters of one part that are kept.
const MAX_PARAMETERS: usize = 16;

/// A part as the message declares it.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) path: String,
    pub(crate) name: Option<String>,
    pub(crate) content_type: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) disposition: Option<crate::part::Disposition>,
    pub(crate) content_id: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) settings: Settings,
    pub(crate) envelope: Envelope,
    attachments: Vec<Attachment>,
    defects: Defects,
    names: Names,
    open: Vec<Open>,
    seen: usize,
    described: usize,
    queue: VecDeque<Queued>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    number: usize,
    size: u64,
    digest: Sha256,
}

#[derive(Debug)]
enum Queued {
    Begun(usize),
    Bytes(usize, Range<usize>),
    Ended(usize),
}

impl Outbox {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            envelope: Envelope::default(),
            attachments: Vec::new(),
            defects: Defects::default(),
            names: Names::default(),
            open: Vec::new(),
            seen: 0,
            described: 0,
            queue: VecDeque::new(),
            bytes: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets the bytes of what was taken; only while nothing waits.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn take(&mut self) -> Option<Event<'_>> {
        Some(match self.queue.pop_front()? {
            Queued::Begun(number) => Event::Begun { number, part: &self.attachments[number].part },
            Queued::Bytes(number, range) => Event::Bytes { number, bytes: &self.bytes[range] },
            Queued::Ended(number) => Event::Ended { number, attachment: &self.attachments[number] },
        })
    }

    pub(crate) fn note(&mut self, path: &str, defect: Defect) {
        self.defects.note(path, defect);
    }

    pub(crate) fn note_all(&mut self, path: &str, defects: impl IntoIterator<Item = Defect>) {
        let mut kinds = Vec::new();
        for defect in defects {
            // A field may repeat one thousands of times.
            if !kinds.contains(&defect) {
                kinds.push(defect);
                self.note(path, defect);
            }
        }
    }

    /// Counts a part, attachment or not; false when there are too many.
    pub(crate) fn count_part(&mut self) -> bool {
        self.seen += 1;
        let room = self.seen <= self.settings.limits.parts;
        if !room {
            self.note("", Defect::TooManyParts);
        }
        room
    }

    /// Begins an attachment and returns its number.
    pub(crate) fn begin(&mut self, declared: Declared) -> usize {
        let name = self.names.choose(declared.name.as_deref(), &declared.path, &declared.content_type);
        let part = self.describe(declared, name);
        let number = self.attachments.len();
        self.attachments.push(Attachment { part, size: 0, sha256: Sha256Sum::default() });
        self.open.push(Open { number, size: 0, digest: Sha256::new() });
        self.queue.push_back(Queued::Begun(number));
        number
    }

    pub(crate) fn bytes(&mut self, number: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(open) = self.open.iter_mut().find(|open| open.number == number) {
            open.size += bytes.len() as u64;
            open.digest.update(bytes);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        match self.queue.back_mut() {
            Some(Queued::Bytes(last, range)) if *last == number => range.end = self.bytes.len(),
            _ => self.queue.push_back(Queued::Bytes(number, start..self.bytes.len())),
        }
    }

    pub(crate) fn end(&mut self, number: usize) {
        let Some(at) = self.open.iter().position(|open| open.number == number) else { return };
        let open = self.open.swap_remove(at);
        let attachment = &mut self.attachments[number];
        attachment.size = open.size;
        attachment.sha256 = Sha256Sum(open.digest.finalize().into());
        self.queue.push_back(Queued::Ended(number));
    }

    /// A declared name that came after the part had begun.
    pub(crate) fn declare_late(&mut self, number: usize, name: String) {
        let part = &self.attachments[number].part;
        if part.declared_name.as_ref() != Some(&name) {
            let path = part.path.clone();
            self.note(&path, Defect::TnefNameLate);
            self.attachments[number].part.declared_name = self.declared_name(&path, name);
        }
    }

    pub(crate) fn into_parts(self) -> (Envelope, Vec<Attachment>, Defects) {
        (self.envelope, self.attachments, self.defects)
    }

    /// What is kept of what was declared: each value up to its bound, all together up to theirs.
    fn describe(&mut self, declared: Declared, name: String) -> Part {
        let Declared { path, name: declared_name, content_type, mut parameters, disposition, .. } = declared;
        let mut content_id = declared.content_id;
        let mut left_out = parameters.len() > MAX_PARAMETERS;
        parameters.truncate(MAX_PARAMETERS);
        for Parameter { name, value } in &mut parameters {
            left_out |= charset::cut(name, MAX_VALUE) | charset::cut(value, MAX_VALUE);
        }
        left_out |= content_id.as_mut().is_some_and(|id| charset::cut(id, MAX_VALUE));
        let size = |text: &String| text.len();
        let more = parameters.iter().map(|p| p.name.len() + p.value.len()).sum::<usize>()
            + content_id.as_ref().map_or(0, size);
        if !self.has_room(more) {
            parameters.clear();
            content_id = None;
            left_out = true;
        }
        if left_out {
            self.note(&path, Defect::DescriptionLeftOut);
        }
        let declared_name = declared_name.and_then(|name| self.declared_name(&path, name));
        Part { path, name, declared_name, content_type, parameters, disposition, content_id }
    }

    fn declared_name(&mut self, path: &str, mut name: String) -> Option<String> {
        if charset::cut(&mut name, MAX_DECLARED_NAME) {
            self.note(path, Defect::NameCut);
        }
        let room = self.has_room(name.len());
        if !room {
            self.note(path, Defect::DescriptionLeftOut);
        }
        room.then_some(name)
    }

    fn has_room(&mut self, more: usize) -> bool {
        let room = self.described + more <= self.settings.limits.description_bytes;
        if room {
            self.described += more;
        }
        room
    }
}
