//! What earlier releases left behind (`tests/upgrade`) is shown.

use crate::support::Fixture;
use postroom_test_table::to_item;
use serde_json::{Map, Value};
use std::{fs, path::Path};

#[tokio::test]
async fn accounts_and_mailboxes_of_every_earlier_release_are_shown() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/upgrade");
    let folders = fs::read_dir(folder).expect("folders").map(|entry| entry.expect("an entry").path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    assert!(folders.len() >= 4, "{folders:?}");
    for folder in folders {
        let fixture = Fixture::new().await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&fixture.aws);
        let items = fs::read_to_string(folder.join("items.json")).expect("items");
        let items: Vec<Map<String, Value>> = serde_json::from_str(&items).expect("JSON");
        // The provider `sso` is the one that the administrator signs in with here.
        for item in items.iter().filter(|item| item["pk"]["S"] != "PROVIDER#sso") {
            let put = dynamodb.put_item().table_name(&fixture.settings.table).set_item(Some(to_item(item)));
            put.send().await.expect("an item");
        }
        let mut browser = fixture.administrator().await;
        let overview = browser.get("/").await;
        assert_eq!(overview.status, 200, "{folder:?}: {overview:?}");
        for account in ["ann", "old"] {
            assert!(overview.text.contains(&format!("{account}@contoso.test")), "{folder:?}: {account}");
            let page = browser.get(&format!("/accounts/{account}")).await;
            assert_eq!(page.status, 200, "{folder:?}: {page:?}");
        }
        for mailbox in ["plant", "site"] {
            let page = browser.get(&format!("/mailboxes/{mailbox}")).await;
            assert_eq!(page.status, 200, "{folder:?}: {page:?}");
            assert!(page.text.contains(&format!("-{mailbox}")), "{folder:?}: its user is shown");
        }
        let reminders = browser.get("/reminders").await;
        assert_eq!(reminders.status, 200, "{folder:?}: {reminders:?}");
    }
}
