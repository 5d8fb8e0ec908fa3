//! `dispatch` and `token-refresh` without something: what was due stays due.

use super::{LACKS, Log, Refused, Way, gated};
use dispatch::{Dispatch, Settings};
use postroom_model::{Account, AccountId, Batch, Provider, TokenSet};
use postroom_tests::{Lab, Manner, OddIssuer, ahead, clock, later};
use serde_json::json;

async fn batches(lab: &Lab) {
    for n in 1..=3 {
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
        batches(&lab).await;
        let settings = Settings {
            table: lab.settings.table.clone(),
            queue_url: lab.settings.queue_url.clone(),
            stack: lab.settings.stack.clone(),
        };
        let dispatch = Dispatch::new(settings, &lab.aws);
        refused.at(&gate, &lab);
        let log = Log::now();
        let tick = dispatch.tick(clock(), ahead::<60>()).await;
        assert_eq!(tick.is_err(), refused.operation == ".Query", "{refused:?}: {tick:?}");
        assert_eq!(tick.map_or(0, |tick| tick.sent), 0, "{refused:?}");
        refused.assert_told_once("dispatch", &lab, &log);
        gate.open();
        let tick = dispatch.tick(clock(), ahead::<60>()).await.expect("a tick");
        assert_eq!((tick.sent, tick.failed, tick.returned), (3, 0, 0), "{refused:?}: at the very next tick");
    }
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
        let (_, ids) = accounts(&lab, &issuer).await;
        refused.at(&gate, &lab);
        let log = Log::now();
        let tally = lab.token_refresh(clock).tick(later(clock(), 300)).await;
        assert_eq!(tally.is_err(), refused.operation == ".Query", "{refused:?}: {tally:?}");
        assert_eq!(tally.map_or(0, |tally| tally.refreshed), 0, "{refused:?}");
        refused.assert_told_once("token-refresh", &lab, &log);
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
