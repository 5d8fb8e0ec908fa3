//! One run of one function on the made-up deployment, and what it asked of AWS.

use crate::{
    Deployment, Usage,
    population::{OBTAINED, TOKEN_LEFT, account_id, batch_id},
    session,
};
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use dispatch::Dispatch;
use expiry_check::{Answer, ExpiryCheck};
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use postroom_lambda::now;
use postroom_model::TokenSet;
use postroom_vault::Replaced;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Instant;
use token_refresh::TokenRefresh;
use tower::ServiceExt as _;

/// How long the functions may run, as in the template.
const DISPATCH: SignedDuration = SignedDuration::from_secs(60);
const TOKEN_REFRESH: SignedDuration = SignedDuration::from_secs(300);
const EXPIRY_CHECK: SignedDuration = SignedDuration::from_secs(600);
/// Days after a consent at which its owners are told that a month is left, but for one hour.
const MONTH_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 60 + 1);
/// The largest page that is read.
const PAGE: usize = 1 << 22;
/// Requests that are under way at once while the ground is prepared.
const AT_ONCE: usize = 8;

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// How many things were due for it, or what page it was.
    pub of: String,
    /// What it asked of AWS.
    pub used: Usage,
    /// How long it took on the emulator, in seconds.
    pub seconds: f64,
    /// What it answered.
    pub answer: Value,
}

impl Deployment {
    /// A tick of `dispatch` with so many batches due.
    ///
    /// # Panics
    /// When it does not send all of them.
    pub async fn dispatch(&self, due: usize) -> Step {
        self.set(batches(due), [("due_at", now() - SignedDuration::from_secs(30))]).await;
        let settings = dispatch::Settings::from_env(|name| self.says(name)).expect("complete settings");
        let dispatch = Dispatch::new(settings, &self.metered);
        let step = self.measure(due, async {
            let tick = dispatch.tick(now(), now() + DISPATCH).await.expect("a tick");
            assert_eq!((tick.sent, tick.left), (due, 0));
            json!(tick)
        });
        let step = step.await;
        self.set(batches(due), [("due_at", tomorrow())]).await;
        step
    }

    /// A run of `token-refresh` with so many accounts due.
    ///
    /// # Panics
    /// When it fails to renew one.
    pub async fn token_refresh(&self, due: usize) -> Step {
        stream::iter(0..due).for_each_concurrent(AT_ONCE, |n| self.give_tokens(n)).await;
        self.set(statuses(due), [("due_at", now() - SignedDuration::from_secs(30))]).await;
        let settings = token_refresh::Settings::from_env(|name| self.says(name)).expect("complete settings");
        let refresh = TokenRefresh::new(settings, &self.metered, now).expect("usable settings");
        let step = self.measure(due, async {
            let tally = refresh.tick(now() + TOKEN_REFRESH).await.expect("a tick");
            assert_eq!(tally.failed, 0, "{tally:?}");
            json!(tally)
        });
        let step = step.await;
        self.set(statuses(due), [("due_at", tomorrow())]).await;
        step
    }

    /// A run of `expiry-check` with so many accounts to be looked at, of each of which its owner is to be
    /// told that a month is left. `nth` tells such runs apart: whose end was told is told of another end.
    ///
    /// # Panics
    /// When it fails to tell one.
    pub async fn expiry_check(&self, due: usize, nth: i64) -> Step {
        let consent = now() - MONTH_BEFORE - SignedDuration::from_hours(nth);
        let since = now() - SignedDuration::from_secs(30);
        self.set(statuses(due), [("remind_at", since), ("authorised_at", consent)]).await;
        let settings = expiry_check::Settings::from_env(|name| self.says(name)).expect("complete settings");
        let check = ExpiryCheck::new(settings, &self.metered, now);
        let step = self.measure(due, async {
            let answer = check.answer(json!({}), now() + EXPIRY_CHECK).await.expect("a run");
            let Answer::Run(tally) = answer else { panic!("{answer:?}") };
            let events = usize::try_from(tally.events).expect("small");
            assert_eq!((tally.failed, events), (0, due), "{tally:?}");
            json!(tally)
        });
        let step = step.await;
        self.set(statuses(due), [("remind_at", tomorrow())]).await;
        step
    }

    /// The first run of `expiry-check` after an upgrade from a release without reminders: nothing is due, and
    /// no account is in the index. It must be the first of this deployment.
    ///
    /// # Panics
    /// When it leaves out an account.
    pub async fn upgrade(&self) -> Step {
        let accounts = self.accounts();
        self.forget(statuses(accounts), ["remind", "remind_at"]).await;
        let step = self.expiry_check(0, 0).await;
        let seen = self.registry.due_of("account", now(), accounts + 1).await.expect("an answer");
        assert_eq!(seen.len(), accounts);
        self.set(statuses(accounts), [("remind_at", tomorrow())]).await;
        Step { of: "0, the first after an upgrade".to_owned(), ..step }
    }

    /// A page of the console, asked for by an administrator of a warm function.
    ///
    /// # Panics
    /// When it is not shown.
    pub async fn page(&self, path: &str) -> Step {
        let settings = console::Settings::from_env(|name| self.says(name)).expect("complete settings");
        let app = console::App::new(settings, &self.metered, now).expect("a console");
        app.warm_up().await;
        let cookie = session::cookie(&self.console_key, now());
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty());
        let answer = console::router(app).oneshot(request.expect("a request"));
        self.measure(path, async {
            let answer = answer.await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{path}: {answer:?}");
            let page = to_bytes(answer.into_body(), PAGE).await.expect("a page");
            json!({"page_bytes": page.len()})
        })
        .await
    }

    /// Gives an account the token set that its status speaks of, unless it has one.
    async fn give_tokens(&self, n: usize) {
        let id = account_id(n).parse().expect("an id");
        if self.vault.token_set(&id).await.expect("an answer").is_some() {
            return;
        }
        let status = self.registry.account_status(&id).await.expect("an answer");
        let life = (OBTAINED + TOKEN_LEFT).as_secs();
        let answer = json!({
            "access_token": "an access token", "token_type": "Bearer", "expires_in": life,
            "refresh_token": "a refresh token",
        });
        let obtained_at = status.obtained_at.expect("an authorised account");
        let tokens = TokenSet::from_response(&answer.to_string(), obtained_at).expect("a token set");
        let request = format!("{:064x}", fastrand::u128(..));
        let put = self.vault.replace_token_set(&id, None, &tokens, &request).await;
        assert_eq!(put.expect("an answer"), Replaced::Done);
    }

    async fn measure(&self, of: impl ToString, run: impl Future<Output = Value>) -> Step {
        self.meter.take();
        let begun = Instant::now();
        let answer = run.await;
        let seconds = begun.elapsed().as_secs_f64();
        Step { of: of.to_string(), used: self.meter.take(), seconds, answer }
    }
}

fn batches(first: usize) -> impl Iterator<Item = (String, &'static str)> {
    (0..first).map(|n| (format!("BATCH#{}", batch_id(n)), "BATCH"))
}

fn statuses(first: usize) -> impl Iterator<Item = (String, &'static str)> {
    (0..first).map(|n| (format!("ACCOUNT#{}", account_id(n)), "STATUS"))
}

fn tomorrow() -> Timestamp {
    now() + SignedDuration::from_hours(24)
}
