//! What a server offers.

use std::collections::BTreeSet;

/// The capabilities of a server, in capitals: as IMAP lists them (RFC 3501 section 7.2.1), or the lines
/// of POP3's CAPA, arguments and all (RFC 2449 section 5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Reads IMAP's list, with spaces between.
    pub(crate) fn parse(list: &str) -> Self {
        Self(list.split_ascii_whitespace().map(str::to_ascii_uppercase).collect())
    }

    /// Adds a line of POP3's list.
    pub(crate) fn add_line(&mut self, line: &str) {
        let words: Vec<_> = line.split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
        if !words.is_empty() {
            self.0.insert(words.join(" "));
        }
    }

    /// Whether the server offers this; `name` in capitals and without arguments, as `UIDPLUS`.
    pub fn has(&self, name: &str) -> bool {
        self.arguments(name).is_some()
    }

    /// The arguments of a capability that is offered, as `900 USER` of POP3's `LOGIN-DELAY`.
    pub fn arguments(&self, name: &str) -> Option<&str> {
        let rest = self.0.iter().filter_map(|capability| capability.strip_prefix(name));
        let mut arguments = rest.filter(|rest| rest.is_empty() || rest.starts_with(' '));
        arguments.next().map(str::trim_start)
    }

    /// The SASL mechanisms on offer: IMAP has a capability for each, POP3 one for all (RFC 2449 section 6.3).
    pub fn mechanisms(&self) -> Vec<&str> {
        let each = self.0.iter().filter_map(|c| c.strip_prefix("AUTH="));
        each.chain(self.arguments("SASL").unwrap_or_default().split_ascii_whitespace()).collect()
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_lists_are_read() {
        let imap = Capabilities::parse("IMAP4rev1 AUTH=PLAIN auth=xoauth2 SASL-IR");
        assert_eq!(imap.mechanisms(), ["PLAIN", "XOAUTH2"]);
        assert!(imap.has("SASL-IR") && !imap.has("SASL") && !imap.has("AUTH"));

        let mut pop3 = Capabilities::default();
        for line in ["TOP", "SASL  plain XOAUTH2 ", "LOGIN-DELAY 900 USER", "SASL-X", "", "Uidl"] {
            pop3.add_line(line);
        }
        assert_eq!(pop3.mechanisms(), ["PLAIN", "XOAUTH2"]);
        assert_eq!(pop3.arguments("LOGIN-DELAY"), Some("900 USER"));
        assert_eq!((pop3.arguments("TOP"), pop3.arguments("TO")), (Some(""), None));
        assert!(pop3.has("UIDL") && pop3.has("SASL") && !pop3.has("LOGIN"));
        assert_eq!(pop3.iter().count(), 5);
    }
}
