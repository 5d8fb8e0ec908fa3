//! No secret and nobody's address is in what machines and logs are told.

use super::{
    Watch,
    address::sample,
    at,
    cast::{MONTH, five},
    days, hours, later, provider, schema,
    ses::goes_to,
};
use jiff::Timestamp;
use postroom_model::{Fault, FaultClass};
use postroom_tests::{Act, Call, Gate, answer, clock, own_log, run_at};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn events_and_log_lines_name_nobody_and_hold_no_secret() {
    let began = clock();
    let lab = five().await;
    let month = at(MONTH);
    let contoso =
        provider(&lab, "fabrikam", month, |json| json["client_auth_expires"] = "2027-03-05".into()).await;
    let fault = Fault::new(FaultClass::AppRegistration, format!("{} is unknown", lab.person("anna")));
    let id = "shared".parse().expect("an id");
    lab.registry.open_incident(&contoso.id, &id, &fault, month).await.expect("recorded");
    let gate = Gate::start().await;
    let refused = json!({"__type": "MessageRejected", "message": format!(
        "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: {}",
        lab.person("carla")
    )});
    let (carla, dora) = (lab.person("carla"), lab.person("dora"));
    gate.script(move |request| match () {
        () if !Call::MAIL.is(request) => None,
        () if goes_to(request, &carla) => Some(Act::RefuseWith(400, refused.to_string())),
        () if goes_to(request, &dora) => Some(Act::Refuse(500, "InternalServiceErrorException")),
        () => None,
    });
    let mut watch = Watch::of(&lab, lab.checker_behind(&gate).await);
    watch.run(month).await;
    for address in [lab.person("bernd"), lab.operators()] {
        answer(&watch.check, sample("bounce", &address, later(month, 60))).await.expect("heard");
    }
    run_at(&watch.check, hours(month, 1)).await;
    gate.open();
    run_at(&watch.check, days(month, 32)).await;

    let events = lab.events().await;
    let kinds: BTreeSet<_> =
        events.iter().map(|event| event["detail"]["subject"]["kind"].to_string()).collect();
    assert_eq!(kinds, ["account", "address", "incident", "provider"].map(|kind| format!("{kind:?}")).into());
    let domain = format!("{}.test", lab.settings.stack);
    let mut secrets = vec![lab.vault.link_key().await.expect("an answer").expect("a key")];
    for name in ["own-anna", "shared"] {
        let tokens = lab.vault.token_set(&name.parse().expect("an id")).await.expect("an answer");
        let tokens = tokens.expect("a token set");
        secrets.extend([tokens.access_token.clone(), tokens.refresh_token.expect("a refresh token")]);
    }
    let links: Vec<String> =
        lab.mails().await.iter().flat_map(|mail| tokens_of_links(&mail.body_text)).collect();
    assert!(links.len() > 10, "{}", links.len());
    for event in &events {
        schema::assert_valid(event);
        let text = event.to_string();
        assert!(!text.contains('@') && !text.contains(&domain), "an address: {text}");
        assert!(!text.contains("unknown") && !text.contains("/link/"), "a server's words, or a link: {text}");
    }
    let log = std::fs::read_to_string(own_log()).expect("a log");
    // Of this test, and of those beside it.
    let log: String =
        log.lines().filter(|line| is_since(line, began)).fold(String::new(), |log, line| log + line + "\n");
    let ours = log.lines().filter(|line| line.contains("\"target\":\"expiry_check"));
    let levels = ["INFO", "WARN", "ERROR"].map(|level| format!("\"level\":\"{level}\""));
    let mut seen = 0;
    for line in ours.filter(|line| levels.iter().any(|level| line.contains(level))) {
        seen += 1;
        assert!(!line.contains('@') && !line.contains(".test\""), "an address: {line}");
    }
    assert!(seen > 3, "{seen} lines");
    let told: Vec<String> = events.iter().map(Value::to_string).chain([log]).collect();
    for text in &told {
        assert!(!secrets.iter().any(|secret| text.contains(secret.expose_secret())), "a secret");
        assert!(!links.iter().any(|link| text.contains(link)), "a link");
    }
}

/// Whether a log line was written after a moment.
fn is_since(line: &str, moment: Timestamp) -> bool {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    let written = line["timestamp"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    written.is_some_and(|at| at >= moment)
}

/// The last parts of the personal links in a text.
fn tokens_of_links(text: &str) -> Vec<String> {
    let part = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
    };
    text.split("/link/").skip(1).map(part).collect()
}
