//! A token set takes the place only of the one that its writer has seen.

use crate::support::{Fixture, client, id, tokens};
use postroom_model::{AccountId, TokenSet};
use postroom_vault::{Error, Replaced, Vault, Version};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A request token for each number.
fn token(n: u32) -> String {
    format!("{n:064}")
}

impl Fixture {
    async fn replace(&self, seen: Option<&Version>, new: &TokenSet, n: u32) -> Replaced {
        self.vault.replace_token_set(&id("ann"), seen, new, &token(n)).await.expect("answers")
    }

    async fn current(&self) -> Option<(Version, String)> {
        let current = self.vault.token_set_version(&id("ann")).await.expect("reads");
        current.map(|(version, tokens)| (version, tokens.access_token.expose_secret().to_owned()))
    }

    async fn seen(&self) -> (Version, String) {
        self.current().await.expect("a token set")
    }

    /// The access token in a stage's value.
    async fn staged(&self, stage: &str) -> Option<String> {
        let value = self.raw("account/ann", stage).await?;
        let value: serde_json::Value = serde_json::from_str(&value).expect("JSON");
        Some(value["access_token"].as_str().expect("text").to_owned())
    }
}

#[tokio::test]
async fn a_token_set_takes_the_place_of_the_one_that_was_seen() {
    let fixture = Fixture::new();
    assert!(fixture.current().await.is_none());
    assert_eq!(fixture.replace(None, &tokens("one"), 1).await, Replaced::Done);
    let (first, access) = fixture.seen().await;
    assert_eq!(access, "one");
    assert_eq!(fixture.replace(Some(&first), &tokens("two"), 2).await, Replaced::Done);
    let (second, access) = fixture.seen().await;
    assert_eq!((access.as_str(), second == first), ("two", false));
    assert_eq!(fixture.staged("AWSPREVIOUS").await.as_deref(), Some("one"));

    assert_eq!(fixture.replace(Some(&second), &tokens("three"), 3).await, Replaced::Done);
    assert_eq!(fixture.staged("AWSPREVIOUS").await.as_deref(), Some("two"));
    let whole = fixture.vault.token_set(&id("ann")).await.expect("reads").expect("is there");
    assert_eq!(whole.expires_at, tokens("three").expires_at);
}

#[tokio::test]
async fn an_administrators_edit_in_between_stays_and_nothing_is_lost() {
    let fixture = Fixture::new();
    fixture.replace(None, &tokens("old"), 1).await;
    let (seen, _) = fixture.seen().await;
    let edit = r#"{"access_token":"edited","refresh_token":"by hand","obtained_at":1500}"#;
    fixture.edit("account/ann", edit).await;

    assert_eq!(fixture.replace(Some(&seen), &tokens("issued"), 2).await, Replaced::ChangedUnderneath);
    assert_eq!(fixture.raw("account/ann", "AWSCURRENT").await.as_deref(), Some(edit), "the edit stays");
    assert_eq!(fixture.staged("AWSPENDING").await.as_deref(), Some("issued"), "what was issued is kept");
    assert_eq!(fixture.staged("AWSPREVIOUS").await.as_deref(), Some("old"));
    assert_eq!(fixture.replace(Some(&seen), &tokens("issued"), 2).await, Replaced::ChangedUnderneath);
    assert_eq!(fixture.replace(None, &tokens("issued"), 2).await, Replaced::ChangedUnderneath);
    assert_eq!(fixture.seen().await.1, "edited");

    // Who has seen the edit may replace it.
    let (edited, _) = fixture.seen().await;
    assert_eq!(fixture.replace(Some(&edited), &tokens("newer"), 3).await, Replaced::Done);
    assert_eq!(fixture.staged("AWSPREVIOUS").await.as_deref(), Some("edited"));
}

#[tokio::test]
async fn doing_it_again_does_it_once() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        assert_eq!(fixture.replace(None, &tokens("one"), 1).await, Replaced::Done);
    }
    let (first, _) = fixture.seen().await;
    for _ in 0..3 {
        assert_eq!(fixture.replace(Some(&first), &tokens("two"), 2).await, Replaced::Done);
    }
    assert_eq!(fixture.seen().await.1, "two");
    assert_eq!(fixture.staged("AWSPREVIOUS").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn what_a_crash_left_half_done_is_finished_by_the_next_attempt() {
    let fixture = Fixture::new();
    fixture.replace(None, &tokens("one"), 1).await;
    let (seen, _) = fixture.seen().await;
    // The value was put beside the current one; then the process was killed.
    let name = format!("{}/account/ann", fixture.prefix);
    let value =
        r#"{"v":1,"access_token":"two","refresh_token":"r-two","expires_at":1060,"obtained_at":1000}"#;
    let put = fixture.client.put_secret_value().secret_id(name).client_request_token(token(2));
    put.version_stages("AWSPENDING").secret_string(value).send().await.expect("puts");
    assert_eq!(fixture.seen().await.1, "one");
    assert_eq!(fixture.replace(Some(&seen), &tokens("two"), 2).await, Replaced::Done);
    assert_eq!(fixture.raw("account/ann", "AWSCURRENT").await.as_deref(), Some(value));
}

#[tokio::test]
async fn one_of_ten_who_saw_the_same_replaces_it() {
    let fixture = Fixture::new();
    fixture.replace(None, &tokens("old"), 100).await;
    let (seen, _) = fixture.seen().await;
    for seen in [Some(seen), None] {
        let writers = (0..10).map(|n| {
            let (vault, seen) = (fixture.vault.clone(), seen.clone());
            tokio::spawn(async move {
                let (name, new): (AccountId, _) = (id("ann"), tokens(&format!("new-{n}")));
                vault.replace_token_set(&name, seen.as_ref(), &new, &token(n)).await.expect("answers")
            })
        });
        let mut done = Vec::new();
        for (n, writer) in writers.collect::<Vec<_>>().into_iter().enumerate() {
            if writer.await.expect("runs") == Replaced::Done {
                done.push(format!("new-{n}"));
            }
        }
        assert_eq!(done, [fixture.seen().await.1], "who was told so, and nobody else");
        // The second round finds nothing there at all.
        let name = format!("{}/account/ann", fixture.prefix);
        let gone = fixture.client.delete_secret().secret_id(name).force_delete_without_recovery(true);
        gone.send().await.expect("deletes");
    }
}

#[tokio::test]
async fn a_deleted_token_set_counts_as_none_and_comes_back_as_the_one_before() {
    let fixture = Fixture::new();
    fixture.replace(None, &tokens("revoked"), 1).await;
    let (seen, _) = fixture.seen().await;
    assert!(fixture.vault.delete_token_set(&id("ann")).await.expect("deletes"));
    assert!(fixture.current().await.is_none());
    assert_eq!(fixture.replace(Some(&seen), &tokens("late"), 2).await, Replaced::ChangedUnderneath);
    assert!(fixture.current().await.is_none(), "a late writer brings nothing back");

    assert_eq!(fixture.replace(None, &tokens("consented"), 3).await, Replaced::Done);
    assert_eq!(fixture.seen().await.1, "consented");
    assert_eq!(fixture.staged("AWSPREVIOUS").await.as_deref(), Some("revoked"));
    let gone = fixture.vault.replace_token_set(&id("nobody"), Some(&seen), &tokens("x"), &token(9)).await;
    assert_eq!(gone.expect("answers"), Replaced::ChangedUnderneath);
}

#[tokio::test]
async fn what_is_there_and_cannot_be_read_is_replaced_and_stays_as_the_one_before() {
    let fixture = Fixture::new();
    fixture.put_raw("account/ann", "oops").await;
    assert_eq!(fixture.replace(None, &tokens("one"), 1).await, Replaced::Done);
    assert_eq!(fixture.seen().await.1, "one");
    assert_eq!(fixture.raw("account/ann", "AWSPREVIOUS").await.as_deref(), Some("oops"));

    let other = Fixture::new();
    other.put_raw("account/ann", r#"{"v":9,"access_token":"later"}"#).await;
    assert_eq!(
        other.replace(None, &tokens("one"), 1).await,
        Replaced::ChangedUnderneath,
        "a later release's"
    );

    let empty = Fixture::new();
    empty.client.create_secret().name(format!("{}/account/ann", empty.prefix)).send().await.expect("creates");
    assert_eq!(empty.replace(None, &tokens("one"), 1).await, Replaced::Done, "a secret without a value");
    assert_eq!(empty.seen().await.1, "one");
}

/// An endpoint that gives these answers, one for each connection, and then the actions it was asked for.
async fn scripted(answers: Vec<(u16, &'static str)>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("http://{}", listener.local_addr().expect("address"));
    let served = tokio::spawn(async move {
        let mut actions = Vec::new();
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let mut request = Vec::new();
            let head = loop {
                let mut some = [0; 4096];
                let read = stream.read(&mut some).await.expect("reads");
                assert_ne!(read, 0, "the request ends early");
                request.extend_from_slice(&some[..read]);
                let text = String::from_utf8_lossy(&request).to_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
                if length == Some(body.len()) {
                    break head.to_owned();
                }
            };
            let target = head.lines().find_map(|l| l.strip_prefix("x-amz-target: secretsmanager."));
            actions.push(target.expect("an action").to_owned());
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all((head + answer).as_bytes()).await.expect("writes");
        }
        actions
    });
    (endpoint, served)
}

const OLD: &str = r#"{"VersionId":"seen","SecretString":"{\"access_token\":\"old\",\"obtained_at\":1}"}"#;

#[tokio::test]
async fn a_request_token_with_another_value_is_an_error_that_says_so() {
    // AWS refuses it; the local AWS API takes it.
    let exists = r#"{"__type":"ResourceExistsException","Message":"another value"}"#;
    let (endpoint, served) = scripted(vec![(200, OLD), (200, OLD), (400, exists)]).await;
    let vault = Vault::new(client(&endpoint), "p");
    let (seen, _) = vault.token_set_version(&id("ann")).await.expect("reads").expect("is there");
    let error = vault.replace_token_set(&id("ann"), Some(&seen), &tokens("new"), &token(1)).await;
    let error = error.expect_err("refused");
    assert!(matches!(error, Error::TokenReused { .. }) && !error.is_transient());
    assert_eq!(served.await.expect("serves")[1..], ["getsecretvalue", "putsecretvalue"]);
}

#[tokio::test]
async fn an_answer_that_was_lost_after_the_swap_is_found_out() {
    let moved =
        r#"{"__type":"InvalidParameterException","Message":"AWSCURRENT is attached to another version"}"#;
    let ours = r#"{"VersionId":"0000000000000000000000000000000000000000000000000000000000000001","SecretString":"{}"}"#;
    let theirs = r#"{"VersionId":"edited","SecretString":"{}"}"#;
    for (current, replaced) in
        [(ours, Some(Replaced::Done)), (theirs, Some(Replaced::ChangedUnderneath)), (OLD, None)]
    {
        let answers = vec![(200, OLD), (200, OLD), (200, "{}"), (400, moved), (200, current)];
        let (endpoint, served) = scripted(answers).await;
        let vault = Vault::new(client(&endpoint), "p");
        let (seen, _) = vault.token_set_version(&id("ann")).await.expect("reads").expect("is there");
        let answer = vault.replace_token_set(&id("ann"), Some(&seen), &tokens("new"), &token(1)).await;
        match (answer, replaced) {
            (Ok(answer), Some(replaced)) => assert_eq!(answer, replaced),
            // What was seen is still there: whatever was refused, it was for another reason.
            (Err(error), None) => assert!(error.to_string().contains("UpdateSecretVersionStage"), "{error}"),
            (answer, replaced) => panic!("{answer:?} instead of {replaced:?}"),
        }
        let wanted = ["getsecretvalue", "putsecretvalue", "updatesecretversionstage", "getsecretvalue"];
        assert_eq!(served.await.expect("serves")[1..], wanted);
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_transient_and_nothing_is_current_that_is_not_whole() {
    let away = r#"{"__type":"InternalServiceError","Message":"away"}"#;
    for answers in [
        vec![(200, OLD), (500, away)],
        vec![(200, OLD), (200, OLD), (500, away)],
        vec![(200, OLD), (200, OLD), (200, "{}"), (500, away)],
    ] {
        let (endpoint, _served) = scripted(answers).await;
        let vault = Vault::new(client(&endpoint), "p");
        let (seen, _) = vault.token_set_version(&id("ann")).await.expect("reads").expect("is there");
        let error = vault.replace_token_set(&id("ann"), Some(&seen), &tokens("s3cret"), &token(1)).await;
        let error = error.expect_err("away");
        assert!(error.is_transient() && !format!("{error:?}").contains("s3cret"), "{error}");
    }
}
