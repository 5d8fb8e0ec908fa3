//! What `postroom check` prints, step by step. What a server said cannot steer the terminal that shows it.

use crate::{Error, Outcome, status::plain};
use postroom_model::Fault;
use std::io::Write;

/// Prints each step as it is taken.
pub(super) struct Steps<'o> {
    out: &'o mut dyn Write,
}

impl<'o> Steps<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { out }
    }

    /// A step that went well.
    pub(super) fn done(&mut self, step: &str, text: &str) -> Result<(), Error> {
        writeln!(self.out, "ok      {step:10} {}", plain(text))?;
        Ok(self.out.flush()?)
    }

    /// A step that did not.
    pub(super) fn failed(&mut self, step: &str, fault: &Fault) -> Result<Outcome, Error> {
        let Fault { class, reason, .. } = fault;
        writeln!(self.out, "FAILED  {step:10} {}", plain(reason))?;
        self.more(&format!("{class}; who must act: {}", class.actor()))?;
        self.more(class.advice())?;
        Ok(Outcome::NotWell)
    }

    /// A further line of a step.
    pub(super) fn more(&mut self, text: &str) -> Result<(), Error> {
        Ok(writeln!(self.out, "{:18} {}", "", plain(text))?)
    }
}
