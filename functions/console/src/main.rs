//! The Lambda function `console`: wiring only.

use aws_config::BehaviorVersion;
use lambda_http::{Error, run};
use postroom_registry::Registry;

#[tokio::main]
async fn main() -> Result<(), Error> {
    postroom_telemetry::init();
    let table = std::env::var("TABLE_NAME").map_err(|_| "environment variable TABLE_NAME is not set")?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    run(console::router(Registry::new(aws_sdk_dynamodb::Client::new(&aws), table))).await
}
