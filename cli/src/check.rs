//! `postroom check`: connects and signs in as `fetch` would, and tells each step to a person.
//!
//! It stores no mail and changes nothing at the mail server: folders are opened read-only. It uses the
//! password or token that `fetch` would use; one that is stale is renewed, as `fetch` would do it.

use crate::{
    Error, Outcome,
    args::CheckArgs,
    deployment::Deployment,
    status::{moment, plain},
    token::until,
};
use jiff::Timestamp;
use postroom_mail::{
    CertificateInfo, Credential, Error as MailError, Mechanism, Network, NetworkSettings, Stage, Transcript,
    imap::{self, Access, Connection, Session},
};
use postroom_model::{Auth, Fault, FaultClass, Mailbox, Protocol, SaslPolicy, Tls};
use std::{collections::BTreeSet, io::Write, time::Duration};

/// How long name resolution, TCP, TLS and greeting may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a server may be silent when it owes an answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The step in which a TCP connection is made.
const CONNECT: &str = "connect";
/// Folders that are opened, or named where one is missing.
const FOLDERS_SHOWN: usize = 50;

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
    let mut steps = Steps { out, transcript: &transcript };
    let outcome = steps.walk(deployment, &mailbox, now).await?;
    if args.transcript {
        writeln!(out, "\n{}", plain_lines(&transcript.to_string()))?;
    }
    Ok(outcome)
}

/// Prints each step as it is taken. What a server said cannot steer the terminal that shows it.
struct Steps<'o> {
    out: &'o mut dyn Write,
    transcript: &'o Transcript,
}

impl Steps<'_> {
    /// From the credential to the folders, as far as it goes.
    async fn walk(
        &mut self,
        deployment: &Deployment,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<Outcome, Error> {
        if mailbox.protocol == Protocol::Pop3 {
            let fault = Fault::new(FaultClass::Unsupported, "POP3 is not fetched by this release");
            return self.failed("protocol", &fault);
        }
        let network = Network::new(NetworkSettings {
            extra_ca_pem: deployment.mail_ca.clone(),
            allow_local: deployment.allowances.local_servers,
            plaintext_hosts: deployment.allowances.plaintext_hosts.clone(),
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
        })?;
        let Some(credential) = self.credential(deployment, mailbox, now).await? else {
            return Ok(Outcome::NotWell);
        };
        if !self.resolve(mailbox).await? {
            return Ok(Outcome::NotWell);
        }
        let connection = match imap::connect_recorded(&network, &mailbox.server, Some(self.transcript)).await
        {
            Ok(connection) => connection,
            Err(error) => {
                let step = step_of(&error);
                if step != CONNECT {
                    self.connected(mailbox)?;
                }
                return self.failed(step, &error.fault());
            }
        };
        self.connected(mailbox)?;
        self.greeted(mailbox, &connection, now)?;
        match connection.mechanism(&credential, mailbox.sasl) {
            Ok(mechanism) => self.done("mechanism", &why(mechanism, mailbox))?,
            Err(error) => return self.failed("mechanism", &error.fault()),
        }
        let mut session = match connection.sign_in(&mailbox.user, &credential, mailbox.sasl).await {
            Ok(session) => session,
            Err(error) => return self.failed("sign-in", &error.fault()),
        };
        self.done("sign-in", &format!("the server accepts {:?}", mailbox.user))?;
        let outcome = self.folders(mailbox, &mut session).await?;
        session.logout().await;
        Ok(outcome)
    }

    fn done(&mut self, step: &str, text: &str) -> Result<(), Error> {
        writeln!(self.out, "ok      {step:10} {}", plain(text))?;
        Ok(self.out.flush()?)
    }

    fn failed(&mut self, step: &str, fault: &Fault) -> Result<Outcome, Error> {
        let Fault { class, reason, .. } = fault;
        writeln!(self.out, "FAILED  {step:10} {}", plain(reason))?;
        writeln!(self.out, "{:18} {class}; who must act: {}", "", class.actor())?;
        writeln!(self.out, "{:18} {}", "", class.advice())?;
        Ok(Outcome::NotWell)
    }

    /// The password or token from the vault; nothing, when it is missing and that was said.
    async fn credential(
        &mut self,
        deployment: &Deployment,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<Option<Credential>, Error> {
        let account = match &mailbox.auth {
            Auth::Basic => {
                return match deployment.vault.password(&mailbox.id).await? {
                    Some(password) => {
                        self.done("password", "there is one in the vault")?;
                        Ok(Some(Credential::Password(password)))
                    }
                    None => {
                        let fault = Fault::new(
                            FaultClass::Configuration,
                            "the vault has no password of this mailbox",
                        );
                        self.failed("password", &fault).map(|_| None)
                    }
                };
            }
            Auth::Oauth(account) => account,
        };
        let access = deployment.tokens.access(account, &mailbox.user, None, until(now)).await;
        let tokens = match access {
            Ok(access) => access.tokens,
            Err(fault) => return self.failed("token", &fault).map(|_| None),
        };
        let obtained = moment(tokens.obtained_at, now);
        let ends = match tokens.expires_at {
            Some(end) => format!("ends {}", moment(end, now)),
            None => "its end is not known".to_owned(),
        };
        self.done("token", &format!("account {account}, obtained {obtained}, {ends}"))?;
        Ok(Some(Credential::AccessToken(tokens.access_token)))
    }

    async fn resolve(&mut self, mailbox: &Mailbox) -> Result<bool, Error> {
        let host = mailbox.server.host.as_str();
        let reason = match tokio::net::lookup_host((host, mailbox.server.port)).await {
            Ok(found) => {
                let addresses: BTreeSet<String> = found.map(|address| address.ip().to_string()).collect();
                if !addresses.is_empty() {
                    let addresses = addresses.into_iter().collect::<Vec<_>>().join(", ");
                    self.done("resolve", &format!("{host} is at {addresses}"))?;
                    return Ok(true);
                }
                format!("{host} has no address")
            }
            Err(error) => format!("{host} does not resolve: {error}"),
        };
        self.failed("resolve", &Fault::new(FaultClass::Unreachable, reason))?;
        Ok(false)
    }

    fn connected(&mut self, mailbox: &Mailbox) -> Result<(), Error> {
        self.done(CONNECT, &format!("port {} answers", mailbox.server.port))
    }

    fn greeted(&mut self, mailbox: &Mailbox, connection: &Connection, now: Timestamp) -> Result<(), Error> {
        match mailbox.server.tls {
            Tls::Implicit => self.done("tls", "the server's certificate is good for its name")?,
            Tls::Starttls => {
                self.done("tls", "STARTTLS works, and the server's certificate is good for its name")?
            }
            Tls::None => self.done("tls", "none: this deployment allows that for this host")?,
        }
        if let Some(CertificateInfo { subject, issuer, not_after, .. }) = connection.certificate() {
            let ends = moment(not_after, now);
            self.done("certificate", &format!("{subject}, issued by {issuer}, ends {ends}"))?;
        }
        let offers: Vec<&str> = connection.capabilities().iter().collect();
        self.done("greeting", &format!("an IMAP server; it offers {}", offers.join(" ")))
    }

    async fn folders(&mut self, mailbox: &Mailbox, session: &mut Session) -> Result<Outcome, Error> {
        let folders = match session.resolve_folders(&mailbox.folders).await {
            Ok(folders) => folders,
            Err(error) => return self.folder_failed(&error, session).await,
        };
        let mut outcome = Outcome::Well;
        for folder in folders.iter().take(FOLDERS_SHOWN) {
            match session.open(folder, Access::ReadOnly, None, 0).await {
                Ok(opened) => {
                    let messages = if opened.exists == 1 { "message" } else { "messages" };
                    self.done("folder", &format!("{folder:?} has {} {messages}", opened.exists))?;
                }
                Err(error) => {
                    outcome = self.folder_failed(&error, session).await?;
                    if !error.leaves_session_usable() {
                        return Ok(outcome);
                    }
                }
            }
        }
        if folders.len() > FOLDERS_SHOWN {
            self.done("folder", &format!("and {} more, not opened here", folders.len() - FOLDERS_SHOWN))?;
        }
        Ok(outcome)
    }

    /// Says what is wrong with a folder, and which folders there are.
    async fn folder_failed(&mut self, error: &MailError, session: &mut Session) -> Result<Outcome, Error> {
        let outcome = self.failed("folder", &error.fault())?;
        if error.leaves_session_usable()
            && let Ok(all) = session.list("*").await
        {
            let openable = all.iter().filter(|folder| folder.selectable);
            let names: Vec<String> =
                openable.take(FOLDERS_SHOWN).map(|folder| format!("{:?}", folder.display)).collect();
            writeln!(self.out, "{:18} there are: {}", "", plain(&names.join(", ")))?;
        }
        Ok(outcome)
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
        (Auth::Basic, _) if mechanism == Mechanism::Command => "the server offers no SASL mechanism",
        (Auth::Basic, _) => "the server offers it, for passwords",
        (Auth::Oauth(_), SaslPolicy::Auto) => "the server offers it, for tokens",
        (Auth::Oauth(_), _) => "`sasl` asks for it, and the server offers it",
    };
    format!("{mechanism}: {reason}")
}
