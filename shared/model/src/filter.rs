//! Which messages of a mailbox are archived.
//!
//! Guarantees: a message is left out only by a rule that speaks of something the message says. What
//! cannot be read (no date, no subject) is kept. What is left out is counted where the filter is used.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The rules of one mailbox. A message is archived if it breaks none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Only from these senders. A pattern is compared with the address, without regard to case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Pattern>,
    /// Not from these senders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_from: Vec<Pattern>,
    /// Only with such a subject, without regard to case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject: Vec<Pattern>,
    /// Not with such a subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_subject: Vec<Pattern>,
    /// Only of at least so many bytes, as the server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_bytes: Option<u64>,
    /// Only of at most so many bytes, as the server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Only what was received on this day (UTC) or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
}

/// What a filter looks at in a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The senders' addresses.
    pub from: Vec<String>,
    /// The subject, decoded.
    pub subject: Option<String>,
    /// The day on which it was received, in UTC.
    pub day: Option<Date>,
}

/// The rule that leaves a message out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// `from` or `not_from`.
    From,
    /// `subject` or `not_subject`.
    Subject,
    /// `min_size` or `max_size`.
    Size,
    /// `since`.
    Since,
}

impl Filter {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a rule looks at the header.
    pub fn needs_header(&self) -> bool {
        *self != Self { min_bytes: self.min_bytes, max_bytes: self.max_bytes, ..Self::default() }
    }

    /// The rule that leaves out a message of so many bytes; none for a size of 0: it is unknown.
    pub fn by_size(&self, size: u64) -> Option<LeftOut> {
        let too_small = self.min_bytes.is_some_and(|least| size < least);
        let too_large = self.max_bytes.is_some_and(|most| size > most);
        (size > 0 && (too_small || too_large)).then_some(LeftOut::Size)
    }

    /// The rule that leaves out a message with this header.
    pub fn by_header(&self, header: &Envelope) -> Option<LeftOut> {
        let Envelope { from, subject, day } = header;
        if self.since.zip(*day).is_some_and(|(since, day)| day < since) {
            return Some(LeftOut::Since);
        }
        let sent_by = |patterns: &[Pattern]| from.iter().any(|address| matches(patterns, address));
        if !from.is_empty() && (!self.from.is_empty() && !sent_by(&self.from) || sent_by(&self.not_from)) {
            return Some(LeftOut::From);
        }
        let subject = subject.as_deref()?;
        let is_about = |patterns: &[Pattern]| matches(patterns, subject);
        let is_left_out = !self.subject.is_empty() && !is_about(&self.subject) || is_about(&self.not_subject);
        is_left_out.then_some(LeftOut::Subject)
    }

    /// Tells one set of rules from another.
    pub fn fingerprint(&self) -> u64 {
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(text).into();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

fn matches(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

/// A text in which `*` stands for any number of characters, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern; surrounding white space does not count. None, where nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        Some(text.trim()).filter(|text| !text.is_empty()).map(|text| Self(text.to_owned()))
    }

    /// Whether the whole text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.to_lowercase(), text.trim().to_lowercase());
        let mut parts = pattern.split('*');
        let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // The earliest place of each part leaves the most to those after it.
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().filter_map(|text| Pattern::new(text)).collect()
    }

    #[test]
    fn patterns_match_whole_texts_without_regard_to_case() {
        for (pattern, text, expected) in [
            ("ann@example.org", "Ann@Example.ORG", true),
            ("ann@example.org", "joann@example.org", false),
            ("*@example.org", "ann@example.org", true),
            ("*@example.org", "ann@example.org.evil", false),
            ("*invoice*", "Your INVOICE no. 7", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("**", "x", true),
            ("ü*", "Über", true),
            ("?", "x", false),
        ] {
            assert_eq!(Pattern::new(pattern).expect("one").matches(text), expected, "{pattern} {text}");
        }
        assert_eq!(Pattern::new("  "), None);
    }

    #[test]
    fn each_rule_leaves_out_what_it_says_and_keeps_what_is_unknown() {
        let day = |text: &str| text.parse::<Date>().ok();
        let header = Envelope {
            from: vec!["ann@example.org".into()],
            subject: Some("Site diary".into()),
            day: day("2026-05-01"),
        };
        let none = Filter::default();
        let table = [
            (none.clone(), None),
            (Filter { from: patterns(&["*@example.org"]), ..none.clone() }, None),
            (Filter { from: patterns(&["*@other.org"]), ..none.clone() }, Some(LeftOut::From)),
            (Filter { not_from: patterns(&["ann@*"]), ..none.clone() }, Some(LeftOut::From)),
            (Filter { subject: patterns(&["*invoice*", "site*"]), ..none.clone() }, None),
            (Filter { subject: patterns(&["*invoice*"]), ..none.clone() }, Some(LeftOut::Subject)),
            (Filter { not_subject: patterns(&["*diary"]), ..none.clone() }, Some(LeftOut::Subject)),
            (Filter { since: day("2026-05-01"), ..none.clone() }, None),
            (Filter { since: day("2026-05-02"), ..none.clone() }, Some(LeftOut::Since)),
        ];
        for (filter, expected) in table {
            assert_eq!(filter.by_header(&header), expected, "{filter:?}");
            assert_eq!(filter.by_header(&Envelope::default()), None, "{filter:?}");
            assert_eq!(filter.needs_header(), !filter.is_empty());
        }
        let sized = Filter { min_bytes: Some(10), max_bytes: Some(20), ..none };
        assert!(!sized.needs_header() && !sized.is_empty());
        for (size, expected) in
            [(0, None), (9, Some(LeftOut::Size)), (10, None), (20, None), (21, Some(LeftOut::Size))]
        {
            assert_eq!(sized.by_size(size), expected);
        }
        assert_ne!(sized.fingerprint(), Filter::default().fingerprint());
    }
}
