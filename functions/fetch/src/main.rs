//! The Lambda function `fetch`: wiring only.

use aws_config::BehaviorVersion;
use aws_lambda_events::sqs::SqsEvent;
use fetch::{Fetch, Invocation, Settings};
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
    let fetch = &Fetch::new(settings, &aws, now)?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let (event, context) = event.into_parts();
        let deadline = Timestamp::from_millisecond(i64::try_from(context.deadline)?)?;
        let invocation = Invocation { request_id: context.request_id, deadline };
        Ok::<_, Error>(fetch.handle(event, &invocation).await)
    }))
    .await
}
