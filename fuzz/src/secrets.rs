//! What we sign in with, and that nobody is told it who must not be.

use base64::{Engine, prelude::BASE64_STANDARD};
use postroom_mail::{Credential, Error, Transcript};
use postroom_model::FaultClass;

/// The user's name.
pub const USER: &str = "ann@mail.example";
const PASSWORD: &str = "s3cret-password";
const TOKEN: &str = "ya29.t0ken-0123456789";
/// The shortest piece of a secret that is looked for, in bytes.
const PIECE: usize = 12;

/// A password.
pub fn password() -> Credential {
    Credential::Password(PASSWORD.to_owned().into())
}

/// An access token.
pub fn token() -> Credential {
    Credential::AccessToken(TOKEN.to_owned().into())
}

/// Checks a transcript: from the sign-in on, nothing of it is a secret. What a server says before, it
/// cannot have from us.
pub fn check_transcript(transcript: &Transcript, told: &Credential) {
    let shown = transcript.to_string();
    let is_sign_in = |line: &&str| line.get(8..11) == Some("C: ") && line.contains("***");
    let since = shown.lines().skip_while(|line| !is_sign_in(line));
    check_text(&since.collect::<String>(), told);
}

/// Checks a failure, and returns what is said of it.
pub fn check_error(error: &Error, told: &Credential) -> String {
    let shown = shown(error);
    // Here the server had been told nothing.
    if !matches!(error, Error::NoMechanism { .. }) {
        check_text(&shown, told);
    }
    shown
}

/// Checks a failure that came before anything of ours was said, and returns what is said of it: no
/// password or token can be wrong.
pub fn check_early_error(error: &Error) -> String {
    let class = error.fault().class;
    let is_about_secrets = matches!(class, FaultClass::PasswordRefused | FaultClass::TokenRefused);
    assert!(!is_about_secrets, "refused before it was told: {error:?}");
    shown(error)
}

fn shown(error: &Error) -> String {
    let fault = error.fault();
    let shown = format!("{error} {error:?} {fault} {fault:?}");
    assert!(shown.len() < 20_000, "a failure is told in bearable length");
    shown
}

fn check_text(text: &str, told: &Credential) {
    let shown = text.to_ascii_lowercase();
    let secret = match told {
        Credential::Password(_) => PASSWORD,
        Credential::AccessToken(_) => TOKEN,
    };
    for form in [secret.to_ascii_lowercase(), BASE64_STANDARD.encode(secret).to_ascii_lowercase()] {
        let found = (0..=form.len() - PIECE).find(|at| shown.contains(&form[*at..*at + PIECE]));
        assert!(found.is_none(), "a secret is shown: {text}");
    }
}

/// How many of the lines that a server has heard hold a secret, as it stands or in base64.
pub fn times_told(heard: &[u8]) -> usize {
    let told = [
        PASSWORD.to_owned(),
        TOKEN.to_owned(),
        format!("\0{USER}\0{PASSWORD}"),
        format!("user={USER}\x01auth=Bearer {TOKEN}\x01\x01"),
        format!("n,a={USER},\x01host=mail.example\x01port=993\x01auth=Bearer {TOKEN}\x01\x01"),
    ];
    let forms: Vec<String> =
        told.iter().flat_map(|text| [text.clone(), BASE64_STANDARD.encode(text)]).collect();
    let heard = String::from_utf8_lossy(heard);
    heard.lines().filter(|line| forms.iter().any(|form| line.contains(form))).count()
}
