//! A connection whose bytes are compressed (RFC 4978): raw DEFLATE blocks (RFC 1951) in both directions.
//!
//! What comes is unpacked into a buffer that the caller gives, so that a few bytes which stand for many
//! fill no more memory than others. What goes is not worth a compressor: commands are short, and DEFLATE
//! has blocks for bytes as they are.

use crate::Error;
use flate2::{Decompress, FlushDecompress, Status};

/// How much is received at once.
const PACKED: usize = 16 * 1024;
/// The most bytes in one stored block (RFC 1951 section 3.2.4).
const MAX_STORED: usize = 65_535;

/// What a compressed connection receives.
pub(crate) struct Inflow {
    inflate: Decompress,
    packed: Vec<u8>,
    /// How much of it is unpacked.
    start: usize,
    /// How many bytes came before it was compressed.
    plain: u64,
}

impl Inflow {
    /// Begins with what has come already, after `plain` bytes that were not compressed.
    pub(crate) fn new(packed: &[u8], plain: u64) -> Self {
        Self { inflate: Decompress::new(false), packed: packed.to_vec(), start: 0, plain }
    }

    /// Unpacks into `into` as much as has come and fits; nothing, where more has to come first.
    pub(crate) fn unpack(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        const BROKEN: Error = Error::Protocol("what is no DEFLATE on a compressed connection");
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let packed = self.packed.get(self.start..).unwrap_or_default();
        let status = self.inflate.decompress(packed, into, FlushDecompress::None).map_err(|_| BROKEN)?;
        let read = usize::try_from(self.inflate.total_in() - read).unwrap_or(usize::MAX);
        self.start = self.start.saturating_add(read);
        match usize::try_from(self.inflate.total_out() - written).unwrap_or(usize::MAX) {
            0 if status == Status::StreamEnd => Err(Error::ConnectionLost),
            0 if self.start < self.packed.len() => Err(BROKEN),
            unpacked => Ok(unpacked),
        }
    }

    /// Where more is to be received to, all that came before being unpacked.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        self.start = 0;
        self.packed.resize(PACKED, 0);
        &mut self.packed
    }

    /// That so much has been received to [`Inflow::free`].
    pub(crate) fn received(&mut self, length: usize) {
        self.packed.truncate(length);
    }

    /// All that came, unpacked, and what came before; in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.plain + self.inflate.total_out()
    }
}

/// The bytes as stored blocks, of which none is the last.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(bytes.len() + 5);
    for block in bytes.chunks(MAX_STORED) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        blocks.push(0);
        blocks.extend_from_slice(&length.to_le_bytes());
        blocks.extend_from_slice(&(!length).to_le_bytes());
        blocks.extend_from_slice(block);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(text.len() + 100);
        Compress::new(Compression::default(), false)
            .compress_vec(text, &mut packed, FlushCompress::Sync)
            .expect("packs");
        packed
    }

    #[test]
    fn what_goes_is_what_anybody_unpacks() {
        for length in [0, 1, 300, MAX_STORED, MAX_STORED + 1, 200_000] {
            let text: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut inflow = Inflow::new(&stored(&text), 0);
            let mut unpacked = vec![0; length + 1];
            assert_eq!(inflow.unpack(&mut unpacked).expect("unpacks"), length);
            assert_eq!(unpacked[..length], text);
        }
    }

    #[test]
    fn a_bomb_fills_no_more_than_it_is_given() {
        let bomb = packed(&vec![b'x'; 1 << 20]);
        assert!(bomb.len() < 2000);
        let mut inflow = Inflow::new(&bomb, 7);
        let mut window = [0; 1000];
        let mut total = 0;
        loop {
            match inflow.unpack(&mut window).expect("unpacks") {
                0 => break,
                length => total += length,
            }
        }
        assert_eq!((total, inflow.total()), (1 << 20, (1 << 20) + 7));
    }

    #[test]
    fn what_is_broken_or_ends_is_told() {
        let mut window = [0; 100];
        // A block of the type that there is not.
        assert!(matches!(Inflow::new(&[0xff; 4], 0).unpack(&mut window), Err(Error::Protocol(_))));
        // An empty last block.
        let mut ended = Inflow::new(&[1, 0, 0, 0xff, 0xff], 0);
        assert!(matches!(ended.unpack(&mut window), Err(Error::ConnectionLost)));
        // Nothing yet.
        assert_eq!(Inflow::new(&[], 0).unpack(&mut window).expect("waits"), 0);
    }
}
