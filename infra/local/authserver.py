"""The authorization server of the local stack (authserver/server.mjs)."""

import json
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

from . import install, processes
from .instance import LOOPBACK, Instance

NAME = "authserver"

# The registration that the demo and the tests use (authserver/clients.mjs).
CLIENT_ID = "postroom"
CLIENT_SECRET = "secret-of-postroom-0123456789"
# The mail server's, to ask about tokens.
MAIL_SERVER = "dovecot:secret-of-dovecot-0123456789"


def issuer(instance: Instance) -> str:
    """The server's issuer identifier, which is also its address."""
    return f"http://{LOOPBACK}:{instance.port('issuer')}"


def start(instance: Instance) -> None:
    """Starts it. A persistent instance still knows the tokens that it issued before."""
    for file in (Path(__file__).parent / NAME).glob("*.mjs"):
        shutil.copy(file, install.AUTHSERVER)
    node = install.program("node", "Node.js 20 or later")
    command = [node, str(install.AUTHSERVER / "server.mjs"), str(instance.port("issuer"))]
    if instance.persistent:
        command.append(str(instance.folder / "issued.json"))
    processes.start(instance, NAME, command, {"NODE_ENV": "development"})
    processes.wait_until(lambda: processes.listens(instance.port("issuer")), instance, NAME)


def token_set(instance: Instance, user: str, seconds: int = 3600) -> dict[str, object]:
    """A token set for a user, as the token endpoint answers at the end of a sign-in."""
    query = urllib.parse.urlencode({"user": user, "client": CLIENT_ID, "seconds": seconds})
    request = urllib.request.Request(f"{issuer(instance)}/control/token?{query}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
