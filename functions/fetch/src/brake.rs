//! Whether the mailboxes of a batch get anywhere.
//!
//! Guarantees: what AWS does not do for one mailbox (its secret's key, one object of its mail, a maildrop whose
//! writes are too many) is that mailbox's failure and stops no other. What AWS does for none of them is the
//! deployment's fault: no mailbox is blamed, and none that waited for another of its user signs in for nothing where
//! somebody must act. The others began at once.

use crate::outcome::{End, Report};
use postroom_model::{Fault, FaultClass, Refusal};
use std::sync::atomic::{AtomicBool, Ordering};

/// What came of a mailbox's run in its batch.
pub(crate) type Run = Result<Report, postroom_registry::Error>;

/// What AWS did not do, where a run came to nothing by that.
pub(crate) fn refused(run: &Run) -> Option<Refusal> {
    let fault = match run {
        Ok(Report { end: End::Failed(fault), .. }) => fault.clone(),
        Ok(_) => return None,
        Err(error) => error.fault(),
    };
    fault.is_the_deployments().then_some(fault.refusal?).map(|refusal| *refusal)
}

/// The fault as it is kept at a mailbox that was refused while others were not. AWS's own words, which may
/// name an object, are in the log alone.
pub(crate) fn own_fault(refusal: &Refusal) -> Fault {
    Fault::new(FaultClass::Storage, format!("{}: {}", refusal.kind.words(), refusal.right))
}

/// What the runs of a batch have shown so far.
#[derive(Debug, Default)]
pub(crate) struct Brake {
    /// One got through, or failed for a reason of its own.
    through: AtomicBool,
    /// One was refused what all need, until somebody acts.
    stops: AtomicBool,
}

impl Brake {
    /// Takes note of a run. A secret is one mailbox's or account's: that it cannot be read says little of the
    /// others, and to ask for theirs costs no mail server anything.
    pub(crate) fn note(&self, run: &Run) {
        match refused(run) {
            None => self.through.store(true, Ordering::Relaxed),
            Some(refusal) if refusal.kind.lasts() && !refusal.right.starts_with("secretsmanager:") => {
                self.stops.store(true, Ordering::Relaxed);
            }
            Some(_) => {}
        }
    }

    /// Whether no further mailbox is to begin.
    pub(crate) fn is_on(&self) -> bool {
        self.stops.load(Ordering::Relaxed) && !self.through.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;

    fn run(end: End) -> Run {
        Ok(Report { tally: Tally::default(), end })
    }

    fn denied(right: &str, code: &str) -> Run {
        let refusal = Refusal::answered(right, "r", code, "", 400);
        run(End::Failed(Fault::new(FaultClass::Storage, "").because(Some(refusal))))
    }

    #[test]
    fn the_brake_is_on_while_all_lack_what_all_need() {
        let brake = Brake::default();
        brake.note(&denied("secretsmanager:GetSecretValue", "AccessDeniedException"));
        brake.note(&denied("s3:PutObject", "SlowDown"));
        assert!(!brake.is_on(), "one secret, and what passes");
        brake.note(&denied("s3:PutObject", "AccessDenied"));
        assert!(brake.is_on());
        brake.note(&run(End::Complete));
        brake.note(&denied("s3:PutObject", "AccessDenied"));
        assert!(!brake.is_on(), "one got through: it is not everybody's");
    }

    #[test]
    fn a_failure_of_its_own_is_no_refusal_and_what_is_kept_of_one_is_no_longer_the_deployments() {
        assert_eq!(refused(&run(End::Failed(Fault::new(FaultClass::ConnectionLost, "")))), None);
        let refusal = refused(&denied("s3:PutObject", "AccessDenied")).expect("a refusal");
        let fault = own_fault(&refusal);
        assert!(!fault.is_the_deployments());
        assert_eq!(fault.to_string(), "storage: a right is missing: s3:PutObject");
    }
}
