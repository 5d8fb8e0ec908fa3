//! Media types: what a part declares to be, and the extension of a file that has no name.

/// The type of a part that declares none (RFC 2045 section 5.2).
pub(crate) const DEFAULT: &str = "text/plain";

/// The type of a nested message, and the default inside `multipart/digest` (RFC 2046 section 5.1.5).
pub(crate) const MESSAGE: &str = "message/rfc822";

/// TNEF (MS-OXTNEF), the format of `winmail.dat`.
pub(crate) const TNEF: &str = "application/ms-tnef";

/// The type of bytes of which nothing is known.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// The longest type that is read: 127 characters on either side (RFC 6838 section 4.2).
const MAX_TYPE: usize = 255;

const EXTENSIONS: [(&str, &str); 57] = [
    ("application/applefile", "applefile"),
    ("application/gzip", "gz"),
    ("application/ics", "ics"),
    ("application/json", "json"),
    ("application/ms-tnef", "dat"),
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/pgp-encrypted", "asc"),
    ("application/pgp-keys", "asc"),
    ("application/pgp-signature", "asc"),
    ("application/pkcs7-mime", "p7m"),
    ("application/pkcs7-signature", "p7s"),
    ("application/postscript", "ps"),
    ("application/rtf", "rtf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-outlook", "msg"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.ms-tnef", "dat"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/x-pkcs7-mime", "p7m"),
    ("application/x-pkcs7-signature", "p7s"),
    ("application/x-zip-compressed", "zip"),
    ("application/xml", "xml"),
    ("application/zip", "zip"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/heic", "heic"),
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tif"),
    ("image/vnd.dwg", "dwg"),
    ("image/vnd.dxf", "dxf"),
    ("image/webp", "webp"),
    ("message/global", "eml"),
    ("message/rfc822", "eml"),
    ("text/calendar", "ics"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/rtf", "rtf"),
    ("text/vcard", "vcf"),
    ("text/x-vcard", "vcf"),
    ("text/xml", "xml"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/x-msvideo", "avi"),
];

/// A declared type as `type/subtype` in lower case, if it is one (RFC 2045 section 5.1). What follows
/// the subtype without a semicolon is dropped.
pub(crate) fn essence(value: &str) -> Option<String> {
    let value = value.split_ascii_whitespace().collect::<Vec<_>>();
    let first = match value[..] {
        [] => return None,
        // `text / plain`: blanks are allowed between tokens.
        [kind, "/", subtype, ..] => format!("{kind}/{subtype}"),
        [first, ..] => first.to_owned(),
    };
    let (kind, subtype) = first.split_once('/')?;
    let valid = first.len() <= MAX_TYPE && is_token(kind) && is_token(subtype);
    valid.then(|| first.to_ascii_lowercase())
}

fn is_token(text: &str) -> bool {
    let token = |b: u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b);
    !text.is_empty() && text.bytes().all(token)
}

/// The extension for a type, without a dot.
pub(crate) fn extension(content_type: &str) -> &'static str {
    let known = EXTENSIONS.binary_search_by_key(&content_type, |(name, _)| name);
    match known {
        Ok(at) => EXTENSIONS[at].1,
        Err(_) if is_multipart(content_type) => "eml",
        Err(_) if content_type.starts_with("message/") => "txt",
        Err(_) => "bin",
    }
}

pub(crate) fn is_multipart(content_type: &str) -> bool {
    content_type.starts_with("multipart/")
}

/// Whether it is a whole message (RFC 2046 section 5.2.1, RFC 6532 section 3.7).
pub(crate) fn is_message(content_type: &str) -> bool {
    matches!(content_type, MESSAGE | "message/global")
}

pub(crate) fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/")
}

pub(crate) fn is_image(content_type: &str) -> bool {
    content_type.starts_with("image/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(EXTENSIONS.is_sorted_by_key(|(name, _)| name));
    }

    #[test]
    fn a_type_is_read_or_refused() {
        for (value, expected) in [
            ("text/plain", Some("text/plain")),
            ("text / plain", Some("text/plain")),
            ("application/pdf name=a", Some("application/pdf")),
            ("Image/JPEG", Some("image/jpeg")),
            ("pdf", None),
            ("text/", None),
            ("/plain", None),
            ("", None),
            ("text/plain/x", None),
            ("tëxt/plain", None),
        ] {
            assert_eq!(essence(value).as_deref(), expected, "{value}");
        }
        assert_eq!(essence(&format!("a/{}", "b".repeat(300))), None);
    }
}
