"""The servers that the measurements run against, with everything that they store in memory."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..local import aws, install, mail, processes
from ..local.instance import LOOPBACK, Instance, free_port, mail_user

TMPFS = Path(os.environ.get("POSTROOM_TMPFS", "/dev/shm"))
# What the mailboxes take twice over, and what is stored out of them twice over.
NEEDED = 8 << 30

# Built together with the functions, and as they are.
PROGRAM = aws.BUILT / "postroom-bench" / "bootstrap"

# Users with a mailbox, by the kind of its mail.
MIXED, SMALL, LARGE = "mixed", "small", "large"
# The mixed mail again, marked as read: all of it, and a tenth.
SEEN, FEW = "seen", "few"


class Rig(Instance):
    """An instance of the local stack's servers that lies in memory."""

    @property
    def folder(self) -> Path:
        """Everything of the instance."""
        return TMPFS / f"postroom-{self.name}"


RIG = Rig("bench", persistent=False)

S3_STORE = RIG.folder / "s3"
BUCKET = "mail"
# Where clients that do not archive to S3 put mail.
SCRATCH = RIG.folder / "scratch"


@dataclass
class Relay:
    """A relay in front of the mail server (tests/bench/src/relay.rs)."""

    name: str
    port: int
    _read: int = 0

    def reports(self, least: int = 0) -> list[dict[str, int]]:
        """What it has counted since the last call, a report for each connection that has ended and over
        which something was said; waits for so many."""
        processes.wait_until(lambda: len(self._all()) >= self._read + least, RIG, self.name)
        new = self._all()[self._read :]
        self._read += len(new)
        return new

    def _all(self) -> list[dict[str, int]]:
        log = RIG.logs / f"{self.name}.log"
        reports = [json.loads(line) for line in log.read_text().splitlines()]
        return [report for report in reports if report["turns"]]


_ports: dict[str, int] = {}


def start(with_mail: bool = True) -> None:
    """Starts the AWS API; with mail, the mail server and S3 too, and fills the mailboxes."""
    free = shutil.disk_usage(TMPFS).free
    if with_mail and free < NEEDED:
        raise processes.Failed(f"{TMPFS} has {free >> 20} MiB free, and {NEEDED >> 20} MiB are needed")
    stop()
    RIG.folder.mkdir(mode=0o755)
    RIG.choose_ports()
    if with_mail:
        for kind in (MIXED, SMALL, LARGE):
            fill(kind)
        link_seen(SEEN)
        link_seen(FEW, every=10)
        mail.start(RIG)
    aws.start(RIG)
    if not with_mail:
        return
    S3_STORE.mkdir()
    empty_bucket()
    start_s3()


def stop() -> None:
    """Stops everything and gives the memory back."""
    # Dovecot clears its environment, so that it does not carry the mark of a straggler.
    for name in (mail.NAME, aws.NAME):
        processes.stop(RIG, name)
    processes.stop_stragglers(RIG)
    shutil.rmtree(RIG.folder, ignore_errors=True)


def fill(kind: str) -> None:
    """Makes a user's mail."""
    subprocess.run([PROGRAM, "corpus", mail.maildir(RIG, kind), "--kind", kind], check=True)
    own(kind)


def link_seen(user: str, every: int = 1) -> None:
    """Gives another user every so manieth message of the mixed mail, marked as read, without taking more
    memory."""
    source, target = (mail.maildir(RIG, each) / "cur" for each in (MIXED, user))
    for folder in ("cur", "new", "tmp"):
        (target.parent / folder).mkdir(parents=True)
    for file in sorted(source.iterdir())[::every]:
        (target / f"{file.name}S").hardlink_to(file)
    own(user)


def own(user: str) -> None:
    """Gives a user's mail to whom the mail server runs as."""
    owner = mail_user()
    home = mail.maildir(RIG, user).parent
    for path in (home, *home.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)


def start_s3() -> None:
    """Starts an S3 API that stores files."""
    _ports["s3"] = free_port(set())
    credentials = ["--access-key", "local", "--secret-key", "local"]
    command = [
        install.cargo_tool("s3s-fs"),
        "--host",
        LOOPBACK,
        "--port",
        _ports["s3"],
    ]
    processes.start(
        RIG,
        "s3",
        [*map(str, command), *credentials, str(S3_STORE)],
        {"RUST_LOG": "error"},
    )
    processes.wait_until(lambda: processes.listens(_ports["s3"]), RIG, "s3")


def s3_endpoint() -> str:
    """Where S3 answers."""
    return f"http://{LOOPBACK}:{_ports['s3']}"


def empty_bucket() -> None:
    """Removes every object."""
    for path in S3_STORE.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (S3_STORE / BUCKET).mkdir()


def stored(prefix: str = "") -> tuple[int, int]:
    """How many objects the bucket holds under a prefix, and their bytes."""
    files = [file for file in (S3_STORE / BUCKET / prefix).rglob("*") if file.is_file()]
    return len(files), sum(file.stat().st_size for file in files)


def mail_of(user: str) -> tuple[int, int]:
    """How many messages a user has, and their bytes."""
    files = list((mail.maildir(RIG, user) / "cur").iterdir())
    return len(files), sum(file.stat().st_size for file in files)


def start_relay(name: str, service: str, *, ends_tls: bool, delay_ms: int = 0) -> Relay:
    """Starts a relay in front of one of the mail server's ports."""
    port = free_port(set())
    command = [
        str(PROGRAM),
        "relay",
        "--listen",
        str(port),
        "--server",
        str(RIG.port(service)),
    ]
    command += ["--delay", str(delay_ms)]
    if ends_tls:
        tls = mail.ca(RIG).parent
        command += [
            "--certificate",
            str(tls / "server.pem"),
            "--key",
            str(tls / "server.key"),
        ]
    processes.start(RIG, name, command, {})
    processes.wait_until(lambda: processes.listens(port), RIG, name)
    return Relay(name, port)


def cpu_seconds(name: str) -> float:
    """The CPU time that a server and whatever it started have taken so far."""
    session = processes.running(RIG, name)
    ticks = 0
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[3]) == session:
            # utime and stime, and those of children that have ended (proc(5)).
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")
