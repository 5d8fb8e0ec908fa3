//! What an administrator takes through many steps.
//!
//! Guarantees: a run lies in the registry, by a name that only its administrator's session knows, so that
//! a browser that was closed goes on where it was. Two tabs that move the same run do not undo each other.
//!
//! Left out: the steps ([`Chain`](crate::chain::Chain), [`Migration`](crate::migration::Migration)).

use crate::{app::App, problem::Problem};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

/// How often a run that another tab has moved is read again.
const ATTEMPTS: usize = 8;

/// A kind of run. Each administrator has at most one of a kind.
pub(crate) trait Run: Clone + Serialize + DeserializeOwned {
    /// What such runs are kept under, by their administrator's key.
    const KIND: &str;
    /// A run is forgotten this long after it last moved.
    const LIFE: SignedDuration;
}

/// The administrator's run, if there is one.
///
/// # Errors
/// [`Problem`], where the registry does not answer.
pub(crate) async fn load<R: Run>(app: &App, key: &str) -> Result<Option<R>, Problem> {
    Ok(app.registry.ephemeral(R::KIND, key, app.now()).await?.map(|(run, _)| run))
}

/// Begins a run, in place of one that there may be.
///
/// # Errors
/// [`Problem`], where the registry does not answer, or others change the run all the time.
pub(crate) async fn start<R: Run>(app: &App, key: &str, run: R) -> Result<R, Problem> {
    change(app, key, |_| Some(run.clone())).await.map(|_| run)
}

/// Changes the administrator's run as it is when it is written, if there is one.
///
/// # Errors
/// As [`start`].
pub(crate) async fn amend<R: Run>(
    app: &App,
    key: &str,
    amended: impl Fn(&mut R),
) -> Result<Option<R>, Problem> {
    change(app, key, |run| {
        let mut run = run?;
        amended(&mut run);
        Some(run)
    })
    .await
}

/// Writes a run in place of the one that there is; `None` leaves that.
async fn change<R: Run>(
    app: &App,
    key: &str,
    changed: impl Fn(Option<R>) -> Option<R>,
) -> Result<Option<R>, Problem> {
    let now = app.now();
    let until = now.saturating_add(R::LIFE).unwrap_or(Timestamp::MAX);
    for _ in 0..ATTEMPTS {
        let (run, version) = app.registry.ephemeral(R::KIND, key, now).await?.unzip();
        let Some(run) = changed(run) else { return Ok(None) };
        if app.registry.put_ephemeral(R::KIND, key, &run, until, version, now).await? {
            return Ok(Some(run));
        }
    }
    Err(Problem::unavailable("the run is being changed by too many at once"))
}
