//! An existing list of basic mailboxes, brought in and moved onto OAuth at the deployed stack, as a person
//! does it: nothing is fetched again, and there is a way back.

use crate::stack::{file, manifest, postroom, status};
use postroom_tests::{User, environment, share, stack_s3, token_set};
use serde_json::json;

const COUNT: usize = 4;

fn message(n: usize) -> Vec<u8> {
    format!("Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nMessage-ID: <{n}@test>\r\n\r\nmessage {n}\r\n").into()
}

/// The mailboxes' rows: by POP3 and by IMAP in turns.
fn list(users: &[User]) -> String {
    let mut text = "id,protocol,host,port,user,password,owners\n".to_owned();
    for (n, user) in users.iter().enumerate() {
        let (protocol, port) =
            [("pop3", "POSTROOM_TEST_POP3S_PORT"), ("imap", "POSTROOM_TEST_IMAPS_PORT")][n % 2];
        let (name, port) = (user.name(), environment(port));
        text += &format!("{name},{protocol},127.0.0.1,{port},{name},{},ann@example.com\n", user.password());
    }
    text
}

async fn assert_archived(user: &User, expected: usize) {
    let bucket = environment("POSTROOM_TEST_BUCKET");
    let list = stack_s3().await.list_objects_v2().bucket(bucket).prefix(format!("mail/{}/", user.name()));
    let objects = list.send().await.expect("a list").contents.unwrap_or_default();
    assert_eq!(objects.len(), expected, "{}", user.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_mailboxes_is_brought_in_and_moved_onto_one_account_and_back() {
    let users: Vec<User> = (0..COUNT).map(|_| User::new("listed")).collect();
    let names: Vec<&str> = users.iter().map(User::name).collect();
    let account = User::new("listed-account");
    for (n, user) in users.iter().enumerate() {
        user.deliver("INBOX", &message(n));
        user.deliver("INBOX", &message(n + 10));
        share(user, &account);
    }
    let path = file("list.csv", &list(&users));
    let path = path.to_string_lossy();

    let planned = postroom(&["import", &path, "--check"]).well();
    assert!(names.iter().all(|name| planned.contains(&format!("+ mailbox {name}"))), "{planned}");
    assert_ne!(postroom(&["status", "--json", names[0]]).code, 0, "nothing is imported yet");
    let imported = postroom(&["import", &path, "--yes"]).well();
    for said in [&planned, &imported] {
        assert!(users.iter().all(|user| !said.contains(&user.password())), "a password is printed");
    }
    let fetch = [&["fetch", "--wait", "--timeout", "120s"], &*names].concat();
    postroom(&fetch).well();
    for user in &users {
        assert_archived(user, 2).await;
    }

    postroom(&["apply", &manifest(&account, &[]).to_string_lossy()]).well();
    let to = |mailboxes: &[&str], more: &[&str]| {
        // The account has no mailbox at this server yet.
        let to = ["migrate", "--to", account.name(), "--host", "127.0.0.1"];
        postroom(&[&to[..], mailboxes, more].concat())
    };
    let early = to(&names, &["--yes"]);
    assert_ne!(early.code, 0, "nobody has authorised the account: {}{}", early.out, early.err);
    let tokens = file("tokens.json", &token_set(account.name()).await);
    postroom(&["token", "import", account.name(), "--from", &tokens.to_string_lossy()]).well();

    let rehearsed = to(&names, &[]).well();
    assert!(rehearsed.contains("nothing was changed"), "{rehearsed}");
    let stranger = User::new("listed-stranger");
    let more = file("more.csv", &list(std::slice::from_ref(&stranger)));
    postroom(&["import", &more.to_string_lossy(), "--yes"]).well();
    let all = [&*names, &[stranger.name()]].concat();
    let switched = to(&all, &["--yes"]);
    assert_eq!(switched.code, 1, "one is not its to open: {}{}", switched.out, switched.err);
    postroom(&fetch).well();
    for (n, user) in users.iter().enumerate() {
        let found = status(user);
        assert_eq!(found["mailboxes"][0]["messages"], json!(2), "nothing is fetched again: {found}");
        assert_archived(user, 2).await;
        user.deliver("INBOX", &message(n + 20));
    }
    // The other protocol, still by the account's token.
    let port = environment("POSTROOM_TEST_IMAPS_PORT");
    let moved = to(&names[..1], &["--protocol", "imap", "--port", &port, "--yes"]);
    let said = format!("{}{}", moved.out, moved.err);
    assert_eq!(moved.code, 0, "{said}");
    postroom(&fetch).well();
    for user in &users {
        let found = status(user);
        assert_eq!(found["mailboxes"][0]["messages"], json!(3), "the new one alone: {found}");
        assert_archived(user, 3).await;
    }

    postroom(&[&["migrate", "--back", "--yes"], &names[1..]].concat()).well();
    postroom(&fetch).well();
    for user in &users {
        assert_archived(user, 3).await;
    }
}
