//! The Lambda function `console`: wiring only.

use lambda_http::{Error, run};
use postroom_registry::Registry;

#[tokio::main]
async fn main() -> Result<(), Error> {
    postroom_lambda::log();
    let table = std::env::var("TABLE_NAME")
        .map_err(|_| "environment variable TABLE_NAME is not set; the deployment's template sets it")?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&postroom_lambda::aws()?);
    run(console::router(Registry::new(dynamodb, table))).await
}
