//! A fixed number of bytes that are waited for.

/// Bytes that must be there together before they can be read.
#[derive(Debug)]
pub(crate) struct Wanted {
    bytes: Vec<u8>,
    length: usize,
}

impl Wanted {
    pub(crate) fn new(length: usize) -> Self {
        Self { bytes: Vec::with_capacity(length), length }
    }

    /// Takes what is missing off the front of what came; the bytes once they are complete.
    pub(crate) fn take(&mut self, rest: &mut &[u8]) -> Option<Vec<u8>> {
        let (now, after) = rest.split_at(rest.len().min(self.length - self.bytes.len()));
        self.bytes.extend_from_slice(now);
        *rest = after;
        (self.bytes.len() == self.length).then(|| std::mem::take(&mut self.bytes))
    }

    pub(crate) fn is_untouched(&self) -> bool {
        self.bytes.is_empty()
    }
}
