//! `expiry-check` on a lab: here, or in a process of its own that a test can kill.

use crate::{Gate, Lab, clock, lab, later, log};
use aws_config::SdkConfig;
use expiry_check::{ExpiryCheck, Settings};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long a run may take, in seconds.
const RUN: i64 = 120;

/// What a deployment tells `expiry-check`, by the names of its environment variables.
pub type Deployment = BTreeMap<String, String>;

/// What a process of `remind` is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Round {
    /// Where AWS answers.
    pub endpoint: String,
    /// What the deployment says.
    pub deployment: Deployment,
    /// The time that it takes for the present.
    pub at: Timestamp,
}

impl Lab {
    /// A deployment in Berlin, in English, with operators and without a fall-back address.
    pub fn deployment(&self) -> Deployment {
        let name = &self.settings.stack;
        [
            ("TABLE_NAME", self.settings.table.clone()),
            ("SECRET_PREFIX", self.settings.secret_prefix.clone()),
            ("STACK_NAME", name.clone()),
            ("PUBLIC_URL", "https://post.test/".to_owned()),
            ("SENDER_ADDRESS", self.sender()),
            ("CONFIGURATION_SET", format!("{name}-reminders")),
            ("OPERATOR_ADDRESSES", self.operators()),
            ("FALLBACK_ADDRESS", String::new()),
            ("LANGUAGE", "en".to_owned()),
            ("TIME_ZONE", "Europe/Berlin".to_owned()),
            ("OVERDUE_REPEAT_DAYS", "7".to_owned()),
            ("FETCH_LAG_LIMIT_SECONDS", "900".to_owned()),
            ("ALLOW_LOCAL_SERVERS", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The operators' address.
    pub fn operators(&self) -> String {
        self.person("operators")
    }

    /// A person's address, of this lab alone.
    pub fn person(&self, name: &str) -> String {
        format!("{name}@{}.test", self.settings.stack)
    }

    /// `expiry-check`, in the deployment of [`Lab::deployment`].
    pub fn checker(&self) -> ExpiryCheck {
        check(&self.deployment(), &self.aws)
    }

    /// The same in another deployment.
    pub fn checker_of(&self, deployment: &Deployment) -> ExpiryCheck {
        check(deployment, &self.aws)
    }

    /// The same, reaching AWS by way of a gate.
    pub async fn checker_behind(&self, gate: &Gate) -> ExpiryCheck {
        check(&self.deployment(), &lab::aws(&gate.endpoint()).await)
    }

    /// A run for a process of its own that reaches AWS at `endpoint`.
    pub fn round(&self, endpoint: &str, at: Timestamp) -> Round {
        Round { endpoint: endpoint.to_owned(), deployment: self.deployment(), at }
    }

    /// Ends the claim of a run that was killed, as time would.
    ///
    /// # Panics
    /// When the registry does not answer.
    pub async fn forget_run(&self) {
        let taken = self.registry.take_ephemeral::<bool>("run", "expiry-check", clock()).await;
        taken.expect("an answer");
    }

    /// Gives the deployment the key that personal links are made with.
    ///
    /// # Panics
    /// When Secrets Manager fails.
    pub async fn make_link_key(&self) {
        let key = format!("{:0>64}", format!("{:x}", fastrand::u128(..)));
        let vault = aws_sdk_secretsmanager::Client::new(&self.aws);
        let name = format!("{}/links", self.settings.secret_prefix);
        vault.create_secret().name(name).secret_string(key).send().await.expect("a key");
    }
}

/// Runs `expiry-check` as if it were `at`, and returns what it answers.
///
/// # Panics
/// When the run fails.
pub async fn run_at(check: &ExpiryCheck, at: Timestamp) -> Value {
    answer(check, json!({"at": at.to_string()})).await.expect("a run")
}

/// Has `expiry-check` answer an event.
///
/// # Errors
/// What the function says.
pub async fn answer(check: &ExpiryCheck, event: Value) -> Result<Value, String> {
    answer_within(check, event, RUN).await
}

/// The same in a function that may run for so many seconds.
///
/// # Errors
/// What the function says.
pub async fn answer_within(check: &ExpiryCheck, event: Value, seconds: i64) -> Result<Value, String> {
    let answer = check.answer(event, later(clock(), seconds)).await.map_err(|error| error.to_string())?;
    serde_json::to_value(answer).map_err(|error| error.to_string())
}

impl Round {
    /// Runs `expiry-check` once.
    ///
    /// # Panics
    /// When the run fails.
    pub async fn run(self) -> Value {
        log::keep();
        let check = check(&self.deployment, &lab::aws(&self.endpoint).await);
        run_at(&check, self.at).await
    }
}

fn check(deployment: &Deployment, aws: &SdkConfig) -> ExpiryCheck {
    let settings = Settings::from_env(|name| deployment.get(name).cloned()).expect("usable settings");
    ExpiryCheck::new(settings, &lab::of_function(aws, "expiry-check"), clock)
}
