//! Bytes as text: the character sets that names are written in.

use mail_parser::decoders::charsets::map::charset_decoder;

use crate::defect::Defect;

/// Text in a named character set. What is declared wrongly is read as if nothing had been declared.
pub(crate) fn decode(charset: &[u8], bytes: &[u8], defects: &mut Vec<Defect>) -> String {
    let utf8 = [&b"utf-8"[..], b"utf8", b"us-ascii", b"ascii"];
    if charset.is_empty() || utf8.iter().any(|name| charset.eq_ignore_ascii_case(name)) {
        return undeclared(bytes, defects);
    }
    match charset_decoder(charset) {
        Some(decoder) => decoder(bytes),
        None => {
            defects.push(Defect::CharsetUnknown);
            undeclared(bytes, defects)
        }
    }
}

/// Text whose character set is not declared: UTF-8 where it is that, else Windows-1252, which is what
/// old senders meant most often.
pub(crate) fn undeclared(bytes: &[u8], defects: &mut Vec<Defect>) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            defects.push(Defect::CharsetMissing);
            match charset_decoder(b"windows-1252") {
                Some(decoder) => decoder(bytes),
                None => String::from_utf8_lossy(bytes).into_owned(),
            }
        }
    }
}

/// The name of a Windows code page's character set, for TNEF.
pub(crate) fn of_code_page(page: u32) -> String {
    match page {
        932 => "shift_jis".into(),
        936 => "gbk".into(),
        949 => "euc-kr".into(),
        950 => "big5".into(),
        65001 => "utf-8".into(),
        28591..=28605 => format!("iso-8859-{}", page - 28590),
        850 | 866 => format!("ibm{page}"),
        874 | 1250..=1258 => format!("windows-{page}"),
        _ => "windows-1252".into(),
    }
}

/// Cuts a text at the last character that ends within so many bytes, and gives back what it took; tells
/// whether it had to.
pub(crate) fn cut(text: &mut String, most: usize) -> bool {
    let longer = text.len() > most;
    if longer {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
    longer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_its_character_set_or_the_likeliest_one() {
        for (charset, bytes, text, expected) in [
            ("utf-8", &b"Pl\xc3\xa4ne"[..], "Pläne", None),
            ("utf-8", b"Pl\xe4ne", "Pläne", Some(Defect::CharsetMissing)),
            ("us-ascii", b"Pl\xc3\xa4ne", "Pläne", None),
            ("ISO-8859-1", b"Pl\xe4ne", "Pläne", None),
            ("gb2312", b"\xcd\xbc\xd6\xbd", "图纸", None),
            ("iso-2022-jp", b"\x1b$B?^LL\x1b(B", "図面", None),
            ("Shift_JIS", b"\x90\x7d\x96\xca", "図面", None),
            ("koi8-r", b"\xf0\xec\xe1\xee", "ПЛАН", None),
            ("no-such-thing", b"plan", "plan", Some(Defect::CharsetUnknown)),
            ("", b"plan", "plan", None),
        ] {
            let mut defects = Vec::new();
            assert_eq!(decode(charset.as_bytes(), bytes, &mut defects), text, "{charset}");
            assert_eq!(defects.first().copied(), expected, "{charset}");
        }
    }

    #[test]
    fn every_code_page_has_a_known_character_set() {
        let pages = [850, 866, 874, 932, 936, 949, 950, 28591, 28605, 65001, 437].into_iter();
        for page in pages.chain(1250..=1258) {
            let mut defects = Vec::new();
            decode(of_code_page(page).as_bytes(), b"x", &mut defects);
            assert_eq!(defects, [], "{page}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let mut text = String::from("aä");
        assert!(cut(&mut text, 2));
        assert_eq!(text, "a");
        assert!(!cut(&mut text, 1));
    }
}
