//! How a function reaches AWS.

use aws_config::{BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider};
use aws_credential_types::provider::SharedCredentialsProvider;

/// A variable that Lambda sets for every function is missing.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {0} is not set; Lambda sets it for every function")]
pub struct EnvironmentError(&'static str);

/// How a function reaches AWS: region and credentials as Lambda puts them into its environment, and
/// the endpoint in `AWS_ENDPOINT_URL` where there is one.
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
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
    Ok(config.build())
}
