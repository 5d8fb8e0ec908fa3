//! The folders themselves: what a release wrote stays as it is, and what this one writes is in the newest.

use postroom_tests::{Generation, Lab, generations, one_of_everything};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Names the folder that is to be written with what the present code writes.
const NEW_FOLDER: &str = "POSTROOM_NEW_FIXTURE";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrade")
}

/// The digests of all files in folders, as `sha256sum */*` prints them.
fn sums() -> String {
    let folders = fs::read_dir(root()).expect("the folder").map(|entry| entry.expect("an entry").path());
    let files =
        folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let lines: BTreeSet<(String, String)> = files
        .map(|file| {
            let path = file.expect("an entry").path();
            let digest: [u8; 32] = Sha256::digest(fs::read(&path).expect("read")).into();
            let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let name = path.strip_prefix(root()).expect("below it").to_string_lossy().into_owned();
            (name, digest)
        })
        .collect();
    lines.into_iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

#[test]
fn what_a_release_left_behind_stays_as_it_is() {
    let kept = fs::read_to_string(root().join("SHA256SUMS")).expect("digests");
    assert_eq!(sums(), kept, "a folder of tests/upgrade has changed: README.md there says when that may be");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_now_is_what_the_newest_folder_says() {
    let lab = Lab::new().await;
    if let Ok(name) = std::env::var(NEW_FOLDER) {
        let empty =
            Generation { name, items: Vec::new(), secrets: BTreeMap::new(), objects: BTreeMap::new() };
        one_of_everything(&lab, empty.number()).await;
        Generation::of_lab(&empty.name, &lab).await.write();
        fs::write(root().join("SHA256SUMS"), sums()).expect("written");
        return;
    }
    let newest = generations().pop().expect("a folder");
    one_of_everything(&lab, newest.number()).await;
    let written = Generation::of_lab(&newest.name, &lab).await;
    let advice = format!(
        "what is written has another form than {}: an earlier release must still be read, and a folder of its \
         own shows it (tests/upgrade/README.md)",
        newest.name
    );
    let by_key = |generation: &Generation| -> BTreeMap<String, Value> {
        let key = |item: &serde_json::Map<String, Value>| format!("{} {}", item["pk"]["S"], item["sk"]["S"]);
        generation.items.iter().map(|item| (key(item), Value::Object(item.clone()))).collect()
    };
    let (kept, now) = (by_key(&newest), by_key(&written));
    for (key, item) in &now {
        assert_eq!(Some(item), kept.get(key), "{advice}: {key}");
    }
    assert_eq!(kept.len(), now.len(), "{advice}");
    assert_eq!(written.secrets, newest.secrets, "{advice}");
    assert_eq!(written.objects, newest.objects, "{advice}");
}

/// Every kind of item that the registry's documentation lists, and every kind of secret, is in the newest
/// folder with its version.
#[test]
fn everything_that_is_written_carries_its_version() {
    let newest = generations().pop().expect("a folder");
    let documented = include_str!("../../../shared/registry/src/lib.rs");
    let rows =
        documented.lines().filter_map(|line| line.strip_prefix("//! | `")).filter(|row| row.contains('#'));
    let kinds: BTreeSet<(&str, &str)> = rows
        .filter_map(|row| {
            let mut cells = row.split(" | ");
            let pk = cells.next()?.split('#').next()?;
            Some((pk, cells.next()?.trim_start_matches('`').split(['`', '#', ',']).next()?))
        })
        .collect();
    assert!(kinds.len() >= 12, "the table is read: {kinds:?}");
    let is_of = |item: &serde_json::Map<String, Value>, (pk, sk): (&str, &str)| {
        let starts = |name: &str, with: &str| item[name]["S"].as_str().is_some_and(|s| s.starts_with(with));
        // Words are written large; the others stand for what differs from item to item.
        let is_word = sk.bytes().all(|byte| byte.is_ascii_uppercase());
        starts("pk", &format!("{pk}#")) && (!is_word || starts("sk", sk))
    };
    for kind in kinds {
        assert!(newest.items.iter().any(|item| is_of(item, kind)), "{kind:?} is in {}", newest.name);
    }
    for item in &newest.items {
        assert_eq!(item["v"]["N"], "1", "{} {}", item["pk"], item["sk"]);
    }
    for (name, secret) in &newest.secrets {
        let value: Value = serde_json::from_str(secret).expect("JSON");
        assert_eq!(value["v"], 1, "{name}");
    }
    let kinds: BTreeSet<&str> = newest.secrets.keys().filter_map(|name| name.split('/').next()).collect();
    assert_eq!(kinds, BTreeSet::from(["account", "account-password", "mailbox", "provider"]));
}
