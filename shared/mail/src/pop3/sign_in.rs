//! Signing in.

use super::{
    Connection, Session, apop,
    dialogue::Status,
    reply::{Refused, Reply},
};
use crate::{
    Credential, Error, Mechanism,
    classify::{self, Moment},
    sasl::{self, Login},
    script::{MAX_STEPS, Script},
    transcript::MASK,
};
use postroom_model::{FaultClass, SaslPolicy};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest command with its CRLF (RFC 2449 section 4), in bytes.
const MAX_COMMAND: usize = 255;

/// How a sign-in ended.
struct Outcome {
    status: Status,
    /// Something that can be wrong was sent: a name, a password, a token.
    told: bool,
    /// The reason that the server gave before its final answer, and its class.
    challenge: Option<(String, Option<FaultClass>)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
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
        if mechanism == Mechanism::Apop && user.contains(' ') {
            return Err(Error::Unsendable("APOP can carry no user name with a space"));
        }
        let secret = credential.expose();
        self.dialogue.secrets.add(secret.to_owned().into());
        self.dialogue.secrets.add(sasl::encode(secret));
        if self.dialogue.transcript.is_some() {
            self.dialogue.secrets.add_encodings(secret);
        }
        self.dialogue.begin()?;
        self.dialogue.identified = true;
        let Outcome { status, told, challenge } = match mechanism {
            Mechanism::UserPass => self.user_pass(user, secret).await?,
            Mechanism::Apop => self.apop(user, secret).await?,
            _ => self.authenticate(mechanism, user, secret).await?,
        };
        self.dialogue.end();
        let Err(refused) = status else {
            return Ok(Session::new(self.dialogue, self.capabilities));
        };
        let moment = match credential {
            _ if !told => Moment::Command,
            Credential::Password(_) => Moment::Password,
            Credential::AccessToken(_) => Moment::AccessToken,
        };
        let (challenge, challenge_class) = challenge.unzip();
        let mut answer = self.dialogue.answer(&refused, moment);
        answer.class = match answer.class {
            // The final answer is the same for every refusal, unless it names another reason itself.
            FaultClass::TokenRefused => challenge_class.flatten().unwrap_or(answer.class),
            // Nothing but the mechanism can have been refused.
            FaultClass::Unknown if !told => FaultClass::NoMechanism,
            class => class,
        };
        Err(Error::SignInRefused { mechanism, answer, challenge })
    }

    /// USER and PASS (RFC 1939 section 7).
    async fn user_pass(&mut self, user: &str, password: &str) -> Result<Outcome, Error> {
        self.dialogue.command(&format!("USER {user}"));
        let mut status = self.dialogue.status().await?;
        if status.is_ok() {
            let line = format!("PASS {password}").into();
            self.dialogue.secret_line(&line, format_args!("PASS {MASK}"));
            status = self.dialogue.status().await?;
        }
        Ok(Outcome { status, told: true, challenge: None })
    }

    async fn apop(&mut self, user: &str, password: &str) -> Result<Outcome, Error> {
        let digest = self.timestamp().map(|timestamp| apop::digest(timestamp, password)).unwrap_or_default();
        let line = format!("APOP {user} {digest}").into();
        self.dialogue.secrets.add(digest.into());
        self.dialogue.secret_line(&line, format_args!("APOP {user} {MASK}"));
        Ok(Outcome { status: self.dialogue.status().await?, told: true, challenge: None })
    }

    /// AUTH (RFC 5034), up to the final answer.
    async fn authenticate(
        &mut self,
        mechanism: Mechanism,
        user: &str,
        secret: &str,
    ) -> Result<Outcome, Error> {
        let login = Login { user, secret, host: &self.server.host, port: self.server.port };
        let mut script = match mechanism.initial_response(&login) {
            Some(initial) => {
                self.dialogue.secrets.add(initial.clone());
                let early = self.takes_initial_response(mechanism, &initial);
                Script::of_initial("AUTH", mechanism, initial, early)
            }
            None => Script::of_login("AUTH", user, secret),
        };
        let mask = if script.early { format!(" {MASK}") } else { String::new() };
        self.dialogue.secret_line(&script.command, format_args!("AUTH {mechanism}{mask}"));
        let (mut told, mut challenge) = (script.early, None);
        for _ in 0..MAX_STEPS {
            let asked = match self.dialogue.reply().await {
                Ok(Reply::Challenge(asked)) => asked,
                Ok(Reply::Ok(text)) => return Ok(Outcome { status: Ok(text), told, challenge }),
                Ok(Reply::Refused(refused)) => {
                    return Ok(Outcome { status: Err(refused), told, challenge });
                }
                Err(Error::ConnectionLost) if challenge.is_some() => {
                    let text = "(the connection was closed)".to_owned();
                    return Ok(Outcome { status: Err(Refused { code: None, text }), told, challenge });
                }
                Err(error) => return Err(error),
            };
            match script.next_line(&asked) {
                Some(line) => {
                    self.dialogue.answer_challenge(line.expose_secret());
                    told = true;
                }
                None => {
                    let said = self.dialogue.secrets.clean(&sasl::reason(&asked));
                    let class = classify::challenge_class(&asked);
                    challenge = Some((said, class)).filter(|(said, _)| !said.is_empty());
                    self.dialogue.answer_challenge(mechanism.answer_to_reason());
                }
            }
        }
        Err(Error::Protocol("a sign-in without an end"))
    }

    /// Whether AUTH carries the initial response, which saves a turn. A server that lists SASL has to
    /// take it there (RFC 2449 section 6.3), in a line of at most 255 bytes (RFC 5034 section 4): so it
    /// is a password's, hardly ever a token's. Microsoft's server lists SASL and answers `-ERR Protocol
    /// error. Connection is closed. 10`. Two lines work everywhere, so that they are used where there is
    /// no greeting to know the server by.
    fn takes_initial_response(&self, mechanism: Mechanism, initial: &SecretString) -> bool {
        let length = "AUTH".len() + 1 + mechanism.name().len() + 1 + initial.expose_secret().len() + 2;
        let is_microsoft = |greeting: &String| greeting.to_ascii_lowercase().contains("microsoft");
        let is_known = self.greeting.as_ref().is_some_and(|greeting| !is_microsoft(greeting));
        is_known && self.capabilities.has("SASL") && length <= MAX_COMMAND
    }
}
