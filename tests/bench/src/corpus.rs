//! Made-up mail in a Maildir: deterministic, with real MIME structure, lines ended by CRLF.
//!
//! File names carry the sizes (`S=` and `W=`), as Dovecot writes them itself, so that the server
//! neither reads a file to list it nor converts it to send it: it is as fast as it can be, and the
//! clients are what is measured.

use crate::Result;
use clap::{Args, ValueEnum};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

#[derive(Args)]
pub(crate) struct Options {
    /// The Maildir to make.
    folder: PathBuf,
    #[arg(long)]
    kind: Kind,
    /// How many messages, where it is not the usual number.
    #[arg(long)]
    messages: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// 20,000 messages: median 12 KB, mean 60 KB, at most 5 MB.
    Mixed,
    /// 1,000 messages of 1 to 4 KB.
    Small,
    /// One message of 100 MB and one of 40 MB.
    Large,
}

/// The median size of mixed mail.
const MEDIAN: f64 = 12_000.0;
/// The standard deviation of the size's logarithm, which gives a mean of 60 KB under the limit.
const SIGMA: f64 = 1.82;
const SMALLEST: f64 = 2_500.0;
const LARGEST: f64 = 5_000_000.0;

/// A line of base64: 76 characters and CRLF (RFC 2045 section 6.8).
const LINE: usize = 78;

const WORDS: [&str; 32] = [
    "site",
    "delivery",
    "concrete",
    "north",
    "abutment",
    "crane",
    "inspection",
    "Monday",
    "drawing",
    "revised",
    "please",
    "attached",
    "the",
    "of",
    "and",
    "for",
    "weather",
    "delay",
    "bridge",
    "pier",
    "level",
    "signed",
    "off",
    "invoice",
    "tonnes",
    "rebar",
    "formwork",
    "tomorrow",
    "safety",
    "meeting",
    "minutes",
    "approved",
];

pub(crate) fn write(options: &Options) -> Result<()> {
    let mut dice = Dice(0x005e_ed0f_1e77_e125);
    let attachments = base64_lines(&mut dice);
    let sizes: Vec<usize> = match options.kind {
        Kind::Mixed => (0..options.messages.unwrap_or(20_000)).map(|_| dice.size()).collect(),
        Kind::Small => (0..options.messages.unwrap_or(1_000)).map(|_| 1_000 + dice.below(3_000)).collect(),
        Kind::Large => vec![100_000_000, 40_000_000],
    };
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(options.folder.join(folder))?;
    }
    let current = options.folder.join("cur");
    for (number, size) in sizes.into_iter().enumerate() {
        store(&current, number, &message(number, size, &attachments, &mut dice))?;
    }
    Ok(())
}

fn store(folder: &Path, number: usize, text: &[u8]) -> Result<()> {
    let size = text.len();
    let name = format!("{}.M{number:06}P1.bench,S={size},W={size}:2,", 1_700_000_000 + number * 60);
    Ok(fs::write(folder.join(name), text)?)
}

/// One message of about `size` bytes: text, from 4 KB on also HTML, and the rest an attachment.
fn message(number: usize, size: usize, attachments: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut text = headers(number, dice);
    if size < 4_000 {
        text.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
        let room = size.saturating_sub(text.len());
        prose(&mut text, room, "", dice);
        return text.into_bytes();
    }
    let boundary = format!("=_{:016x}", dice.next());
    _ = write!(text, "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n");
    text.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    prose(&mut text, (size / 8).min(3_000), "", dice);
    _ = write!(text, "\r\n--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
    prose(&mut text, (size / 4).min(12_000), "<p class=\"MsoNormal\">", dice);
    _ = write!(
        text,
        "</body></html>\r\n--{boundary}\r\nContent-Type: application/pdf; name=\"drawing-{number}.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    let end = format!("--{boundary}--\r\n");
    let mut text = text.into_bytes();
    let lines = size.saturating_sub(text.len() + end.len()) / LINE;
    let mut left = lines * LINE;
    while left > 0 {
        let start = dice.below(attachments.len() / LINE / 2) * LINE;
        let piece = left.min(attachments.len() - start);
        text.extend_from_slice(&attachments[start..start + piece]);
        left -= piece;
    }
    text.extend_from_slice(end.as_bytes());
    text
}

fn headers(number: usize, dice: &mut Dice) -> String {
    let mut text = String::new();
    let (day, hour, minute) = (1 + number % 28, number / 60 % 24, number % 60);
    let date = format!("{day} Mar 2026 {hour:02}:{minute:02}:00 +0000");
    for hop in ["mx.example.net", "relay.example.com", "client.example.com"] {
        _ = write!(
            text,
            "Received: from {hop} (192.0.2.{}) by mail.example.net\r\n\twith ESMTPS id {:016x}\r\n\tfor <site@example.net>; {date}\r\n",
            dice.below(250),
            dice.next(),
        );
    }
    text.push_str("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=mail;\r\n\tb=");
    for _ in 0..4 {
        _ = write!(
            text,
            "{:016x}{:016x}{:016x}{:016x}\r\n\t ",
            dice.next(),
            dice.next(),
            dice.next(),
            dice.next()
        );
    }
    _ = write!(
        text,
        "\r\nDate: {date}\r\nFrom: \"Site office {}\" <office{}@example.com>\r\nTo: <site@example.net>\r\n\
         Subject: Diary {number}\r\nMessage-ID: <{number}.{:016x}@example.com>\r\nMIME-Version: 1.0\r\n",
        number % 40,
        number % 40,
        dice.next(),
    );
    text
}

fn prose(text: &mut String, bytes: usize, prefix: &str, dice: &mut Dice) {
    let end = text.len() + bytes;
    while text.len() < end {
        let start = text.len();
        text.push_str(prefix);
        while text.len() < start + 64 {
            text.push_str(WORDS[dice.below(WORDS.len())]);
            text.push(' ');
        }
        text.push_str("\r\n");
    }
}

/// Two megabytes of base64, from which attachments are cut.
fn base64_lines(dice: &mut Dice) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut lines = Vec::with_capacity(2 << 20);
    while lines.len() < 2 << 20 {
        lines.extend((0..LINE - 2).map(|_| ALPHABET[dice.below(64)]));
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    /// A log-normal size: the sum of twelve uniform numbers is near enough to a normal one.
    fn size(&mut self) -> usize {
        let uniform = |dice: &mut Self| (dice.next() >> 11) as f64 / (1u64 << 53) as f64;
        let normal: f64 = (0..12).map(|_| uniform(self)).sum::<f64>() - 6.0;
        (MEDIAN * (SIGMA * normal).exp()).clamp(SMALLEST, LARGEST) as usize
    }
}
