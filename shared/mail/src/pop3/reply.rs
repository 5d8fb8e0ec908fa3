//! What a server answers (RFC 1939 section 3): one line, before anything else that it may be.

use crate::{Error, classify};

/// The first line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`, and what follows it.
    Ok(String),
    /// `-ERR`.
    Refused(Refused),
    /// `+` alone: a sign-in goes on (RFC 5034 section 4).
    Challenge(String),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The response code (RFC 2449 section 8), if it is one that is in use.
    pub(super) code: Option<&'static str>,
    /// The text after it. Brackets around something else are part of the text.
    pub(super) text: String,
}

impl Reply {
    pub(super) fn parse(line: &[u8]) -> Result<Self, Error> {
        let line = String::from_utf8_lossy(line);
        if let Some(text) = after(&line, "+OK") {
            return Ok(Self::Ok(text.to_owned()));
        }
        if let Some(text) = after(&line, "-ERR") {
            return Ok(Self::Refused(Refused::parse(text)));
        }
        match line.strip_prefix('+') {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => {
                Ok(Self::Challenge(rest.trim().to_owned()))
            }
            _ => Err(Error::Protocol("not a POP3 response")),
        }
    }
}

impl Refused {
    fn parse(text: &str) -> Self {
        let bracketed = text.strip_prefix('[').and_then(|text| text.split_once(']'));
        match bracketed.and_then(|(code, text)| Some((classify::known_code(code)?, text))) {
            Some((code, text)) => Self { code: Some(code), text: text.trim().to_owned() },
            None => Self { code: None, text: text.to_owned() },
        }
    }
}

/// What follows a status, which no letter or digit may do directly.
fn after<'l>(line: &'l str, status: &str) -> Option<&'l str> {
    let (head, rest) = line.split_at_checked(status.len())?;
    let separate = !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    (head.eq_ignore_ascii_case(status) && separate).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read() {
        let refused = |code, text: &str| Reply::Refused(Refused { code, text: text.to_owned() });
        for (line, expected) in [
            ("+OK", Reply::Ok(String::new())),
            ("+OK 2 320", Reply::Ok("2 320".to_owned())),
            ("+ok\tready ", Reply::Ok("ready".to_owned())),
            ("+", Reply::Challenge(String::new())),
            ("+ ", Reply::Challenge(String::new())),
            ("+ eyJ9", Reply::Challenge("eyJ9".to_owned())),
            ("-ERR", refused(None, "")),
            ("-err no", refused(None, "no")),
            ("-ERR [sys/temp] later", refused(Some("SYS/TEMP"), "later")),
            ("-ERR [AUTH]", refused(Some("AUTH"), "")),
            ("-ERR [mail.example] no", refused(None, "[mail.example] no")),
            ("-ERR [AUTH no", refused(None, "[AUTH no")),
            ("-ERR \u{e9}[AUTH]", refused(None, "\u{e9}[AUTH]")),
        ] {
            assert_eq!(Reply::parse(line.as_bytes()).expect("read"), expected, "{line}");
        }
        assert_eq!(Reply::parse(b"+OK \xff").expect("read"), Reply::Ok("\u{fffd}".to_owned()));
        for line in ["", "OK", "+OKAY", "-ERROR", "+x", "* OK IMAP", "220 mail", ".", "+O", "\u{e9}OK"] {
            let error = Reply::parse(line.as_bytes()).expect_err(line).to_string();
            assert_eq!(error, "the server breaks the protocol: not a POP3 response");
        }
    }
}
