//! `dispatch` and `token-refresh` without something: what was due stays due.

use super::{LACKS, Log, Refused, Way, gated};
use dispatch::{Dispatch, Settings};
use postroom_model::{Account, AccountId, Batch, Provider, TokenSet};
use postroom_tests::{Act, Lab, Manner, OddIssuer, ahead, clock, later};
use serde_json::{Value, json};
use std::{env, process::Command};

async fn batches(lab: &Lab, count: usize) {
    for n in 1..=count {
        let batch = Batch {
            id: format!("1m-{n:04}").parse().expect("an id"),
            interval: "1m".parse().expect("an interval"),
            mailboxes: vec!["m".parse().expect("an id")],
            due_at: None,
            lease: None,
            completed_at: None,
        };
        let earlier = later(clock(), -120);
        lab.registry.put_batch(&batch, earlier, 0.0).await.expect("a stored batch");
    }
}

fn dispatch(lab: &Lab) -> Dispatch {
    let settings = Settings {
        table: lab.settings.table.clone(),
        queue_url: lab.settings.queue_url.clone(),
        stack: lab.settings.stack.clone(),
    };
    Dispatch::new(settings, &lab.aws)
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_stay_due_that_cannot_be_found_claimed_or_sent() {
    for refused in [
        Refused::new(Way::Denied, "dynamodb:Query", ".Query", LACKS),
        Refused::new(Way::Missing, "dynamodb:Query", ".Query", LACKS),
        Refused::new(Way::Throttled, "dynamodb:Query", ".Query", "NoTicksAlarm"),
        Refused::new(Way::Denied, "dynamodb:UpdateItem", ".UpdateItem", LACKS),
        Refused::new(Way::Throttled, "dynamodb:UpdateItem", ".UpdateItem", "LateBatchesAlarm"),
        Refused::new(Way::Denied, "sqs:SendMessage", ".SendMessageBatch", LACKS),
        Refused::new(Way::Missing, "sqs:SendMessage", ".SendMessageBatch", LACKS),
        Refused::new(Way::Throttled, "sqs:SendMessage", ".SendMessageBatch", "LateBatchesAlarm"),
    ] {
        let (lab, gate) = gated().await;
        batches(&lab, 3).await;
        let dispatch = dispatch(&lab);
        refused.at(&gate, &lab);
        let log = Log::now();
        let tick = dispatch.tick(clock(), ahead::<60>()).await;
        assert_eq!(tick.is_err(), refused.operation == ".Query", "{refused:?}: {tick:?}");
        assert_eq!(tick.map_or(0, |tick| tick.sent), 0, "{refused:?}");
        refused.assert_told_once("dispatch", &lab, &log);
        if refused.way == Way::Throttled {
            // It may pass by itself, and rings where it does not.
            let late = later(clock(), 1200);
            let tick = dispatch.tick(late, later(late, 60)).await;
            assert_eq!(tick.map_or(0, |tick| tick.sent + tick.left), 0, "{refused:?}");
            refused.assert_rings(&lab, late);
        } else {
            refused.assert_rings(&lab, clock());
        }
        gate.open();
        let tick = dispatch.tick(clock(), ahead::<60>()).await.expect("a tick");
        assert_eq!((tick.sent, tick.failed, tick.returned), (3, 0, 0), "{refused:?}: at the very next tick");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_given_back_keeps_no_other_from_its_turn() {
    let unsent = Refused::new(Way::Denied, "sqs:SendMessage", ".SendMessageBatch", LACKS);
    let kept = Refused::new(Way::Denied, "dynamodb:UpdateItem", ".UpdateItem", LACKS);
    let (lab, gate) = gated().await;
    // One portion, in three requests to the queue.
    batches(&lab, 25).await;
    let acts = [unsent, kept].map(|refused| refused.act(&lab.settings.stack));
    let (mut sent, mut given_back) = (0, 0);
    gate.script(move |request| {
        let operation = request.operation();
        sent += usize::from(operation.ends_with(unsent.operation));
        // What is written once the claims are through gives a batch back.
        given_back += usize::from(sent > 0 && operation.ends_with(kept.operation));
        match (operation, sent, given_back) {
            (operation, 1, _) if operation.ends_with(unsent.operation) => Some(acts[0].clone()),
            (operation, _, 1) if operation.ends_with(kept.operation) => Some(acts[1].clone()),
            _ => None,
        }
    });
    let dispatch = dispatch(&lab);
    let log = Log::now();
    let tick = dispatch.tick(clock(), ahead::<60>()).await.expect("a tick");
    assert_eq!((tick.sent, tick.returned), (15, 10), "the requests after it are sent");
    let lines = log.since(&lab.settings.stack);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    gate.open();
    let tick = dispatch.tick(clock(), ahead::<60>()).await.expect("a tick");
    assert_eq!(tick.sent, 9, "all but that one, which is due again in a while");
}

/// Three accounts whose access token has ended, at a server that is lenient.
async fn accounts(lab: &Lab, issuer: &OddIssuer) -> (Provider, Vec<AccountId>) {
    let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        let json = json!({
            "id": format!("{}-{n}", lab.settings.stack), "provider": provider.id,
            "grant": "authorization_code", "login": "somebody",
        });
        let account: Account = serde_json::from_value(json).expect("an account");
        lab.registry.put_account(&account, clock()).await.expect("a stored account");
        let answer = json!({
            "access_token": format!("access-{:032x}", fastrand::u128(..)), "token_type": "Bearer",
            "refresh_token": format!("refresh-{:032x}", fastrand::u128(..)), "expires_in": 3600,
        });
        let tokens =
            TokenSet::from_response(&answer.to_string(), later(clock(), -7200)).expect("a token set");
        lab.keep(&account.id, &provider, &tokens).await;
        ids.push(account.id);
    }
    (provider, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_stay_due_and_nobody_has_to_authorise_anything() {
    const LATE: &str = "LateTokensAlarm";
    for (refused, asked) in [
        (Refused::new(Way::Denied, "dynamodb:Query", ".Query", LACKS), 0),
        (Refused::new(Way::Throttled, "dynamodb:Query", ".Query", LATE), 0),
        (Refused::new(Way::Denied, "dynamodb:UpdateItem", ".UpdateItem", LACKS), 0),
        (Refused::new(Way::Denied, "dynamodb:GetItem", ".GetItem", LACKS), 0),
        (Refused::new(Way::Denied, "secretsmanager:GetSecretValue", ".GetSecretValue", LACKS), 0),
        (Refused::new(Way::Throttled, "secretsmanager:GetSecretValue", ".GetSecretValue", LATE), 0),
        (Refused::new(Way::Denied, "kms:GenerateDataKey", ".GenerateDataKey", LACKS), 0),
        (Refused::new(Way::Missing, "kms:GenerateDataKey", ".GenerateDataKey", LACKS), 0),
        (Refused::new(Way::Throttled, "kms:GenerateDataKey", ".GenerateDataKey", LATE), 0),
        // What was issued by then is sealed in the journal.
        (Refused::new(Way::Denied, "secretsmanager:PutSecretValue", ".PutSecretValue", LACKS), 3),
    ] {
        let issuer = OddIssuer::start(Manner::Lenient).await;
        let (lab, gate) = gated().await;
        // Silence before would ring by itself.
        lab.token_refresh(ahead::<-1000>).tick(clock()).await.expect("a tick");
        let (_, ids) = accounts(&lab, &issuer).await;
        refused.at(&gate, &lab);
        let log = Log::now();
        let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await;
        assert_eq!(tally.is_err(), refused.operation == ".Query", "{refused:?}: {tally:?}");
        assert_eq!(tally.map_or(0, |tally| tally.refreshed), 0, "{refused:?}");
        refused.assert_told_once("token-refresh", &lab, &log);
        refused.assert_rings(&lab, clock());
        assert_eq!(issuer.asked(), asked, "{refused:?}");
        assert!(lab.unauthorised().await.is_empty(), "{refused:?}");
        for (id, status) in lab.registry.account_statuses(&ids).await.expect("statuses") {
            let soon = status.due_at.is_some_and(|due| due <= later(clock(), 60));
            assert!(soon, "{refused:?}: {id} is tried again soon: {status:?}");
            assert_eq!(status.fault.is_some(), asked > 0, "{refused:?}: {id}: {status:?}");
        }
        gate.open();
        assert_renewed(&lab, &refused).await;
        assert_eq!(issuer.asked(), 3, "{refused:?}: each was asked for once");
    }
}

/// Says that this process is the one whose metrics are looked at.
const CHILD: &str = "POSTROOM_TEST_RENEWS";

/// Metrics go to standard output, so that the tick is another process's: this program's, run again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_renewed_is_counted_although_a_later_page_cannot_be_read() {
    if env::var_os(CHILD).is_some() {
        return renew_the_first_page().await;
    }
    let name = "faults::refused::schedules::what_was_renewed_is_counted_although_a_later_page_cannot_be_read";
    let mut child = Command::new(env::current_exe().expect("a program"));
    let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines = said.lines().filter_map(|line| line.find('{').and_then(|at| line.get(at..)));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let renewed: Vec<Value> = lines.map(|line| line["Refreshed"].clone()).filter(Value::is_number).collect();
    assert_eq!(renewed, [2.0], "{said}");
}

/// Has pages of two accounts, of which the second is denied.
async fn renew_the_first_page() {
    let denied = Refused::new(Way::Denied, "dynamodb:Query", ".Query", LACKS);
    let issuer = OddIssuer::start(Manner::Lenient).await;
    let (lab, gate) = gated().await;
    accounts(&lab, &issuer).await;
    let act = denied.act(&lab.settings.stack);
    let mut pages = 0;
    gate.script(move |request| {
        let mut query: Value = serde_json::from_str(&request.text()).unwrap_or_default();
        if !request.operation().ends_with(denied.operation) {
            return None;
        }
        pages += 1;
        query["Limit"] = 2.into();
        Some(if pages == 1 { Act::Instead(query.to_string()) } else { act.clone() })
    });
    let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await;
    assert!(tally.is_err() && issuer.asked() == 2, "{tally:?}");
}

async fn assert_renewed(lab: &Lab, what: &Refused) {
    // A lease that could not be given back has ended by then.
    let tally = lab.token_refresh(ahead::<130>).tick(later(ahead::<130>(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (3, 0), "{what:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_client_secret_is_one_incident_of_its_provider() {
    let issuer = OddIssuer::start(Manner::Lenient).await;
    let (lab, _gate) = gated().await;
    let (provider, ids) = accounts(&lab, &issuer).await;
    assert!(lab.vault.delete_client_secret(&provider.id).await.expect("an answer"));
    let log = Log::now();
    let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await.expect("a tick");
    assert_eq!((tally.refreshed, tally.failed), (0, 3));
    let secret = format!("secret {}/provider/{}", lab.settings.secret_prefix, provider.id);
    let lines = log.since(&secret);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(line["fields"]["message"], "a resource is missing");
    assert_eq!((&line["fields"]["resource"], &line["fields"]["times"]), (&json!(secret), &json!(3)));
    assert!(lab.unauthorised().await.is_empty(), "no owner can mend it");
    assert_eq!(lab.registry.incidents().await.expect("an answer").len(), 1);
    assert_eq!(issuer.asked(), 0);

    lab.secret(&provider.id, "mended").await;
    let tally = lab.token_refresh(ahead::<1800>).tick(later(ahead::<1800>(), 300)).await.expect("a tick");
    assert_eq!(tally.refreshed, ids.len() as u64);
}
