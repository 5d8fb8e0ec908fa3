//! The tokens of IMAP responses (RFC 3501 section 9): atoms, numbers, strings, lists.

use crate::Error;

/// The deepest nesting of parentheses in a value that is skipped.
const MAX_DEPTH: usize = 32;

/// A place in a response. Literals stand in it after their `{n}` and CRLF.
#[derive(Clone)]
pub(super) struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Passes over these bytes, if they come next.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.rest.strip_prefix(bytes);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Passes over these bytes, which must come next.
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.skip(bytes) { Ok(()) } else { Err(Error::Protocol("not an IMAP response")) }
    }

    /// Passes over a word in any case and the space behind it, if it comes next as a whole.
    pub(super) fn skip_word(&mut self, word: &[u8]) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((found, rest)) if found.eq_ignore_ascii_case(word) && matches!(rest, [] | [b' ', ..]) => {
                self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
                true
            }
            _ => false,
        }
    }

    /// What comes before this byte, which is passed over; none if it does not come.
    pub(super) fn until(&mut self, byte: u8) -> Option<&'a [u8]> {
        let at = self.rest.iter().position(|b| *b == byte)?;
        let found = &self.rest[..at];
        self.rest = &self.rest[at + 1..];
        Some(found)
    }

    /// An atom; empty, where none comes next.
    pub(super) fn atom(&mut self) -> &'a [u8] {
        self.take_while(|b| b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'"'))
    }

    /// The name of a FETCH attribute, with its section: `BODY[HEADER.FIELDS (DATE)]<0>`.
    pub(super) fn attribute_name(&mut self) -> Vec<u8> {
        let mut inside = false;
        let name = self.take_while(|b| {
            inside = (inside || b == b'[') && b != b']';
            inside || !matches!(b, b' ' | b'(' | b')')
        });
        name.to_ascii_uppercase()
    }

    /// A number of up to 64 bits.
    pub(super) fn number(&mut self) -> Result<u64, Error> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        Self::parse(digits)
    }

    /// A UID: a number of 32 bits, not zero.
    pub(super) fn uid(&mut self) -> Result<u32, Error> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        Self::parse(digits).and_then(|n| if n == 0 { Err(Error::Protocol("a UID of zero")) } else { Ok(n) })
    }

    /// A number of 32 bits and the space behind it.
    pub(super) fn number_and_space(&mut self) -> Result<u32, Error> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        let number = Self::parse(digits)?;
        self.expect(b" ")?;
        Ok(number)
    }

    /// A text that is a number and nothing else.
    pub(super) fn whole_number(digits: &[u8]) -> Result<u32, Error> {
        Self::parse(digits)
    }

    /// A quoted string or literal; none for NIL.
    pub(super) fn nullable_string(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.rest.len() >= 3 && self.rest[..3].eq_ignore_ascii_case(b"NIL") {
            self.rest = &self.rest[3..];
            return Ok(None);
        }
        self.string().map(Some)
    }

    /// A quoted string, a literal or an atom.
    pub(super) fn any_string(&mut self) -> Result<Vec<u8>, Error> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        // Names have been seen unquoted with bytes that no atom may have.
        match self.take_while(|b| b != b' ' && !b.is_ascii_control()) {
            [] => Err(Error::Protocol("a string is missing")),
            atom => Ok(atom.to_vec()),
        }
    }

    /// Passes over one value: an atom, a string, a parenthesised list.
    pub(super) fn skip_value(&mut self) -> Result<(), Error> {
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(b'(') => depth += usize::from(self.skip(b"(")),
                Some(b')') if depth > 0 => depth -= usize::from(self.skip(b")")),
                Some(b' ') if depth > 0 => _ = self.skip(b" "),
                Some(b'"' | b'{') => _ = self.string()?,
                _ if self.atom().is_empty() => return Err(Error::Protocol("a value is missing")),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
            if depth > MAX_DEPTH {
                return Err(Error::Protocol("parentheses nested too deeply"));
            }
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, Error> {
        const BROKEN: Error = Error::Protocol("a broken string");
        if self.skip(b"{") {
            let digits = self.until(b'}').ok_or(BROKEN)?;
            self.expect(b"\r\n")?;
            let length: u32 = Self::parse(digits)?;
            let (literal, rest) =
                usize::try_from(length).ok().and_then(|n| self.rest.split_at_checked(n)).ok_or(BROKEN)?;
            self.rest = rest;
            return Ok(literal.to_vec());
        }
        self.expect(b"\"")?;
        let mut result = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first().ok_or(BROKEN)?;
            self.rest = rest;
            match byte {
                b'"' => return Ok(result),
                b'\\' => {
                    let (&escaped, rest) = self.rest.split_first().ok_or(BROKEN)?;
                    self.rest = rest;
                    result.push(escaped);
                }
                byte => result.push(byte),
            }
        }
    }

    fn take_while(&mut self, mut belongs: impl FnMut(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|b| !belongs(*b)).unwrap_or(self.rest.len());
        let (found, rest) = self.rest.split_at(length);
        self.rest = rest;
        found
    }

    fn parse<N: std::str::FromStr>(digits: &[u8]) -> Result<N, Error> {
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|d| d.parse().ok()).ok_or(Error::Protocol("a number is missing or too large"))
    }
}
