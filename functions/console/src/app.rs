//! What every page works with.

use crate::{keys::Keys, problem::Problem, settings::Settings};
use aws_config::SdkConfig;
use axum::{
    extract::{FromRequestParts, Path, Request, State},
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::{Metrics, Refusals};
use postroom_letter::Post;
use postroom_mail::{Network, NetworkError};
use postroom_oauth::{Http, HttpError};
use postroom_registry::Registry;
use postroom_tokens::Tokens;
use postroom_vault::{Sealer, Vault};
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// What the function is called in log lines and metrics.
pub(crate) const FUNCTION: &str = "console";
/// How long an answer waits for changes of tokens that its request began.
const SETTLING: Duration = Duration::from_secs(2);
/// How long a console key counts that was read from the vault: one that is replaced there ends sessions
/// and links after this long.
const KEYS_LIFE: SignedDuration = SignedDuration::from_secs(60);

/// The console, with its clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) settings: Arc<Settings>,
    pub(crate) registry: Registry,
    pub(crate) vault: Vault,
    pub(crate) tokens: Tokens,
    pub(crate) network: Network,
    /// What mail to owners is sent with; `None`: none is sent.
    pub(crate) post: Option<Post>,
    /// What AWS did not do and no page says; it is told when the request ends.
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: fn() -> Timestamp,
    keys: Arc<Mutex<Option<KnownKeys>>>,
}

/// The console's keys, and when the vault had them.
#[derive(Debug)]
struct KnownKeys {
    keys: Arc<Keys>,
    read_at: Timestamp,
}

/// Why the console cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Connections to mail servers cannot be made.
    #[error("mail servers cannot be reached")]
    Network(#[from] NetworkError),
    /// Requests to authorization servers cannot be made.
    #[error("authorization servers cannot be reached")]
    Http(#[from] HttpError),
}

impl App {
    /// A console over the AWS services that `aws` reaches. Nothing is asked of them yet.
    ///
    /// # Errors
    /// [`StartError`], when the deployment's private CA cannot be read.
    pub fn new(settings: Settings, aws: &SdkConfig, clock: fn() -> Timestamp) -> Result<Self, StartError> {
        let registry = Registry::new(aws_sdk_dynamodb::Client::new(aws), &settings.table);
        let vault = Vault::new(aws_sdk_secretsmanager::Client::new(aws), &settings.secret_prefix);
        let sealer = Sealer::new(aws_sdk_kms::Client::new(aws), settings.token_key.clone());
        let http = Http::new(settings.http.clone())?;
        let lead = settings.refresh_lead;
        let post = settings.sender.clone().map(|sender| {
            let ses = aws_sdk_sesv2::Client::new(aws);
            Post::new(ses, sender, settings.operators.clone(), settings.configuration_set.clone())
        });
        Ok(Self {
            tokens: Tokens::new(registry.clone(), vault.clone(), sealer, http, lead, clock),
            registry,
            vault,
            network: Network::new(settings.network.clone())?,
            post,
            refusals: Arc::default(),
            metrics: Metrics::new(&settings.stack),
            clock,
            keys: Arc::default(),
            settings: Arc::new(settings),
        })
    }

    /// Makes the connections that the first page needs, while the function starts. What cannot be had
    /// now is asked for again when it is needed.
    pub async fn warm_up(&self) {
        let (keys, registry) = tokio::join!(self.keys(), self.registry.ping());
        if keys.is_err() || registry.is_err() {
            tracing::info!("the vault or the registry did not answer at the start");
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The console's keys, as the vault had them within the last minute.
    pub(crate) async fn keys(&self) -> Result<Arc<Keys>, Problem> {
        let now = self.now();
        let mut known = self.keys.lock().await;
        let fresh = known.as_ref().filter(|known| now.duration_since(known.read_at) < KEYS_LIFE);
        if let Some(known) = fresh {
            return Ok(known.keys.clone());
        }
        let (own, links) = futures::try_join!(self.vault.console_key(), self.vault.link_key())?;
        let own = own.ok_or_else(|| Problem::refused(self.vault.no_console_key()))?;
        if links.is_none() {
            self.refusals.note(&self.vault.no_link_key());
        }
        let keys = Arc::new(Keys::of(&own, links.as_ref()));
        *known = Some(KnownKeys { keys: keys.clone(), read_at: now });
        Ok(keys)
    }
}

/// Ends a request when the changes of tokens that it began are done: a function may be frozen once it
/// has answered.
pub(crate) async fn settled(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    // What takes longer goes on when the function is woken, and others keep away from it until then.
    let _ = tokio::time::timeout(SETTLING, app.tokens.settled()).await;
    app.refusals.tell(FUNCTION, &app.metrics, app.now());
    response
}

/// The id in a page's path. A text that is none names nothing that exists: the page is not there.
#[derive(Debug, Clone)]
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}
