//! The Lambda function `dispatch`: wiring only.

use aws_config::BehaviorVersion;
use dispatch::{Dispatch, Settings};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[expect(clippy::disallowed_methods, reason = "the clock comes in here")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    postroom_telemetry::init();
    let settings = Settings::from_env(|name| std::env::var(name).ok())?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let dispatch = &Dispatch::new(settings, &aws);
    // What the schedule sends says nothing that the clock does not.
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| dispatch.tick(now()).await.map_err(Error::from)))
        .await
}
