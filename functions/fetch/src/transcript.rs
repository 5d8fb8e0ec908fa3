//! Protocol transcripts: what a mailbox's runs and its server say to one another, for as long as
//! somebody wants to see it.
//!
//! Guarantees: each run of such a mailbox leaves one object in S3, also when it fails; one that cannot
//! be written is a warning, and what came of the run stays as it is. Nothing secret and nothing of a
//! message is in it, because nothing of that kind gets into a [`Transcript`]. Leaves out: deleting;
//! the bucket's lifecycle does that.

use crate::{
    Fetch,
    outcome::{End, Report},
    s3_error::S3Error,
};
use aws_sdk_s3::{Client, types::ChecksumAlgorithm};
use jiff::Timestamp;
use postroom_mail::Transcript;
use postroom_model::MailboxId;
use postroom_registry::PlacedMailbox;
use std::time::Duration;
use tokio::time::timeout;

/// A run that is being written down.
#[derive(Debug)]
pub(crate) struct Recording {
    /// What is said in it.
    pub(crate) transcript: Transcript,
    mailbox: MailboxId,
    began: Timestamp,
}

impl Recording {
    /// A run that begins now; none, where nobody wants to see it.
    pub(crate) fn of(placed: &PlacedMailbox, now: Timestamp) -> Option<Self> {
        placed.transcript_until.filter(|until| now < *until)?;
        Some(Self { transcript: Transcript::new(), mailbox: placed.mailbox.id.clone(), began: now })
    }

    /// Where it lies: `transcripts/<mailbox>/<yyyy-mm-dd>/<time>-<request id>.txt`, in UTC.
    fn key(&self, request_id: &str) -> String {
        let mut request_id = request_id.to_owned();
        request_id.retain(|c| c.is_ascii_alphanumeric() || c == '-');
        format!(
            "transcripts/{}/{}-{request_id}.txt",
            self.mailbox,
            self.began.strftime("%Y-%m-%d/%H%M%S%.3f")
        )
    }

    fn text(&self, report: &Report, request_id: &str, now: Timestamp) -> String {
        let Report { tally, end } = report;
        let end = match end {
            End::Complete => "complete".to_owned(),
            End::Unfinished => format!("unfinished, {} messages left", tally.backlog),
            End::Postponed => format!("postponed, {} messages left", tally.backlog),
            End::Failed(fault) => format!("failed, {fault}"),
        };
        format!(
            "mailbox {}, run {request_id}\nfrom {:.3} to {now:.3}\n{end}; {} messages of {} bytes stored\n\
             C: is Postroom, S: the server; milliseconds since the run began\n\n{}",
            self.mailbox, self.began, tally.messages, tally.bytes, self.transcript
        )
    }
}

impl Fetch {
    /// Writes a run down, in at most `limit`.
    pub(crate) async fn keep(
        &self,
        recording: &Recording,
        report: &Report,
        request_id: &str,
        limit: Duration,
    ) {
        let text = recording.text(report, request_id, (self.clock)());
        let key = recording.key(request_id);
        match timeout(limit, self.transcripts.put(&key, text)).await {
            Ok(Ok(())) => tracing::info!(mailbox = %recording.mailbox, "a transcript is written"),
            Ok(Err(error)) => self.refusals.note(error.refusal()),
            Err(_) => {
                tracing::warn!(mailbox = %recording.mailbox, "a transcript was not written in time");
            }
        }
    }
}

/// Where transcripts lie: apart from the archive, because they are forgotten after a few days, which
/// nothing of a locked archive can be.
#[derive(Debug)]
pub(crate) struct Transcripts {
    pub(crate) s3: Client,
    pub(crate) bucket: String,
}

impl Transcripts {
    async fn put(&self, key: &str, text: String) -> Result<(), S3Error> {
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("text/plain; charset=utf-8")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(text.into_bytes().into());
        put.send().await.map(drop).map_err(|error| S3Error::new("PutObject", &self.bucket, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;
    use postroom_model::{Fault, FaultClass};

    fn placed(until: Option<&str>) -> PlacedMailbox {
        let text = r#"{"id":"plant","protocol":"imap","host":"h","port":993,"tls":"implicit","user":"u"}"#;
        let mut placed: PlacedMailbox = serde_json::from_str(text).expect("a mailbox");
        placed.transcript_until = until.map(|until| until.parse().expect("a time"));
        placed
    }

    #[test]
    fn only_what_somebody_wants_to_see_is_written_down() {
        let now = "2026-11-22T10:15:02.5Z".parse().expect("a time");
        assert!(Recording::of(&placed(None), now).is_none());
        assert!(Recording::of(&placed(Some("2026-11-22T10:15:02Z")), now).is_none());
        let recording = Recording::of(&placed(Some("2026-11-22T11:00:00Z")), now).expect("wanted");
        assert_eq!(recording.key("8f1c-04/../x"), "transcripts/plant/2026-11-22/101502.500-8f1c-04x.txt");
    }

    #[tokio::test]
    async fn a_failed_run_says_why() {
        let now = "2026-11-22T10:15:02Z".parse().expect("a time");
        let recording = Recording::of(&placed(Some("2026-11-22T11:00:00Z")), now).expect("wanted");
        let end = End::Failed(Fault::new(FaultClass::ConnectionLost, "it closed the connection"));
        let report = Report { tally: Tally { messages: 2, bytes: 99, ..Tally::default() }, end };
        assert_eq!(
            recording.text(&report, "8f1c", now),
            "mailbox plant, run 8f1c\nfrom 2026-11-22T10:15:02.000Z to 2026-11-22T10:15:02.000Z\n\
             failed, connection_lost: it closed the connection; 2 messages of 99 bytes stored\n\
             C: is Postroom, S: the server; milliseconds since the run began\n\n"
        );
    }
}
