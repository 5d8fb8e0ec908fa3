//! `postroom fetch`: asks for mailboxes to be fetched now, and waits for what comes of it.

use crate::{Error, Outcome, args::FetchArgs, deployment::Deployment, plan::counted, status::size};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use jiff::Timestamp;
use postroom_model::{Cause, MailboxId, Run, RunResult, Work};
use std::{collections::BTreeSet, io::Write, time::Duration};

/// Messages that one request to SQS takes at most.
const MESSAGES_AT_ONCE: usize = 10;
/// What SQS is asked to do.
const TAKE: &str = "take the work into the fetch queue";
/// The pause between two looks at what is done.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends the work to the fetch queue; with `wait`, prints what came of each mailbox. With `again`, everything
/// that the servers hold is looked at once more.
///
/// # Errors
/// [`Error::Usage`] names every mailbox that does not exist, before anything is sent.
pub async fn fetch(
    deployment: &Deployment,
    args: &FetchArgs,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Outcome, Error> {
    let wanted = wanted(deployment, args).await?;
    if args.again {
        for id in &wanted {
            deployment.registry.look_again(id).await?;
        }
    }
    let request = format!("{}-{:016x}", now.as_second(), fastrand::u64(..));
    send(deployment, &wanted, &request).await?;
    writeln!(out, "asked for {}", counted(wanted.len(), "mailbox", "mailboxes"))?;
    out.flush()?;
    if !args.wait {
        return Ok(Outcome::Well);
    }
    let mut waiting: BTreeSet<MailboxId> = wanted.into_iter().collect();
    let mut outcome = Outcome::Well;
    let limit = args.timeout.unsigned_abs();
    let watching = watch(deployment, &request, &mut waiting, &mut outcome, out);
    if let Ok(watched) = tokio::time::timeout(limit, watching).await {
        watched?;
        return Ok(outcome);
    }
    for id in &waiting {
        writeln!(out, "{id}: no outcome within {:#}; see `postroom status {id}`", args.timeout)?;
    }
    Ok(Outcome::NotWell)
}

async fn wanted(deployment: &Deployment, args: &FetchArgs) -> Result<Vec<MailboxId>, Error> {
    let registry = &deployment.registry;
    if args.all {
        return Ok(registry.mailboxes().await?.into_iter().map(|placed| placed.mailbox.id).collect());
    }
    let found = registry.load(&args.mailboxes).await?;
    let known: Vec<MailboxId> = found.into_iter().map(|(id, _)| id).collect();
    refuse_unknown(&args.mailboxes, &known)?;
    Ok(known)
}

/// Names every mailbox that does not exist.
pub(crate) fn refuse_unknown(asked: &[MailboxId], known: &[MailboxId]) -> Result<(), Error> {
    let known: BTreeSet<&MailboxId> = known.iter().collect();
    let unknown: BTreeSet<&str> =
        asked.iter().filter(|id| !known.contains(id)).map(MailboxId::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::Usage(format!("there is no mailbox {names}; `postroom status` lists what there is")))
}

async fn send(deployment: &Deployment, mailboxes: &[MailboxId], request: &str) -> Result<(), Error> {
    let refused = |reason: String| Error::Aws { doing: TAKE, reason };
    for mailboxes in mailboxes.chunks(MESSAGES_AT_ONCE) {
        let mut messages = deployment.sqs.send_message_batch().queue_url(&deployment.fetch_queue_url);
        for (number, id) in mailboxes.iter().enumerate() {
            let work = Work::Mailbox { id: id.clone(), cause: Cause::Demand(request.to_owned()) };
            let body = serde_json::to_string(&work).map_err(|error| refused(error.to_string()))?;
            let message = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body);
            messages = messages.entries(message.build().map_err(|error| refused(error.to_string()))?);
        }
        let answer = messages.send().await.map_err(|error| Error::aws(TAKE, &error))?;
        if let Some(failed) = answer.failed().first() {
            return Err(refused(failed.message().unwrap_or(failed.code()).to_owned()));
        }
    }
    Ok(())
}

/// Prints each mailbox's outcome as it arrives, until none is waited for.
async fn watch(
    deployment: &Deployment,
    request: &str,
    waiting: &mut BTreeSet<MailboxId>,
    outcome: &mut Outcome,
    out: &mut dyn Write,
) -> Result<(), Error> {
    while !waiting.is_empty() {
        tokio::time::sleep(PAUSE).await;
        let ids: Vec<MailboxId> = waiting.iter().cloned().collect();
        let loaded = deployment.registry.load(&ids).await?;
        let found: BTreeSet<&MailboxId> = loaded.iter().map(|(id, _)| id).collect();
        for id in ids.iter().filter(|id| !found.contains(id)) {
            waiting.remove(id);
            *outcome = Outcome::NotWell;
            writeln!(out, "{id}: deleted meanwhile")?;
        }
        for (id, mailbox) in loaded {
            let Some(run) = mailbox?.state.last_demand.filter(|run| run.request == request) else { continue };
            waiting.remove(&id);
            if matches!(run.result, RunResult::Failed(_)) {
                *outcome = Outcome::NotWell;
            }
            writeln!(out, "{id}: {}", described(&run))?;
        }
        out.flush()?;
    }
    Ok(())
}

fn described(run: &Run) -> String {
    let stored = |messages: u64, bytes| match messages {
        0 => "nothing new".to_owned(),
        1 => format!("1 new message, {}", size(bytes)),
        _ => format!("{messages} new messages, {}", size(bytes)),
    };
    match &run.result {
        RunResult::Done { messages, bytes } => stored(*messages, *bytes),
        RunResult::Unfinished { messages, bytes, backlog } => {
            format!("{} so far; {backlog} more follow by themselves", stored(*messages, *bytes))
        }
        RunResult::Failed(fault) => {
            format!("failed: {fault}\n    who must act: {}. {}", fault.class.actor(), fault.class.advice())
        }
    }
}
