"""The measurements. Contenders take turns; the figures are medians, with the smallest and the largest."""

import io
import json
import platform
import statistics
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..local import aws, install, mail, processes
from ..local.instance import ROOT
from ..local.processes import Failed
from . import attachments, function, peers, pop3, rig, scale, usage
from .report import Samples, Table
from .turns import cpu, one_after_another, peak, ratio, take_turns, wall
from .usage import Usage

# One way, in milliseconds: a round trip takes twice as long.
DISTANCE_MS = 20
STARTS = 21

# The functions' programs: this machine's, and arm64's where they have been built (`make bench ARM=1`).
ARM = ROOT / "target" / "lambda-arm64"
PROGRAMS = {platform.machine(): aws.BUILT, "arm64": ARM}


def build(arm: bool) -> None:
    """Builds what is measured, and the instruments."""
    programs = [part for program in (*aws.FUNCTIONS, "postroom-bench") for part in ("--bin", program)]
    aws.cargo_lambda("build", "--release", "--workspace", *programs, "--lambda-dir", str(aws.BUILT))
    if arm:
        install.rust_target("aarch64-unknown-linux-gnu")
        aws.cargo_lambda("build", "--release", "--workspace", *programs, "--arm64", "--lambda-dir", str(ARM))


def reading(runs: int) -> list[Table]:
    """The mixed mail, read and dropped after hashing."""
    front = rig.start_relay("front", "imap", ends_tls=True)
    ways = {"Dovecot's own TLS": rig.RIG.port("imaps"), "TLS ended by rustls in front": front.port}
    account = ["--user", rig.MIXED, "--password", mail.password(rig.MIXED), "--ca", mail.ca(rig.RIG)]
    readers = {"raw": ["raw"], "Postroom": ["postroom"], "Postroom, with `fetch`'s threads": ["postroom", "--workers"]}

    def read(reader: str, port: int) -> Usage:
        return usage.run([rig.PROGRAM, *readers[reader], "--port", port, *account])

    read("raw", rig.RIG.port("imaps"))  # Dovecot lists the mailbox once
    turns = {(way, reader): partial(read, reader, port) for way, port in ways.items() for reader in readers}
    results = take_turns(turns, runs)
    processes.stop(rig.RIG, front.name)
    digests = {sample.output for samples in results.values() for sample in samples}
    if len(digests) != 1 or json.loads(digests.pop())["messages"] != rig.mail_of(rig.MIXED)[0]:
        raise Failed("the readers did not read the same")
    rows = []
    for (way, reader), samples in results.items():
        compared = ratio(samples, results[way, "raw"], "wall").text("×") if reader != "raw" else ""
        rows.append([way, reader, wall(samples), compared, cpu(samples), peak(samples)])
    columns = ["20,000 messages through", "reader", "time", "against raw", "CPU", "peak memory"]
    return [Table("Reading, bodies dropped after hashing", columns, rows)]


def storing(runs: int) -> list[Table]:
    """The mixed mail into S3."""
    contenders = into_s3(rig.MIXED, rig.RIG.port("imaps"))
    servers = (mail.NAME, "s3")
    taken: dict[tuple[str, str], list[float]] = {}

    def counted(name: str) -> Usage:
        before = {server: rig.cpu_seconds(server) for server in servers}
        used = contenders[name]()
        for server in servers:
            taken.setdefault((name, server), []).append(rig.cpu_seconds(server) - before[server])
        return used

    results = take_turns({name: partial(counted, name) for name in contenders}, runs)
    both = one_after_another(results["mbsync"], results["s5cmd"])
    rig.empty_bucket()

    def row(title: str, samples: list[Usage], *names: str) -> list[str]:
        work = [sum(statistics.median(taken[name, server]) for name in names) for server in servers]
        return [title, wall(samples), cpu(samples), peak(samples), *(f"{seconds:.1f} s" for seconds in work)]

    rows = [row(name, samples, name) for name, samples in results.items()]
    rows.append(row("mbsync, then s5cmd", both, "mbsync", "s5cmd"))
    time, work = (ratio(results["fetch"], both, what).text("times") for what in ("wall", "cpu"))
    note = f"`fetch` takes {time} the time of mbsync and s5cmd, and {work} their CPU."
    columns = ["20,000 messages", "time", "CPU", "peak memory", "Dovecot's CPU", "S3 server's CPU"]
    return [Table("Storing", columns, rows, note)]


def memory(runs: int) -> list[Table]:
    """A mailbox with a message of 100 MB and one of 40 MB."""
    port = rig.RIG.port("imaps")
    contenders = {
        "fetch, into S3": into_s3(rig.LARGE, port)["fetch"],
        "curl, to files": partial(peers.curl, rig.LARGE, port, [1, 2]),
        "mbsync, to files": into_s3(rig.LARGE, port)["mbsync"],
        "getmail, to files": partial(peers.getmail, rig.LARGE, port),
    }
    results = take_turns(contenders, runs)
    rig.empty_bucket()
    rows = [[name, peak(samples), wall(samples), cpu(samples)] for name, samples in results.items()]
    return [Table("Memory", ["100 MB and 40 MB", "peak memory", "time", "CPU"], rows)]


def polling(runs: int) -> list[Table]:
    """A poll of the mixed mail that finds nothing, as seen by one instrument."""
    direct = rig.RIG.port("imaps")
    rig.empty_bucket()
    function.register(rig.SEEN, rig.SEEN, direct)
    function.fetch(rig.SEEN)
    peers.Mbsync(rig.SEEN, direct).run()
    relay = rig.start_relay("counter", "imap", ends_tls=True, delay_ms=DISTANCE_MS)
    function.register(rig.SEEN, rig.SEEN, relay.port)
    contenders = {
        "fetch": partial(function.fetch, rig.SEEN),
        "mbsync": peers.Mbsync(rig.SEEN, relay.port).run,
        "fetchmail": partial(peers.fetchmail, rig.SEEN, relay.port),
    }
    rows = []
    for name, poll in contenders.items():
        samples = [poll() for _ in range(runs)]
        seen = relay.reports(len(samples))
        counts = [Samples([report[what] for report in seen]) for what in ("turns", "bytes_down", "bytes_up")]
        rows.append([name, *(count.text("", 0) for count in counts), wall(samples)])
    processes.stop(rig.RIG, relay.name)
    rig.empty_bucket()
    columns = ["nothing new in 20,000", "turns", "bytes down", "bytes up", f"time at {2 * DISTANCE_MS} ms"]
    return [Table("A poll that finds nothing", columns, rows)]


def distance(runs: int) -> list[Table]:
    """A thousand small messages from far away."""
    relay = rig.start_relay("distance", "imaps", ends_tls=False, delay_ms=DISTANCE_MS)
    results = take_turns(into_s3(rig.SMALL, relay.port), runs)
    processes.stop(rig.RIG, relay.name)
    rig.empty_bucket()
    named = {**results, "mbsync, then s5cmd": one_after_another(results["mbsync"], results["s5cmd"])}
    rows = [[name, wall(samples), cpu(samples), peak(samples)] for name, samples in named.items()]
    columns = [f"1,000 small messages at {2 * DISTANCE_MS} ms", "time", "CPU", "peak memory"]
    return [Table("Distance", columns, rows)]


def starting(_runs: int) -> list[Table]:
    """How soon a function asks for work, and how large it is. A start takes so little time that there are
    always enough of them."""
    turns = [[function.cold_start(name) * 1000 for name in aws.FUNCTIONS] for _ in range(STARTS)]
    builds = {name: folder for name, folder in PROGRAMS.items() if folder.exists()}
    rows = []
    for at, name in enumerate(aws.FUNCTIONS):
        started = Samples([turn[at] for turn in turns])
        rows.append([name, started.text("ms", 1), *(zipped(folder, name) for folder in builds.values())])
    return [Table("Starting", ["function", "first request for work", *(f"zip, {name}" for name in builds)], rows)]


MEASUREMENTS: dict[str, Callable[[int], list[Table]]] = {
    "reading": reading,
    "storing": storing,
    "memory": memory,
    "polling": polling,
    "distance": distance,
    "starting": starting,
    "pop3-reading": pop3.reading,
    "pop3-storing": pop3.storing,
    "pop3-memory": pop3.memory,
    "pop3-polling": pop3.polling,
    "attachments": attachments.attachments,
}
# Those that need no mail, and are made when they are asked for.
WITHOUT_MAIL: dict[str, Callable[[int], list[Table]]] = {"scale": scale.scale}


def into_s3(user: str, port: int) -> dict[str, Callable[[], Usage]]:
    """A user's mail into an empty bucket: by `fetch`, or by mbsync into files and by s5cmd from there. What
    has arrived is counted; of what `fetch` stores, the bytes too, while mbsync changes line ends."""
    function.register(user, user, port)
    mbsync = peers.Mbsync(user, port)
    messages, _ = rig.mail_of(user)

    def pull() -> Usage:
        mbsync.forget()
        return mbsync.run()

    def upload() -> Usage:
        rig.empty_bucket()
        used = peers.s5cmd(mbsync.inbox / "new")
        if rig.stored()[0] != messages:
            raise Failed(f"s5cmd stored {rig.stored()[0]} of {messages} messages")
        return used

    return {"fetch": partial(function.fetch_anew, user), "mbsync": pull, "s5cmd": upload}


def zipped(folder: Path, name: str) -> str:
    """How large a function's program is in a zip file, as SAM packs it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / name / "bootstrap", "bootstrap")
    return f"{len(packed.getvalue()) / 1e6:.2f} MB"
