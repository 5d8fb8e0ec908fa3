//! What a server's certificate says of itself.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

/// A certificate that was checked and found good, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateInfo {
    /// Whom it is for: a distinguished name, as `CN=mail.example`. Empty where only its alternative
    /// names say so (RFC 6125 section 2.3).
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// When it ends.
    pub not_after: Timestamp,
}

impl CertificateInfo {
    /// None, where it cannot be read.
    pub(crate) fn parse(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            not_after: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
        })
    }
}
