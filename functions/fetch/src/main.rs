//! The Lambda function `fetch`: wiring only.

use aws_lambda_events::sqs::SqsEvent;
use fetch::{Fetch, Invocation, Settings};
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
    let fetch = &Fetch::new(settings, &postroom_lambda::aws()?, postroom_lambda::now)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let (event, context) = event.into_parts();
        let deadline = Timestamp::from_millisecond(i64::try_from(context.deadline)?)?;
        let invocation = Invocation { request_id: context.request_id, deadline };
        Ok::<_, Error>(fetch.handle(event, &invocation).await)
    }))
    .await
}
