//! `console`: what answers behind API Gateway.
//!
//! So far that is its health: whether the function runs and reaches the registry. No page needs a
//! sign-in yet, because there is none that shows anything.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use postroom_registry::Registry;
use serde_json::{Value, json};

/// The router, which is the function's handler too.
pub fn router(registry: Registry) -> Router {
    Router::new().route("/health", get(health)).with_state(registry)
}

/// `GET /health`: 200 with `{"status":"ok"}`, or 503 with `{"status":"registry unavailable"}`. The
/// answer has no detail, because anybody may ask; the log has it.
async fn health(State(registry): State<Registry>) -> (StatusCode, Json<Value>) {
    let (code, status) = match registry.ping().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => {
            tracing::error!(%error, "the registry does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "registry unavailable")
        }
    };
    (code, Json(json!({"status": status, "version": env!("CARGO_PKG_VERSION")})))
}
