//! POP3 against scripted servers, hostile servers, and servers with certificates.

#[path = "../certificates/mod.rs"]
mod certificates;
#[path = "../conversation/mod.rs"]
mod conversation;
mod hostile;
mod listing;
mod network;
mod providers;
mod script;
mod session;
mod sign_in;
#[path = "../tls_server/mod.rs"]
mod tls_server;
mod transcript;
