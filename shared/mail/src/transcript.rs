//! What goes over connections, written down for people who look for a fault.
//!
//! Guarantees: a line is masked before it becomes text here. Sign-ins are shown without what they
//! carry, message texts and header blocks as their length only, and what a server quotes of our
//! password or token is redacted, in the encodings that servers are known to use. Memory is bounded:
//! of a long conversation the beginning and the end are kept.
//!
//! Leaves out: what may be shown of a protocol's lines, which is for the protocol to decide; and user
//! names, folder names and the server's words in refusals, which are shown.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// What stands in the place of what a sign-in carries.
pub(crate) const MASK: &str = "***";
/// How much of the beginning is kept, in bytes.
const HEAD: usize = 128 * 1024;
/// How much of the end is kept, in bytes.
const TAIL: usize = 128 * 1024;
/// The longest line, in characters.
const MAX_LINE: usize = 2000;

/// The transcript of one or several connections, at most 256 KiB.
///
/// A clone is the same transcript: whoever keeps one can read it whenever they like, also when the
/// connection was given up in the middle. `Display` shows it, one line for each thing said:
///
/// ```text
///       0 -- connecting to mail.example:993
///      31 S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
///      31 C: P1 AUTHENTICATE XOAUTH2 ***
/// ```
///
/// First come the milliseconds since the transcript was begun, then who speaks: `C:` we, `S:` the
/// server, `--` neither. What we say bears the time at which it was ready to leave.
#[derive(Clone)]
pub struct Transcript(Arc<Mutex<Lines>>);

struct Lines {
    begun: Instant,
    head: String,
    tail: VecDeque<String>,
    tail_bytes: usize,
    /// How many lines between head and tail are gone.
    cut: u64,
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl Transcript {
    /// Begins one: its time counts from now.
    pub fn new() -> Self {
        let (head, tail) = (String::new(), VecDeque::new());
        Self(Arc::new(Mutex::new(Lines { begun: Instant::now(), head, tail, tail_bytes: 0, cut: 0 })))
    }

    /// What we say.
    pub(crate) fn sent(&self, masked: impl fmt::Display) {
        self.lines().add("C:", &masked);
    }

    /// What the server says.
    pub(crate) fn received(&self, masked: impl fmt::Display) {
        self.lines().add("S:", &masked);
    }

    /// What happens besides.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        self.lines().add("--", &text);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn add(&mut self, who: &str, text: &dyn fmt::Display) {
        let milliseconds = self.begun.elapsed().as_millis();
        // Control characters must neither make lines nor steer the terminal that shows them.
        let mut line = format!("{milliseconds:>7} {who} {text}").replace(char::is_control, "?");
        if let Some((end, _)) = line.char_indices().nth(MAX_LINE) {
            line.truncate(end);
            line.push('…');
        }
        line.push('\n');
        if self.tail.is_empty() && self.head.len() + line.len() <= HEAD {
            self.head.push_str(&line);
            return;
        }
        self.tail_bytes += line.len();
        self.tail.push_back(line);
        while self.tail_bytes > TAIL {
            self.tail_bytes -= self.tail.pop_front().map_or(self.tail_bytes, |line| line.len());
            self.cut += 1;
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        f.write_str(&lines.head)?;
        if lines.cut > 0 {
            writeln!(f, "… {} lines cut …", lines.cut)?;
        }
        lines.tail.iter().try_for_each(|line| f.write_str(line))
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        write!(f, "Transcript({} bytes)", lines.head.len() + lines.tail_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn lines_bear_time_and_speaker() {
        let transcript = Transcript::new();
        transcript.note("connecting");
        tokio::time::advance(Duration::from_millis(31)).await;
        transcript.clone().received("* OK ready");
        transcript.sent(format_args!("P1 LOGIN {MASK}"));
        transcript.received("\u{1b}[2J\r\n");
        assert_eq!(
            transcript.to_string(),
            "      0 -- connecting\n     31 S: * OK ready\n     31 C: P1 LOGIN ***\n     31 S: ?[2J??\n"
        );
        assert_eq!(format!("{transcript:?}"), "Transcript(86 bytes)");
    }

    #[test]
    fn the_beginning_and_the_end_of_a_long_one_stay() {
        let transcript = Transcript::new();
        for number in 0..20_000 {
            transcript.received(format_args!("* {number} EXISTS"));
        }
        transcript.received("ü".repeat(5000));
        let text = transcript.to_string();
        assert!(text.len() <= HEAD + TAIL + 64, "{}", text.len());
        assert!(text.contains("S: * 0 EXISTS\n") && text.contains("S: * 19999 EXISTS\n"));
        assert!(!text.contains("S: * 10000 EXISTS\n") && text.contains(" lines cut …\n"));
        let shown = text.lines().count() - 1;
        let cut = text.lines().find_map(|line| line.strip_prefix("… ")?.strip_suffix(" lines cut …"));
        assert_eq!(cut.and_then(|cut| cut.parse().ok()), Some(20_001 - shown));
        assert_eq!(text.lines().last().map(|line| line.chars().count()), Some(MAX_LINE + 1));
    }
}
