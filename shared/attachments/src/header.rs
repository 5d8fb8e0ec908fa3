//! A part's header block, line by line: the few fields that are read, each up to its share of the bound.
//!
//! Guarantees: a header block of any length costs no more than the configured bytes, and a field that is
//! read is never lost because others are long. Leaves out: every other field.

/// The fields that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    ContentType,
    ContentDisposition,
    ContentTransferEncoding,
    ContentId,
    MessageId,
    Date,
    From,
    To,
    Cc,
    Subject,
}

/// The fields in the order of [`Field`], each with its share of a header block's bound, in sixty-fourths.
const FIELDS: [(&str, usize); 10] = [
    ("content-type", 16),
    ("content-disposition", 16),
    ("content-transfer-encoding", 1),
    ("content-id", 1),
    ("message-id", 1),
    ("date", 1),
    ("from", 4),
    ("to", 10),
    ("cc", 10),
    ("subject", 4),
];

/// The longest name of a field that is waited for. RFC 5322 allows lines of 998 characters; a line that
/// has no colon by here is text.
const MAX_FIELD_NAME: usize = 256;

#[derive(Debug)]
pub(crate) struct HeaderBlock {
    bound: usize,
    values: [Option<Vec<u8>>; FIELDS.len()],
    /// The field that a continuation line continues.
    current: Option<usize>,
    line: Line,
    pub(crate) any_field: bool,
    pub(crate) cut: bool,
    pub(crate) repeated: bool,
}

#[derive(Debug)]
enum Line {
    /// Too little of it has come to know what it is.
    Begun(Vec<u8>),
    Kept(usize),
    Skipped,
}

/// What the end of a line means.
#[derive(Debug, PartialEq)]
pub(crate) enum LineEnd {
    /// The header block goes on.
    Field,
    /// This was the blank line.
    Blank,
    /// This line is no field: the body began with it.
    Body(Vec<u8>),
}

impl HeaderBlock {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bound,
            values: Default::default(),
            current: None,
            line: Line::Begun(Vec::new()),
            any_field: false,
            cut: false,
            repeated: false,
        }
    }

    /// The unfolded value of a field, without blanks around it.
    pub(crate) fn value(&self, field: Field) -> Option<&[u8]> {
        self.values[field as usize].as_deref().map(<[u8]>::trim_ascii)
    }

    /// More of a line. If it turns out not to be a field, the line so far comes back: it is body.
    pub(crate) fn text(&mut self, text: &[u8]) -> Result<(), Vec<u8>> {
        match &mut self.line {
            Line::Skipped => {}
            Line::Kept(field) => {
                let field = *field;
                self.keep(field, text);
            }
            Line::Begun(begun) => {
                begun.extend_from_slice(text);
                let line = std::mem::take(begun);
                return self.begin(line);
            }
        }
        Ok(())
    }

    pub(crate) fn end_line(&mut self) -> LineEnd {
        match std::mem::replace(&mut self.line, Line::Begun(Vec::new())) {
            Line::Begun(begun) if begun.is_empty() => LineEnd::Blank,
            Line::Begun(begun) => LineEnd::Body(begun),
            Line::Kept(_) | Line::Skipped => LineEnd::Field,
        }
    }

    fn begin(&mut self, line: Vec<u8>) -> Result<(), Vec<u8>> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            self.line = self.current.map_or(Line::Skipped, Line::Kept);
            return self.text(&line);
        }
        // The envelope line of an mbox file.
        if line.starts_with(b"From ") {
            (self.line, self.current) = (Line::Skipped, None);
            return Ok(());
        }
        let Some(colon) = line.iter().take(MAX_FIELD_NAME).position(|&b| b == b':') else {
            let possible = line.len() < MAX_FIELD_NAME && is_field_name(&line);
            if possible {
                self.line = Line::Begun(line);
                return Ok(());
            }
            return Err(line);
        };
        let name = &line[..colon];
        if name.trim_ascii_end().is_empty() || !is_field_name(name) {
            return Err(line);
        }
        self.any_field = true;
        let name = name.trim_ascii_end();
        let known = FIELDS.iter().position(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        self.repeated |= known.is_some_and(|field| self.values[field].is_some());
        self.current = known.filter(|&field| self.values[field].is_none());
        self.line = self.current.map_or(Line::Skipped, Line::Kept);
        if let Some(field) = self.current {
            self.keep(field, &line[colon + 1..]);
        }
        Ok(())
    }

    fn keep(&mut self, field: usize, text: &[u8]) {
        let value = self.values[field].get_or_insert_default();
        let room = (self.bound / 64 * FIELDS[field].1).saturating_sub(value.len());
        self.cut |= text.len() > room;
        value.extend_from_slice(&text[..text.len().min(room)]);
    }
}

/// Printable ASCII (RFC 5322 section 2.2), and blanks before the colon as old senders wrote them.
fn is_field_name(name: &[u8]) -> bool {
    name.trim_ascii_end().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&[u8]]) -> (HeaderBlock, Vec<LineEnd>) {
        let mut block = HeaderBlock::new(64 * 1024);
        let mut ends = Vec::new();
        for line in lines {
            match block.text(line) {
                Ok(()) => ends.push(block.end_line()),
                Err(body) => ends.push(LineEnd::Body(body)),
            }
        }
        (block, ends)
    }

    #[test]
    fn fields_are_read_and_unfolded() {
        let (block, ends) = read(&[
            b"From sender@example.org Mon Jan  1 00:00:00 2026",
            b" continues the envelope line",
            b"SUBJECT : site",
            b"\tdiary",
            b"X-Other: one",
            b" two",
            b"subject: again",
            b" and more",
            b"To:",
            b"Content-Type:text/plain",
            b"",
        ]);
        assert_eq!(ends.last(), Some(&LineEnd::Blank));
        assert!(ends[..10].iter().all(|end| *end == LineEnd::Field));
        assert_eq!(block.value(Field::Subject), Some(&b"site\tdiary"[..]));
        assert_eq!(block.value(Field::To), Some(&b""[..]));
        assert_eq!(block.value(Field::ContentType), Some(&b"text/plain"[..]));
        assert_eq!(block.value(Field::Cc), None);
        assert!(block.repeated && !block.cut);
    }

    #[test]
    fn what_is_no_field_begins_the_body() {
        for line in [&b"Hello"[..], b"Hello you: there", b": empty", b"\xff: x", b"--boundary"] {
            assert_eq!(read(&[line]).1, [LineEnd::Body(line.to_vec())]);
        }
        let endless = [&[b'x'; MAX_FIELD_NAME][..], b": x"].concat();
        assert_eq!(HeaderBlock::new(64).text(&endless), Err(endless));
    }

    #[test]
    fn long_fields_are_cut_and_crowd_out_nothing() {
        let mut block = HeaderBlock::new(6_400);
        for name in ["X-Junk: ", "To: ", "Cc: "] {
            assert_eq!(block.text(name.as_bytes()), Ok(()));
            for _ in 0..1_000 {
                assert_eq!(block.text(&[b'x'; 1_000]), Ok(()));
            }
            assert_eq!(block.end_line(), LineEnd::Field);
        }
        assert_eq!(block.text(b"Content-Type: text/plain"), Ok(()));
        assert!(block.cut);
        assert_eq!(block.value(Field::To).map(<[u8]>::len), Some(999));
        assert_eq!(block.value(Field::ContentType), Some(&b"text/plain"[..]));
    }
}
