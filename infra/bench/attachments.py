"""What it costs to unpack attachments."""

from collections.abc import Callable

from ..local import mail
from ..local.processes import Failed
from . import function, peers, rig
from .report import Table
from .turns import cpu, peak, ratio, take_turns, wall
from .usage import Usage

PORTS = {"imap": "imaps", "pop3": "pop3s"}


def attachments(runs: int) -> list[Table]:
    """The large messages and the mixed mail, with attachments and without."""
    return [_large(runs), _mixed(runs)]


def _large(runs: int) -> Table:
    contenders = {
        f"fetch by {protocol.upper()}{', with attachments' if unpacked else ''}": _fetch(rig.LARGE, protocol, unpacked)
        for protocol in PORTS
        for unpacked in (False, True)
    }
    results = take_turns({**contenders, "Python's email, from file to file": _email}, runs)
    rig.empty_bucket()
    rows = [[name, peak(samples), wall(samples), cpu(samples)] for name, samples in results.items()]
    return Table("Attachments of large messages", ["100 MB and 40 MB", "peak memory", "time", "CPU"], rows)


def _mixed(runs: int) -> Table:
    without, unpacked = "fetch", "fetch, with attachments"
    contenders = {without: _fetch(rig.MIXED, "imap", False), unpacked: _fetch(rig.MIXED, "imap", True)}
    results = take_turns(contenders, runs)
    (objects, size), (indexes, _) = rig.stored("attachments"), rig.stored("index")
    rig.empty_bucket()
    rows = [[name, wall(samples), cpu(samples), peak(samples)] for name, samples in results.items()]
    more = ratio(results[unpacked], results[without], "wall").text("times")
    note = (
        f"They are {objects:,} attachments of {size / 1e6:,.0f} MB and {indexes:,} indexes, and take {more} the time."
    )
    return Table("Attachments of mixed mail", ["20,000 messages by IMAP", "time", "CPU", "peak memory"], rows, note)


def _email() -> Usage:
    # What was read by POP3 is marked as read, which gives its file another name.
    return peers.email(sorted((mail.maildir(rig.RIG, rig.LARGE) / "cur").iterdir()))


def _fetch(user: str, protocol: str, unpacked: bool) -> Callable[[], Usage]:
    mailbox = f"{user}-{protocol}{'-unpacked' if unpacked else ''}"
    function.register(mailbox, user, rig.RIG.port(PORTS[protocol]), protocol, unpacked)

    def fetch() -> Usage:
        used = function.fetch_anew(mailbox, user)
        indexed, wanted = rig.stored("index")[0], rig.mail_of(user)[0] if unpacked else 0
        if indexed != wanted:
            raise Failed(f"{indexed} messages of {mailbox} are in the index, and {wanted} should be")
        return used

    return fetch
