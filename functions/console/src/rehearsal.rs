//! Moving one mailbox onto an account: first rehearsed, then switched.
//!
//! Guarantees: a rehearsal signs in with the account's token where the mailbox would be fetched, and
//! changes nothing. A mailbox is switched only if it is what it was when it was rehearsed, and would
//! become what was rehearsed; its name, cursors and archive stay, so that nothing is fetched again. The
//! account's token goes to no mail server where the account is not at home ([`Destinations`]).

use crate::{
    app::App,
    destination::Destinations,
    goal::Misfit,
    keys::hash,
    migration::{End, Migration, Opened},
    problem::Problem,
    trial,
};
use futures::{StreamExt, stream};
use postroom_model::{Account, Auth, Home, Mailbox, MailboxId, Move, Provider};
use std::time::Duration;

/// Mailboxes that are rehearsed at the same time, in one request: servers count one user's connections.
const REHEARSED_AT_ONCE: usize = 4;
/// Mailboxes that are switched at the same time.
const SWITCHED_AT_ONCE: usize = 8;
/// How long one request switches. What is not reached waits for another.
const SWITCHING: Duration = Duration::from_secs(15);

/// The account that mailboxes move onto, with what decides how.
struct Target<'a> {
    app: &'a App,
    account: Account,
    provider: Provider,
    destinations: Destinations,
    goal: &'a Move,
}

impl<'a> Target<'a> {
    async fn of(app: &'a App, run: &'a Migration) -> Result<Self, Problem> {
        let account = app.registry.account(&run.account).await?.ok_or_else(Problem::not_found)?;
        let provider = app.registry.provider(&account.provider).await?.ok_or_else(Problem::not_found)?;
        let destinations = Destinations::of(app, &account, Some(provider.clone()), None).await?;
        Ok(Self { app, account, provider, destinations, goal: &run.goal })
    }

    /// The mailbox as it is and as it would be; else what comes of it at once.
    async fn moves(&self, id: &MailboxId) -> Result<(Mailbox, Mailbox), End> {
        let storage = |error: postroom_registry::Error| End::Failed(error.fault());
        let placed = self.app.registry.mailbox(id).await.map_err(storage)?.ok_or(End::Gone)?;
        let before = placed.mailbox;
        let from = self.opener(&before).await.map_err(storage)?;
        let mailboxes = &self.destinations.mailboxes;
        let home = Home { account: &self.account.id, provider: &self.provider, mailboxes };
        let after = self.goal.target(&before, from.as_ref(), &home);
        if let Some(misfit) = Misfit::of(&after) {
            return Err(End::Misfit(misfit));
        }
        if after == before {
            return Err(End::Already);
        }
        match self.destinations.refuses(&after) {
            Some(refusal) => Err(End::Refused(refusal)),
            None => Ok((before, after)),
        }
    }

    /// The provider of the account that opens a mailbox now; none, where its password does.
    async fn opener(&self, mailbox: &Mailbox) -> Result<Option<Provider>, postroom_registry::Error> {
        let registry = &self.app.registry;
        match &mailbox.auth {
            Auth::Basic => Ok(None),
            Auth::Oauth(account) if *account == self.account.id => Ok(Some(self.provider.clone())),
            Auth::Oauth(account) => match registry.account(account).await? {
                Some(account) => registry.provider(&account.provider).await,
                None => Ok(None),
            },
        }
    }

    async fn rehearse(&self, id: &MailboxId) -> End {
        let (before, after) = match self.moves(id).await {
            Ok(moves) => moves,
            Err(end) => return end,
        };
        match trial::try_out(self.app, &after).await {
            Ok(messages) => End::Opened(Opened { messages, what: what(&before, &after) }),
            Err(fault) => End::Failed(fault),
        }
    }

    async fn switch(&self, id: &MailboxId, rehearsed: &Opened) -> End {
        let (before, after) = match self.moves(id).await {
            Ok(moves) => moves,
            // It was switched, and whoever did it could not write that down.
            Err(End::Already) => return End::Switched,
            Err(end) => return end,
        };
        if what(&before, &after) != rehearsed.what {
            return End::Changed;
        }
        match self.app.registry.migrate_mailbox(id, &before, &after, self.app.now()).await {
            Ok(true) => End::Switched,
            Ok(false) => End::Changed,
            Err(error) => End::Failed(error.fault()),
        }
    }
}

/// Rehearses the next few mailboxes of a run.
///
/// # Errors
/// [`Problem`], where the account is gone or the registry does not answer.
pub(crate) async fn rehearse_next(app: &App, run: &Migration) -> Result<Vec<(MailboxId, End)>, Problem> {
    let target = &Target::of(app, run).await?;
    let next = run.to_come().take(REHEARSED_AT_ONCE).cloned();
    let ends = next.map(|id| async move {
        let end = target.rehearse(&id).await;
        (id, end)
    });
    Ok(futures::future::join_all(ends).await)
}

/// Switches the mailboxes of a run that opened, as many as there is time for.
///
/// # Errors
/// As [`rehearse_next`].
pub(crate) async fn switch(app: &App, run: &Migration) -> Result<Vec<(MailboxId, End)>, Problem> {
    let target = &Target::of(app, run).await?;
    let switched =
        run.opened().map(|(id, opened)| async move { (id.clone(), target.switch(id, opened).await) });
    let switched = switched.collect::<Vec<_>>();
    let ends = stream::iter(switched).buffer_unordered(SWITCHED_AT_ONCE);
    let ends = ends.take_until(tokio::time::sleep(SWITCHING)).collect().await;
    Ok(ends)
}

/// Tells what was rehearsed.
fn what(before: &Mailbox, after: &Mailbox) -> String {
    let both = serde_json::to_string(&[before, after]).unwrap_or_default();
    hash(&both).chars().take(32).collect()
}
