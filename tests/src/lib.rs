//! What the end-to-end tests stand on: resources of their own at the local AWS API ([`Lab`]), users of
//! a real Dovecot ([`User`]), accounts at a real authorization server, servers that misbehave on
//! request ([`OddServer`], [`OddIssuer`]), a [`Gate`] before the AWS API, and processes to kill
//! ([`Renewer`]).

mod accounts;
mod dovecot;
pub mod emulator;
mod errand;
mod gate;
mod http;
mod issuer;
mod lab;
mod log;
mod odd_issuer;
mod odd_server;
mod relay;

pub use accounts::later;
pub use dovecot::{User, share};
pub use errand::{Came, ERRAND, Errand, Renewer, demand, digest};
pub use gate::{Act, Call, Gate};
pub use http::http;
pub use issuer::{Refreshes, control, refreshes, token_set, token_set_of, works};
pub use lab::{
    Lab, ahead, clock, environment, invocation, stack_dynamodb, stack_s3, stack_secrets, stack_sqs,
};
pub use log::own_log;
pub use odd_issuer::{Manner, OddIssuer};
pub use odd_server::{OddServer, Quirk};
pub use relay::Relay;
