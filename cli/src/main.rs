//! `postroom`: the command line.

use clap::Parser;
use jiff::Timestamp;
use postroom_cli::{Error, Outcome, args::Cli, run};
use std::{io, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes in")]
    let clock = Timestamp::now;
    match run(Cli::parse(), clock, &mut io::stdout().lock()).await {
        Ok(Outcome::Well) => ExitCode::SUCCESS,
        Ok(Outcome::NotWell) => ExitCode::FAILURE,
        // Whoever read the output has seen enough of it.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command line's last word goes to standard error")]
fn complain(error: &Error) {
    eprintln!("{}", error.report());
}
