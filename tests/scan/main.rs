//! No secret is anywhere but in the vault.
//!
//! Runs after the end-to-end tests and knows every secret that they or the functions put into the
//! vault, each version of it: passwords, client secrets and keys, access tokens and refresh tokens;
//! and an authorization code. It looks for them in the functions' logs, metrics among them, in every
//! table, queue, event and mail, in transcripts and the indexes of messages, in what objects are called, in the
//! functions' settings, and in what the code under test logged in the test processes.

mod places;
mod secrets;

use aho_corasick::AhoCorasick;
use places::Place;
use postroom_tests::{Lab, clock, control, environment, http, later, own_log};
use postroom_tokens::Demand;
use secrets::Secret;
use std::collections::BTreeSet;

/// An account whose tokens are renewed now, so that there is something to find: its name must be where
/// its tokens must not.
async fn renewed() -> String {
    let lab = Lab::new().await;
    let provider = lab.provider(|_| {}).await;
    let id = lab.stale(&provider).await;
    control("POST", &format!("fail?user={id}&count=1&body=large")).await;
    for ahead in [lab.tokens(clock), lab.tokens(postroom_tests::ahead::<1000>)] {
        let until = later(clock(), 10_000);
        ahead.renew(&id, Demand::Due, until).await.expect("an outcome");
    }
    id.to_string()
}

/// An authorization code and a state, sent to the deployed console as a browser does.
async fn called_back() -> [Secret; 2] {
    let [code, state] = ["code", "state"].map(|name| Secret {
        name: format!("an authorization {name}"),
        text: format!("{name}-{:032x}", fastrand::u128(..)),
    });
    let console = environment("POSTROOM_TEST_CONSOLE_URL");
    let address = format!("{console}/callback?code={}&state={}", code.text, state.text);
    let (status, page) = http("GET", &address, "", "").await;
    assert!((200..500).contains(&status), "{status}");
    assert!(!page.contains(&code.text) && !page.contains(&state.text), "a page repeats them");
    [code, state]
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how much was looked at is worth a line")]
async fn no_secret_is_anywhere_but_in_the_vault() {
    let marker = renewed().await;
    let mut secrets = called_back().await.to_vec();
    secrets.extend(secrets::in_vault().await);
    let places = places::all().await;
    let bytes: usize = places.iter().map(|place| place.text.len()).sum();
    println!("{} secrets are looked for in {} places, {bytes} bytes", secrets.len(), places.len());

    let with_marker =
        |kind: &str| places.iter().any(|place| place.name.starts_with(kind) && place.text.contains(&marker));
    assert!(with_marker("table ") && with_marker("the tests' own log"), "the places are read");
    let events = places.iter().filter(|place| place.name.ends_with("heard-events"));
    assert!(events.map(|place| place.text.len()).sum::<usize>() > 0, "events are among the places");
    for kind in ["object transcripts/", "object index/", "the keys of "] {
        assert!(places.iter().any(|place| place.name.starts_with(kind)), "{kind} is among the places");
    }
    for function in ["console", "dispatch", "token-refresh"] {
        let logs = |place: &&Place| place.name.starts_with("log ") && place.name.ends_with(function);
        assert!(places.iter().filter(logs).any(|log| !log.text.is_empty()), "{function} has logged");
    }
    let token = |secret: &Secret| secret.name.contains("refresh_token");
    assert!(secrets.iter().any(token), "tokens are among the secrets");

    let found = hits(&places, &secrets);
    assert!(found.is_empty(), "secrets and where they are: {found:#?}");
    std::fs::remove_file(own_log()).expect("the next tests begin a new log");
}

/// The names of the secrets that are in places, and of the places; never the secrets.
fn hits<'a>(places: &'a [Place], secrets: &'a [Secret]) -> BTreeSet<(&'a str, &'a str)> {
    // There are thousands of secrets and dozens of megabytes.
    let all = AhoCorasick::new(secrets.iter().map(|secret| &secret.text)).expect("an automaton");
    let hits =
        places.iter().flat_map(|place| all.find_overlapping_iter(&place.text).map(move |hit| (hit, place)));
    hits.map(|(hit, place)| (secrets[hit.pattern().as_usize()].name.as_str(), place.name.as_str())).collect()
}

#[test]
fn a_secret_is_found_and_not_repeated() {
    let places = ["s3cret-s3cret", "nothing"].map(|text| Place {
        name: format!("log of {}", text.len()),
        text: format!("{{\"token\":\"{text}\"}}"),
    });
    let secret = |text: &str| Secret { name: "a token".to_owned(), text: text.to_owned() };
    let secrets = [secret("another-one"), secret("s3cret-s3cret")];
    assert_eq!(hits(&places, &secrets), BTreeSet::from([("a token", "log of 13")]));
}
