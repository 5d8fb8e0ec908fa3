//! Cutting what is said into pieces, which must make no difference.

use std::hash::{DefaultHasher, Hash, Hasher};

/// How a text is cut: always the same for the same text.
#[derive(Debug, Clone)]
pub enum Pieces {
    /// Not at all.
    Whole,
    /// Into pieces of up to so many bytes, by chance.
    Cut {
        /// The longest piece.
        most: usize,
        /// Where chance has come to.
        dice: u64,
    },
}

impl Pieces {
    /// Into single bytes.
    pub fn single() -> Self {
        Self::Cut { most: 1, dice: 0 }
    }

    /// Into pieces that this text decides on.
    pub fn of(text: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let dice = hasher.finish();
        Self::Cut { most: [3, 17, 300, 20_000][dice as usize % 4], dice }
    }

    /// The length of the next piece of a text of which so many bytes are left.
    pub fn next(&mut self, left: usize) -> usize {
        match self {
            Self::Whole => left,
            Self::Cut { most, dice } => {
                // A linear congruential generator (Knuth, MMIX).
                *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                left.min(1 + (*dice >> 33) as usize % *most)
            }
        }
    }
}
