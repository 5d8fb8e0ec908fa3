//! Texts from outside, such as what a server said, as people may be shown them.

/// The text without what would make it look like another: characters that turn the direction of writing
/// around (Unicode Standard Annex 9 section 2), and those that are not seen at all. A control character,
/// such as the end of a line, becomes a space.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a character is not seen, or turns the direction of writing around.
pub fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' // soft hyphen
        | '\u{34f}' | '\u{61c}'
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // fillers of Hangul
        | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' // variation selectors
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' // tags, and more selectors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_left_out() {
        for (text, shown) in [
            ("550 \u{202e}moc.live\u{202c} unknown", "550 moc.live unknown"),
            ("a\u{200b}n\u{feff}n\u{ad}", "ann"),
            ("\u{2066}x\u{2069}\u{e0041}", "x"),
            ("one\r\ntwo\u{1b}[31m\0", "one  two [31m "),
            ("Jörg Müller, 郵便局, ‏", "Jörg Müller, 郵便局, "),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }
}
