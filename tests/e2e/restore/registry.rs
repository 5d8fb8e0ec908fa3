//! The table is deleted and restored from a backup that is older than the archive and the vault.

use aws_sdk_dynamodb::Client;
use postroom_model::{AccountId, Batch, FaultClass, Mailbox, MailboxId};
use postroom_tests::{Lab, Refreshes, User, clock, invocation, later, message, refreshes, share};
use serde_json::json;
use std::time::Duration;

/// Mailboxes of every kind, each with mail before and after the backup.
struct Deployment {
    lab: Lab,
    users: Vec<(User, MailboxId)>,
    account: AccountId,
    batch: Batch,
}

impl Deployment {
    /// Four mailboxes: mail stays, is deleted, is moved, or comes out of a maildrop; and one that an account
    /// opens, whose token set is as good as over.
    async fn new() -> Self {
        let lab = Lab::new().await;
        let provider = lab.provider(|_| {}).await;
        let account = lab.stale(&provider).await;
        let mut users = Vec::new();
        for kind in ["stays", "deleted", "moved", "maildrop", "emptied", "shared"] {
            let user = User::new(kind);
            let change = |json: &mut serde_json::Value| match kind {
                "deleted" | "emptied" => json["after_fetch"] = json!("delete"),
                "moved" => json["after_fetch"] = json!({"move": "Archived"}),
                "shared" => json["auth"] = json!({"oauth": account}),
                _ => {}
            };
            let mailbox: Mailbox = match kind {
                "maildrop" | "emptied" => user.maildrop(change),
                _ => user.mailbox(change),
            };
            if kind == "moved" {
                user.deliver("Archived", b"Subject: a folder needs a message\r\n\r\n\r\n");
            }
            if kind == "shared" {
                lab.registry.put_mailbox(&mailbox, clock()).await.expect("stored");
            } else {
                lab.add([(mailbox.clone(), user.password())]).await;
            }
            users.push((user, mailbox.id));
        }
        let opener: String = account.to_string();
        share(&users.last().expect("one").0, &User::named(&opener));
        let batch: Batch = serde_json::from_value(json!({
            "id": "1m-0001", "interval": "1m", "mailboxes": users.iter().map(|(_, id)| id).collect::<Vec<_>>(),
        }))
        .expect("a batch");
        lab.registry.put_batch(&batch, clock(), 0.0).await.expect("stored");
        Self { lab, users, account, batch }
    }

    fn deliver(&self, n: u32) {
        for (user, _) in &self.users {
            user.deliver("INBOX", message(user.name(), n).as_bytes());
        }
    }

    /// The batch, worked by a function that has just been started.
    async fn fetch(&self) {
        let body = json!({"batch": {"id": self.batch.id, "due_at": clock().as_second()}}).to_string();
        self.lab.fetch().work_message(&body, &invocation(90)).await.expect("a worked batch");
    }

    /// Every mailbox has so many messages in the archive, each written once.
    async fn assert_archived(&self, count: u32, what: &str) {
        for (user, id) in &self.users {
            let state = self.lab.states(std::slice::from_ref(id)).await.remove(0);
            assert_eq!(state.failure, None, "{what}: {id}");
            let mut expected: Vec<_> = (1..=count).map(|n| message(user.name(), n).into_bytes()).collect();
            expected.sort();
            assert_eq!(self.lab.archived(id).await, expected, "{what}: {id}");
        }
        self.lab.assert_written_once().await;
    }

    fn dynamodb(&self) -> Client {
        Client::new(&self.lab.aws)
    }

    /// The steps 2 to 4 of "The registry" in docs/operations.md, after `damage`.
    async fn lose_and_restore(&self, damage: impl AsyncFnOnce(&Client, &str)) {
        let (dynamodb, table) = (self.dynamodb(), self.lab.settings.table.as_str());
        let backup = dynamodb.create_backup().table_name(table).backup_name("before").send().await;
        let backup = backup.expect("a backup").backup_details.expect("described").backup_arn;
        damage(&dynamodb, table).await;
        dynamodb.delete_table().table_name(table).send().await.expect("deleted");
        while dynamodb.describe_table().table_name(table).send().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let gone = self.lab.registry.ping().await.expect_err("there is no table");
        assert!(gone.to_string().contains(table), "{gone}");
        let restore = dynamodb.restore_table_from_backup().target_table_name(table).backup_arn(backup);
        restore.send().await.expect("restored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_older_than_the_archive_loses_nothing_and_stores_nothing_twice() {
    let deployment = Deployment::new().await;
    deployment.deliver(1);
    deployment.deliver(2);
    deployment.fetch().await;
    deployment.assert_archived(2, "before").await;
    let account = &deployment.account;
    let renewed = refreshes(account.as_str()).await;
    assert_eq!(renewed, Refreshes { granted: 1, refused: 0 });

    deployment
        .lose_and_restore(async |_, _| {
            // After the backup: mail comes and is fetched, another mailbox fails, tokens are renewed once more.
            deployment.deliver(3);
            deployment.fetch().await;
            deployment.assert_archived(3, "after the backup").await;
            let tokens = deployment.lab.tokens(postroom_tests::ahead::<3700>);
            let stale = postroom_tokens::Demand::Stale { refused: None };
            tokens
                .renew(account, stale, later(postroom_tests::ahead::<3700>(), 60))
                .await
                .expect("an outcome");
            assert_eq!(refreshes(account.as_str()).await.granted, 2);
        })
        .await;
    let known = deployment.lab.registry.account_status(account).await.expect("a status");
    let held = deployment.lab.vault.token_set(account).await.expect("an answer").expect("a token set");
    assert!(known.obtained_at < Some(held.obtained_at), "the vault is ahead of the registry");

    deployment.fetch().await;
    deployment.assert_archived(3, "restored").await;
    deployment.deliver(4);
    deployment.fetch().await;
    deployment.assert_archived(4, "and on").await;
    // The next renewal goes on from the vault's set: an old refresh token would have ended the authorization.
    let tokens = deployment.lab.tokens(postroom_tests::ahead::<7500>);
    let stale = postroom_tokens::Demand::Stale { refused: None };
    let until = later(postroom_tests::ahead::<7500>(), 60);
    let outcome = tokens.renew(account, stale, until).await.expect("an outcome");
    assert_eq!(outcome.name(), "refreshed");
    let after = refreshes(account.as_str()).await;
    assert_eq!((after.granted, after.refused), (3, 0));
}

/// What people applied after the backup is not in it: the manifest brings it back, and what that mailbox has
/// in the archive is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_came_after_the_backup_comes_back_by_the_manifest() {
    let deployment = Deployment::new().await;
    let user = User::new("late");
    let mailbox = user.mailbox(|_| {});
    user.deliver("INBOX", message(user.name(), 1).as_bytes());
    let lab = &deployment.lab;
    deployment
        .lose_and_restore(async |_, _| {
            lab.add([(mailbox.clone(), user.password())]).await;
            let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
            assert_eq!((state.failure, state.messages), (None, 1));
        })
        .await;
    assert_eq!(lab.registry.mailbox(&mailbox.id).await.expect("an answer"), None);
    lab.add([(mailbox.clone(), user.password())]).await;
    user.deliver("INBOX", message(user.name(), 2).as_bytes());
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert_eq!(state.failure.map(|failure| failure.fault.class), None::<FaultClass>);
    let mut expected: Vec<_> = (1..=2).map(|n| message(user.name(), n).into_bytes()).collect();
    expected.sort();
    assert_eq!(lab.archived(&mailbox.id).await, expected);
    lab.assert_written_once().await;
}
