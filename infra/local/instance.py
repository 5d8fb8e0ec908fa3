"""Where an instance of the local stack keeps its things, and on which ports it listens.

There are several instances, so that tests run beside a stack that somebody uses: `dev` (`make demo`
and `make up`), `own` (`make up MAIL=0`) and `test`.
"""

import hashlib
import json
import os
import pwd
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"

LOOPBACK = "127.0.0.1"
SERVICES = ("aws", "issuer", "imap", "imaps", "pop3", "pop3s", "console")

# A Unix socket's path ends at 107 bytes; Dovecot's longest below its own folder has about 40.
MAX_SOCKET_FOLDER = 64


@dataclass(frozen=True)
class Instance:
    """One local stack. `persistent` ones keep what they know from one start to the next."""

    name: str
    persistent: bool = True
    # Whether it is written down what its functions ask AWS for.
    records: bool = False

    @property
    def folder(self) -> Path:
        """Everything of the instance: what runs, its logs, and what is kept."""
        return LOCAL / self.name

    @property
    def logs(self) -> Path:
        """Logs of the running servers."""
        return self.folder / "logs"

    @property
    def stack(self) -> str:
        """The name of the deployed stack."""
        return f"postroom-{self.name}"

    def port(self, service: str) -> int:
        """The port of one of SERVICES, the same at every start as long as it can be had."""
        return self._ports()[service]

    def _ports(self) -> dict[str, int]:
        file = self.folder / "ports.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def choose_ports(self) -> None:
        """Chooses the ports for a start.

        `POSTROOM_<SERVICE>_PORT` decides; otherwise the port of the last time, if it is free; otherwise
        any free one.
        """
        last = self._ports()
        ports: dict[str, int] = {}
        for service in SERVICES:
            wanted = os.environ.get(f"POSTROOM_{service.upper()}_PORT")
            if wanted:
                ports[service] = int(wanted)
            elif service in last and last[service] not in ports.values() and is_free(last[service]):
                ports[service] = last[service]
            else:
                ports[service] = free_port({*ports.values(), *last.values()})
        write(self.folder / "ports.json", json.dumps(ports))

    def mail_folder(self) -> Path:
        """Where Dovecot's configuration, sockets and mail lie.

        Inside the instance's folder, unless the path is too long for a socket or, when root starts
        Dovecot, not open to the mail user.
        """
        inside = self.folder / "dovecot"
        if len(str(inside)) <= MAX_SOCKET_FOLDER and (os.geteuid() != 0 or _open_to_all(inside)):
            return inside
        digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"postroom-{os.geteuid()}-{digest}"


DEV = Instance("dev")
OWN = Instance("own")
TEST = Instance("test", persistent=False, records=True)
# What `make watch` runs; it has no servers of its own.
WATCH = Instance("watch", persistent=False)


def mail_user() -> pwd.struct_passwd:
    """Who owns the mail: the person, or `mail` when root starts Dovecot (which reads no mail as root)."""
    return pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def is_free(port: int) -> bool:
    """Whether nothing listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    """A free loopback port below the range that outgoing connections take theirs from."""
    while True:
        port = 20000 + int.from_bytes(os.urandom(2)) % 12000
        if port not in taken and is_free(port):
            return port


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    """Writes a file in one step, so that a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.chmod(name, mode)
    os.replace(name, path)
    return path


def _open_to_all(path: Path) -> bool:
    existing = [parent for parent in path.parents if parent.exists()]
    return all(parent.stat().st_mode & 0o001 for parent in existing)
