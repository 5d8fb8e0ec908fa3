//! The Lambda function `expiry-check`: wiring only.

use expiry_check::{ExpiryCheck, Settings};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    postroom_lambda::log();
    postroom_lambda::started(serve().await)
}

async fn serve() -> Result<(), Error> {
    let settings = Settings::from_env(|name| std::env::var(name).ok())?;
    let check = &ExpiryCheck::new(settings, &postroom_lambda::aws()?, postroom_lambda::now);
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        check.answer(event.payload, deadline).await.map_err(Error::from)
    }))
    .await
}
