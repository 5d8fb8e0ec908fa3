//! The byte stream to a mail server, encrypted or not.

use crate::CertificateInfo;
use rustls::ClientConnection;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A connection to a mail server.
#[derive(Debug)]
pub struct MailStream(Kind);

/// The reader below TLS is buffered, because TLS itself reads in small pieces.
#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream<BufReader<TcpStream>>>),
}

impl MailStream {
    /// How it is encrypted, for people.
    pub(crate) fn protection(&self) -> String {
        let tls = self.tls();
        let version = tls.and_then(|tls| tls.protocol_version()?.as_str());
        let suite = tls.and_then(|tls| tls.negotiated_cipher_suite()?.suite().as_str());
        format!("{} with {}", version.unwrap_or("no TLS"), suite.unwrap_or("no cipher suite"))
    }

    /// The server's certificate; none without TLS.
    pub(crate) fn certificate(&self) -> Option<CertificateInfo> {
        CertificateInfo::parse(self.tls()?.peer_certificates()?.first()?)
    }

    fn tls(&self) -> Option<&ClientConnection> {
        match &self.0 {
            Kind::Plain(_) => None,
            Kind::Tls(stream) => Some(stream.get_ref().1),
        }
    }
}

impl From<TcpStream> for MailStream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Plain(stream))
    }
}

impl From<TlsStream<BufReader<TcpStream>>> for MailStream {
    fn from(stream: TlsStream<BufReader<TcpStream>>) -> Self {
        Self(Kind::Tls(Box::new(stream)))
    }
}

impl AsyncRead for MailStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Kind::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for MailStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Kind::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Kind::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
