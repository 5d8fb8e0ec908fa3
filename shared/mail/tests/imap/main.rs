//! IMAP against scripted servers, hostile servers, and servers with certificates.

#[path = "../certificates/mod.rs"]
mod certificates;
mod compression;
#[path = "../conversation/mod.rs"]
mod conversation;
mod coremail;
mod google;
mod hostile;
mod microsoft;
mod network;
mod others;
mod script;
mod session;
mod sign_in;
#[path = "../tls_server/mod.rs"]
mod tls_server;
mod transcript;
