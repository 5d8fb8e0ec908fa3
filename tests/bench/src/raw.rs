//! The reader that others are compared with: one connection, every command sent at once, nothing
//! looked at but where texts begin and end.

use crate::{
    Mailbox, Result,
    digest::{Message, Total},
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::Arc,
};

/// What is received at once.
const BUFFER: usize = 256 * 1024;

/// Reads the whole INBOX.
pub(crate) fn read(mailbox: &Mailbox) -> Result<Total> {
    let mut server = BufReader::with_capacity(BUFFER, connect(mailbox)?);
    let mut line = Vec::new();
    server.read_until(b'\n', &mut line)?;
    let commands = format!(
        "a LOGIN {} {}\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* BODY.PEEK[]\r\n",
        mailbox.user, mailbox.password
    );
    server.get_mut().write_all(commands.as_bytes())?;
    server.get_mut().flush()?;
    let mut total = Total::default();
    loop {
        line.clear();
        if server.read_until(b'\n', &mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        if let Some(mut left) = literal(&line) {
            let mut message = Message::default();
            while left > 0 {
                let text = server.fill_buf()?;
                let piece = left.min(text.len());
                if piece == 0 {
                    return Err("the server closed the connection in a text".into());
                }
                message.add(&text[..piece]);
                server.consume(piece);
                left -= piece;
            }
            total.add(message);
        } else if line.starts_with(b"c ") {
            return if line.starts_with(b"c OK") { Ok(total) } else { refused(&line) };
        } else if line.starts_with(b"a NO") || line.starts_with(b"b NO") {
            return refused(&line);
        }
    }
}

/// The length of the literal that a line announces.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

fn refused<T>(line: &[u8]) -> Result<T> {
    Err(String::from_utf8_lossy(line).into())
}

fn connect(mailbox: &Mailbox) -> Result<StreamOwned<ClientConnection, Buffered>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&mailbox.ca)? {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, mailbox.port))?;
    tcp.set_nodelay(true)?;
    let stream = Buffered(BufReader::with_capacity(BUFFER, tcp));
    Ok(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, stream))
}

/// TCP, read in large pieces: TLS itself asks for small ones.
struct Buffered(BufReader<TcpStream>);

impl Read for Buffered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}
