//! A part that is handed out: decoded as it comes, and looked into where that is asked for.

use crate::entity::{Entity, Treatment};
use crate::outbox::Outbox;
use crate::tnef::Tnef;
use crate::transfer::Decoder;
use crate::walker::Walker;

#[derive(Debug)]
pub(crate) struct Leaf {
    path: String,
    decoder: Decoder,
    decoded: Vec<u8>,
    sinks: Sinks,
}

/// Where the decoded bytes go.
#[derive(Debug, Default)]
struct Sinks {
    /// The attachment they are handed out as.
    number: Option<usize>,
    tnef: Option<Box<Tnef>>,
    inside: Option<Box<Walker>>,
}

impl Leaf {
    /// An attachment, its transfer encoding undone.
    pub(crate) fn attachment(entity: Entity, encoding: Option<&[u8]>, outbox: &mut Outbox) -> Self {
        let limits = &outbox.settings.limits;
        let tnef = entity.is_tnef().then(|| Box::new(Tnef::new(&entity.declared.path, limits)));
        let mut leaf = Self::new(&entity, encoding, outbox);
        leaf.sinks = Sinks { number: Some(outbox.begin(entity.declared)), tnef, inside: None };
        leaf
    }

    /// A nested message: handed out if it does not lie in something that is, looked into if asked for.
    pub(crate) fn message(
        entity: Entity,
        encoding: Option<&[u8]>,
        handed_out: bool,
        inside: Option<Walker>,
        outbox: &mut Outbox,
    ) -> Self {
        let mut leaf = Self::new(&entity, encoding, outbox);
        let number = handed_out.then(|| outbox.begin(entity.declared));
        leaf.sinks = Sinks { number, tnef: None, inside: inside.map(Box::new) };
        leaf
    }

    /// A multipart that is kept whole: it begins with its own `Content-Type`, without which nobody
    /// could take it apart or verify it, and goes on byte by byte as it stands.
    pub(crate) fn whole(
        entity: Entity,
        treatment: Treatment,
        raw_type: &[u8],
        inside: Option<Walker>,
        outbox: &mut Outbox,
    ) -> Self {
        let mut leaf = Self::new(&entity, None, outbox);
        let inside = inside.filter(|_| treatment == Treatment::Signed).map(Box::new);
        leaf.sinks = Sinks { number: Some(outbox.begin(entity.declared)), tnef: None, inside };
        let header = [b"MIME-Version: 1.0\r\nContent-Type: ", raw_type, b"\r\n\r\n"].concat();
        leaf.sinks.write(&header, outbox);
        leaf
    }

    pub(crate) fn write(&mut self, raw: &[u8], outbox: &mut Outbox) {
        let decoded = self.decoder.decode(raw, &mut self.decoded);
        self.sinks.write(decoded, outbox);
    }

    pub(crate) fn end(mut self, outbox: &mut Outbox) {
        let decoded = self.decoder.finish(&mut self.decoded);
        self.sinks.write(decoded, outbox);
        outbox.note_all(&self.path, self.decoder.defects());
        if let Some(tnef) = self.sinks.tnef {
            tnef.finish(outbox);
        }
        if let Some(inside) = self.sinks.inside {
            inside.finish(outbox);
        }
        if let Some(number) = self.sinks.number {
            outbox.end(number);
        }
    }

    fn new(entity: &Entity, encoding: Option<&[u8]>, outbox: &mut Outbox) -> Self {
        let mut defects = Vec::new();
        let decoder = Decoder::of(encoding, &mut defects);
        let path = entity.declared.path.clone();
        outbox.note_all(&path, defects);
        Self { path, decoder, decoded: Vec::new(), sinks: Sinks::default() }
    }
}

impl Sinks {
    fn write(&mut self, bytes: &[u8], outbox: &mut Outbox) {
        if let Some(number) = self.number {
            outbox.bytes(number, bytes);
        }
        if let Some(tnef) = &mut self.tnef {
            tnef.push(bytes, outbox);
        }
        if let Some(inside) = &mut self.inside {
            inside.push(bytes, outbox);
        }
    }
}
