//! Ticks of the schedule: what they cost when nothing is due, and what each that is due adds.

use super::{Metered, assert_reckoned, batch, ids};
use dispatch::{Dispatch, Settings};
use expiry_check::ExpiryCheck;
use jiff::SignedDuration;
use postroom_tests::{Counted, Lab, ahead, clock, run_at};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_of_dispatch_costs_what_is_due() {
    let metered = Metered::new().await;
    let Lab { settings, .. } = &metered.lab;
    let (table, queue_url, stack) =
        (settings.table.clone(), settings.queue_url.clone(), settings.stack.clone());
    let dispatch = Dispatch::new(Settings { table, queue_url, stack }, &metered.aws);
    let tick = async |due: usize| -> Counted {
        metered.meter.counted();
        let tick = dispatch.tick(clock(), ahead::<60>()).await.expect("a tick");
        assert_eq!(tick.sent, due);
        metered.meter.counted()
    };
    let idle = tick(0).await;
    batch(&metered.lab, "5m-0001", ids()).await;
    let one = tick(1).await;
    for n in 2..22 {
        batch(&metered.lab, &format!("5m-{n:04}"), ids()).await;
    }
    let twenty = tick(20).await;
    assert_reckoned(&[("tick_idle", idle), ("tick_one", one), ("tick_twenty", twenty)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_expiry_check_costs_what_is_due() {
    let metered = Metered::new().await;
    let lab = &metered.lab;
    lab.open_post().await;
    lab.make_link_key().await;
    let deployment = lab.deployment();
    let settings = expiry_check::Settings::from_env(|name| deployment.get(name).cloned());
    let check = ExpiryCheck::new(settings.expect("usable settings"), &metered.aws, clock);
    let run = async |subjects: u64, mails: u64| -> Counted {
        metered.meter.counted();
        let tally = run_at(&check, clock()).await;
        assert_eq!((&tally["due"], &tally["mails"]), (&json!(subjects), &json!(mails)), "{tally}");
        metered.meter.counted()
    };
    run(0, 0).await;
    let idle = run(0, 0).await;

    // Its owner is told that its authorization ends in twenty days.
    let provider = json!({
        "id": "contoso", "preset": "custom", "endpoints": {"issuer": "https://sso.test/"}, "client_id": "postroom",
        "client_auth": "secret", "scopes": ["mail"],
    });
    let provider = serde_json::from_value(provider).expect("a provider");
    lab.registry.put_provider(&provider, clock()).await.expect("a stored provider");
    let account = json!({
        "id": "projects", "provider": "contoso", "grant": "authorization_code", "owners": [lab.person("ann")],
    });
    let account = serde_json::from_value(account).expect("an account");
    lab.registry.put_account(&account, clock()).await.expect("a stored account");
    let obtained_at = clock().checked_sub(SignedDuration::from_hours(24 * 60)).expect("in range");
    let tokens = super::tokens::token_set(obtained_at, 24 * 80);
    lab.keep(&account.id, &provider, &tokens).await;
    let one = run(1, 1).await;
    let again = run(0, 0).await;
    assert_eq!(again, idle, "nobody is told a second time");
    assert_reckoned(&[("expiry_idle", idle), ("expiry_one", one)]);
}
