//! Signing in.

use super::{
    Connection, Session,
    dialogue::Step,
    folder_name,
    response::{Status, StatusKind},
};
use crate::{
    Credential, Error, Mechanism,
    classify::{self, Moment},
    sasl::{self, Login},
    script::{MAX_STEPS, Script},
    transcript::MASK,
};
use postroom_model::{FaultClass, SaslPolicy};
use secrecy::ExposeSecret;
use std::{collections::VecDeque, fmt::Write};
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest literal that a server with LITERAL- takes unasked (RFC 7888 section 5), in bytes.
const MAX_UNASKED: usize = 4096;
/// What a server is told of us, where it wants to know (RFC 2971).
const ID: &str = concat!("ID (\"name\" \"Postroom\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");

/// A way to sign in.
#[derive(Clone, Copy)]
struct Way {
    mechanism: Mechanism,
    /// The command carries the initial response, if the mechanism has one (RFC 4959).
    early: bool,
}

/// How an attempt ended.
struct Outcome {
    status: Status,
    /// Something was sent that the server asked for.
    asked: bool,
    /// The reason that the server gave before its final answer, and its class.
    challenge: Option<(String, Option<FaultClass>)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Signs in with the best mechanism that is offered and allowed. No other is tried once a server has
    /// refused, because repeated refusals lock accounts; a server that does not understand what it
    /// offers is asked in a simpler way.
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
        self.dialogue.secrets.add(sasl::encode(secret));
        if let Some(quoted) = folder_name::quote(secret) {
            self.dialogue.secrets.add(quoted[1..quoted.len() - 1].to_owned().into());
        }
        self.dialogue.secrets.add(secret.to_owned().into());
        if self.dialogue.transcript.is_some() {
            self.dialogue.secrets.add_encodings(secret);
        }
        self.dialogue.identified = true;
        let moment = match credential {
            Credential::Password(_) => Moment::Password,
            Credential::AccessToken(_) => Moment::AccessToken,
        };
        let mut way = Way { mechanism, early: self.capabilities.has("SASL-IR") };
        let outcome = loop {
            let outcome = self.attempt(way, user, secret).await?;
            match self.simpler(way, &outcome, moment) {
                Some(simpler) => way = simpler,
                None => break outcome,
            }
        };
        let Outcome { status, challenge, .. } = outcome;
        if status.kind == StatusKind::Ok {
            self.dialogue.capabilities = status.capabilities().or(self.dialogue.capabilities.take());
            self.identify().await?;
            return Ok(Session::new(self.dialogue));
        }
        let (challenge, challenge_class) = challenge.unzip();
        let mut answer = self.dialogue.answer(&status, moment);
        // The final answer is the same for every refusal, unless it names another reason itself.
        if answer.class == FaultClass::TokenRefused {
            answer.class = challenge_class.flatten().unwrap_or(answer.class);
        }
        Err(Error::SignInRefused { mechanism: way.mechanism, answer, challenge })
    }

    /// Goes one way, to the final answer.
    async fn attempt(&mut self, way: Way, user: &str, secret: &str) -> Result<Outcome, Error> {
        let Way { mechanism, early } = way;
        let login = Login { user, secret, host: &self.server.host, port: self.server.port };
        let script = match mechanism.initial_response(&login) {
            Some(initial) => {
                self.dialogue.secrets.add(initial.clone());
                Script::of_initial("AUTHENTICATE", mechanism, initial, early)
            }
            None if mechanism == Mechanism::Login => Script::of_login("AUTHENTICATE", user, secret),
            None => self.login_command(user, secret),
        };
        self.dialogue.begin()?;
        self.dialogue.capabilities = None; // they change with the sign-in
        let outcome = self.converse(mechanism, script).await?;
        self.dialogue.end();
        Ok(outcome)
    }

    /// What is left to try with a server that offers a way and does not know it: Coremail offers SASL-IR
    /// and answers `BAD Request not ending with`
    /// (<https://github.com/modern-email/defects/issues/54>); others offer PLAIN, and answer BAD before they
    /// ask for anything (<https://github.com/thunderbird/thunderbird-android/pull/2650>).
    fn simpler(&self, way: Way, outcome: &Outcome, moment: Moment) -> Option<Way> {
        let Outcome { status, asked, challenge } = outcome;
        let is_bad = status.kind == StatusKind::Bad && challenge.is_none() && !asked;
        if !is_bad || self.dialogue.answer(status, moment).class != FaultClass::Protocol {
            return None;
        }
        let is_password = matches!(way.mechanism, Mechanism::Plain | Mechanism::Login);
        let in_command = way.early && way.mechanism != Mechanism::Login;
        match way.mechanism {
            Mechanism::Command => None,
            _ if in_command => Some(Way { early: false, ..way }),
            _ if is_password && !self.capabilities.has("LOGINDISABLED") => {
                Some(Way { mechanism: Mechanism::Command, early: false })
            }
            _ => None,
        }
    }

    /// Tells Coremail who we are, because it opens no folder for a client that has not
    /// (`NO SELECT Unsafe Login`, <https://github.com/modern-email/defects/issues/25>).
    async fn identify(&mut self) -> Result<(), Error> {
        if self.capabilities.has("X-CM-EXT-1") {
            self.dialogue.exchange(ID).await?;
        }
        Ok(())
    }

    /// Plays the script up to the final answer.
    async fn converse(&mut self, mechanism: Mechanism, mut script: Script) -> Result<Outcome, Error> {
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
        let (mut asked, mut reason) = (false, None);
        for _ in 0..MAX_STEPS {
            let challenge = match self.dialogue.sign_in_step(tag).await {
                Ok(Step::Challenge(challenge)) => challenge,
                Ok(Step::Done(status)) => return Ok(Outcome { status, asked, challenge: reason }),
                Err(Error::ConnectionLost | Error::Bye(_)) if reason.is_some() => {
                    let text = "(the connection was closed)".to_owned();
                    let status = Status { kind: StatusKind::No, code: None, text };
                    return Ok(Outcome { status, asked, challenge: reason });
                }
                Err(error) => return Err(error),
            };
            match script.next_line(&challenge) {
                Some(line) => {
                    self.dialogue.secret_line(line.expose_secret());
                    asked = true;
                }
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

    /// `LOGIN user password`, quoted, or as literals where characters beyond ASCII demand it. A literal
    /// goes without waiting where the server takes it so (RFC 7888).
    fn login_command(&self, user: &str, password: &str) -> Script {
        let unasked = |length| {
            let short = length <= MAX_UNASKED && self.capabilities.has("LITERAL-");
            short || self.capabilities.has("LITERAL+")
        };
        let mut lines = VecDeque::new();
        let mut line = "LOGIN".to_owned();
        for argument in [user, password] {
            let length = argument.len();
            // Writing to a string cannot fail.
            match folder_name::quote(argument).filter(|quoted| quoted.is_ascii()) {
                Some(quoted) => _ = write!(line, " {quoted}"),
                None if unasked(length) => _ = write!(line, " {{{length}+}}\r\n{argument}"),
                None => {
                    lines.push_back(format!("{line} {{{length}}}").into());
                    line = argument.to_owned();
                }
            }
        }
        lines.push_back(line.into());
        let command = lines.pop_front().unwrap_or_default();
        Script::new(command, lines)
    }
}
