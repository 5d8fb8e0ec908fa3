//! Signing in.

use super::{
    Connection, Session, apop,
    dialogue::Status,
    reply::{Refused, Reply},
};
use crate::{
    Credential, Error, Mechanism,
    classify::Moment,
    sasl::{CLOSED, Exchange, Login},
    transcript::MASK,
};
use postroom_model::SaslPolicy;
use secrecy::ExposeSecret;
use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncWrite};

/// The longest command with its CRLF (RFC 2449 section 4), in bytes.
const MAX_COMMAND: usize = 255;

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
        self.dialogue.secrets.add_credential(credential, self.dialogue.transcript.is_some());
        self.dialogue.begin()?;
        self.dialogue.identified = true;
        let own = Exchange::own(mechanism, VecDeque::new());
        let (exchange, status) = match mechanism {
            Mechanism::UserPass => (own, self.user_pass(user, secret).await?),
            Mechanism::Apop => (own, self.apop(user, secret).await?),
            _ => self.authenticate(mechanism, user, secret).await?,
        };
        self.dialogue.end();
        let Err(refused) = status else {
            return Ok(Session::new(self.dialogue, self.capabilities));
        };
        let moment = if exchange.has_told() { credential.moment() } else { Moment::Command };
        Err(exchange.refused(self.dialogue.answer(&refused, moment)))
    }

    /// USER and PASS (RFC 1939 section 7).
    async fn user_pass(&mut self, user: &str, password: &str) -> Result<Status, Error> {
        self.dialogue.command(&format!("USER {user}"));
        let status = self.dialogue.status().await?;
        if status.is_err() {
            return Ok(status);
        }
        let line = format!("PASS {password}").into();
        self.dialogue.secret_line(&line, format_args!("PASS {MASK}"));
        self.dialogue.status().await
    }

    async fn apop(&mut self, user: &str, password: &str) -> Result<Status, Error> {
        let digest = self.timestamp().map(|timestamp| apop::digest(timestamp, password)).unwrap_or_default();
        let line = format!("APOP {user} {digest}").into();
        self.dialogue.secrets.add(digest.into());
        self.dialogue.secret_line(&line, format_args!("APOP {user} {MASK}"));
        self.dialogue.status().await
    }

    /// AUTH (RFC 5034), up to the final answer.
    async fn authenticate(
        &mut self,
        mechanism: Mechanism,
        user: &str,
        secret: &str,
    ) -> Result<(Exchange, Status), Error> {
        let login = Login { user, secret, server: &self.server };
        let longest = self.longest_initial_response(mechanism);
        let mut exchange = Exchange::new(mechanism, &login, longest, &mut self.dialogue.secrets);
        let (command, masked) = exchange.command("AUTH");
        self.dialogue.secret_line(&command, format_args!("{masked}"));
        loop {
            match self.dialogue.reply().await {
                Ok(Reply::Challenge(challenge)) => {
                    let line = exchange.answer(&challenge, &self.dialogue.secrets)?;
                    self.dialogue.answer_challenge(line.expose_secret());
                }
                Ok(Reply::Ok(text)) => return Ok((exchange, Ok(text))),
                Ok(Reply::Refused(refused)) => return Ok((exchange, Err(refused))),
                Err(error) if exchange.is_refused_by(&error) => {
                    return Ok((exchange, Err(Refused { code: None, text: CLOSED.to_owned() })));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The longest initial response that AUTH carries, which saves a turn, in bytes. A server that lists SASL
    /// has to take it there (RFC 2449 section 6.3), in a line of at most 255 bytes (RFC 5034 section 4): so it
    /// is a password's, hardly ever a token's. Microsoft's server lists SASL and answers `-ERR Protocol
    /// error. Connection is closed. 10`. Two lines work everywhere, so that they are used where there is
    /// no greeting to know the server by.
    fn longest_initial_response(&self, mechanism: Mechanism) -> usize {
        let is_microsoft = |greeting: &String| greeting.to_ascii_lowercase().contains("microsoft");
        let is_known = self.greeting.as_ref().is_some_and(|greeting| !is_microsoft(greeting));
        let around = format!("AUTH {mechanism} \r\n").len();
        if is_known && self.capabilities.has("SASL") { MAX_COMMAND - around } else { 0 }
    }
}
