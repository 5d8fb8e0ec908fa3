"""The same over POP3: the mixed mail of a user of whom it is all marked as read, so that reading it changes
nothing at the server."""

import json
from functools import partial

from ..local import mail, processes
from ..local.processes import Failed
from . import function, peers, rig, usage
from .report import Samples, Table
from .turns import cpu, one_after_another, peak, ratio, take_turns, wall
from .usage import Usage

# One way, in milliseconds: a round trip takes twice as long.
DISTANCE_MS = 20
# How often getmail may begin again.
TRIES = 5


def reading(runs: int) -> list[Table]:
    """The mixed mail, read and dropped; after hashing, but for curl."""
    front = rig.start_relay("front", "pop3", ends_tls=True)
    ways = {"Dovecot's own TLS": rig.RIG.port("pop3s"), "TLS ended by rustls in front": front.port}
    account = ["--user", rig.SEEN, "--password", mail.password(rig.SEEN), "--ca", mail.ca(rig.RIG), "--pop3"]
    messages, _ = rig.mail_of(rig.SEEN)

    def postroom(port: int, *options: str) -> Usage:
        return usage.run([rig.PROGRAM, "postroom", "--port", port, *account, *options])

    readers = {
        "Postroom": postroom,
        "Postroom, with `fetch`'s threads": lambda port: postroom(port, "--workers"),
        "curl": lambda port: peers.curl_pop3_dropped(rig.SEEN, port, messages),
        "Python's poplib": lambda port: peers.poplib(rig.SEEN, port),
    }
    postroom(rig.RIG.port("pop3s"))  # Dovecot lists the mailbox once
    turns = {(way, name): partial(read, port) for way, port in ways.items() for name, read in readers.items()}
    results = take_turns(turns, runs)
    processes.stop(rig.RIG, front.name)
    outputs = [sample.output for (_, name), samples in results.items() if name != "curl" for sample in samples]
    totals = [json.loads(output) for output in outputs]
    texts = {len(one.output.splitlines()) for way in ways for one in results[way, "curl"]}
    if any(total != totals[0] for total in totals) or {totals[0]["messages"], *texts} != {messages}:
        raise Failed("the readers did not read the same")
    rows = []
    for (way, name), samples in results.items():
        compared = ratio(samples, results[way, "curl"], "wall").text("×") if name != "curl" else ""
        rows.append([way, name, wall(samples), compared, cpu(samples), peak(samples)])
    columns = ["20,000 messages through", "reader", "time", "against curl", "CPU", "peak memory"]
    return [Table("Reading by POP3", columns, rows)]


def storing(runs: int) -> list[Table]:
    """A tenth of the mixed mail into S3, or into files and from there into S3: getmail takes ten
    milliseconds for each message."""
    port = rig.RIG.port("pop3s")
    function.register(rig.FEW, rig.FEW, port, "pop3")
    messages, _ = rig.mail_of(rig.FEW)
    maildir = peers.getmail_folder(rig.FEW) / "Maildir" / "new"

    def getmail() -> Usage:
        used = _getmail(rig.FEW, port)
        if (found := len(list(maildir.iterdir()))) != messages:
            raise Failed(f"getmail stored {found} of {messages} messages")
        return used

    def upload() -> Usage:
        rig.empty_bucket()
        used = peers.s5cmd(maildir)
        if rig.stored()[0] != messages:
            raise Failed(f"s5cmd stored {rig.stored()[0]} of {messages} messages")
        return used

    contenders = {
        "fetch": partial(function.fetch_anew, rig.FEW),
        "getmail": getmail,
        "s5cmd": upload,
        "fetchmail, into one file": partial(peers.fetchmail_pop3, rig.FEW, port),
    }
    results = take_turns(contenders, runs)
    rig.empty_bucket()
    both = one_after_another(results["getmail"], results["s5cmd"])
    named = {**results, "getmail, then s5cmd": both}
    rows = [[name, wall(samples), cpu(samples), peak(samples)] for name, samples in named.items()]
    time, work = (ratio(results["fetch"], both, what).text("times") for what in ("wall", "cpu"))
    note = f"`fetch` takes {time} the time of getmail and s5cmd, and {work} their CPU."
    return [Table("Storing by POP3", [f"{messages:,} messages", "time", "CPU", "peak memory"], rows, note)]


def _getmail(user: str, port: int) -> Usage:
    """getmail delivers each message in a process of its own, and gives up after a minute when that ends
    before it waits for it (6.18.11, `ForkingBase`). Such a run is none."""
    for _ in range(TRIES):
        try:
            return peers.getmail(user, port, "pop3")
        except Failed as failure:
            if "waiting child pid" not in str(failure):
                raise
    raise Failed(f"getmail waited in vain for a process of its own, {TRIES} times in a row")


def memory(runs: int) -> list[Table]:
    """A mailbox with a message of 100 MB and one of 40 MB."""
    port = rig.RIG.port("pop3s")
    function.register(rig.LARGE, rig.LARGE, port, "pop3")
    contenders = {
        "fetch, into S3": partial(function.fetch_anew, rig.LARGE),
        "curl, to files": partial(peers.curl_pop3, rig.LARGE, port, [1, 2]),
        "fetchmail, into one file": partial(peers.fetchmail_pop3, rig.LARGE, port),
        "Python's poplib, dropped": partial(peers.poplib, rig.LARGE, port),
        "getmail, to files": partial(peers.getmail, rig.LARGE, port, "pop3"),
    }
    results = take_turns(contenders, runs)
    rig.empty_bucket()
    rows = [[name, peak(samples), wall(samples), cpu(samples)] for name, samples in results.items()]
    return [Table("Memory by POP3", ["100 MB and 40 MB", "peak memory", "time", "CPU"], rows)]


def polling(runs: int) -> list[Table]:
    """A poll of the mixed mail that finds nothing: a maildrop has to be listed whole."""
    direct = rig.RIG.port("pop3s")
    function.register(rig.SEEN, rig.SEEN, direct, "pop3")
    function.fetch_anew(rig.SEEN)
    peers.fetchmail_pop3(rig.SEEN, direct, remember=True)
    relay = rig.start_relay("counter", "pop3", ends_tls=True, delay_ms=DISTANCE_MS)
    function.register(rig.SEEN, rig.SEEN, relay.port, "pop3")
    contenders = {
        "fetch": partial(function.fetch, rig.SEEN),
        "fetchmail": partial(peers.fetchmail_pop3, rig.SEEN, relay.port, remember=True),
    }
    rows = []
    for name, poll in contenders.items():
        samples = [poll() for _ in range(runs)]
        seen = relay.reports(len(samples))
        counts = [Samples([report[what] for report in seen]) for what in ("turns", "bytes_down", "bytes_up")]
        rows.append([name, *(count.text("", 0) for count in counts), wall(samples), cpu(samples), peak(samples)])
    processes.stop(rig.RIG, relay.name)
    rig.empty_bucket()
    columns = ["nothing new in 20,000", "turns", "bytes down", "bytes up", f"time at {2 * DISTANCE_MS} ms"]
    return [Table("A poll by POP3 that finds nothing", [*columns, "CPU", "peak memory"], rows)]
