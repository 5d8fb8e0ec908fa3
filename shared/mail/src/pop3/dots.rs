//! Where a message ends, and which of its dots are its own (RFC 1939 section 3).
//!
//! A line that begins with a dot has one dot more on the wire, and a line of a single dot ends the
//! text. A line is what CRLF ends. Servers differ in what they do at an LF that stands alone, and
//! whoever wrote the message decides whether there is one; were `LF . CRLF` taken for the end, a message
//! could end early, and the rest of it be taken for what the server says. Only where the server ends
//! its own lines with LF alone is LF the end of a line.

use crate::wire::LineEnd;
use bytes::BytesMut;

/// Undoes dot-stuffing, whatever pieces the text comes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dots {
    line_end: LineEnd,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A line begins.
    LineStart,
    /// It began with a dot, which is held back.
    Dot,
    /// It began with a dot and CR, which are held back.
    DotCr,
    /// Within a line, after a CR or another byte.
    Within { cr: bool },
    /// The text has ended.
    End,
}

impl Dots {
    /// The beginning of a text from a server that ends its own lines so.
    pub(super) fn new(line_end: LineEnd) -> Self {
        Self { line_end, state: State::LineStart }
    }

    /// Whether the text has ended.
    pub(super) fn ended(self) -> bool {
        self.state == State::End
    }

    /// Takes a piece of what is received and adds what it holds of the text: at most one byte more than
    /// the piece is long. Returned is how much of the piece was taken: less than all of it only where
    /// the text ended.
    pub(super) fn undo(&mut self, piece: &[u8], text: &mut BytesMut) -> usize {
        let mut at = 0;
        while at < piece.len() && self.state != State::End {
            let byte = piece[at];
            let bare = self.line_end == LineEnd::Lf;
            match self.state {
                State::LineStart if byte == b'.' => {
                    self.state = State::Dot;
                    at += 1;
                }
                State::Dot if byte == b'\r' => {
                    self.state = State::DotCr;
                    at += 1;
                }
                State::Dot | State::DotCr if byte == b'\n' && (bare || self.state == State::DotCr) => {
                    self.state = State::End;
                    at += 1;
                }
                // Any other line that begins with a dot is one that was stuffed.
                State::Dot => self.state = State::Within { cr: false },
                State::DotCr => {
                    text.extend_from_slice(b"\r");
                    self.state = State::Within { cr: true };
                }
                State::LineStart | State::Within { .. } => at += self.line(&piece[at..], text),
                State::End => {}
            }
        }
        at
    }

    /// Copies to the end of a run of lines none of which begins with a dot.
    fn line(&mut self, piece: &[u8], text: &mut BytesMut) -> usize {
        let mut cr = self.state == State::Within { cr: true };
        let mut end = 0;
        while let Some(length) = piece[end..].iter().position(|b| *b == b'\n') {
            let lf = end + length;
            let after_cr = if length == 0 { cr } else { piece[lf - 1] == b'\r' };
            end = lf + 1;
            cr = false;
            if (after_cr || self.line_end == LineEnd::Lf) && piece.get(end).is_none_or(|b| *b == b'.') {
                text.extend_from_slice(&piece[..end]);
                self.state = State::LineStart;
                return end;
            }
        }
        cr = if end == piece.len() { cr } else { piece.ends_with(b"\r") };
        text.extend_from_slice(piece);
        self.state = State::Within { cr };
        piece.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of what came in these pieces, and what followed it.
    fn undone(line_end: LineEnd, pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>), Vec<u8>> {
        let (mut dots, mut text, mut rest) = (Dots::new(line_end), BytesMut::new(), Vec::new());
        for piece in pieces {
            let before = text.len();
            let taken = dots.undo(piece, &mut text);
            assert!(taken == piece.len() || dots.ended(), "a piece is taken whole before the end");
            assert!(text.len() - before <= taken + 1);
            rest.extend_from_slice(&piece[taken..]);
        }
        if dots.ended() { Ok((text.to_vec(), rest)) } else { Err(text.to_vec()) }
    }

    type Row = (&'static [u8], Option<&'static [u8]>, Option<&'static [u8]>);

    /// What comes over the wire, and the text it stands for: where lines end with CRLF, where they end
    /// with LF. No text: it has not ended.
    const TABLE: &[Row] = &[
        (b".\r\n", Some(b""), Some(b"")),
        (b"\r\n.\r\n", Some(b"\r\n"), Some(b"\r\n")),
        (b"a\r\n.\r\n", Some(b"a\r\n"), Some(b"a\r\n")),
        (b"..\r\n.\r\n", Some(b".\r\n"), Some(b".\r\n")),
        (b"...\r\n.\r\n", Some(b"..\r\n"), Some(b"..\r\n")),
        (b"..a\r\nb..\r\n.c\r\n.\r\n", Some(b".a\r\nb..\r\nc\r\n"), Some(b".a\r\nb..\r\nc\r\n")),
        (b"a.\r\n.\r\n", Some(b"a.\r\n"), Some(b"a.\r\n")),
        (b"a\r.\r\n\r\n.\r\n", Some(b"a\r.\r\n\r\n"), Some(b"a\r.\r\n\r\n")),
        (b".\rb\r\n.\r\n", Some(b"\rb\r\n"), Some(b"\rb\r\n")),
        (b".\r\r\n.\r\n", Some(b"\r\r\n"), Some(b"\r\r\n")),
        (b"\r\r\n.\r\n", Some(b"\r\r\n"), Some(b"\r\r\n")),
        (b"a\r\n\r\n\r\n.\r\n", Some(b"a\r\n\r\n\r\n"), Some(b"a\r\n\r\n\r\n")),
        // LF alone: not the end of a line, unless the server itself does it.
        (b"a\n.\r\nb\r\n.\r\n", Some(b"a\n.\r\nb\r\n"), Some(b"a\n")),
        (b"a\n..b\r\n.\r\n", Some(b"a\n..b\r\n"), Some(b"a\n.b\r\n")),
        (b"a\n.\n", None, Some(b"a\n")),
        (b".\n", None, Some(b"")),
        (b".\n.\r\n", None, Some(b"")),
        (b"\n.\r\n", None, Some(b"\n")),
        (b"a\r\n.\nb\r\n.\r\n", Some(b"a\r\n\nb\r\n"), Some(b"a\r\n")),
        (b"a\r\n.", None, None),
        (b"a\r\n.\r", None, None),
        (b"a\r.\r\n", None, None),
        (b"a.\r\n", None, None),
        (b"\0\xff\r\n.\r\n", Some(b"\0\xff\r\n"), Some(b"\0\xff\r\n")),
    ];

    #[test]
    fn dots_are_undone_whatever_pieces_the_text_comes_in() {
        let follows = b"+OK next\r\n.\r\n";
        for (sent, crlf, lf) in TABLE {
            for (line_end, expected) in [(LineEnd::CrLf, crlf), (LineEnd::Lf, lf)] {
                let all = if expected.is_some() { [*sent, &follows[..]].concat() } else { sent.to_vec() };
                let shown = String::from_utf8_lossy(sent).escape_debug().to_string();
                let check = |pieces: &[&[u8]]| match (undone(line_end, pieces), expected) {
                    (Ok((text, rest)), Some(expected)) => {
                        assert_eq!(text, *expected, "{shown} {line_end:?}");
                        assert!(rest.ends_with(follows), "nothing after the end is taken: {shown}");
                        assert!(all.ends_with(&rest));
                    }
                    (Err(_), None) => {}
                    (found, _) => panic!("{shown} {line_end:?}: {found:?}"),
                };
                check(&[&all]);
                check(&all.chunks(1).collect::<Vec<_>>());
                for first in 0..=all.len() {
                    for second in first..=all.len() {
                        check(&[&all[..first], &all[first..second], &all[second..]]);
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_stuffed_comes_back() {
        // Every text of up to six of these bytes, stuffed as RFC 1939 says.
        let alphabet = [b'a', b'.', b'\r', b'\n'];
        for length in 0..=6u32 {
            for number in 0..4usize.pow(length) {
                let text: Vec<u8> =
                    (0..length).map(|place| alphabet[number / 4usize.pow(place) % 4]).collect();
                let text = [&text[..], b"\r\n"].concat();
                let mut sent = Vec::new();
                for (at, byte) in text.iter().enumerate() {
                    if *byte == b'.' && (at == 0 || text[..at].ends_with(b"\r\n")) {
                        sent.push(b'.');
                    }
                    sent.push(*byte);
                }
                sent.extend_from_slice(b".\r\n");
                assert_eq!(undone(LineEnd::CrLf, &[&sent]), Ok((text, Vec::new())), "{sent:?}");
            }
        }
    }
}
