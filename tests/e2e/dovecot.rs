//! A real Dovecot and a real authorization server.

use postroom_model::{FaultClass, Mailbox, MailboxState, TokenSet};
use postroom_tests::{Lab, Relay, User, clock, share, token_set};
use serde_json::json;

fn message(n: usize) -> Vec<u8> {
    let text = format!(
        "Received: from a by b; Tue, 2 Jan 2024 10:00:{n:02} +0000\r\nMessage-ID: <{n}@test>\r\nSubject: {n}\r\n\r\n{}\r\n",
        "0123456789abcdef\r\n".repeat(100 * n)
    );
    text.into_bytes()
}

fn class(state: &MailboxState) -> Option<FaultClass> {
    state.failure.as_ref().map(|failure| failure.fault.class)
}

async fn with_account(lab: &Lab, account: &User) {
    let provider = lab.provider(|_| {}).await;
    let id = lab.account(&provider, account).await;
    let tokens = TokenSet::from_response(&token_set(account.name()).await, clock()).expect("a token set");
    lab.keep(&id, &provider, &tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_both_oauth_mechanisms_sign_in_with_tls_from_the_start_and_starttls() {
    let lab = Lab::new().await;
    let imap: u16 = postroom_tests::environment("POSTROOM_TEST_IMAP_PORT").parse().expect("a port");
    let fetch = lab.fetch();
    for (tls, sasl, oauth) in [
        ("implicit", "auto", false),
        ("starttls", "auto", false),
        ("implicit", "auto", true),
        ("implicit", "xoauth2", true),
        ("starttls", "oauthbearer", true),
    ] {
        let user = User::new("signs-in");
        user.deliver("INBOX", &message(1));
        let mailbox = user.mailbox(|json| {
            json["tls"] = json!(tls);
            json["sasl"] = json!(sasl);
            if tls == "starttls" {
                json["port"] = json!(imap);
            }
            if oauth {
                json["auth"] = json!({"oauth": user.name()});
            }
        });
        if oauth {
            with_account(&lab, &user).await;
        }
        lab.add([(mailbox.clone(), user.password())]).await;
        let state = lab.fetch_one(&fetch, &mailbox.id).await;
        assert_eq!((class(&state), state.messages), (None, 1), "{tls} {sasl} {oauth}: {:?}", state.failure);
        assert_eq!(lab.archived(&mailbox.id).await, [message(1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_set_opens_many_mailboxes_and_a_stranger_is_refused() {
    let lab = Lab::new().await;
    let (account, shared, foreign) = (User::new("account"), User::new("shared"), User::new("foreign"));
    with_account(&lab, &account).await;
    share(&shared, &account);
    let mut mailboxes = Vec::new();
    for user in [&account, &shared, &foreign] {
        user.deliver("INBOX", &message(3));
        mailboxes.push(user.mailbox(|json| json["auth"] = json!({"oauth": account.name()})));
    }
    lab.add(mailboxes.iter().map(|mailbox| (mailbox.clone(), String::from("unused")))).await;
    let ids: Vec<_> = mailboxes.iter().map(|mailbox| mailbox.id.clone()).collect();
    let states = lab.poll(&lab.fetch(), &ids).await;
    assert_eq!(states.iter().map(|state| state.messages).collect::<Vec<_>>(), [1, 1, 0]);
    let failure = states[2].failure.as_ref().expect("refused");
    assert_eq!(failure.fault.class, FaultClass::TokenRefused);
    assert!(
        failure.fault.reason.contains("401") || failure.fault.reason.contains("invalid_token"),
        "{}",
        failure.fault.reason
    );
    let status =
        lab.registry.account_status(&account.name().parse().expect("an id")).await.expect("a status");
    assert_eq!(status.fault, None, "one mailbox without rights does not condemn the account");
    lab.fetch_one(&lab.fetch(), &ids[2]).await;
    let status = lab.registry.account_status(&account.name().parse().expect("an id")).await;
    assert_eq!(status.expect("a status").fault, None, "nor when it is fetched alone");

    for id in &ids[..2] {
        lab.registry.delete_mailbox(id).await.expect("deleted");
    }
    lab.fetch_one(&lab.fetch(), &ids[2]).await;
    let status = lab.registry.account_status(&account.name().parse().expect("an id")).await;
    let fault = status.expect("a status").fault;
    assert_eq!(fault.map(|fault| fault.class), Some(FaultClass::TokenRefused), "it is all that there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_the_owners_and_a_wrong_certificate_the_administrators() {
    let lab = Lab::new().await;
    let user = User::new("refused");
    let mailbox = user.mailbox(|_| {});
    lab.add([(mailbox.clone(), "wrong".to_owned())]).await;
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert_eq!(class(&state), Some(FaultClass::PasswordRefused));
    let reason = state.failure.expect("a failure").fault.reason;
    assert!(!reason.contains("wrong"), "the password is not quoted: {reason}");

    let mut strict = Lab::new().await;
    strict.settings.reach.extra_ca_pem = None;
    strict.add([(mailbox.clone(), user.password())]).await;
    let state = strict.fetch_one(&strict.fetch(), &mailbox.id).await;
    assert_eq!(class(&state), Some(FaultClass::Certificate));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renumbered_folder_costs_a_look_at_its_headers_and_stores_nothing_twice() {
    let lab = Lab::new().await;
    let user = User::new("renumbered");
    for n in 1..=30 {
        user.deliver("INBOX", &message(n));
    }
    let port: u16 = postroom_tests::environment("POSTROOM_TEST_IMAPS_PORT").parse().expect("a port");
    let relay = Relay::start(port).await;
    let mailbox = user.mailbox(|json| json["port"] = json!(relay.port()));
    lab.add([(mailbox.clone(), user.password())]).await;
    let fetch = lab.fetch();
    let first = lab.fetch_one(&fetch, &mailbox.id).await;
    assert_eq!((class(&first), first.messages), (None, 30));
    let whole = relay.bytes_down();

    user.renumber("INBOX");
    user.deliver("INBOX", &message(31));
    let second = lab.fetch_one(&fetch, &mailbox.id).await;
    let look = relay.bytes_down() - whole;
    assert_eq!((class(&second), second.messages), (None, 31), "only the new message is stored");
    assert_ne!(first.folders["INBOX"].uid_validity, second.folders["INBOX"].uid_validity);
    assert_eq!(second.folders["INBOX"].known_below, None, "the look at headers is over");
    let new = message(31).len() as u64;
    assert!(look < new + 20_000, "{look} bytes for a look, {whole} for all, {new} for the new one");
    let versions = lab.s3.list_object_versions().bucket(&lab.bucket).send().await.expect("versions");
    assert_eq!(versions.versions.unwrap_or_default().len(), 31);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_come_by_name_by_pattern_and_by_special_use() {
    let lab = Lab::new().await;
    let user = User::new("folders");
    for (n, folder) in
        ["INBOX", "Projects/Bridge 17", "Projects/Tür", "Sent", "Other"].into_iter().enumerate()
    {
        user.deliver(folder, &message(n + 1));
    }
    let mailbox = user.mailbox(|json| json["folders"] = json!(["INBOX", "Projects/*", "\\Sent"]));
    lab.add([(mailbox.clone(), user.password())]).await;
    let state = lab.fetch_one(&lab.fetch(), &mailbox.id).await;
    assert_eq!((class(&state), state.messages), (None, 4), "{:?}", state.failure);
    let folders: Vec<_> = state.folders.keys().map(String::as_str).collect();
    assert_eq!(folders, ["INBOX", "Projects/Bridge 17", "Projects/T&APw-r", "Sent"]);

    let missing = Mailbox { folders: vec!["Nowhere".to_owned()], ..mailbox };
    lab.add([(missing.clone(), user.password())]).await;
    let state = lab.fetch_one(&lab.fetch(), &missing.id).await;
    assert_eq!(class(&state), Some(FaultClass::Folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_after_fetching_is_what_was_asked_for() {
    let lab = Lab::new().await;
    let fetch = lab.fetch();
    for (after, flags, inbox, archive) in [
        (json!("leave"), "", 2, 0),
        (json!("mark_read"), "\\Seen", 2, 0),
        (json!("delete"), "", 0, 0),
        (json!({"move": "Archived"}), "", 0, 2),
    ] {
        let user = User::new("after");
        user.deliver("INBOX", &message(1));
        user.deliver("INBOX", &message(2));
        let mailbox = user.mailbox(|json| json["after_fetch"] = after.clone());
        lab.add([(mailbox.clone(), user.password())]).await;
        let state = lab.fetch_one(&fetch, &mailbox.id).await;
        assert_eq!((class(&state), state.messages), (None, 2), "{after}: {:?}", state.failure);
        assert_eq!(lab.archived(&mailbox.id).await.len(), 2);
        let found = user.fetch("flags", "INBOX");
        assert_eq!(found.lines().count(), inbox, "{after}: {found}");
        assert_eq!(
            found.matches("\\Seen").count(),
            flags.matches("Seen").count() * inbox,
            "{after}: {found}"
        );
        if archive > 0 {
            assert_eq!(user.fetch("uid", "Archived").lines().count(), archive, "{after}");
        }
        let again = lab.fetch_one(&fetch, &mailbox.id).await;
        assert_eq!((class(&again), again.messages), (None, 2), "{after}: nothing more");
    }
}
