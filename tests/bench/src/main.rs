//! The programs that `make bench` measures with. Each prints what it saw as one line of JSON.
//!
//! They are measuring instruments, not tests: nothing here is part of what is deployed.

mod corpus;
mod digest;
mod postroom;
mod raw;
mod relay;
mod usage;

use clap::{Args, Parser};
use serde::Serialize;
use std::{error::Error, io::Write as _, path::PathBuf};

#[derive(Parser)]
enum Command {
    /// Writes a Maildir of made-up mail, the same at every run.
    Corpus(corpus::Options),
    /// Reads a mailbox as fast as a small program can.
    Raw(Mailbox),
    /// Reads a mailbox with Postroom's own client.
    Postroom(postroom::Options),
    /// Passes connections on, counting and perhaps late.
    Relay(relay::Options),
    /// Runs a program and says what it took.
    Usage(usage::Options),
}

/// A mailbox at a server on loopback, with its password.
#[derive(Args)]
pub(crate) struct Mailbox {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    user: String,
    #[arg(long)]
    password: String,
    /// The certificate authority that the server's certificate is of.
    #[arg(long)]
    ca: PathBuf,
}

/// What a program fails with; it is shown to a person and ends the program.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    match Command::parse() {
        Command::Corpus(options) => corpus::write(&options),
        Command::Raw(mailbox) => print(&raw::read(&mailbox)?),
        Command::Postroom(options) => print(&postroom::read(&options)?),
        Command::Relay(options) => relay::run(options),
        Command::Usage(options) => usage::run(&options),
    }
}

/// Prints a line of JSON.
pub(crate) fn print(value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}
