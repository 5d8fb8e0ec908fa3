//! A server that plays a script over an in-memory stream.

use postroom_mail::Credential;
use postroom_model::{Server, Tls};
use std::{future::Future, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// How long a server may be silent in these tests.
pub(crate) const IDLE: Duration = Duration::from_secs(5);

const XOAUTH2: &str = "dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOS50MGtlbi0wMTIzNDU2Nzg5AQE=";
const OAUTHBEARER: &str =
    "bixhPWFubiwBaG9zdD1tYWlsLmV4YW1wbGUBcG9ydD05OTMBYXV0aD1CZWFyZXIgeWEyOS50MGtlbi0wMTIzNDU2Nzg5AQE=";

/// One thing that the server does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// It expects these bytes, and nothing else before it goes on.
    Expect(String),
    /// It sends these bytes.
    Send(Vec<u8>),
    /// It sends these bytes, one at a time.
    Drip(Vec<u8>),
    /// It sends these bytes again and again, to a client that is there.
    Flood(Vec<u8>),
    /// It does nothing for so long.
    Wait(Duration),
    /// It keeps the connection open and says nothing more.
    Hang,
    /// It expects the end of the connection, and nothing before it.
    End,
}

/// A script in lines: `C: …` is expected and `S: …` is sent, each with CRLF; `S~ …` is sent without
/// it; `drip` sends what follows byte by byte, `flood` the rest of its line again and again; `wait 7` waits
/// for seven seconds; `hang` never ends, and `end` expects that the client does. `XOAUTH2=` and `OAUTHBEARER=`
/// stand for what `ann` sends with the [`token`].
pub(crate) fn script(text: &str) -> Vec<Step> {
    let text = text.replace("XOAUTH2=", XOAUTH2).replace("OAUTHBEARER=", OAUTHBEARER);
    let mut dripping = false;
    let mut steps = Vec::new();
    for line in text.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        let send = |bytes: String, dripping| match dripping {
            true => Step::Drip(bytes.into_bytes()),
            false => Step::Send(bytes.into_bytes()),
        };
        match line.split_at_checked(3) {
            Some(("C: ", expected)) => steps.push(Step::Expect(format!("{expected}\r\n"))),
            Some(("S: ", sent)) => steps.push(send(format!("{sent}\r\n"), dripping)),
            Some(("S~ ", sent)) => steps.push(send(sent.to_owned(), dripping)),
            _ if line == "drip" => dripping = true,
            _ if line.starts_with("flood ") => steps.push(Step::Flood(line["flood ".len()..].into())),
            _ if line.starts_with("wait ") => {
                let seconds = line["wait ".len()..].parse().expect("seconds");
                steps.push(Step::Wait(Duration::from_secs(seconds)));
            }
            _ if line == "hang" => steps.push(Step::Hang),
            _ if line == "end" => steps.push(Step::End),
            _ => panic!("not a line of a script: {line}"),
        }
    }
    steps
}

/// Plays steps; panics where the client says something else.
pub(crate) async fn play(steps: Vec<Step>, mut stream: DuplexStream) {
    for step in steps {
        match step {
            Step::Expect(expected) => {
                let mut said = vec![0; expected.len()];
                let length = fill(&mut stream, &mut said).await;
                assert_eq!(String::from_utf8_lossy(&said[..length]), expected);
            }
            Step::Send(bytes) => _ = stream.write_all(&bytes).await,
            Step::Drip(bytes) => {
                for byte in bytes {
                    _ = stream.write_all(&[byte]).await;
                    tokio::task::yield_now().await;
                }
            }
            Step::Flood(bytes) => while stream.write_all(&bytes).await.is_ok() {},
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Hang => std::future::pending().await,
            Step::End => assert_eq!(fill(&mut stream, &mut [0]).await, 0, "the client says nothing more"),
        }
    }
}

async fn fill(stream: &mut DuplexStream, buffer: &mut [u8]) -> usize {
    let mut length = 0;
    while length < buffer.len() {
        match stream.read(&mut buffer[length..]).await.expect("an in-memory stream does not fail") {
            0 => break,
            read => length += read,
        }
    }
    length
}

/// Runs a client against a script. The script must have been played to its end, unless it hangs.
pub(crate) async fn against<F, T>(steps: Vec<Step>, client: impl FnOnce(DuplexStream) -> F) -> T
where
    F: Future<Output = T>,
{
    let hangs = steps.iter().any(|step| matches!(step, Step::Hang));
    let (ours, theirs) = tokio::io::duplex(4096);
    let server = tokio::spawn(play(steps, theirs));
    let result = client(ours).await;
    if hangs {
        server.abort();
    } else {
        server.await.expect("the script is played to its end");
    }
    result
}

/// The server that the scripts stand for.
pub(crate) fn server() -> Server {
    Server { host: "mail.example".into(), port: 993, tls: Tls::Implicit }
}

/// The password in the scripts.
pub(crate) fn password() -> Credential {
    Credential::Password("s3cret-password".to_owned().into())
}

/// The token in the scripts.
pub(crate) fn token() -> Credential {
    Credential::AccessToken("ya29.t0ken-0123456789".to_owned().into())
}
