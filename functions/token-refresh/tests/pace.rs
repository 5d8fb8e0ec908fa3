//! How fast renewals begin, by a clock that stands still until nothing is left to do. AWS's answers come from this
//! process, because such a clock waits for no network.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use jiff::{SignedDuration, Timestamp};
use postroom_oauth::HttpSettings;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use token_refresh::{Settings, TokenRefresh};
use tokio::time::Instant;

/// Accounts that are due.
const DUE: usize = 200;
/// Time from the beginning of one renewal to that of the next.
const PACE: Duration = Duration::from_millis(50);
/// How exact the clock is.
const EXACT: Duration = Duration::from_millis(2);

fn now() -> Timestamp {
    Timestamp::constant(1_800_000_000, 0)
}

/// An AWS that lists what is due, and denies everything else: each renewal ends where it begins, with its lease.
#[derive(Debug, Clone)]
struct Aws {
    begun: Instant,
    /// When each lease was asked for.
    leases: Arc<Mutex<Vec<Duration>>>,
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let due = |n| json!({"pk": {"S": format!("ACCOUNT#a-{n}")}, "due_at": {"N": now().as_second().to_string()}});
        let (status, body) = if operation.ends_with(".Query") {
            (200_u16, json!({"Items": (0..DUE).map(due).collect::<Vec<Value>>()}))
        } else {
            (400, json!({"__type": "AccessDeniedException", "message": "no"}))
        };
        if operation.ends_with(".UpdateItem") {
            self.leases.lock().unwrap_or_else(PoisonError::into_inner).push(self.begun.elapsed());
        }
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body.to_string()))))
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_renewals_begin_in_a_second() {
    let aws = Aws { begun: Instant::now(), leases: Arc::default() };
    let connector = aws.clone();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone())))
        .build();
    let settings = Settings {
        table: "t".to_owned(),
        secret_prefix: "postroom/post".to_owned(),
        token_key: "k".to_owned(),
        stack: "post".to_owned(),
        http: HttpSettings {
            extra_ca_pem: None,
            allow_local: false,
            plaintext_hosts: Vec::new(),
            timeout: Duration::from_secs(1),
        },
        lead: SignedDuration::from_mins(10),
    };
    let refresh = TokenRefresh::new(settings, &config, now).expect("usable settings");
    let deadline = now().checked_add(SignedDuration::from_mins(5)).expect("in range");
    let tally = refresh.tick(deadline).await.expect("a tick");
    assert_eq!((tally.failed, tally.left), (DUE as u64, 0));
    let leases = aws.leases.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(leases.len(), DUE);
    for (n, at) in (0..).zip(leases.iter()) {
        let due = PACE * n;
        assert!(*at >= due && *at < due + EXACT, "renewal {n} at {at:?}");
    }
}
