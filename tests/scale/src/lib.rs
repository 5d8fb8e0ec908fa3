//! Postroom at a size: a made-up deployment of any number of mailboxes on a local AWS API, and what the
//! functions ask of AWS there.
//!
//! Guarantees: the table is the template's, its items are copies of what the registry wrote, and what
//! runs is the functions' own code. Every request is counted on its way. Left out: time. The emulator is
//! a Python program, and how long it takes says nothing of AWS; what is claimed is requests, items and
//! write units.

mod deployment;
mod issuer;
mod message;
mod meter;
mod population;
mod session;
mod step;

pub use deployment::Deployment;
pub use meter::Usage;
pub use step::Step;
