//! The Lambda function `console`: wiring only.

use console::{App, Settings};
use lambda_http::{Error, run};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    postroom_lambda::log();
    postroom_lambda::started(serve().await)
}

async fn serve() -> Result<(), Error> {
    let settings = Settings::from_env(|name| std::env::var(name).ok())?;
    let app = App::new(settings, &postroom_lambda::aws()?, postroom_lambda::now)?;
    app.warm_up().await;
    run(console::router(app)).await
}
