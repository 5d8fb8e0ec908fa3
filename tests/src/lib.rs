//! What the end-to-end tests stand on: resources of their own at the local AWS API ([`Lab`]), users of
//! a real Dovecot ([`User`]), and a mail server that misbehaves on request ([`OddServer`]).

mod dovecot;
mod http;
mod lab;
mod odd_server;
mod relay;

pub use dovecot::{User, share, token_set};
pub use http::http;
pub use lab::{Lab, clock, environment, invocation, stack_s3, stack_sqs};
pub use odd_server::{OddServer, Quirk};
pub use relay::Relay;
