//! A request that got no answer, and what kind of failure that was.

use crate::destination::Refused;
use postroom_model::{Fault, FaultClass};
use std::{error::Error, io};

/// The fault in a failed request. Its reason names the host and the cause; never the URL, which may
/// have a query.
pub(crate) fn fault(host: &str, error: &reqwest::Error) -> Fault {
    if let Some(refused) = cause::<Refused>(error) {
        return Fault::from(refused);
    }
    if error.is_timeout() {
        return Fault::new(FaultClass::TimedOut, format!("{host} did not answer in time"));
    }
    match cause::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            return Fault::new(FaultClass::Certificate, format!("the certificate of {host}: {why}"));
        }
        Some(why) => {
            return Fault::new(FaultClass::Unreachable, format!("no TLS connection to {host}: {why}"));
        }
        None => {}
    }
    let why = cause::<io::Error>(error).map(|error| format!(": {error}")).unwrap_or_default();
    if error.is_connect() {
        Fault::new(FaultClass::Unreachable, format!("no connection to {host}{why}"))
    } else {
        Fault::new(
            FaultClass::ConnectionLost,
            format!("{host} ended the connection before it had answered{why}"),
        )
    }
}

/// The innermost error of a type among an error and its sources. An `io::Error` hides what it wraps
/// from its sources, so it is opened.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        found = error.downcast_ref().or(found);
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    found
}
