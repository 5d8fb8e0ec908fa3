//! This package's programs, started so that a test can kill them.

use serde::{Serialize, de::DeserializeOwned};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The environment variable that says what a process is to do, as JSON.
pub const ERRAND: &str = "POSTROOM_TEST_ERRAND";

/// A process of one of this package's programs. It ends with this value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts the process, which waits for [`Process::go`] once it is ready. `program` is that of the
    /// package's binary.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(program: &str, errand: &impl Serialize) -> Self {
        let errand = serde_json::to_string(errand).expect("JSON");
        let mut child = Command::new(program)
            .env(ERRAND, errand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut process = Self { child, lines };
        let ready = process.line().await;
        assert_eq!(ready.as_deref(), Some("ready"));
        process
    }

    /// Lets it begin.
    ///
    /// # Panics
    /// When it is gone.
    pub async fn go(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(b"go\n").await.expect("it listens");
    }

    /// Kills it by SIGKILL, and waits until it is dead. Says whether it still ran.
    ///
    /// # Panics
    /// When the system does not do it.
    pub async fn kill(mut self) -> bool {
        let ended = self.child.try_wait().expect("a state");
        self.child.kill().await.expect("dead");
        ended.is_none()
    }

    /// What came of it, which is its last line: metrics come before. It has ended then.
    ///
    /// # Panics
    /// When it failed.
    pub async fn came<T: DeserializeOwned>(mut self) -> T {
        let mut last = None;
        while let Some(line) = self.line().await {
            last = Some(line);
        }
        assert!(self.child.wait().await.expect("a status").success());
        serde_json::from_str(&last.expect("an answer")).expect("JSON")
    }

    async fn line(&mut self) -> Option<String> {
        self.lines.next_line().await.expect("text")
    }
}
