//! What the fuzzer made up.

/// An input: what the other side says, and options.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What the other side says.
    pub said: &'a [u8],
    options: u8,
}

impl<'a> Input<'a> {
    /// Takes the options off the end.
    pub fn new(data: &'a [u8]) -> Self {
        let (options, said) = data.split_last().unwrap_or((&0, &[]));
        Self { said, options: *options }
    }

    /// One of the options, by its bit from 0 to 5: `@` chooses none of them, `A` the first.
    pub fn option(self, bit: u8) -> bool {
        self.options & (1 << bit) != 0
    }
}
