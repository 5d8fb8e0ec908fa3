//! Tokens: what renewing them costs, and reading them in a process that does not know them.

use super::{Metered, assert_reckoned, batch, ids, mailbox};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{Account, AccountId, Provider, TokenSet};
use postroom_oauth::HttpSettings;
use postroom_tests::{Counted, Lab, Manner, OddIssuer, OddServer, Quirk, clock, later};
use serde_json::json;
use std::time::Duration;
use token_refresh::{Settings, TokenRefresh};

/// Accounts that the mailboxes of a batch share.
const ACCOUNTS: usize = 10;

/// A token set as large as Microsoft's, whose access token ends an hour after it was obtained, and its refresh token
/// so many hours after.
pub(super) fn token_set(obtained_at: Timestamp, refresh_hours: i64) -> TokenSet {
    let answer = json!({
        "access_token": "a".repeat(2_000), "token_type": "Bearer", "refresh_token": "r".repeat(1_200),
        "expires_in": 3600, "refresh_token_expires_in": refresh_hours * 3600, "scope": "mail",
    });
    TokenSet::from_response(&answer.to_string(), obtained_at).expect("a token set")
}

/// An account that was authorised at a moment.
async fn account(lab: &Lab, provider: &Provider, id: &str, obtained_at: Timestamp) -> AccountId {
    let account = json!({
        "id": id, "provider": provider.id, "grant": "authorization_code", "login": format!("{id}@contoso.example"),
        "owners": ["site.management@contoso.example"],
    });
    let account: Account = serde_json::from_value(account).expect("an account");
    lab.registry.put_account(&account, clock()).await.expect("a stored account");
    lab.keep(&account.id, provider, &token_set(obtained_at, 24 * 90)).await;
    account.id
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_read_once_in_a_process_and_renewed_in_few_calls() {
    let (issuer, server) =
        (OddIssuer::start(Manner::Lenient).await, OddServer::start(vec![], Quirk::None).await);
    let metered = Metered::new().await;
    let lab = &metered.lab;
    let provider = lab.provider(|json| json["endpoints"] = issuer.endpoints()).await;
    for n in 0..ACCOUNTS {
        account(lab, &provider, &format!("site-management-{n:02}"), clock()).await;
    }
    for (at, id) in ids().enumerate() {
        let account = format!("site-management-{:02}", at % ACCOUNTS);
        let mailbox = mailbox(&id, server.port(), |json| json["auth"] = json!({"oauth": account}));
        lab.registry.put_mailbox(&mailbox, clock()).await.expect("a stored mailbox");
    }
    let batch = batch(lab, "5m-0001", ids()).await;
    metered.poll(&metered.fetch(), &batch).await;
    let fetch = metered.fetch();
    let unknown = metered.poll(&fetch, &batch).await;
    let known = metered.poll(&fetch, &batch).await;
    assert_reckoned(&[("poll_tokens", unknown), ("poll_empty", known)]);
    for id in ids() {
        let mailbox =
            mailbox(&id, server.port(), |json| json["auth"] = json!({"oauth": "site-management-00"}));
        lab.registry.put_mailbox(&mailbox, clock()).await.expect("a stored mailbox");
    }
    // What has changed is read at full price, once.
    metered.poll(&fetch, &batch).await;
    assert_reckoned(&[("poll_token", metered.poll(&metered.fetch(), &batch).await)]);

    let fetch::Settings { table, secret_prefix, token_key, stack, lead, .. } = lab.settings.clone();
    let timeout = Duration::from_secs(10);
    let http = HttpSettings { extra_ca_pem: None, allow_local: true, plaintext_hosts: Vec::new(), timeout };
    let settings = Settings { table, secret_prefix, token_key, stack, http, lead };
    let refresh = TokenRefresh::new(settings, &metered.aws, clock).expect("usable settings");
    let tick = async |due: u64| -> Counted {
        metered.meter.counted();
        let tally = refresh.tick(later(clock(), 300)).await.expect("a tick");
        assert_eq!((tally.refreshed, tally.failed), (due, 0));
        metered.meter.counted()
    };
    // The process has asked for the provider's secret before.
    let soon = clock().checked_sub(SignedDuration::from_mins(50)).expect("in range");
    account(lab, &provider, "site-management-20", soon).await;
    tick(1).await;
    let idle = tick(0).await;
    account(lab, &provider, "site-management-21", soon).await;
    let one = tick(1).await;
    assert_reckoned(&[("refresh_idle", idle), ("refresh_one", one)]);
}
