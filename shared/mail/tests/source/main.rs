//! IMAP and POP3 as sources of mail, against scripted servers.

#[path = "../conversation/mod.rs"]
mod conversation;
mod imap;
mod maildrop;
mod script;
mod sign_in;
