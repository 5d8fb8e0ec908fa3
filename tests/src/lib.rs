//! What the end-to-end tests stand on: resources of their own at the local AWS API ([`Lab`]), users of
//! a real Dovecot ([`User`]), accounts at a real authorization server, servers that misbehave on
//! request ([`OddServer`], [`OddMaildrop`], [`OddIssuer`]), a [`Gate`] or a [`Meter`] before the AWS API, processes to kill
//! ([`Process`]), and what people and machines were told ([`Mail`], [`Lab::events`]).

mod accounts;
mod archived;
mod checker;
mod dovecot;
pub mod emulator;
mod errand;
mod everything;
mod gate;
mod generation;
mod http;
mod issuer;
mod lab;
mod log;
mod meter;
mod odd_issuer;
mod odd_maildrop;
mod odd_server;
mod process;
mod relay;
mod told;
mod work;

pub use accounts::later;
pub use checker::{Deployment, Round, answer, answer_within, run_at};
pub use dovecot::{User, share};
pub use errand::{Came, Errand, demand, digest};
pub use everything::one_of_everything;
pub use gate::{Act, Call, Gate};
pub use generation::{Generation, UID_VALIDITY, generations, message};
pub use http::{Request, http};
pub use issuer::{Refreshes, control, refreshes, token_set, token_set_of, works};
pub use lab::{
    Lab, ahead, clock, environment, invocation, stack_dynamodb, stack_s3, stack_secrets, stack_sqs,
};
pub use log::own_log;
pub use meter::{Counted, Meter};
pub use odd_issuer::{Manner, OddIssuer};
pub use odd_maildrop::{Habit, OddMaildrop};
pub use odd_server::{OddServer, Quirk};
pub use process::{ERRAND, Process};
pub use relay::Relay;
pub use told::Mail;
pub use work::{OneMailbox, Worked};
