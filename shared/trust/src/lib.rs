//! Whose certificates are trusted, whatever is spoken under TLS.
//!
//! Guarantees: a server's certificate is always checked, against the system's roots and the deployment's own
//! CAs. Left out: the name that it must be valid for, which belongs to each connection.

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{fmt, sync::Arc};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The private CAs are not certificates in PEM.
    #[error("the private CA is not a certificate in PEM: {0}")]
    ExtraCa(String),
    /// There is nothing to check certificates against.
    #[error("this system has no root certificates, and no private CA is configured")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// TLS for clients that trust the system's roots, and the private CAs in `extra_ca_pem` besides.
///
/// # Errors
/// [`TrustError`], when the private CAs cannot be read or there is no root at all.
pub fn client_config(extra_ca_pem: Option<&str>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    // A system root that cannot be read is no reason to refuse the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra_ca_pem {
        add_private(&mut roots, pem)?;
    }
    if roots.is_empty() {
        return Err(TrustError::NoRoots);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add_private(roots: &mut RootCertStore, pem: &str) -> Result<(), TrustError> {
    let refused = |e: &dyn fmt::Display| TrustError::ExtraCa(e.to_string());
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|e| refused(&e))?).map_err(|e| refused(&e))?;
        found = true;
    }
    if found { Ok(()) } else { Err(refused(&"there is none in it")) }
}
