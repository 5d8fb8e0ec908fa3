//! A run of `fetch` behind a gate, or in a process of its own that says how much memory it took.

use crate::{Gate, Lab, clock, environment, invocation, lab, log};
use fetch::{Fetch, Settings};
use postroom_model::{MailboxId, MailboxState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a run may take, in seconds.
const RUN: i64 = 600;

/// What a process of `work` is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OneMailbox {
    /// Where AWS answers.
    pub endpoint: String,
    /// What the deployment says, by the names of its environment variables.
    pub deployment: BTreeMap<String, String>,
    /// The mailbox to fetch.
    pub mailbox: MailboxId,
}

/// What is known of a process at its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Worked {
    /// The most memory that it held at a time, in bytes.
    pub peak_memory: u64,
}

impl Lab {
    /// A `fetch` that reaches AWS by way of a gate.
    ///
    /// # Panics
    /// When the settings cannot be used.
    pub async fn fetch_through(&self, gate: &Gate) -> Fetch {
        let aws = lab::of_function(&lab::aws(&gate.endpoint()).await, "fetch");
        Fetch::new(self.settings.clone(), &aws, clock).expect("usable settings")
    }

    /// Works one mailbox by itself, reaching AWS by way of a gate, and returns its state. That the run
    /// fails is no failure here.
    ///
    /// # Panics
    /// When the settings cannot be used or the state cannot be read.
    pub async fn fetch_behind(&self, gate: &Gate, id: &MailboxId) -> MailboxState {
        let fetch = self.fetch_through(gate).await;
        let body = format!(r#"{{"mailbox":{{"id":"{id}","cause":{{"demand":"test"}}}}}}"#);
        let _ = fetch.work_message(&body, &invocation(90)).await;
        self.forget_leases(id).await;
        self.states(std::slice::from_ref(id)).await.remove(0)
    }

    /// The run of one mailbox, for a process of its own.
    pub fn one_mailbox(&self, id: &MailboxId) -> OneMailbox {
        let settings = &self.settings;
        let deployment = [
            ("TABLE_NAME", settings.table.clone()),
            ("BUCKET_NAME", settings.bucket.clone()),
            ("TRANSCRIPT_BUCKET_NAME", settings.transcript_bucket.clone()),
            ("QUEUE_URL", settings.queue_url.clone()),
            ("SECRET_PREFIX", settings.secret_prefix.clone()),
            ("TOKEN_KEY_ID", settings.token_key.clone()),
            ("STACK_NAME", settings.stack.clone()),
            ("MEMORY_BUDGET_MIB", (settings.memory_budget >> 20).to_string()),
            ("ALLOW_LOCAL_SERVERS", "true".to_owned()),
            ("PLAINTEXT_HOSTS", "127.0.0.1".to_owned()),
        ];
        OneMailbox {
            endpoint: environment("POSTROOM_TEST_AWS_ENDPOINT"),
            deployment: deployment.map(|(name, value)| (name.to_owned(), value)).into(),
            mailbox: id.clone(),
        }
    }
}

impl OneMailbox {
    /// Fetches the mailbox once.
    ///
    /// # Panics
    /// When it cannot be worked.
    pub async fn run(self) -> Worked {
        log::keep();
        let settings =
            Settings::from_env(|name| self.deployment.get(name).cloned()).expect("usable settings");
        let aws = lab::of_function(&lab::aws(&self.endpoint).await, "fetch");
        let fetch = Fetch::new(settings, &aws, clock).expect("usable settings");
        let body = format!(r#"{{"mailbox":{{"id":"{}","cause":{{"demand":"test"}}}}}}"#, self.mailbox);
        fetch.work_message(&body, &invocation(RUN)).await.expect("a worked mailbox");
        Worked { peak_memory: peak_memory() }
    }
}

/// The most memory that this process held at a time, in bytes (proc_pid_status(5)).
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes << 10
}
