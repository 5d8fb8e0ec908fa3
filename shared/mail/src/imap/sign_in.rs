//! Signing in.

use super::{
    Connection, Session,
    dialogue::Step,
    folder_name,
    response::{Status, StatusKind, Tag},
};
use crate::{
    Credential, Error, Mechanism,
    classify::Moment,
    sasl::{CLOSED, Exchange, Login},
    transcript::MASK,
};
use postroom_model::{FaultClass, SaslPolicy};
use secrecy::{ExposeSecret, SecretString};
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
        self.dialogue.secrets.add_credential(credential, self.dialogue.transcript.is_some());
        if let Some(quoted) = folder_name::quote(secret) {
            self.dialogue.secrets.add(quoted[1..quoted.len() - 1].to_owned().into());
        }
        self.dialogue.identified = true;
        let moment = credential.moment();
        let mut way = Way { mechanism, early: self.capabilities.has("SASL-IR") };
        let (exchange, status) = loop {
            let (exchange, status) = self.attempt(way, user, secret).await?;
            match self.simpler(way, &exchange, &status, moment) {
                Some(simpler) => way = simpler,
                None => break (exchange, status),
            }
        };
        if status.kind == StatusKind::Ok {
            self.dialogue.capabilities = status.capabilities().or(self.dialogue.capabilities.take());
            self.identify().await?;
            return Ok(Session::new(self.dialogue));
        }
        Err(exchange.refused(self.dialogue.answer(&status, moment)))
    }

    /// Goes one way, to the final answer.
    async fn attempt(&mut self, way: Way, user: &str, secret: &str) -> Result<(Exchange, Status), Error> {
        let Way { mechanism, early } = way;
        let (mut exchange, command, masked) = match mechanism {
            Mechanism::Command => {
                let mut lines = self.login_command(user, secret);
                let command = lines.pop_front().unwrap_or_default();
                (Exchange::own(mechanism, lines), command, format!("LOGIN {MASK}"))
            }
            _ => {
                let login = Login { user, secret, server: &self.server };
                let longest = if early { usize::MAX } else { 0 };
                let exchange = Exchange::new(mechanism, &login, longest, &mut self.dialogue.secrets);
                let (command, masked) = exchange.command("AUTHENTICATE");
                (exchange, command, masked)
            }
        };
        self.dialogue.begin()?;
        self.dialogue.capabilities = None; // they change with the sign-in
        let tag = self.dialogue.secret_command(&command, format_args!("{masked}"));
        let status = self.converse(tag, &mut exchange).await?;
        self.dialogue.end();
        Ok((exchange, status))
    }

    /// What is left to try with a server that offers a way and does not know it: Coremail offers SASL-IR
    /// and answers `BAD Request not ending with`
    /// (<https://github.com/modern-email/defects/issues/54>); others offer PLAIN, and answer BAD before they
    /// ask for anything (<https://github.com/thunderbird/thunderbird-android/pull/2650>).
    fn simpler(&self, way: Way, exchange: &Exchange, status: &Status, moment: Moment) -> Option<Way> {
        let is_lost = status.kind == StatusKind::Bad && !exchange.has_reason() && !exchange.was_asked();
        if !is_lost || self.dialogue.answer(status, moment).class != FaultClass::Protocol {
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

    /// Answers what the server asks for, up to its final answer.
    async fn converse(&mut self, tag: Tag, exchange: &mut Exchange) -> Result<Status, Error> {
        loop {
            match self.dialogue.sign_in_step(tag).await {
                Ok(Step::Challenge(challenge)) => {
                    let line = exchange.answer(&challenge, &self.dialogue.secrets)?;
                    self.dialogue.secret_line(line.expose_secret());
                }
                Ok(Step::Done(status)) => return Ok(status),
                Err(error) if exchange.is_refused_by(&error) => {
                    return Ok(Status { kind: StatusKind::No, code: None, text: CLOSED.to_owned() });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The lines of `LOGIN user password`, quoted, or as literals where characters beyond ASCII demand it. A literal
    /// goes without waiting where the server takes it so (RFC 7888).
    fn login_command(&self, user: &str, password: &str) -> VecDeque<SecretString> {
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
        lines
    }
}
