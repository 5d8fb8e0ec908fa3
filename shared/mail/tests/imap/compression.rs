//! COMPRESS=DEFLATE, against scripted servers behind something that compresses.

use crate::script::{IDLE, Step, against, password, read, script, server};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use postroom_mail::{
    Error, Protection, Transcript,
    imap::{Connection, Session, UidSet},
};
use postroom_model::{FaultClass, SaslPolicy};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

/// What a server says last before it compresses.
const AGREED: &[u8] = b"P5 OK DEFLATE active\r\n";

const SIGNED_IN: &str = "
    S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
    C: P1 AUTHENTICATE PLAIN AGFubgBzM2NyZXQtcGFzc3dvcmQ=
    S: P1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] signed in
    C: P2 UID FETCH 1 (UID BODY.PEEK[])
    C: P3 UID FETCH 2 (UID BODY.PEEK[])
    C: P4 UID FETCH 3 (UID BODY.PEEK[])
";
const COMPRESS: &str = "C: P5 COMPRESS DEFLATE\nS: P5 OK DEFLATE active\n";

/// How long a server of 3 MB a second takes for [`large`], less or more.
const SLOWLY: Duration = Duration::from_secs(1);

/// Between a client and a server that knows nothing of it: compresses from [`AGREED`] on, and hands that on in
/// pieces of at most `piece` bytes.
async fn compressing(client: DuplexStream, server: DuplexStream, piece: usize) {
    let ((client_in, client_out), (server_in, server_out)) = (split(client), split(server));
    let (agreed, told) = tokio::sync::oneshot::channel();
    tokio::join!(packing(server_in, client_out, agreed, piece), unpacking(client_in, server_out, told));
}

async fn packing(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    agreed: tokio::sync::oneshot::Sender<()>,
    piece: usize,
) {
    let (mut plain, mut agreed) = (Vec::new(), Some(agreed));
    let mut compress = Compress::new(Compression::default(), false);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        plain.extend_from_slice(&buffer[..length]);
        let mut ready = match &agreed {
            // The agreement comes with little else.
            Some(_) if plain.len() > 1000 => std::mem::take(&mut plain),
            Some(_) => match plain.windows(AGREED.len()).position(|window| window == AGREED) {
                Some(at) => {
                    let rest = plain.split_off(at + AGREED.len());
                    _ = agreed.take().map(|agreed| agreed.send(()));
                    std::mem::replace(&mut plain, rest)
                }
                None => std::mem::take(&mut plain),
            },
            None => Vec::new(),
        };
        if agreed.is_none() && !plain.is_empty() {
            let mut packed = Vec::with_capacity(plain.len() + 1024);
            compress.compress_vec(&plain, &mut packed, FlushCompress::Sync).expect("packs");
            plain.clear();
            ready.extend_from_slice(&packed);
        }
        let piece = if agreed.is_none() { piece } else { ready.len().max(1) };
        for piece in ready.chunks(piece) {
            _ = to.write_all(piece).await;
        }
    }
    _ = to.shutdown().await;
}

async fn unpacking(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut agreed: tokio::sync::oneshot::Receiver<()>,
) {
    let mut decompress = Decompress::new(false);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let mut unpacked = buffer[..length].to_vec();
        if agreed.is_terminated() || agreed.try_recv().is_ok() {
            unpacked = Vec::with_capacity(64 * 1024);
            decompress
                .decompress_vec(&buffer[..length], &mut unpacked, FlushDecompress::Sync)
                .expect("what the client sends can be unpacked");
        }
        _ = to.write_all(&unpacked).await;
    }
    _ = to.shutdown().await;
}

/// Runs a client against a script, behind what compresses.
async fn packed<T>(
    steps: Vec<Step>,
    piece: usize,
    transcript: Option<&Transcript>,
    client: impl AsyncFnOnce(&mut Session<DuplexStream>) -> T,
) -> T {
    against(steps, async |stream| {
        let (ours, theirs) = duplex(4096);
        let between = tokio::spawn(compressing(theirs, stream, piece));
        let result = {
            let connection = Connection::over(ours, &server(), Protection::Tls, IDLE, transcript).await;
            let connection = connection.expect("greets");
            let session = connection.sign_in("ann", &password(), SaslPolicy::Auto).await;
            client(&mut session.expect("signs in")).await
        };
        between.await.expect("passes everything on");
        result
    })
    .await
}

/// A message of 3 MB that can be compressed well.
fn large() -> String {
    "Subject: weekly report\r\n\r\n".to_owned() + &"The same line again and again.\r\n".repeat(95_000)
}

fn answer(uid: u32, text: &str) -> Step {
    let length = text.len();
    let tag = if uid < 4 { uid + 1 } else { uid + 2 };
    Step::Send(
        format!("* {uid} FETCH (UID {uid} BODY[] {{{length}}}\r\n{text})\r\nP{tag} OK done\r\n").into_bytes(),
    )
}

/// Three messages, of which the first takes this long.
fn three(time: Duration) -> Vec<Step> {
    let first = vec![Step::Wait(time), answer(1, &large()), answer(2, "b"), answer(3, "c")];
    [script(SIGNED_IN), first].concat()
}

/// The other two, and another question.
fn two() -> Vec<Step> {
    let asked = "C: P6 UID FETCH 4 (UID BODY.PEEK[])\nC: P7 UID FETCH 5 (UID BODY.PEEK[])";
    let more = script("C: P8 UID SEARCH UID 1\nS: * SEARCH 1\nS: P8 OK done");
    [script(asked), vec![answer(4, &large()), answer(5, "e")], more].concat()
}

async fn read_five(session: &mut Session<DuplexStream>) {
    let found = read(&mut session.bodies((1..=5).map(UidSet::one).collect())).await.expect("reads");
    let expected = [(1, large()), (2, "b".into()), (3, "c".into()), (4, large()), (5, "e".into())];
    assert!(found == expected, "{:?}", found.iter().map(|(uid, text)| (uid, text.len())).collect::<Vec<_>>());
    assert!(session.exists(1).await.expect("goes on"));
}

#[tokio::test(start_paused = true)]
async fn what_comes_slowly_goes_on_compressed_and_whole() {
    for piece in [1, 64 * 1024] {
        let transcript = Transcript::new();
        let steps = [three(SLOWLY), script(COMPRESS), two()].concat();
        let traffic = packed(steps, piece, Some(&transcript), async |session| {
            read_five(session).await;
            session.traffic()
        })
        .await;
        let saved = traffic.bytes_in - traffic.carried_in;
        assert!(saved > 2_900_000 && traffic.bytes_in > 6_000_000, "{traffic:?}");
        let transcript = transcript.to_string();
        for line in
            ["C: P5 COMPRESS DEFLATE", "S: P5 OK DEFLATE active", "C: P6 UID FETCH 4", "S: * SEARCH 1"]
        {
            assert!(transcript.contains(line), "{transcript}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_the_agreement_is_compressed_already() {
    let mut steps = [three(SLOWLY), script(COMPRESS)].concat();
    let Some(Step::Send(last)) = steps.last_mut() else { panic!("ends with the agreement") };
    last.extend_from_slice(b"* OK Still here\r\n* 3 EXISTS\r\n");
    steps.extend(two());
    packed(steps, 64 * 1024, None, read_five).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_for_once_and_only_where_it_pays() {
    let again = script("C: P9 UID FETCH 2 (UID BODY.PEEK[])\nS: P9 OK done");
    let not_now = COMPRESS.replace("OK DEFLATE active", "NO [COMPRESSIONACTIVE] not now");
    for answered in [&not_now, COMPRESS] {
        let steps = [three(SLOWLY), script(answered), two(), again.clone()].concat();
        packed(steps, 64 * 1024, None, async |session| {
            read_five(session).await;
            assert_eq!(read(&mut session.bodies(vec![UidSet::one(2)])).await.expect("reads"), []);
        })
        .await;
    }
    let quick = three(Duration::from_millis(100));
    let small = [script(SIGNED_IN), vec![Step::Wait(SLOWLY), answer(1, "a"), answer(2, "b"), answer(3, "c")]];
    let absent = script(&SIGNED_IN.replace(" COMPRESS=DEFLATE", ""));
    let absent = [absent, three(SLOWLY).split_off(script(SIGNED_IN).len())].concat();
    for steps in [quick, small.concat(), absent] {
        // The next command goes out after each answer.
        let mut steps = steps;
        let [second, third] = [steps.len() - 2, steps.len() - 1];
        let asked = |tag, uid| script(&format!("C: P{tag} UID FETCH {uid} (UID BODY.PEEK[])"));
        steps.splice(third..third, asked(6, 5));
        steps.splice(second..second, asked(5, 4));
        steps.extend(script("S: P5 OK done\nS: P6 OK done"));
        packed(steps, 64 * 1024, None, async |session| {
            let found = read(&mut session.bodies((1..=5).map(UidSet::one).collect())).await.expect("reads");
            assert_eq!(found.len(), 3);
        })
        .await;
    }
}

/// What becomes of a client that is sent these bytes after the agreement, as they are.
async fn after_agreement(sent: Vec<Step>, idle: Duration) -> Error {
    let steps = [three(SLOWLY), script(COMPRESS), sent].concat();
    against(steps, async |stream| {
        let connection =
            Connection::over(stream, &server(), Protection::Tls, idle, None).await.expect("greets");
        let mut session = connection.sign_in("ann", &password(), SaslPolicy::Auto).await.expect("signs in");
        read(&mut session.bodies((1..=5).map(UidSet::one).collect())).await.expect_err("cannot be read")
    })
    .await
}

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(text.len() / 100 + 1024);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(text, &mut packed, FlushCompress::Sync).expect("packs");
    packed
}

#[tokio::test(start_paused = true)]
async fn a_bomb_meets_the_limits_of_what_it_unpacks_to() {
    let spread = |before: &str, length: usize| [before.as_bytes(), &vec![b'x'; length]].concat();
    for (bomb, reason) in [
        (spread("", 8 << 20), "a line longer than 64 KiB"),
        (
            spread("* 1 FETCH (X {8388608}\r\n", 8 << 20),
            "a literal longer than 64 KiB where none is expected",
        ),
        (b"* 1 FETCH (X {1}\r\nx ".repeat(1 << 18), "too many literals in one response"),
        (b"X {65536}\r\n".repeat(1 << 18), "not an IMAP response"),
    ] {
        let packed = deflated(&bomb);
        assert!(packed.len() < bomb.len() / 100);
        let error = after_agreement(vec![Step::Send(packed), Step::Hang], IDLE).await;
        assert_eq!(error.fault().class, FaultClass::Protocol);
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_deflate_or_never_ends_is_given_up() {
    let text = deflated(b"* 1 FETCH (UID 1 BODY[] {10}\r\nhalf");
    let last_block = vec![1, 0, 0, 0xff, 0xff];
    for (sent, class) in [
        (vec![Step::Send(vec![0xff; 100]), Step::Hang], FaultClass::Protocol),
        (vec![Step::Send(b"* 1 FETCH (UID 1)\r\n".repeat(1000)), Step::Hang], FaultClass::Protocol),
        (vec![Step::Send(text.clone())], FaultClass::ConnectionLost),
        (vec![Step::Send(text), Step::Hang], FaultClass::TimedOut),
        (vec![Step::Send(last_block.clone()), Step::Hang], FaultClass::ConnectionLost),
        (vec![Step::Send([last_block, vec![0; 9]].concat()), Step::Hang], FaultClass::ConnectionLost),
    ] {
        assert_eq!(after_agreement(sent, IDLE).await.fault().class, class);
    }
}

#[tokio::test]
async fn blocks_with_nothing_in_them_do_not_hold_us() {
    let idle = SLOWLY * 3 / 2;
    let before = std::time::Instant::now();
    let error = after_agreement(vec![Step::Flood([0, 0, 0, 0xff, 0xff].repeat(1000))], idle).await;
    assert_eq!(error.fault().class, FaultClass::TimedOut);
    assert!(before.elapsed() < Duration::from_secs(20));
}
