//! What is sent to sign in.

use crate::{Mechanism, sasl};
use secrecy::{ExposeSecret, SecretString};
use std::collections::VecDeque;

/// The most continuation requests that one sign-in answers.
pub(crate) const MAX_STEPS: usize = 6;

/// A command, then a line for each continuation request.
pub(crate) struct Script {
    pub(crate) command: SecretString,
    lines: VecDeque<SecretString>,
    /// The line is in the command already; it is sent again only to a server that ignored it there,
    /// which shows in an empty request.
    pub(crate) early: bool,
}

impl Script {
    /// A command of the protocol's own.
    pub(crate) fn new(command: SecretString, lines: VecDeque<SecretString>) -> Self {
        Self { command, lines, early: false }
    }

    /// A mechanism in which the client speaks first: in the command itself, if that is `early`.
    pub(crate) fn of_initial(verb: &str, mechanism: Mechanism, initial: SecretString, early: bool) -> Self {
        let command = match early {
            true => format!("{verb} {mechanism} {}", initial.expose_secret()),
            false => format!("{verb} {mechanism}"),
        };
        Self { command: command.into(), lines: [initial].into(), early }
    }

    /// LOGIN, in which the server asks for one after the other.
    pub(crate) fn of_login(verb: &str, user: &str, password: &str) -> Self {
        let lines = [sasl::encode(user), sasl::encode(password)].into();
        Self::new(format!("{verb} {}", Mechanism::Login).into(), lines)
    }

    /// The answer to a continuation request; none where the server has been told everything, and says
    /// why it refuses.
    pub(crate) fn next_line(&mut self, challenge: &str) -> Option<SecretString> {
        if self.early && !challenge.is_empty() {
            self.lines.clear();
        }
        self.lines.pop_front()
    }
}
