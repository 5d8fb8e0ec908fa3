//! What a provider's client proves itself with.

use secrecy::SecretString;

/// What a provider's client proves itself with. `Debug` is safe to print.
#[derive(Debug, Clone)]
pub enum ClientSecret {
    /// A client secret (RFC 6749 section 2.3.1).
    Secret(SecretString),
    /// A certificate and its key (RFC 7523).
    Certificate {
        /// The certificate, PEM.
        certificate: String,
        /// Its private key, PEM.
        key: SecretString,
    },
    /// A Google service account's key, as the JSON file of it says
    /// (<https://developers.google.com/identity/protocols/oauth2/service-account>).
    ServiceAccount {
        /// `client_email`: who signs.
        email: String,
        /// `private_key_id`: which key.
        key_id: String,
        /// `private_key`, PEM.
        key: SecretString,
    },
}
