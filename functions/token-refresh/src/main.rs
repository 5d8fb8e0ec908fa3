//! The Lambda function `token-refresh`: wiring only.

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use std::process::ExitCode;
use token_refresh::{Settings, TokenRefresh};

#[tokio::main]
async fn main() -> ExitCode {
    postroom_lambda::log();
    postroom_lambda::started(serve().await)
}

async fn serve() -> Result<(), Error> {
    let settings = Settings::from_env(|name| std::env::var(name).ok())?;
    let refresh = &TokenRefresh::new(settings, &postroom_lambda::aws()?, postroom_lambda::now)?;
    // What the schedule sends says nothing that the clock does not.
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        refresh.tick(deadline).await.map_err(Error::from)
    }))
    .await
}
