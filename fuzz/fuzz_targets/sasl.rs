//! Signing in, whatever the server asks: both protocols, every mechanism.
//!
//! Claims: a secret leaves once, and again only where a server asks for it as though it had not come with
//! the command; never where the connection is not protected; what is said is whole lines without control
//! characters, whatever user name and secret hold; a server that keeps asking comes to an end; pieces make
//! no difference; and no failure holds a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_fuzz::{
    Ending, FakeServer, IDLE, Input, Pieces, TARGET, USER, bounded, check_early_error, check_error,
    check_transcript, password, run, times_told, token,
};
use postroom_mail::{Credential, Error, Protection, Transcript, imap, pop3};
use postroom_model::SaslPolicy;

/// The most memory that a sign-in may take, beyond a share of what it was told.
const MEMORY: usize = 1024 * 1024;
/// The most lines of a sign-in: what is offered, the command, and an answer to each of six questions.
const LINES: usize = 2 + 6;

/// Who signs in, and how.
struct Login {
    user: String,
    credential: Credential,
    policy: SaslPolicy,
    protection: Protection,
    /// User name and secret are the fuzzer's.
    is_made_up: bool,
}

fuzz_target!(|data: &[u8]| {
    let input = Input::new(data);
    let Some((login, said)) = login(input) else { return };
    let most = MEMORY + 64 * data.len();
    let whole = bounded(most, || sign_in(input, &login, said, Pieces::Whole));
    let cut = bounded(most, || sign_in(input, &login, said, Pieces::of(data)));
    assert_eq!(whole, cut, "pieces make a difference");
    check(&login, &whole.0, &whole.1);
});

/// The login that the options choose, and what the server says. A login of the fuzzer's own stands
/// before it: `user NUL secret NUL`.
fn login(input: Input<'_>) -> Option<(Login, &[u8])> {
    let policy = match (input.option(1), input.option(2)) {
        (false, false) => SaslPolicy::Auto,
        (true, false) => SaslPolicy::Xoauth2,
        (false, true) => SaslPolicy::Oauthbearer,
        (true, true) => SaslPolicy::Apop,
    };
    let is_token = input.option(3);
    let protection = if input.option(4) { Protection::Plaintext } else { Protection::Tls };
    if !input.option(5) {
        let credential = if is_token { token() } else { password() };
        let login = Login { user: USER.to_owned(), credential, policy, protection, is_made_up: false };
        return Some((login, input.said));
    }
    let mut parts = input.said.splitn(3, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next()?).ok().map(str::to_owned);
    let (user, secret) = (text()?, text()?.into());
    let credential = if is_token { Credential::AccessToken(secret) } else { Credential::Password(secret) };
    Some((Login { user, credential, policy, protection, is_made_up: true }, parts.next()?))
}

/// Signs in; what was said to the server, and what came of it.
fn sign_in(input: Input<'_>, login: &Login, said: &[u8], pieces: Pieces) -> (Vec<u8>, Result<(), String>) {
    let is_imap = input.option(0);
    let said = if is_imap { FakeServer::with_tags(said) } else { said.to_vec() };
    let mut server = FakeServer::new(said, pieces, Ending::Closes).line_by_line();
    let transcript = Transcript::new();
    let result = run(async {
        match is_imap {
            true => over_imap(&mut server, login, &transcript).await,
            false => over_pop3(&mut server, login, &transcript).await,
        }
    });
    if !login.is_made_up {
        check_transcript(&transcript, &login.credential);
    }
    (server.heard, result)
}

async fn over_imap(server: &mut FakeServer, login: &Login, transcript: &Transcript) -> Result<(), String> {
    let connecting = imap::Connection::over(server, &TARGET, login.protection, IDLE, Some(transcript));
    let connection = connecting.await.map_err(|error| check_early_error(&error))?;
    let signed_in = connection.sign_in(&login.user, &login.credential, login.policy).await;
    signed_in.map(drop).map_err(|error| login.check(&error))
}

async fn over_pop3(server: &mut FakeServer, login: &Login, transcript: &Transcript) -> Result<(), String> {
    let connecting = pop3::Connection::over(server, &TARGET, login.protection, IDLE, Some(transcript));
    let connection = connecting.await.map_err(|error| check_early_error(&error))?;
    let signed_in = connection.sign_in(&login.user, &login.credential, login.policy).await;
    signed_in.map(drop).map_err(|error| login.check(&error))
}

impl Login {
    /// Checks a failure; a secret that is made up may be any word.
    fn check(&self, error: &Error) -> String {
        if self.is_made_up { error.to_string() } else { check_error(error, &self.credential) }
    }
}

/// Checks what a server has heard.
fn check(login: &Login, heard: &[u8], result: &Result<(), String>) {
    assert!(heard.is_empty() || heard.ends_with(b"\r\n"), "half a line: {heard:?}");
    let lines: Vec<&[u8]> = heard.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(lines.len() <= LINES, "{} lines", lines.len());
    for line in &lines {
        let text = line.strip_suffix(b"\r").unwrap_or_default();
        assert!(!text.iter().any(u8::is_ascii_control), "control characters: {line:?}");
    }
    if login.protection == Protection::Plaintext {
        assert!(result.is_err() && lines.len() <= 1, "said without protection: {lines:?}");
    }
    // A user name that is made up may hold the fixed secret, as often as it likes.
    if !login.is_made_up {
        let told = times_told(heard);
        let is_protected = login.protection != Protection::Plaintext;
        let most = if is_protected { 1 + usize::from(is_told_early(&lines)) } else { 0 };
        assert!(told <= most, "a secret is told {told} times");
    }
}

/// Whether the secret is in the command that begins the sign-in.
fn is_told_early(lines: &[&[u8]]) -> bool {
    lines.iter().any(|line| times_told(line) > 0 && line.windows(4).any(|word| word == b"AUTH"))
}
