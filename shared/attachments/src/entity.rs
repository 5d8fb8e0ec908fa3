//! What a header block makes of a part: whether it is taken apart, handed out, or left where it is.

use crate::defect::Defect;
use crate::header::{Field, HeaderBlock};
use crate::index;
use crate::media;
use crate::outbox::Declared;
use crate::parameter::Structured;
use crate::part::Disposition;
use crate::settings::Settings;

/// The longest boundary that is looked for. RFC 2046 allows 70 characters; there are senders that
/// take more.
pub(crate) const MAX_BOUNDARY: usize = 512;

/// Where a part lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Surroundings {
    #[default]
    Other,
    /// Directly inside `multipart/digest`: the default type is a message.
    Digest,
    /// Directly inside `multipart/related`: images belong to the text.
    Related,
}

/// What is done with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// A multipart: taken apart.
    TakenApart,
    /// `multipart/signed` and `multipart/encrypted` (RFC 1847): kept whole, so that a signature stays
    /// verifiable.
    Signed,
    Encrypted,
    /// A nested message: kept whole.
    Message,
    /// Handed out.
    Attachment,
    /// Text for people to read, or an image within it: left where it is.
    Body,
}

/// A part as its header block describes it.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) declared: Declared,
    pub(crate) boundary: Option<Vec<u8>>,
    pub(crate) defects: Vec<Defect>,
}

impl Entity {
    pub(crate) fn read(header: &HeaderBlock, surroundings: Surroundings, path: String) -> Self {
        let mut defects = Vec::new();
        defects.extend(header.cut.then_some(Defect::FieldCut));
        defects.extend(header.repeated.then_some(Defect::FieldRepeated));
        let raw_type = header.value(Field::ContentType).unwrap_or_default();
        let field = Structured::parse(raw_type, &mut defects);
        let raw = header.value(Field::ContentDisposition).unwrap_or_default();
        let presented = Structured::parse(raw, &mut defects);
        let disposition = match &presented.value[..] {
            "" => None,
            "inline" => Some(Disposition::Inline),
            _ => Some(Disposition::Attachment),
        };
        let named = |field: &Structured, name| {
            let name = field.parameter(name).map(str::trim);
            name.filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let name = named(&presented, "filename").or_else(|| named(&field, "name"));
        let content_type = media::essence(&field.value).unwrap_or_else(|| {
            let declared = !field.value.is_empty();
            defects.extend(declared.then_some(Defect::TypeUnreadable));
            let is_file = name.is_some() || disposition == Some(Disposition::Attachment);
            let assumed = match surroundings {
                _ if declared && is_file => media::UNKNOWN,
                Surroundings::Digest if !declared => media::MESSAGE,
                _ => media::DEFAULT,
            };
            assumed.to_owned()
        });
        let declared = Declared {
            path,
            name,
            content_type,
            parameters: field.parameters,
            disposition,
            content_id: index::id(header.value(Field::ContentId)),
        };
        Self { declared, boundary: field.boundary, defects }
    }

    pub(crate) fn treatment(&self, surroundings: Surroundings, settings: &Settings) -> Treatment {
        let Declared { content_type, name, disposition, .. } = &self.declared;
        let attached = *disposition == Some(Disposition::Attachment);
        match &content_type[..] {
            "multipart/signed" => Treatment::Signed,
            "multipart/encrypted" => Treatment::Encrypted,
            other if media::is_multipart(other) => Treatment::TakenApart,
            other if media::is_message(other) => Treatment::Message,
            _ if attached => Treatment::Attachment,
            other if media::is_image(other) && surroundings == Surroundings::Related => {
                if settings.inline_images { Treatment::Attachment } else { Treatment::Body }
            }
            _ if name.is_some() => Treatment::Attachment,
            other if media::is_text(other) => Treatment::Body,
            _ => Treatment::Attachment,
        }
    }

    /// Whether it is TNEF, by its type or by the name that Outlook gives it.
    pub(crate) fn is_tnef(&self) -> bool {
        let name = self.declared.name.as_deref().unwrap_or_default();
        matches!(&self.declared.content_type[..], media::TNEF | "application/vnd.ms-tnef")
            || name.eq_ignore_ascii_case("winmail.dat")
    }

    /// What the parts directly inside this multipart lie in.
    pub(crate) fn surroundings(&self) -> Surroundings {
        match &self.declared.content_type[..] {
            "multipart/digest" => Surroundings::Digest,
            "multipart/related" => Surroundings::Related,
            _ => Surroundings::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn treatment(fields: &str, surroundings: Surroundings, settings: &Settings) -> Treatment {
        let mut header = HeaderBlock::new(64 * 1024);
        for line in fields.split('|') {
            assert_eq!(header.text(line.as_bytes()), Ok(()));
            header.end_line();
        }
        Entity::read(&header, surroundings, String::new()).treatment(surroundings, settings)
    }

    #[test]
    fn what_is_an_attachment() {
        use Surroundings::{Digest, Other, Related};
        use Treatment::{Attachment, Body, Encrypted, Message, Signed, TakenApart};
        for (fields, surroundings, expected) in [
            ("Subject: x", Other, Body),
            ("Content-Type: text/html", Other, Body),
            ("Content-Type: text/plain|Content-Disposition: inline", Other, Body),
            ("Content-Type: text/plain; name=a.txt", Other, Attachment),
            ("Content-Type: text/plain|Content-Disposition: attachment", Other, Attachment),
            ("Content-Type: text/plain|Content-Disposition: form-data", Other, Attachment),
            ("Content-Type: text/plain|Content-Disposition: inline; filename=a.txt", Other, Attachment),
            ("Content-Type: text/plain|Content-Disposition: inline; filename=\"\"", Other, Body),
            ("Content-Type: text/calendar; method=REQUEST", Other, Body),
            ("Content-Type: application/pdf", Other, Attachment),
            ("Content-Type: application/pdf|Content-Disposition: inline", Related, Attachment),
            ("Content-Type: image/png; name=a.png", Other, Attachment),
            ("Content-Type: image/png; name=a.png", Related, Body),
            ("Content-Type: image/png|Content-Disposition: inline; filename=a.png", Related, Body),
            ("Content-Type: image/png|Content-Disposition: attachment", Related, Attachment),
            ("Content-Type: multipart/mixed; boundary=b", Other, TakenApart),
            ("Content-Type: multipart/signed; boundary=b", Other, Signed),
            ("Content-Type: multipart/encrypted; boundary=b", Other, Encrypted),
            ("Content-Type: application/pkcs7-mime; name=smime.p7m", Other, Attachment),
            ("Content-Type: message/rfc822", Other, Message),
            ("Content-Type: message/delivery-status", Other, Attachment),
            ("Content-Type: message/partial; id=a; number=1", Other, Attachment),
            ("Subject: x", Digest, Message),
            ("Content-Type: text/plain", Digest, Body),
            ("Content-Type: nonsense", Digest, Body),
            ("Content-Type: nonsense; name=a", Other, Attachment),
        ] {
            assert_eq!(treatment(fields, surroundings, &Settings::default()), expected, "{fields}");
        }
        let settings = Settings { inline_images: true, ..Settings::default() };
        assert_eq!(treatment("Content-Type: image/png", Related, &settings), Attachment);
    }
}
