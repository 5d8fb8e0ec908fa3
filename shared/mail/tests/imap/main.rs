//! IMAP against scripted servers, hostile servers, and servers with certificates.

mod hostile;
mod network;
mod script;
mod session;
mod sign_in;
mod transcript;
