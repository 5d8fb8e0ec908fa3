//! How a function reaches AWS.

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use std::time::Duration;

/// How long a connection may take; the SDK's own default.
const CONNECT: Duration = Duration::from_millis(3100);
/// How long one attempt may take, from its request to the end of the answer. Without a limit a
/// connection that went silent would hold a run, and what it has leased, until the function is stopped.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long all attempts and the pauses between them may take.
const OPERATION: Duration = Duration::from_secs(15);

/// A variable that Lambda sets for every function is missing.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {0} is not set; Lambda sets it for every function")]
pub struct EnvironmentError(&'static str);

/// How a function reaches AWS: region and credentials as Lambda puts them into its environment, and
/// the endpoint in `AWS_ENDPOINT_URL` where there is one.
///
/// Every call ends in time: one attempt after 5 s, all of them after 15 s. A client that sends large
/// bodies needs longer limits of its own.
///
/// The SDK's default chain would look in further places, none of which a function has, and would link
/// the clients of two more services for them.
///
/// # Errors
/// [`EnvironmentError`], outside Lambda.
pub fn aws() -> Result<SdkConfig, EnvironmentError> {
    let region = std::env::var("AWS_REGION").map_err(|_| EnvironmentError("AWS_REGION"))?;
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .timeout_config(time_limits())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
    Ok(config.build())
}

fn time_limits() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}
