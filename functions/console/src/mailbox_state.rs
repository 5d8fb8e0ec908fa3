//! How a mailbox is doing, in words.

use crate::{
    app::App,
    calendar::Clock,
    condition::{Mark, State},
    language::Speak,
    problem::Problem,
    texts::Fill,
};
use jiff::Timestamp;
use postroom_language::Words;
use postroom_model::{MailboxId, MailboxState};
use postroom_registry::PlacedMailbox;
use std::collections::HashMap;

/// The states of some mailboxes, in one request. One that cannot be read counts as new, so that the
/// others are shown.
pub(crate) async fn of(
    app: &App,
    mailboxes: &[PlacedMailbox],
) -> Result<HashMap<MailboxId, MailboxState>, Problem> {
    let ids: Vec<MailboxId> = mailboxes.iter().map(|placed| placed.mailbox.id.clone()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let loaded = app.registry.load(&ids).await?;
    Ok(loaded.into_iter().filter_map(|(id, loaded)| Some((id, loaded.ok()?.state))).collect())
}

/// How a mailbox is doing.
pub(crate) fn words(placed: &PlacedMailbox, state: &MailboxState, clock: Clock<'_>) -> State {
    let language = clock.language;
    let t = &language.texts().condition;
    let distance = |at: Timestamp| clock.distance(at);
    if let Some(since) = placed.paused_at {
        let because = t.mailbox_paused_because.fill(&[("when", &distance(since))]);
        return State { mark: Mark::Idle, words: t.mailbox_paused, because: Some(because) };
    }
    if let Some(failure) = &state.failure {
        let since = t.mailbox_fails_because.fill(&[("when", &distance(failure.since))]);
        let because = format!("{} {since}", language.texts().explained(failure.fault.class).what);
        return State { mark: Mark::Bad, words: t.mailbox_fails, because: Some(because) };
    }
    if let Some(until) = state.rest_until.filter(|until| *until > clock.now) {
        let because = t.mailbox_rests_because.fill(&[("when", &distance(until))]);
        return State { mark: Mark::Warn, words: t.mailbox_rests, because: Some(because) };
    }
    match state.last_success {
        Some(at) => {
            let count = if state.messages == 1 { t.mailbox_message } else { t.mailbox_messages };
            let because = count.fill(&[("n", &language.number(state.messages)), ("when", &distance(at))]);
            State { mark: Mark::Ok, words: t.mailbox_works, because: Some(because) }
        }
        None => State { mark: Mark::Idle, words: t.mailbox_new, because: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, language::Language};
    use postroom_model::{Failure, Fault, FaultClass};

    #[test]
    fn mailboxes_are_words() {
        let earlier: Timestamp = "2026-11-22T09:00:00Z".parse().expect("a moment");
        let placed: PlacedMailbox = serde_json::from_str(
            r#"{"id":"plant","protocol":"imap","host":"mail.example","port":993,"tls":"implicit","user":"plant"}"#,
        )
        .expect("loads");
        let paused = PlacedMailbox { paused_at: Some(earlier), ..placed.clone() };
        let new = MailboxState::default();
        let works = MailboxState { messages: 1204, last_success: Some(earlier), ..new.clone() };
        let fault = Fault::new(FaultClass::PasswordRefused, "said");
        let fails = MailboxState { failure: Some(Failure::next(None, fault, earlier, 0.5)), ..works.clone() };
        let rests = MailboxState {
            rest_until: Some("2026-11-23T00:10:00Z".parse().expect("a moment")),
            ..works.clone()
        };
        let rested = MailboxState { rest_until: Some(earlier), ..works.clone() };
        let mut said = Vec::new();
        for (placed, state) in [
            (&placed, &new),
            (&placed, &works),
            (&placed, &fails),
            (&paused, &fails),
            (&placed, &rests),
            (&placed, &rested),
        ] {
            for language in Language::ALL {
                let State { mark, words, because } = words(placed, state, fixtures::clock(language));
                said.push(format!("{mark:?} {words}: {}", because.unwrap_or_default()));
            }
        }
        insta::assert_snapshot!(said.join("\n"));
    }
}
