//! A sign-in line by line: what answers each request of the server, and what a refusal comes to.
//!
//! It speaks to nobody. IMAP and POP3 carry its lines, each in its own words.

use super::{Login, Mechanism, challenge::Reason, encode};
use crate::{Answer, Error, redaction::Secrets, transcript::MASK};
use postroom_model::FaultClass;
use secrecy::{ExposeSecret, SecretString};
use std::collections::VecDeque;

/// What stands for the final answer of a server that closes the connection instead.
pub(crate) const CLOSED: &str = "(the connection was closed)";
/// The most continuation requests that one sign-in answers.
const MAX_ANSWERS: usize = 5;

/// A sign-in that is under way.
pub(crate) struct Exchange {
    mechanism: Mechanism,
    /// The first line is in the command already; it is sent again only to a server that ignored it there,
    /// which shows in an empty request.
    early: bool,
    /// A line for each continuation request.
    lines: VecDeque<SecretString>,
    /// How many requests were answered.
    answers: usize,
    asked: bool,
    /// What the server gave as its reason before its final answer.
    reason: Option<Reason>,
}

impl Exchange {
    /// A sign-in by a SASL mechanism. The command carries the initial response, if the mechanism has one, up
    /// to a `longest` of so many bytes. Servers quote it, so that it becomes one of the `secrets`.
    pub(crate) fn new(
        mechanism: Mechanism,
        login: &Login<'_>,
        longest: usize,
        secrets: &mut Secrets,
    ) -> Self {
        match mechanism.initial_response(login) {
            Some(initial) => {
                secrets.add(initial.clone());
                let early = initial.expose_secret().len() <= longest;
                Self { early, ..Self::own(mechanism, [initial].into()) }
            }
            // LOGIN: the server asks for one after the other.
            None => Self::own(mechanism, [encode(login.user), encode(login.secret)].into()),
        }
    }

    /// A sign-in by the protocol's own command, and by these lines where the server asks for more.
    pub(crate) fn own(mechanism: Mechanism, lines: VecDeque<SecretString>) -> Self {
        Self { mechanism, early: false, lines, answers: 0, asked: false, reason: None }
    }

    /// The command that begins SASL, which the protocol calls `verb`; then what may be shown of it.
    pub(crate) fn command(&self, verb: &str) -> (SecretString, String) {
        let begin = format!("{verb} {}", self.mechanism);
        match self.lines.front().filter(|_| self.early) {
            Some(initial) => {
                (format!("{begin} {}", initial.expose_secret()).into(), format!("{begin} {MASK}"))
            }
            None => (begin.clone().into(), begin),
        }
    }

    /// The answer to a continuation request. A server that has been told everything says in it why it
    /// refuses; the answer then lets the refusal itself come.
    pub(crate) fn answer(&mut self, challenge: &str, secrets: &Secrets) -> Result<SecretString, Error> {
        if self.answers == MAX_ANSWERS {
            return Err(Error::Protocol("a sign-in without an end"));
        }
        self.answers += 1;
        if self.early && !challenge.is_empty() {
            self.lines.clear();
        }
        if let Some(line) = self.lines.pop_front() {
            self.asked = true;
            return Ok(line);
        }
        self.reason = Reason::read(challenge, secrets);
        Ok(self.mechanism.answer_to_reason().into())
    }

    /// Whether the server has asked for something and was told it.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked
    }

    /// Whether something that can be wrong was sent: a name, a password, a token.
    pub(crate) fn has_told(&self) -> bool {
        self.early || self.asked || !self.mechanism.is_sasl()
    }

    /// Whether the server gave a reason for refusing.
    pub(crate) fn has_reason(&self) -> bool {
        self.reason.is_some()
    }

    /// Whether this is a refusal too: the server gave its reason, and closed the connection.
    pub(crate) fn is_refused_by(&self, error: &Error) -> bool {
        self.has_reason() && matches!(error, Error::ConnectionLost | Error::Bye(_))
    }

    /// What the final answer comes to that refuses the sign-in.
    pub(crate) fn refused(self, mut answer: Answer) -> Error {
        let has_told = self.has_told();
        let (challenge, class) = self.reason.map(|reason| (reason.text, reason.class)).unzip();
        answer.class = match answer.class {
            // The final answer is the same for every refusal, unless it names another reason itself.
            FaultClass::TokenRefused => class.flatten().unwrap_or(answer.class),
            // Nothing but the mechanism can have been refused.
            FaultClass::Unknown if !has_told => FaultClass::NoMechanism,
            class => class,
        };
        Error::SignInRefused { mechanism: self.mechanism, answer, challenge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postroom_model::{Server, Tls};

    /// What is said in answer to each request, up to the one that is too many.
    fn said(mechanism: Mechanism, longest: usize, requests: &[&str]) -> (String, Vec<String>, Exchange) {
        let server = Server { host: "h".to_owned(), port: 1, tls: Tls::Implicit };
        let login = Login { user: "ann", secret: "pw", server: &server };
        let mut secrets = Secrets::default();
        let mut exchange = Exchange::new(mechanism, &login, longest, &mut secrets);
        let (command, shown) = exchange.command("AUTH");
        assert!(!shown.contains("YW5u") && !shown.contains("AGFu"), "{shown}");
        let answers = requests.iter().map_while(|request| exchange.answer(request, &secrets).ok());
        let answers = answers.map(|line| line.expose_secret().to_owned()).collect();
        (command.expose_secret().to_owned(), answers, exchange)
    }

    #[test]
    fn each_request_has_its_answer() {
        let plain = "AGFubgBwdw==";
        let xoauth2 = "dXNlcj1hbm4BYXV0aD1CZWFyZXIgcHcBAQ==";
        let refusal = "eyJzdGF0dXMiOiI0MDEifQ=="; // {"status":"401"}
        let early = format!("AUTH XOAUTH2 {xoauth2}");
        for (mechanism, longest, command, exchanged) in [
            (Mechanism::Plain, 12, "AUTH PLAIN AGFubgBwdw==", &[][..]),
            (Mechanism::Plain, 11, "AUTH PLAIN", &[("", plain), ("YQ==", "*")]),
            (Mechanism::Login, 99, "AUTH LOGIN", &[("VXNlcg==", "YW5u"), ("UGFzcw==", "cHc="), ("", "*")]),
            (Mechanism::Xoauth2, 99, &early, &[("", xoauth2), (refusal, "")]),
            (Mechanism::Xoauth2, 99, &early, &[(refusal, ""), ("", "")]),
            (Mechanism::Xoauth2, 0, "AUTH XOAUTH2", &[("", xoauth2), (refusal, "")]),
        ] {
            let requests: Vec<_> = exchanged.iter().map(|(request, _)| *request).collect();
            let (sent, answers, _) = said(mechanism, longest, &requests);
            assert_eq!(sent, command);
            assert!(answers.iter().eq(exchanged.iter().map(|(_, answer)| *answer)), "{answers:?}");
        }
        let (_, answers, exchange) = said(Mechanism::Plain, 0, &["YQ=="; 9]);
        assert_eq!((answers.len(), exchange.has_reason()), (MAX_ANSWERS, true));
    }

    #[test]
    fn a_refusal_means_what_can_have_been_refused() {
        let refusal = "eyJzdGF0dXMiOiI0MDMifQ=="; // {"status":"403"}
        for (longest, requests, class, expected) in [
            (99, &[][..], FaultClass::TokenRefused, FaultClass::TokenRefused),
            (99, &[refusal], FaultClass::TokenRefused, FaultClass::NoMailboxAccess),
            (99, &[refusal], FaultClass::Throttled, FaultClass::Throttled),
            (99, &[], FaultClass::Unknown, FaultClass::Unknown),
            (0, &[], FaultClass::Unknown, FaultClass::NoMechanism),
            (0, &[""], FaultClass::Unknown, FaultClass::Unknown),
        ] {
            let (_, _, exchange) = said(Mechanism::Xoauth2, longest, requests);
            assert_eq!(exchange.is_refused_by(&Error::ConnectionLost), requests == [refusal]);
            let answer = Answer { class, text: "NO".to_owned(), code: None, retry_after: None };
            assert_eq!(exchange.refused(answer).fault().class, expected, "{longest} {requests:?}");
        }
    }
}
