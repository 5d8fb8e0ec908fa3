//! What of a server's words may be kept: no token, no secret, no address.

/// The longest `error` that is shown as it came.
const MAX_ERROR: usize = 64;
/// From this length on, a word of letters and digits may be a token or a secret.
const SECRET_LENGTH: usize = 24;

/// An `error` (RFC 6749 section 5.2) as it may be shown: a short plain word, or that it is none.
pub(crate) fn shown_error(error: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let ok =
        !error.is_empty() && error.len() <= MAX_ERROR && error.chars().all(plain) && !may_be_secret(error);
    if ok { error } else { "an error without a readable name" }
}

/// A description as it may be shown: Microsoft's trace lines cut off, words that may be a token, a
/// secret or an address replaced.
pub(crate) fn cleaned(description: &str) -> String {
    let text = description.split("Trace ID:").next().unwrap_or_default();
    text.split_whitespace().map(cleaned_word).collect::<Vec<_>>().join(" ")
}

fn cleaned_word(word: &str) -> String {
    if word.contains('@') || word.contains("%40") {
        return "[address]".to_owned();
    }
    let mut result = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find(is_token_char) {
        let length = rest[start..].find(|c| !is_token_char(c)).unwrap_or(rest.len() - start);
        let run = &rest[start..start + length];
        result.push_str(&rest[..start]);
        result.push_str(if may_be_secret(run) { "[removed]" } else { run });
        rest = &rest[start + length..];
    }
    result + rest
}

/// The characters of bearer tokens (RFC 6750 section 2.1) besides the slash, which scopes have too.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '=')
}

/// Long, with letters and digits mixed, and not a GUID: those name apps and directories.
fn may_be_secret(run: &str) -> bool {
    let mixed = run.bytes().any(|b| b.is_ascii_digit()) && run.bytes().any(|b| b.is_ascii_alphabetic());
    run.len() >= SECRET_LENGTH && mixed && !is_guid(run.trim_end_matches('.'))
}

fn is_guid(run: &str) -> bool {
    let lengths = run.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && run.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_secrets_and_addresses_are_removed_and_the_rest_stays() {
        let guid = "6731de76-14a6-49ae-97bc-6eba6914391e";
        let table = [
            ("Token has been expired or revoked.", "Token has been expired or revoked."),
            (
                "AADSTS50034: The user account ann@contoso.com does not exist.\r\nTrace ID: 1\r\nCorrelation ID: 2",
                "AADSTS50034: The user account [address] does not exist.",
            ),
            (&format!("The app '{guid}' is off."), &format!("The app '{guid}' is off.")),
            ("bad token eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln", "bad token [removed]"),
            ("refresh_token=1//0gAbCdEfGhIjKlMnOpQrStUv-Wx_9", "refresh_token=1//[removed]"),
            ("secret 'Abc8Q~1234567890abcdefghijklmnop.xyz_'", "secret '[removed]'"),
            (
                "scope https://outlook.office.com/IMAP.AccessAsUser.All",
                "scope https://outlook.office.com/IMAP.AccessAsUser.All",
            ),
        ];
        for (said, shown) in table {
            assert_eq!(cleaned(said), shown);
        }
    }

    #[test]
    fn an_error_is_a_short_plain_word() {
        assert_eq!(shown_error("invalid_grant"), "invalid_grant");
        for bad in ["", "a b", "<b>", "ann@contoso.com", "ya29a0AfH6SMBx7QkYz9dQwErTy12", &"x".repeat(65)] {
            assert_eq!(shown_error(bad), "an error without a readable name");
        }
    }
}
