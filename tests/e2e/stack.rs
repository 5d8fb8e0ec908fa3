//! The deployed stack, used from the outside as a person does: the command line, the schedule, the
//! queue, the console's address, the logs.

use crate::events::sample;
use postroom_tests::{Refreshes, User, control, emulator, environment, http, refreshes, share, token_set};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// What the command line said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// All of it, of a command that went well.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out + &self.err
    }
}

/// Runs `postroom` against the test stack.
pub(crate) fn postroom(arguments: &[&str]) -> Said {
    let output = Command::new(environment("POSTROOM_TEST_CLI"))
        .args(arguments)
        .env("AWS_ENDPOINT_URL", environment("POSTROOM_TEST_AWS_ENDPOINT"))
        .env("AWS_REGION", environment("POSTROOM_TEST_AWS_REGION"))
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("POSTROOM_STACK", environment("POSTROOM_TEST_STACK"))
        .env("TEST_CLIENT_SECRET", environment("POSTROOM_TEST_CLIENT_SECRET"))
        .output()
        .expect("postroom runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{:016x}-{name}", fastrand::u64(..)));
    std::fs::write(&path, text).expect("a file");
    path
}

fn message(n: usize) -> Vec<u8> {
    format!("Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nSubject: hush {n}\r\nMessage-ID: <{n}@test>\r\n\r\nmessage {n}\r\n")
        .into_bytes()
}

pub(crate) fn manifest(account: &User, mailboxes: &[(&User, bool)]) -> PathBuf {
    let mut text = format!(
        "[[provider]]\nid = \"{0}\"\npreset = \"custom\"\nissuer = \"{1}\"\nclient_id = \"{2}\"\n\
         client_secret = {{ env = \"TEST_CLIENT_SECRET\" }}\nscopes = [\"openid\", \"offline_access\", \"mail\"]\n\
         [[account]]\nid = \"{0}\"\nprovider = \"{0}\"\ngrant = \"authorization_code\"\nowners = [\"ann@example.com\"]\n",
        account.name(),
        environment("POSTROOM_TEST_ISSUER"),
        environment("POSTROOM_TEST_CLIENT_ID"),
    );
    for (user, oauth) in mailboxes {
        let secret = file("password", &user.password());
        let auth = if *oauth {
            format!("auth = {{ oauth = \"{}\" }}", account.name())
        } else {
            format!("password = {{ file = \"{}\" }}", secret.display())
        };
        let port = environment("POSTROOM_TEST_IMAPS_PORT");
        write!(
            text,
            "[[mailbox]]\nid = \"{0}\"\nprotocol = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"{0}\"\n\
             interval = \"1m\"\n{auth}\n",
            user.name()
        )
        .expect("text");
    }
    file("manifest.toml", &text)
}

pub(crate) fn status(mailbox: &User) -> Value {
    let said = postroom(&["status", "--json", mailbox.name()]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_manifest_to_mail_in_s3_by_the_schedule_alone() {
    let (account, basic, shared) =
        (User::new("e2e-account"), User::new("e2e-basic"), User::new("e2e-shared"));
    for (n, user) in [&account, &basic, &shared].into_iter().enumerate() {
        user.deliver("INBOX", &message(n));
    }
    share(&shared, &account);
    let manifest = manifest(&account, &[(&account, true), (&basic, false), (&shared, true)]);
    let manifest = manifest.to_string_lossy();

    let plan = postroom(&["apply", "--dry-run", &manifest]);
    assert_eq!(plan.code, 0, "{}{}", plan.out, plan.err);
    assert!(plan.out.contains(&format!("+ mailbox {}", basic.name())), "{}", plan.out);
    let unknown = postroom(&["status", "--json", basic.name()]);
    assert_ne!(unknown.code, 0, "a dry run applies nothing: {}", unknown.out);

    let applied = postroom(&["apply", &manifest]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    let again = postroom(&["apply", &manifest]);
    assert!(
        again.code == 0 && again.out.to_lowercase().contains("nothing to do"),
        "{}{}",
        again.out,
        again.err
    );

    let tokens = token_set(account.name()).await;
    let token: Value = serde_json::from_str(&tokens).expect("JSON");
    let tokens = file("tokens.json", &tokens);
    let imported = postroom(&["token", "import", account.name(), "--from", &tokens.to_string_lossy()]);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);

    // Nobody does anything now; the schedule ticks once a minute. A mailbox that was polled before
    // its token came rests for a while, so it is asked for below.
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        let found = status(&basic);
        if found["mailboxes"][0]["messages"] == json!(1) {
            break;
        }
        assert!(Instant::now() < deadline, "the schedule brought nothing in four minutes: {found}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let fetched = postroom(&["fetch", account.name(), shared.name(), "--wait", "--timeout", "120s"]);
    assert_eq!(fetched.code, 0, "{}{}", fetched.out, fetched.err);
    let s3 = postroom_tests::stack_s3().await;
    for (n, user) in [&account, &basic, &shared].into_iter().enumerate() {
        let prefix = format!("mail/{}/2024/01/02/", user.name());
        let bucket = environment("POSTROOM_TEST_BUCKET");
        let list = s3.list_objects_v2().bucket(&bucket).prefix(prefix).send().await.expect("a list");
        let objects = list.contents.unwrap_or_default();
        assert_eq!(objects.len(), 1, "{}", user.name());
        let key = objects[0].key.clone().expect("a key");
        let object = s3.get_object().bucket(&bucket).key(key).send().await.expect("an object");
        assert_eq!(object.body.collect().await.expect("a body").to_vec(), message(n));
    }
    let checked = postroom(&["check", shared.name()]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);

    let client_secret = environment("POSTROOM_TEST_CLIENT_SECRET");
    let mut secrets = vec![account.password(), basic.password(), client_secret];
    for name in ["access_token", "refresh_token"] {
        secrets.push(token[name].as_str().expect("a token").to_owned());
    }
    assert_nowhere(&secrets, &[&plan, &applied, &again, &imported, &fetched, &checked]).await;
}

/// None of the secrets is in what the command line said; nor is an address or a subject in the logs,
/// where the scan that runs last looks for the secrets.
async fn assert_nowhere(secrets: &[String], said: &[&Said]) {
    let mut lines = 0;
    for function in ["dispatch", "fetch", "token-refresh", "console"] {
        let group = format!("/postroom/{}/{function}", environment("POSTROOM_TEST_STACK"));
        let log = emulator::log(&group).await;
        lines += log.lines().count();
        for text in ["@example.com", "hush", "message 1"] {
            assert!(!log.contains(text), "the log of {function} says who writes to whom");
        }
    }
    assert!(lines > 10, "there are logs to look at: {lines} lines");
    for (said, secret) in said.iter().flat_map(|said| secrets.iter().map(move |secret| (said, secret))) {
        assert!(
            !said.out.contains(secret.as_str()) && !said.err.contains(secret.as_str()),
            "a secret is printed"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_functions_renew_a_token_and_its_end_is_the_command_lines() {
    let (account, mailbox) = (User::new("e2e-renewed"), User::new("e2e-opened"));
    mailbox.deliver("INBOX", &message(1));
    share(&mailbox, &account);
    let applied = postroom(&["apply", &manifest(&account, &[(&mailbox, true)]).to_string_lossy()]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);
    // A token set whose access token ends at once.
    let tokens = control("POST", &format!("token?user={}&seconds=1", account.name())).await;
    let tokens = file("tokens.json", &tokens);
    let imported = postroom(&["token", "import", account.name(), "--from", &tokens.to_string_lossy()]);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    // The schedule may be quicker than this test.
    let tally = emulator::invoke("TokenRefresh", &sample("token-refresh.json")).await;
    assert_eq!(tally["left"], json!(0), "{tally}");
    assert_eq!(refreshes(account.name()).await, Refreshes { granted: 1, refused: 0 });

    let fetched = postroom(&["fetch", mailbox.name(), "--wait", "--timeout", "120s"]);
    assert_eq!(fetched.code, 0, "{}{}", fetched.out, fetched.err);
    assert_eq!(refreshes(account.name()).await.granted, 1, "the new token opens the mailbox");

    let revoked = postroom(&["account", "revoke", account.name()]);
    assert_eq!(revoked.code, 0, "{}{}", revoked.out, revoked.err);
    let fetched = postroom(&["fetch", mailbox.name(), "--wait", "--timeout", "120s"]);
    assert_eq!(fetched.code, 1, "{}{}", fetched.out, fetched.err);
    assert!(fetched.out.contains("authorization_ended"), "{}{}", fetched.out, fetched.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mailbox_is_explained_and_fails_the_command() {
    let (account, wrong) = (User::new("e2e-none"), User::new("e2e-wrong"));
    let path = manifest(&account, &[(&wrong, false), (&account, true)]);
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let secret = text.lines().find_map(|l| l.strip_prefix("password = { file = \"")).expect("a password");
    std::fs::write(secret.trim_end_matches("\" }"), "not-the-password").expect("a file");
    let applied = postroom(&["apply", &path.to_string_lossy()]);
    assert_eq!(applied.code, 0, "{}{}", applied.out, applied.err);

    let fetched = postroom(&["fetch", wrong.name(), account.name(), "--wait", "--timeout", "120s"]);
    let said = format!("{}{}", fetched.out, fetched.err);
    assert_eq!(fetched.code, 1, "{said}");
    assert!(said.contains("password_refused") && said.contains("the owner"), "{said}");
    assert!(said.contains("authorization_ended") && said.contains("the account is not authorised"), "{said}");
    let checked = postroom(&["check", wrong.name()]);
    let said = format!("{}{}", checked.out, checked.err);
    assert_eq!(checked.code, 1, "{said}");
    assert!(said.contains("AUTHENTICATIONFAILED") && !said.contains("not-the-password"), "{said}");
    let found = status(&wrong);
    assert_eq!(found["mailboxes"][0]["failure"]["class"], json!("password_refused"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_goes_to_the_dead_letter_queue() {
    let sqs = postroom_tests::stack_sqs().await;
    let poison = format!("poison {:016x}", fastrand::u64(..));
    let queue = environment("POSTROOM_TEST_QUEUE_URL");
    sqs.send_message().queue_url(queue).message_body(&poison).send().await.expect("sent");
    let dead = environment("POSTROOM_TEST_DEAD_LETTER_QUEUE_URL");
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        // Other tests' may lie there too.
        let some = sqs.receive_message().queue_url(&dead).max_number_of_messages(10);
        let got = some.wait_time_seconds(2).visibility_timeout(1).send().await;
        let messages = got.expect("an answer").messages.unwrap_or_default();
        if messages.iter().any(|message| message.body() == Some(poison.as_str())) {
            return;
        }
    }
    panic!("the poison message did not reach the dead-letter queue in two minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_says_that_it_is_well_and_nothing_else() {
    let console = environment("POSTROOM_TEST_CONSOLE_URL");
    let console = console.trim_end_matches('/');
    let (code, body) = http("GET", &format!("{console}/health"), "", "").await;
    assert_eq!(code, 200, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON")["status"], json!("ok"));
    let (code, _) = http("GET", &format!("{console}/accounts"), "", "").await;
    assert_eq!(code, 404);
}
