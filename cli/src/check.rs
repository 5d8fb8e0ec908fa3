//! `postroom check`: connects and signs in as `fetch` would, and tells each step to a person.
//!
//! It stores no mail and changes nothing at the mail server: folders are opened read-only, and a POP3
//! session marks nothing. It uses the password or token that `fetch` would use; one that is stale is
//! renewed, as `fetch` would do it.

mod folder;
mod maildrop;
mod step;

use crate::{
    Error, Outcome,
    args::CheckArgs,
    deployment::Deployment,
    status::{moment, plain},
    token::until,
};
use jiff::Timestamp;
use postroom_mail::{
    CertificateInfo, Credential, Error as MailError, Mechanism, Stage, Transcript,
    source::{Connection, Source, connect_recorded},
};
use postroom_model::{Auth, Fault, FaultClass, Mailbox, Protocol, SaslPolicy, Tls};
use std::{collections::BTreeSet, io::Write};
use step::Steps;

/// The step in which a TCP connection is made.
const CONNECT: &str = "connect";

/// Tries a mailbox out and explains what happens.
///
/// # Errors
/// [`Error`], when there is no such mailbox or the deployment cannot be asked. What goes wrong at the
/// mail server is part of the explanation, and [`Outcome::NotWell`].
pub async fn check(
    deployment: &Deployment,
    args: &CheckArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let id = &args.mailbox;
    let placed = deployment.registry.mailbox(id).await?;
    let mailbox = placed
        .ok_or_else(|| Error::Usage(format!("there is no mailbox {id}: apply a manifest that has it")))?
        .mailbox;
    writeln!(out, "mailbox {id}: {}", settings(&mailbox))?;
    let transcript = Transcript::new();
    let walk = Walk { deployment, mailbox: &mailbox, now };
    let outcome = walk.go(&mut Steps::new(out), &transcript).await?;
    if args.transcript {
        writeln!(out, "\n{}", plain_lines(&transcript.to_string()))?;
    }
    Ok(outcome)
}

/// A mailbox that is tried out at one moment.
struct Walk<'w> {
    deployment: &'w Deployment,
    mailbox: &'w Mailbox,
    now: Timestamp,
}

impl Walk<'_> {
    /// From the credential to the messages, as far as it goes.
    async fn go(&self, steps: &mut Steps<'_>, transcript: &Transcript) -> Result<Outcome, Error> {
        let mailbox = self.mailbox;
        let network = self.deployment.network()?;
        let Some(credential) = self.credential(steps).await? else { return Ok(Outcome::NotWell) };
        if !self.resolve(steps).await? {
            return Ok(Outcome::NotWell);
        }
        let connected = connect_recorded(&network, mailbox.protocol, &mailbox.server, Some(transcript)).await;
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => {
                let step = step_of(&error);
                if step != CONNECT {
                    self.connected(steps)?;
                }
                return steps.failed(step, &error.fault());
            }
        };
        self.connected(steps)?;
        self.greeted(steps, &connection)?;
        match connection.mechanism(&credential, mailbox.sasl) {
            Ok(mechanism) => steps.done("mechanism", &why(mechanism, mailbox))?,
            Err(error) => return steps.failed("mechanism", &error.fault()),
        }
        let mut source = match connection.sign_in(&mailbox.user, &credential, mailbox.sasl).await {
            Ok(source) => source,
            Err(error) => return steps.failed("sign-in", &error.fault()),
        };
        steps.done("sign-in", &format!("the server accepts {:?}", mailbox.user))?;
        let outcome = match &mut source {
            Source::Imap(_) => folder::check(steps, mailbox, &mut source).await?,
            Source::Pop3(session) => maildrop::check(steps, session).await?,
        };
        // Nothing was marked, so that it does not matter how the server says goodbye.
        _ = source.close().await;
        Ok(outcome)
    }

    /// The password or token from the vault; nothing, when it is missing and that was said.
    async fn credential(&self, steps: &mut Steps<'_>) -> Result<Option<Credential>, Error> {
        let Self { deployment, mailbox, now } = *self;
        let account = match &mailbox.auth {
            Auth::Basic => {
                return match deployment.vault.password(&mailbox.id).await? {
                    Some(password) => {
                        steps.done("password", "there is one in the vault")?;
                        Ok(Some(Credential::Password(password)))
                    }
                    None => {
                        let fault = Fault::new(
                            FaultClass::Configuration,
                            "the vault has no password of this mailbox",
                        );
                        steps.failed("password", &fault).map(|_| None)
                    }
                };
            }
            Auth::Oauth(account) => account,
        };
        // Perhaps somebody has just mended what it rests for.
        deployment.tokens.end_rest(account).await?;
        let access = deployment.tokens.access(account, &mailbox.user, None, until(now)).await;
        let tokens = match access {
            Ok(access) => access.tokens,
            Err(fault) => return steps.failed("token", &fault).map(|_| None),
        };
        let obtained = moment(tokens.obtained_at, now);
        let ends = match tokens.expires_at {
            Some(end) => format!("ends {}", moment(end, now)),
            None => "its end is not known".to_owned(),
        };
        steps.done("token", &format!("account {account}, obtained {obtained}, {ends}"))?;
        Ok(Some(Credential::AccessToken(tokens.access_token)))
    }

    async fn resolve(&self, steps: &mut Steps<'_>) -> Result<bool, Error> {
        let (host, port) = (self.mailbox.server.host.as_str(), self.mailbox.server.port);
        let reason = match tokio::net::lookup_host((host, port)).await {
            Ok(found) => {
                let addresses: BTreeSet<String> = found.map(|address| address.ip().to_string()).collect();
                if !addresses.is_empty() {
                    let addresses = addresses.into_iter().collect::<Vec<_>>().join(", ");
                    steps.done("resolve", &format!("{host} is at {addresses}"))?;
                    return Ok(true);
                }
                format!("{host} has no address")
            }
            Err(error) => format!("{host} does not resolve: {error}"),
        };
        steps.failed("resolve", &Fault::new(FaultClass::Unreachable, reason))?;
        Ok(false)
    }

    fn connected(&self, steps: &mut Steps<'_>) -> Result<(), Error> {
        steps.done(CONNECT, &format!("port {} answers", self.mailbox.server.port))
    }

    fn greeted(&self, steps: &mut Steps<'_>, connection: &Connection) -> Result<(), Error> {
        match self.mailbox.server.tls {
            Tls::Implicit => steps.done("tls", "the server's certificate is good for its name")?,
            Tls::Starttls => {
                steps.done("tls", "STARTTLS works, and the server's certificate is good for its name")?
            }
            Tls::None => steps.done("tls", "none: this deployment allows that for this host")?,
        }
        if let Some(CertificateInfo { subject, issuer, not_after, .. }) = connection.certificate() {
            let ends = moment(not_after, self.now);
            steps.done("certificate", &format!("{subject}, issued by {issuer}, ends {ends}"))?;
        }
        let offers: Vec<&str> = connection.capabilities().iter().collect();
        let server = match connection {
            Connection::Imap(_) => "an IMAP server",
            Connection::Pop3(_) => "a POP3 server",
        };
        match offers.is_empty() {
            true => steps.done("greeting", &format!("{server}; it does not say what it offers")),
            false => steps.done("greeting", &format!("{server}; it offers {}", offers.join(" "))),
        }
    }
}

/// The same, line by line.
fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// What the mailbox is set to, in one line.
fn settings(mailbox: &Mailbox) -> String {
    let protocol = match mailbox.protocol {
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
    };
    let tls = match mailbox.server.tls {
        Tls::Implicit => "implicit TLS",
        Tls::Starttls => "STARTTLS",
        Tls::None => "no TLS",
    };
    let auth = match &mailbox.auth {
        Auth::Basic => "its password".to_owned(),
        Auth::Oauth(account) => format!("the token of account {account}"),
    };
    let (host, port) = (&mailbox.server.host, mailbox.server.port);
    format!("{protocol} {host}:{port}, {tls}, user {:?}, with {auth}", mailbox.user)
}

/// The step at which connecting failed.
fn step_of(error: &MailError) -> &'static str {
    match error {
        MailError::Unreachable { .. }
        | MailError::AddressRefused { .. }
        | MailError::PlaintextRefused { .. } => CONNECT,
        MailError::Certificate { .. }
        | MailError::Tls { .. }
        | MailError::NotTls { .. }
        | MailError::NoStarttls(_) => "tls",
        MailError::TimedOut { stage: Stage::Resolving | Stage::Connecting, .. } => CONNECT,
        MailError::TimedOut { stage: Stage::Encrypting, .. } => "tls",
        _ => "greeting",
    }
}

/// Why a mechanism is used.
fn why(mechanism: Mechanism, mailbox: &Mailbox) -> String {
    let reason = match (&mailbox.auth, mailbox.sasl) {
        (Auth::Basic, _) if matches!(mechanism, Mechanism::Command | Mechanism::UserPass) => {
            "the server offers no SASL mechanism for passwords"
        }
        (Auth::Basic, SaslPolicy::Apop) => "`sasl` asks for it, and the server greets with a timestamp",
        (Auth::Basic, _) => "the server offers it, for passwords",
        (Auth::Oauth(_), SaslPolicy::Auto) => "the server offers it, for tokens",
        (Auth::Oauth(_), _) => "`sasl` asks for it, and the server offers it",
    };
    format!("{mechanism}: {reason}")
}
