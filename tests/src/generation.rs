//! What a release left behind: the folders of `tests/upgrade`, laid into a lab.

use crate::{Lab, User, environment, token_set};
use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use postroom_test_table::{of_item, to_item};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tokio::sync::{Mutex, MutexGuard};

/// The UIDVALIDITY that each mailbox had when its cursor was written.
pub const UID_VALIDITY: u32 = 0x6553_1001;

/// The folders of all generations.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrade")
}

/// What one release left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// The folder's name.
    pub name: String,
    /// The registry's items as DynamoDB's JSON, in the order of their keys.
    pub items: Vec<Map<String, Value>>,
    /// The secrets below the deployment's prefix. They are made up.
    pub secrets: BTreeMap<String, String>,
    /// The archive's objects.
    pub objects: BTreeMap<String, String>,
}

/// All generations, the earliest first.
///
/// # Panics
/// When one cannot be read.
pub fn generations() -> Vec<Generation> {
    let entries = fs::read_dir(root()).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().map(|folder| Generation::read(folder)).collect()
}

/// The message with a number in a user's INBOX: the first two are in the archive of every generation.
pub fn message(user: &str, n: u32) -> String {
    let (date, id) = ("Tue, 2 Jan 2024 10:00:00 +0000", format!("{user}-{n}@upgrade.test"));
    format!("Date: {date}\r\nSubject: upgrade {n}\r\nMessage-ID: <{id}>\r\n\r\nmessage {n}\r\n")
}

impl Generation {
    fn read(folder: &Path) -> Self {
        fn json<T: serde::de::DeserializeOwned>(path: PathBuf) -> T {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        }
        Self {
            name: folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned(),
            items: json(folder.join("items.json")),
            secrets: json(folder.join("secrets.json")),
            objects: json(folder.join("objects.json")),
        }
    }

    /// Writes it into a folder of its own.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self) {
        let folder = root().join(&self.name);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, value) in [
            ("items.json", json!(self.items)),
            ("secrets.json", json!(self.secrets)),
            ("objects.json", json!(self.objects)),
        ] {
            let text = serde_json::to_string_pretty(&value).expect("JSON") + "\n";
            fs::write(folder.join(name), text).expect("written");
        }
    }

    /// What a lab holds, as the generation of this name. What is made up anew each time, a number that the
    /// set of a maildrop's known ids has by chance, is 0.
    ///
    /// # Panics
    /// When the lab cannot be read.
    pub async fn of_lab(name: &str, lab: &Lab) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
        let table = dynamodb.scan().table_name(&lab.settings.table).send().await.expect("items");
        let mut items: Vec<Map<String, Value>> =
            table.items().iter().map(|item| fixed(of_item(item))).collect();
        items.sort_by_key(|item| (item["pk"].to_string(), item["sk"].to_string()));
        let vault = aws_sdk_secretsmanager::Client::new(&lab.aws);
        let prefix = format!("{}/", lab.settings.secret_prefix);
        let mut secrets = BTreeMap::new();
        let mut pages = vault.list_secrets().into_paginator().send();
        while let Some(page) = pages.next().await {
            let names = page.expect("a page").secret_list.unwrap_or_default().into_iter();
            for name in names.filter_map(|secret| secret.name) {
                let Some(own) = name.strip_prefix(&prefix) else { continue };
                let value = vault.get_secret_value().secret_id(&name).send().await.expect("a value");
                secrets.insert(own.to_owned(), value.secret_string.expect("a text"));
            }
        }
        let mut objects = BTreeMap::new();
        for key in lab.keys_below("").await {
            let text = String::from_utf8(lab.object(&key).await).expect("text");
            objects.insert(key, text);
        }
        Self { name: name.to_owned(), items, secrets, objects }
    }

    /// Lays it into an empty lab, whose servers take the place of those that it names. The account `ann`
    /// gets a refresh token that works; its access token has ended long ago.
    ///
    /// # Panics
    /// When the local AWS API does not take it.
    pub async fn lay_into(&self, lab: &Lab) {
        let dynamodb = aws_sdk_dynamodb::Client::new(&lab.aws);
        for item in &self.items {
            let item = item.iter().map(|(name, value)| (name.clone(), here(name, value))).collect();
            let put = dynamodb.put_item().table_name(&lab.settings.table).set_item(Some(to_item(&item)));
            put.send().await.expect("an item");
        }
        let token = token_set(&self.user("site")).await;
        let token: Value = serde_json::from_str(&token).expect("JSON");
        let live = token["refresh_token"].as_str().expect("a refresh token");
        let client_secret = environment("POSTROOM_TEST_CLIENT_SECRET");
        let vault = aws_sdk_secretsmanager::Client::new(&lab.aws);
        for (name, text) in &self.secrets {
            let text = match name.as_str() {
                "account/ann" => text.replace("made-up-refresh-token", live),
                "provider/sso" => text.replace("made-up-client-secret", &client_secret),
                _ => text.clone(),
            };
            let name = format!("{}/{name}", lab.settings.secret_prefix);
            vault.create_secret().name(name).secret_string(text).send().await.expect("a secret");
        }
        for (key, text) in &self.objects {
            let put = lab.s3.put_object().bucket(&lab.bucket).key(key);
            let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256);
            put.body(ByteStream::from(text.clone().into_bytes())).send().await.expect("an object");
        }
    }

    /// Lays it into an empty lab, with the mail server as it was: what was fetched, and one message more in
    /// each mailbox. The users at the mail server have fixed names, so that this is one test's at a time: as
    /// long as it holds what is returned besides them.
    ///
    /// # Panics
    /// As [`Generation::lay_into`], and when doveadm refuses.
    pub async fn lay_into_with_mail(&self, lab: &Lab) -> (Vec<User>, MutexGuard<'static, ()>) {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
        let guard = ONE_AT_A_TIME.lock().await;
        self.lay_into(lab).await;
        let mut users = Vec::new();
        for mailbox in self.fetched() {
            let user = User::anew(&self.user(mailbox), UID_VALIDITY);
            for n in 1..=3 {
                user.deliver("INBOX", message(user.name(), n).as_bytes());
            }
            users.push(user);
        }
        (users, guard)
    }

    /// A mailbox's user at the mail server.
    ///
    /// # Panics
    /// When there is no such mailbox.
    pub fn user(&self, mailbox: &str) -> String {
        let found = self
            .items
            .iter()
            .find(|item| item["pk"]["S"] == format!("MAILBOX#{mailbox}") && item["sk"]["S"] == "CONFIG");
        found.and_then(|item| item["user"]["S"].as_str()).expect("a mailbox").to_owned()
    }

    /// The mailboxes that have mail in the archive.
    pub fn fetched(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.objects.keys().filter_map(|key| key.split('/').nth(1)).collect();
        names.dedup();
        names
    }

    /// Its number: 1 for the earliest.
    ///
    /// # Panics
    /// When the folder's name does not begin with one.
    pub fn number(&self) -> u32 {
        self.name.split('-').next().and_then(|number| number.parse().ok()).expect("a number")
    }
}

/// A value with this machine's servers in place of those that are named.
fn here(name: &str, value: &Value) -> Value {
    let number = |name: &str| json!({"N": environment(name)});
    match (name, value) {
        ("port", _) if value["N"] == "993" => number("POSTROOM_TEST_IMAPS_PORT"),
        ("port", _) if value["N"] == "995" => number("POSTROOM_TEST_POP3S_PORT"),
        ("issuer", _) => json!({"S": environment("POSTROOM_TEST_ISSUER")}),
        ("client_id", _) => json!({"S": environment("POSTROOM_TEST_CLIENT_ID")}),
        (_, Value::Object(fields)) => {
            fields.iter().map(|(name, value)| (name.clone(), here(name, value))).collect()
        }
        _ => value.clone(),
    }
}

fn fixed(mut item: Map<String, Value>) -> Map<String, Value> {
    let known = item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("KNOWN#"));
    if let Some((_, part)) = item["sk"]["S"].as_str().and_then(|sk| sk.split_once('#')).filter(|_| known) {
        item["sk"] = json!({"S": format!("{:010}#{part}", 0)});
    }
    if let Some(generation) = item.get_mut("maildrop").and_then(|drop| drop.pointer_mut("/M/generation/N")) {
        *generation = "0".into();
    }
    item
}
