//! Runs a program and says what it took. Python cannot: memory that a child has before it becomes the
//! program counts as the program's, and Python's own is larger than what is to be measured.

use crate::Result;
use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;
use std::{fs, path::PathBuf, process::Command, time::Instant};

#[derive(Args)]
pub(crate) struct Options {
    /// The file that gets what it took.
    #[arg(long)]
    report: PathBuf,
    /// The file that gets the program's process id while it runs.
    #[arg(long)]
    pid: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    /// The exit status; none when a signal ended it.
    status: Option<i32>,
    wall_seconds: f64,
    user_seconds: f64,
    system_seconds: f64,
    /// The highest resident memory of any one process.
    peak_bytes: i64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let [program, arguments @ ..] = options.command.as_slice() else { return Err("no program".into()) };
    let begin = Instant::now();
    let mut child = Command::new(program).args(arguments).spawn()?;
    if let Some(file) = &options.pid {
        fs::write(file, child.id().to_string())?;
    }
    let status = child.wait()?;
    let wall = begin.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let report = Report {
        status: status.code(),
        wall_seconds: wall.as_secs_f64(),
        user_seconds: seconds(usage.user_time()),
        system_seconds: seconds(usage.system_time()),
        peak_bytes: usage.max_rss() * 1024,
    };
    Ok(fs::write(&options.report, serde_json::to_vec(&report)?)?)
}
