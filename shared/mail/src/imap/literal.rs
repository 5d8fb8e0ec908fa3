//! Responses with literals (RFC 3501 section 4.3): short ones are kept, message texts are streamed.

use crate::{Error, wire::Wire};
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest literal that is kept, as opposed to streamed.
const MAX_LITERAL: u64 = 64 * 1024;
/// The most literals in one response.
const MAX_LITERALS: usize = 16;

/// How a received part of a response ended.
pub(super) enum Part {
    /// The response is complete.
    Complete,
    /// It goes on with a literal of so many bytes, which is to be streamed.
    Literal(u64),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Receives a response, or the rest of one; literals in it stand after their `{n}` and CRLF. It is
    /// handed out before its end where `streams` says, of the text up to a literal, that the literal is
    /// one to be streamed.
    pub(super) async fn receive(&mut self, streams: fn(&[u8]) -> bool) -> Result<Part, Error> {
        self.response.clear();
        for _ in 0..=MAX_LITERALS {
            let begin = self.response.len();
            self.receive_line(begin).await?;
            let Some((length, mark)) = announced_literal(&self.response, begin)? else {
                return Ok(Part::Complete);
            };
            if streams(&self.response[..mark]) {
                self.response.truncate(mark);
                return Ok(Part::Literal(length));
            }
            if length > MAX_LITERAL {
                return Err(Error::Protocol("a literal longer than 64 KiB where none is expected"));
            }
            self.response.extend_from_slice(b"\r\n");
            self.receive_kept(usize::try_from(length).unwrap_or(usize::MAX)).await?;
        }
        Err(Error::Protocol("too many literals in one response"))
    }
}

/// The literal that the last line of a response announces (RFC 3501 section 4.3), and where its
/// mark begins. The last line begins at `begin`. Status responses, continuations and tagged
/// responses end in text for people, which announces nothing.
fn announced_literal(response: &[u8], begin: usize) -> Result<Option<(u64, usize)>, Error> {
    const STATUS: [&[u8]; 5] = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"];
    let is_data = match response {
        [b'*', b' ', rest @ ..] => {
            let word = rest.split(|b| *b == b' ').next().unwrap_or_default();
            !STATUS.iter().any(|status| word.eq_ignore_ascii_case(status))
        }
        // The rest of a response, after a streamed literal.
        [first, ..] => matches!(first, b' ' | b')'),
        [] => false,
    };
    let Some(line) = response[begin..].strip_suffix(b"}").filter(|_| is_data) else { return Ok(None) };
    let open = line.iter().rposition(|b| !b.is_ascii_digit());
    let Some(open) = open.filter(|at| line[*at] == b'{' && *at + 1 < line.len()) else { return Ok(None) };
    let digits = std::str::from_utf8(&line[open + 1..]).unwrap_or_default();
    let length = digits.parse().map_err(|_| Error::Protocol("a literal's length beyond 64 bits"))?;
    Ok(Some((length, begin + open)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_by_data_only() {
        for (response, begin, expected) in [
            ("* 1 FETCH (BODY[] {42}", 0, Some((42, 18))),
            ("* LIST () \"/\" {3}\r\n{5}", 22, None),
            ("* LIST () \"/\" {3}\r\n{5} {7}", 22, Some((7, 23))),
            (" FLAGS {1}", 0, Some((1, 7))),
            ("* OK see {42}", 0, None),
            ("* no {42}", 0, None),
            ("P1 OK {42}", 0, None),
            ("+ {42}", 0, None),
            ("* 1 FETCH {}", 0, None),
            ("* 1 FETCH 42}", 0, None),
            ("", 0, None),
        ] {
            assert_eq!(
                announced_literal(response.as_bytes(), begin).expect("in range"),
                expected,
                "{response}"
            );
        }
        assert!(announced_literal(b"* 1 FETCH (BODY[] {18446744073709551616}", 0).is_err());
    }
}
