//! What is asked of SES, and what its answers come to: against a server that answers as SES does
//! (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>).

use aws_sdk_sesv2::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use postroom_letter::{Answer, Letter, MessageId, Post, Quota, SendError};
use postroom_model::RefusalKind;
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const OPERATOR: &str = "ops@contoso.com";
const SENDER: &str = "Postroom <post@contoso.com>";

fn post(endpoint: &str, reply_to: &[&str], configuration_set: Option<&str>) -> Post {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard())
        .build();
    let reply_to = reply_to.iter().map(|address| (*address).to_owned()).collect();
    Post::new(Client::from_conf(config), SENDER.to_owned(), reply_to, configuration_set.map(str::to_owned))
}

fn letter() -> Letter {
    Letter { subject: "Bitte bestätigen".into(), text: "Guten Tag".into(), html: "<p>Guten Tag</p>".into() }
}

/// A server that answers one request: its address, and what it was asked.
async fn answering(
    status: u16,
    kind: &str,
    body: Value,
) -> (String, tokio::task::JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let (kind, body) = (kind.to_owned(), body.to_string());
    let asked = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a request");
        let mut request = Vec::new();
        let (head, form) = loop {
            let mut window = [0; 4096];
            let n = tcp.read(&mut window).await.expect("reads");
            request.extend_from_slice(&window[..n]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, form)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())?.ok()
            });
            if form.len() >= length.unwrap_or_default() {
                break (head.to_owned(), form.to_owned());
            }
        };
        let error = if kind.is_empty() { String::new() } else { format!("x-amzn-errortype: {kind}\r\n") };
        let answer = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{error}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        tcp.write_all(answer.as_bytes()).await.expect("writes");
        (head.lines().next().unwrap_or_default().to_owned(), serde_json::from_str(&form).unwrap_or_default())
    });
    (endpoint, asked)
}

#[tokio::test]
async fn a_letter_has_both_texts_and_answers_go_to_the_operators() {
    let (endpoint, asked) = answering(200, "", serde_json::json!({ "MessageId": "0100-1" })).await;
    let sent = post(&endpoint, &[OPERATOR], Some("reminders")).send(&letter(), "ann@müller.example").await;
    assert_eq!(sent, Ok(MessageId("0100-1".into())));
    let (line, form) = asked.await.expect("asked");
    assert!(line.starts_with("POST /v2/email/outbound-emails"), "{line}");
    assert_eq!(form["FromEmailAddress"], SENDER);
    assert_eq!(form["ReplyToAddresses"], serde_json::json!([OPERATOR]));
    assert_eq!(form["ConfigurationSetName"], "reminders");
    assert_eq!(form["Destination"], serde_json::json!({ "ToAddresses": ["ann@xn--mller-kva.example"] }));
    let simple = &form["Content"]["Simple"];
    assert_eq!(simple["Subject"]["Data"], "Bitte bestätigen");
    assert_eq!(simple["Body"]["Text"]["Data"], "Guten Tag");
    assert_eq!(simple["Body"]["Html"]["Data"], "<p>Guten Tag</p>");

    let (endpoint, asked) = answering(200, "", serde_json::json!({ "MessageId": "0100-2" })).await;
    post(&endpoint, &[], None).send(&letter(), "ann@contoso.com").await.expect("sent");
    let (_, form) = asked.await.expect("asked");
    assert!(form.get("ReplyToAddresses").is_none() && form.get("ConfigurationSetName").is_none(), "{form}");
}

fn stopped(code: &str, status: u16, said: &str) -> SendError {
    SendError::Stopped(Answer { code: code.to_owned(), status, said: said.to_owned() })
}

fn rejected(code: &str, said: &str) -> SendError {
    SendError::Rejected(Answer { code: code.to_owned(), status: 400, said: said.to_owned() })
}

#[tokio::test]
async fn what_the_deployment_lacks_is_known_by_ses_own_words() {
    use RefusalKind::{Denied, Missing, Other};
    const ROLE: &str =
        "User `arn:aws:sts::1:assumed-role/r/f' is not authorized to perform `ses:SendEmail' on resource";
    let of = |identity: &str| format!("{ROLE} `arn:aws:ses:eu-central-1:1:identity/{identity}'");
    let (domain, address) = (of("contoso.com"), of("post@contoso.com"));
    let named = "arn:aws:ses:eu-central-1:1:identity/contoso.com";
    let own = "SES, configuration set reminders";
    for (status, code, message, expected) in [
        (403, "AccessDeniedException", &*domain, Some((Denied, named))),
        (403, "AccessDeniedException", &*address, Some((Denied, own))),
        (403, "AccessDeniedException", "", Some((Denied, own))),
        (403, "", "", Some((Denied, own))),
        (404, "NotFoundException", "Configuration set <reminders> does not exist.", Some((Missing, own))),
        (400, "SendingPausedException", "Sending is paused", None),
        (400, "MessageRejected", "Email address is not verified: post@contoso.com", None),
        // It is the letter's, and its neighbours go.
        (400, "MessageRejected", "Message contains a virus.", Some((Other, own))),
        (400, "BadRequestException", "Header too long", Some((Other, own))),
    ] {
        let (endpoint, _) = answering(status, code, serde_json::json!({ "message": message })).await;
        let post = post(&endpoint, &[OPERATOR], Some("reminders"));
        let error = post.send(&letter(), "ann@contoso.com").await.expect_err("refused");
        let refusal = post.refusal("ses:SendEmail", &error);
        let found = refusal.as_ref().map(|refusal| (refusal.kind, &*refusal.resource));
        assert_eq!(found, expected, "{status} {code} {message}");
        if let Some(refusal) = refusal {
            assert_eq!(refusal.right, "ses:SendEmail");
            assert!(!format!("{refusal}").contains('@'), "{refusal}");
        }
    }
}

#[tokio::test]
async fn refusals_say_what_would_help() {
    let unverified =
        "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: ";
    let (recipient, sender) =
        (format!("{unverified}ann@contoso.com"), format!("{unverified}post@contoso.com, ann@contoso.com"));
    let cut =
        "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1:";
    let said = |text: &str| text.to_owned();
    for (status, kind, message, error) in [
        (400, "MessageRejected", recipient.as_str(), SendError::Unverified(format!("{cut} …"))),
        (400, "MessageRejected", sender.as_str(), stopped("MessageRejected", 400, &format!("{cut} … …"))),
        (
            400,
            "MessageRejected",
            "Message contains a virus.",
            rejected("MessageRejected", "Message contains a virus."),
        ),
        (400, "BadRequestException", "Illegal address", SendError::Recipient(said("Illegal address"))),
        (
            400,
            "BadRequestException",
            "Domain ends with dot",
            SendError::Recipient(said("Domain ends with dot")),
        ),
        // Whatever it is, it is not the recipient's.
        (400, "BadRequestException", "Header too long", rejected("BadRequestException", "Header too long")),
        (
            400,
            "MailFromDomainNotVerifiedException",
            "No MX",
            stopped("MailFromDomainNotVerifiedException", 400, "No MX"),
        ),
        (429, "TooManyRequestsException", "Maximum sending rate exceeded.", SendError::Throttled),
        (429, "TooManyRequestsException", "Daily message quota exceeded.", SendError::QuotaUsedUp),
        (400, "ThrottlingException", "Maximum sending rate exceeded", SendError::Throttled),
        (400, "LimitExceededException", "Daily message quota exceeded", SendError::QuotaUsedUp),
        (
            400,
            "SendingPausedException",
            "Sending is paused",
            stopped("SendingPausedException", 400, "Sending is paused"),
        ),
        (
            400,
            "AccountSuspendedException",
            "",
            stopped("AccountSuspendedException", 400, "AccountSuspendedException"),
        ),
        (
            404,
            "NotFoundException",
            "Configuration set <x> does not exist.",
            stopped("NotFoundException", 404, "Configuration set <x> does not exist."),
        ),
        (
            403,
            "AccessDeniedException",
            "not authorized",
            stopped("AccessDeniedException", 403, "not authorized"),
        ),
        (500, "InternalFailure", "", SendError::Passing(said("InternalFailure"))),
        (503, "", "", SendError::Passing(said("status 503"))),
    ] {
        let body = serde_json::json!({ "message": message });
        let (endpoint, asked) = answering(status, kind, body).await;
        let sent = post(&endpoint, &[OPERATOR], None).send(&letter(), "ann@contoso.com").await;
        asked.await.expect("asked");
        let found = sent.expect_err(kind);
        assert!(!format!("{found} {found:?}").contains('@'), "{found:?}");
        assert_eq!(found, error, "{status} {kind} {message}");
        let lasts = matches!(error, SendError::Stopped(_) | SendError::QuotaUsedUp);
        assert_eq!(found.advice().is_some(), lasts, "{status} {kind}: who stops everything says what to do");
    }
    // A reply-to that is no address is the deployment's mistake, not the recipient's.
    let (endpoint, _) =
        answering(400, "BadRequestException", serde_json::json!({ "message": "Illegal address" })).await;
    let sent = post(&endpoint, &["ops"], None).send(&letter(), "ann@contoso.com").await;
    assert_eq!(sent, Err(stopped("BadRequestException", 400, "Illegal address")));
    let nobody = post("http://127.0.0.1:1", &[], None).send(&letter(), "ann@contoso.com").await;
    assert_eq!(nobody, Err(SendError::Passing(said("SES was not reached"))));
}

#[tokio::test]
async fn the_quota_is_what_is_left() {
    for (quota, per_second, left) in [
        (
            serde_json::json!({ "Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 30.0 }),
            1.0,
            Some(170.0),
        ),
        (
            serde_json::json!({ "Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 201.0 }),
            1.0,
            Some(0.0),
        ),
        (
            serde_json::json!({ "Max24HourSend": -1.0, "MaxSendRate": 14.0, "SentLast24Hours": 9.0 }),
            14.0,
            None,
        ),
        (Value::Null, 1.0, None),
    ] {
        let account = serde_json::json!({
            "SendQuota": quota, "ProductionAccessEnabled": false, "SendingEnabled": true,
        });
        let (endpoint, asked) = answering(200, "", account).await;
        let found = post(&endpoint, &[], None).quota().await.expect("answers");
        assert_eq!(found, Quota { per_second, left, sandbox: true, sending_enabled: true });
        assert!(asked.await.expect("asked").0.starts_with("GET /v2/email/account"));
    }
    let (endpoint, _) = answering(403, "AccessDeniedException", serde_json::json!({})).await;
    let refused = post(&endpoint, &[], None).quota().await;
    assert_eq!(refused, Err(stopped("AccessDeniedException", 403, "AccessDeniedException")));
}

/// A server that takes every request and cuts the connection: how many letters it was sent is counted.
async fn cutting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let letters = Arc::new(AtomicUsize::new(0));
    let taken = letters.clone();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.expect("a request");
            let mut window = [0; 16 * 1024];
            let n = tcp.read(&mut window).await.expect("reads");
            taken.fetch_add(usize::from(window[..n].starts_with(b"POST /v2/email/outbound-emails")), Relaxed);
        }
    });
    (endpoint, letters)
}

#[tokio::test]
async fn a_letter_that_may_have_been_taken_is_tried_once() {
    let (endpoint, letters) = cutting().await;
    let sent = post(&endpoint, &[], None).send(&letter(), "ann@contoso.com").await;
    assert_eq!(sent, Err(SendError::Passing("SES was not reached".to_owned())));
    assert_eq!(letters.load(Relaxed), 1);
}
