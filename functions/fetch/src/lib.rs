//! `fetch`: takes work from the fetch queue and brings mail from mail servers to S3.
//!
//! Guarantees: the design's invariants 1, 2, 4 and 5: no message is lost, none is stored twice, one
//! bad mailbox stops no other, and memory is bounded by configuration. Leases only save double work;
//! that nothing is lost or stored twice rests on conditional writes (`archive`, `folder`).
//! What AWS does for no mailbox of a batch (a right that is missing, a bucket that is gone) is no mailbox's
//! failure: the message goes back to the queue, and nothing is put on record of it. What it does not do for one
//! of them alone is that one's failure (`brake`).
//!
//! Rooms: [`handler`](Fetch::handle) takes queue messages apart; `batch` runs what is due, as far as `brake` lets it; `mailbox` runs
//! one mailbox, in as many sessions as it takes; `folder` and `round` say what is done and put it on
//! record; `sieve` and `texts` read messages; `archive`, `attachments` and `large` write to S3. Whether a
//! mailbox is fetched by IMAP or POP3 is known to `postroom_mail::source` alone, and to what is said of
//! the crash points in `folder`.

mod account;
mod allowance;
mod anew;
mod archive;
mod attachments;
mod batch;
mod brake;
#[cfg(test)]
mod bucket;
mod budget;
mod connections;
mod credentials;
mod email_ids;
mod filter;
mod folder;
mod folder_error;
mod handler;
mod headers;
mod index;
mod key;
mod large;
mod listings;
mod mailbox;
mod metrics;
mod outcome;
mod progress;
mod queue;
mod round;
mod rounds;
mod s3_error;
mod settings;
mod sieve;
mod sign_in;
mod slice;
mod slots;
mod tally;
mod texts;
mod transcript;
mod upload;
mod visit;

pub use handler::{Error, Invocation};
pub use postroom_lambda::SettingsError;
pub use settings::Settings;

use archive::Archive;
use aws_config::{SdkConfig, timeout::TimeoutConfig};
use budget::Budget;
use credentials::Credentials;
use jiff::Timestamp;
use listings::Listings;
use postroom_lambda::{Metrics, Refusals};
use postroom_mail::{Network, NetworkError};
use postroom_oauth::{Http, HttpError};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::{Sealer, Vault};
use queue::Queue;
use slots::Slots;
use std::{sync::Arc, time::Duration};
use transcript::Transcripts;

/// Why the function cannot work at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Mail servers cannot be connected to.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Authorization servers cannot be connected to.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// The function, with its clients.
#[derive(Debug)]
pub struct Fetch {
    registry: Registry,
    credentials: Credentials,
    archive: Archive,
    transcripts: Transcripts,
    queue: Queue,
    network: Network,
    budget: Budget,
    listings: Listings,
    slots: Slots,
    slice: Duration,
    metrics: Metrics,
    refusals: Arc<Refusals>,
    clock: fn() -> Timestamp,
}

impl Fetch {
    /// Builds the clients once for all invocations of the process.
    ///
    /// # Errors
    /// [`StartError`], when the private CA cannot be read.
    pub fn new(settings: Settings, aws: &SdkConfig, clock: fn() -> Timestamp) -> Result<Self, StartError> {
        let network = Network::new(settings.network())?;
        let http = Http::new(settings.http())?;
        let registry = Registry::new(aws_sdk_dynamodb::Client::new(aws), settings.table);
        let vault = Vault::new(aws_sdk_secretsmanager::Client::new(aws), settings.secret_prefix);
        let sealer = Sealer::new(aws_sdk_kms::Client::new(aws), settings.token_key);
        let tokens = Tokens::new(registry.clone(), vault.clone(), sealer, http, settings.lead, clock);
        let s3 = s3_client(aws, settings.s3_endpoint);
        let credentials = Credentials::new(registry.clone(), vault, tokens);
        let refusals = Arc::<Refusals>::default();
        Ok(Self {
            registry,
            credentials,
            transcripts: Transcripts { s3: s3.clone(), bucket: settings.transcript_bucket },
            archive: Archive::new(s3, settings.bucket, Arc::clone(&refusals)),
            queue: Queue { sqs: aws_sdk_sqs::Client::new(aws), url: settings.queue_url },
            network,
            budget: Budget::new(settings.memory_budget),
            listings: Listings::new(),
            slots: Slots::default(),
            slice: settings.slice,
            metrics: Metrics::new(settings.stack),
            refusals,
            clock,
        })
    }
}

/// How long one attempt of a request to S3 may take: a part of 5 MiB at 85 KiB/s, or as many of them
/// side by side as the memory for them allows at some 20 Mbit/s.
const S3_ATTEMPT: Duration = Duration::from_secs(60);
/// How long all its attempts may take.
const S3_OPERATION: Duration = Duration::from_secs(150);

/// The S3 client. It has more time than the others, because it sends mail. An endpoint of one's own is
/// addressed by path, because bucket names do not resolve as host names below it.
fn s3_client(aws: &SdkConfig, endpoint: Option<String>) -> aws_sdk_s3::Client {
    let endpoint = endpoint.or_else(|| aws.endpoint_url().map(str::to_owned));
    let limits = TimeoutConfig::builder()
        .operation_attempt_timeout(S3_ATTEMPT)
        .operation_timeout(S3_OPERATION)
        .build();
    let mut config =
        aws_sdk_s3::config::Builder::from(aws).force_path_style(endpoint.is_some()).timeout_config(limits);
    config.set_endpoint_url(endpoint);
    aws_sdk_s3::Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::BehaviorVersion;

    #[test]
    fn s3_has_more_time_and_keeps_the_other_limits() {
        let connect = Duration::from_secs(3);
        let common = TimeoutConfig::builder()
            .connect_timeout(connect)
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(15));
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .timeout_config(common.build())
            .build();
        let s3 = s3_client(&aws, None);
        let limits = s3.config().timeout_config().expect("limits");
        assert_eq!(limits.operation_attempt_timeout(), Some(S3_ATTEMPT));
        assert_eq!(limits.operation_timeout(), Some(S3_OPERATION));
        assert_eq!(limits.connect_timeout(), Some(connect));
    }
}
