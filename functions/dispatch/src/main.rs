//! The Lambda function `dispatch`: wiring only.

use dispatch::{Dispatch, Settings};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    postroom_lambda::log();
    let settings = Settings::from_env(|name| std::env::var(name).ok())?;
    let dispatch = &Dispatch::new(settings, &postroom_lambda::aws()?);
    // What the schedule sends says nothing that the clock does not.
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| {
        dispatch.tick(postroom_lambda::now()).await.map_err(Error::from)
    }))
    .await
}
