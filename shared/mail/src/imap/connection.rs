//! A connection that has been greeted and not signed in.

use super::{
    Session,
    dialogue::{Dialogue, Step},
    folder_name,
    response::{Response, Status, StatusKind},
};
use crate::{
    Capabilities, CertificateInfo, Credential, Error, MailStream, Mechanism, Network, Protection, Transcript,
    classify::{self, Moment},
    opening::{Opening, before_tls},
    sasl::{self, Login},
    script::{MAX_STEPS, Script},
    transcript::MASK,
};
use postroom_model::{FaultClass, SaslPolicy, Server, Tls};
use secrecy::ExposeSecret;
use std::{collections::VecDeque, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection whose server has greeted and said what it offers.
pub struct Connection<S = MailStream> {
    dialogue: Dialogue<S>,
    capabilities: Capabilities,
    server: Server,
    protection: Protection,
}

/// Connects to a server: address check, TCP, TLS or STARTTLS, greeting, capabilities.
///
/// # Errors
/// [`Error`]; the whole takes at most the network's connect timeout.
pub async fn connect(network: &Network, server: &Server) -> Result<Connection, Error> {
    connect_recorded(network, server, None).await
}

/// Connects as [`connect`] does, and writes down what happens and what is said, from now to the end of
/// the session, in the transcript if there is one.
///
/// # Errors
/// As [`connect`].
pub async fn connect_recorded(
    network: &Network,
    server: &Server,
    transcript: Option<&Transcript>,
) -> Result<Connection, Error> {
    let opening = Opening::new(network, server, transcript);
    let idle_timeout = network.idle_timeout();
    let connecting = async {
        let tcp = opening.tcp().await?;
        match server.tls {
            Tls::Implicit => {
                let stream = opening.encrypt(tcp).await?;
                Connection::over(stream, server, Protection::Tls, idle_timeout, transcript).await
            }
            Tls::Starttls => {
                let tcp = starttls(tcp, idle_timeout, transcript).await.map_err(before_tls)?;
                let dialogue = Dialogue::new(opening.encrypt(tcp).await?, idle_timeout, transcript);
                Connection::greeted(dialogue, server, Protection::Tls).await
            }
            // The network has checked that the host may be spoken to in plaintext.
            Tls::None => {
                let protection = Protection::AllowedPlaintext;
                Connection::over(tcp.into(), server, protection, idle_timeout, transcript).await
            }
        }
    };
    opening.run(connecting).await
}

/// Asks for STARTTLS (RFC 3501 section 6.2.1). Nothing the server says before TLS is kept, and
/// nothing may follow its agreement: somebody in between could have put it there.
async fn starttls(
    tcp: TcpStream,
    idle_timeout: Duration,
    transcript: Option<&Transcript>,
) -> Result<TcpStream, Error> {
    let mut dialogue = Dialogue::new(tcp, idle_timeout, transcript);
    greeting(&mut dialogue).await?;
    let status = dialogue.exchange("STARTTLS").await?;
    if status.kind != StatusKind::Ok {
        return Err(Error::NoStarttls(dialogue.answer(&status, Moment::Greeting)));
    }
    dialogue.wire.into_stream().ok_or(Error::Protocol("plaintext after the agreement to start TLS"))
}

async fn greeting<S: AsyncRead + AsyncWrite + Unpin>(dialogue: &mut Dialogue<S>) -> Result<(), Error> {
    match dialogue.greeting().await {
        Ok(Response::Status(status)) if status.kind == StatusKind::Ok => {
            dialogue.capabilities = status.capabilities();
            Ok(())
        }
        Ok(Response::Status(status)) if status.kind == StatusKind::Preauth => {
            Err(Error::Protocol("the server takes us for somebody before we have signed in (PREAUTH)"))
        }
        Ok(_) | Err(Error::Protocol(_)) => {
            Err(Error::Protocol("what answers at this port is no IMAP server"))
        }
        Err(error) => Err(error),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Reads the greeting over a stream that somebody else has opened. What is said is written down in
    /// the transcript, if there is one.
    ///
    /// # Errors
    /// [`Error`], when the server does not greet, or refuses us.
    pub async fn over(
        stream: S,
        server: &Server,
        protection: Protection,
        idle_timeout: Duration,
        transcript: Option<&Transcript>,
    ) -> Result<Self, Error> {
        let mut dialogue = Dialogue::new(stream, idle_timeout, transcript);
        greeting(&mut dialogue).await?;
        Self::greeted(dialogue, server, protection).await
    }

    async fn greeted(
        mut dialogue: Dialogue<S>,
        server: &Server,
        protection: Protection,
    ) -> Result<Self, Error> {
        let capabilities = dialogue.capabilities().await?.clone();
        Ok(Self { dialogue, capabilities, server: server.clone(), protection })
    }

    /// What the server offers before sign-in.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The mechanism that [`Connection::sign_in`] uses with this credential: the best that is offered
    /// and allowed here.
    ///
    /// # Errors
    /// [`Error::NoMechanism`] and [`Error::PlaintextRefused`].
    pub fn mechanism(&self, credential: &Credential, policy: SaslPolicy) -> Result<Mechanism, Error> {
        if self.protection == Protection::Plaintext {
            return Err(Error::PlaintextRefused { host: self.server.host.clone() });
        }
        let offered = self.capabilities.mechanisms();
        match credential.mechanism(policy, &offered)? {
            Some(mechanism) => Ok(mechanism),
            None if self.capabilities.has("LOGINDISABLED") => {
                Err(sasl::no_mechanism("signing in with a password", &offered))
            }
            None => Ok(Mechanism::Command),
        }
    }

    /// Signs in, once, with the best mechanism that is offered and allowed.
    ///
    /// # Errors
    /// [`Error::NoMechanism`], [`Error::PlaintextRefused`], [`Error::Unsendable`] before anything is
    /// sent; [`Error::SignInRefused`] with the server's reason after that.
    pub async fn sign_in(
        mut self,
        user: &str,
        credential: &Credential,
        policy: SaslPolicy,
    ) -> Result<Session<S>, Error> {
        credential.check(user)?;
        let mechanism = self.mechanism(credential, policy)?;
        let secret = credential.expose();
        let login = Login { user, secret, host: &self.server.host, port: self.server.port };
        let script = match mechanism.initial_response(&login) {
            Some(initial) => {
                self.dialogue.secrets.add(initial.clone());
                Script::of_initial("AUTHENTICATE", mechanism, initial, self.capabilities.has("SASL-IR"))
            }
            None if mechanism == Mechanism::Login => Script::of_login("AUTHENTICATE", user, secret),
            None => login_command(user, secret),
        };
        self.dialogue.secrets.add(sasl::encode(secret));
        if let Some(quoted) = folder_name::quote(secret) {
            self.dialogue.secrets.add(quoted[1..quoted.len() - 1].to_owned().into());
        }
        self.dialogue.secrets.add(secret.to_owned().into());
        if self.dialogue.transcript.is_some() {
            self.dialogue.secrets.add_encodings(secret);
        }
        self.dialogue.begin()?;
        self.dialogue.identified = true;
        self.dialogue.capabilities = None; // they change with the sign-in
        let (status, challenge) = self.converse(mechanism, script).await?;
        let (challenge, challenge_class) = challenge.unzip();
        self.dialogue.end();
        if status.kind == StatusKind::Ok {
            self.dialogue.capabilities = status.capabilities().or(self.dialogue.capabilities.take());
            return Ok(Session::new(self.dialogue));
        }
        let moment = match credential {
            Credential::Password(_) => Moment::Password,
            Credential::AccessToken(_) => Moment::AccessToken,
        };
        let mut answer = self.dialogue.answer(&status, moment);
        // The final answer is the same for every refusal, unless it names another reason itself.
        if answer.class == FaultClass::TokenRefused {
            answer.class = challenge_class.flatten().unwrap_or(answer.class);
        }
        Err(Error::SignInRefused { mechanism, answer, challenge })
    }

    /// Plays the script up to the final answer; with it comes the reason that the server gave before,
    /// and its class.
    async fn converse(
        &mut self,
        mechanism: Mechanism,
        mut script: Script,
    ) -> Result<(Status, Option<(String, Option<FaultClass>)>), Error> {
        let tag = match (mechanism, script.early) {
            (Mechanism::Command, _) => {
                self.dialogue.secret_command(&script.command, format_args!("LOGIN {MASK}"))
            }
            (_, true) => {
                let masked = format_args!("AUTHENTICATE {mechanism} {MASK}");
                self.dialogue.secret_command(&script.command, masked)
            }
            (_, false) => {
                self.dialogue.secret_command(&script.command, format_args!("AUTHENTICATE {mechanism}"))
            }
        };
        let mut reason = None;
        for _ in 0..MAX_STEPS {
            let challenge = match self.dialogue.sign_in_step(tag).await {
                Ok(Step::Challenge(challenge)) => challenge,
                Ok(Step::Done(status)) => return Ok((status, reason)),
                Err(Error::ConnectionLost | Error::Bye(_)) if reason.is_some() => {
                    let text = "(the connection was closed)".to_owned();
                    return Ok((Status { kind: StatusKind::No, code: None, text }, reason));
                }
                Err(error) => return Err(error),
            };
            match script.next_line(&challenge) {
                Some(line) => self.dialogue.secret_line(line.expose_secret()),
                None => {
                    let said = self.dialogue.secrets.clean(&sasl::reason(&challenge));
                    let class = classify::challenge_class(&challenge);
                    reason = Some((said, class)).filter(|(said, _)| !said.is_empty());
                    self.dialogue.secret_line(mechanism.answer_to_reason());
                }
            }
        }
        Err(Error::Protocol("a sign-in without an end"))
    }
}

impl Connection {
    /// The certificate with which the server has proved its name; none without TLS.
    pub fn certificate(&self) -> Option<CertificateInfo> {
        self.dialogue.wire.stream().certificate()
    }
}

/// `LOGIN user password`, quoted, or as literals where characters beyond ASCII demand it.
fn login_command(user: &str, password: &str) -> Script {
    let mut lines = VecDeque::new();
    let mut line = "LOGIN".to_owned();
    for argument in [user, password] {
        match folder_name::quote(argument).filter(|quoted| quoted.is_ascii()) {
            Some(quoted) => line = format!("{line} {quoted}"),
            None => {
                lines.push_back(format!("{line} {{{}}}", argument.len()).into());
                line = argument.to_owned();
            }
        }
    }
    lines.push_back(line.into());
    let command = lines.pop_front().unwrap_or_default();
    Script::new(command, lines)
}
