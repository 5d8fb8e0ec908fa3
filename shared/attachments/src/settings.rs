//! What is unpacked, and how much memory a message may claim.

/// What counts as an attachment beyond the rules that always hold, and the bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Also hand out the images that belong to a text: an `image/*` directly inside
    /// `multipart/related` (RFC 2387) that is not declared an attachment.
    pub inline_images: bool,
    /// Also unpack what lies inside nested messages and signed parts. These are kept whole either way;
    /// what lies inside something kept whole is not kept whole once more.
    pub look_inside: bool,
    /// The bounds.
    pub limits: Limits,
}

/// The bounds on what a message may claim. None of them fails a message: what goes beyond is left out
/// and noted as a [`Defect`](crate::Defect).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How much of one header block is kept, in bytes. Only the fields that are read count, each with
    /// a share of its own, so that no field crowds out another.
    pub header_bytes: usize,
    /// How deep multiparts and nested messages may lie inside one another. Every level costs stack:
    /// beyond a few hundred it would be felt.
    pub depth: usize,
    /// How many parts a message may have, texts and multiparts included.
    pub parts: usize,
    /// How much the declared names, types and parameters of all attachments may take together, in
    /// bytes. Safe names are always kept.
    pub description_bytes: usize,
    /// How much of a file inside TNEF is held back until its name is known, in bytes: Outlook writes
    /// the name after the data. A larger file begins without its declared name.
    pub tnef_hold_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            depth: 20,
            parts: 1_000,
            description_bytes: 256 * 1024,
            tnef_hold_bytes: 256 * 1024,
        }
    }
}
