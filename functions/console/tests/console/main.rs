//! The console as browsers and authorization servers meet it: real requests to its router, against a
//! local AWS API and an authorization server of the tests' own.

mod account;
mod attacks;
mod bad_input;
mod browser;
mod chain;
mod consent;
mod gateway;
mod imap;
mod log;
mod mailbox;
mod migration;
mod overview;
mod owner;
mod pop3;
mod reminders;
mod routes;
mod server;
mod sign_in;
mod support;
mod traffic;
mod upgrade;
mod way_back;
