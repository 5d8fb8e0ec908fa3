//! What the deployed `fetch` writes to S3 with the rights that it has there: a message in one piece and one in
//! parts, their attachments and indexes, the transcript of a run.

use crate::stack::{file, manifest, postroom};
use postroom_model::MailboxId;
use postroom_registry::Registry;
use postroom_tests::{User, ahead, environment, stack_dynamodb, stack_s3};

/// Of a part that is larger than what one request takes.
const LARGE: usize = 12 << 20;

/// A message with a file of so many bytes.
fn message(n: usize, bytes: usize) -> Vec<u8> {
    let mut text = format!(
        "Date: Tue, 2 Jan 2024 10:00:00 +0000\r\nMessage-ID: <{n}@test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nmessage {n}\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\n"
    );
    let line = "0123456789".repeat(7) + "\r\n";
    text += &line.repeat(bytes / line.len() + 1);
    (text + "--b--\r\n").into_bytes()
}

/// What lies in a bucket under a prefix, by size.
async fn sizes(bucket: &str, prefix: &str) -> Vec<usize> {
    let list = stack_s3().await.list_objects_v2().bucket(bucket).prefix(prefix).send().await.expect("a list");
    let mut sizes: Vec<_> =
        list.contents().iter().map(|object| object.size().expect("a size").unsigned_abs() as usize).collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_attachments_indexes_and_a_transcript_are_written_by_the_deployed_function() {
    let (account, user) = (User::new("written-none"), User::new("written"));
    let messages = [message(1, 100), message(2, LARGE)];
    for text in &messages {
        user.deliver("INBOX", text);
    }
    let path = manifest(&account, &[(&user, false)]);
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let path = file("manifest.toml", &(text + "attachments = true\n"));
    postroom(&["apply", &path.to_string_lossy()]).well();
    let id: MailboxId = user.name().parse().expect("an id");
    let registry = Registry::new(stack_dynamodb().await, environment("POSTROOM_TEST_TABLE"));
    assert!(registry.set_transcript(&id, Some(ahead::<600>())).await.expect("set"));
    postroom(&["fetch", user.name(), "--wait", "--timeout", "120s"]).well();

    let bucket = environment("POSTROOM_TEST_BUCKET");
    assert_eq!(sizes(&bucket, &format!("mail/{id}/")).await, messages.each_ref().map(Vec::len));
    let attachments = sizes(&bucket, &format!("attachments/{id}/")).await;
    let [small, large] = attachments[..] else { panic!("{attachments:?}") };
    assert!(small < 1000 && large > LARGE, "{attachments:?}");
    assert_eq!(sizes(&bucket, &format!("index/{id}/")).await.len(), 2);
    let transcripts = environment("POSTROOM_TEST_TRANSCRIPT_BUCKET");
    assert!(!sizes(&transcripts, &format!("transcripts/{id}/")).await.is_empty(), "no run was written down");
}
