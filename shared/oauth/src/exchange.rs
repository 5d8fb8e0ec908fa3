//! Requests of the `oauth2` crate, with their answers as they came.
//!
//! The crate would read an answer itself and lose what it does not know of: a server's own codes, a
//! `Retry-After`, how long a refresh token lives. So the answer is handed past it, in the place of an
//! error of the connection.

use crate::http::{Http, HttpAnswer};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse, RequestTokenError, basic::BasicErrorResponse};
use postroom_model::{Fault, FaultClass};
use std::{error::Error, fmt, pin::Pin};

/// Sends a request of the `oauth2` crate and keeps the answer from it.
pub(crate) struct Exchange<'a>(pub(crate) &'a Http);

/// What came of a request: an answer of any status, or none.
#[derive(Debug)]
pub(crate) struct Unread(Result<HttpAnswer, Fault>);

impl<'c> AsyncHttpClient<'c> for Exchange<'_> {
    type Error = Unread;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unread>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async { Err(Unread(self.0.send(request).await)) })
    }
}

impl Error for Unread {}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer that is read elsewhere")
    }
}

/// The answer to a request that was sent by an [`Exchange`].
pub(crate) fn answer<T>(
    sent: Result<T, RequestTokenError<Unread, BasicErrorResponse>>,
) -> Result<HttpAnswer, Fault> {
    match sent {
        Err(RequestTokenError::Request(Unread(answer))) => answer,
        _ => Err(Fault::new(FaultClass::Bug, "a request that cannot be built")),
    }
}
