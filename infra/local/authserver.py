"""The authorization server of the local stack (authserver/server.mjs)."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

from . import certificates, console, install, processes
from .instance import LOOPBACK, Instance, write

NAME = "authserver"

# The registration that the demo and the tests use (authserver/clients.mjs).
CLIENT_ID = "postroom"
CLIENT_SECRET = "secret-of-postroom-0123456789"
# The mail server's, to ask about tokens.
MAIL_SERVER = "dovecot:secret-of-dovecot-0123456789"

# Long enough for every test that does not ask for another. Where people look on, it is short, so that
# tokens are seen to be renewed.
TOKEN_SECONDS = 3600
SHORT_TOKEN_SECONDS = 1200


def issuer(instance: Instance) -> str:
    """The server's issuer identifier, which is also its address."""
    return f"http://{LOOPBACK}:{instance.port('issuer')}"


def client_certificate(instance: Instance) -> Path:
    """The certificate of the registration `postroom-certificate`, PEM."""
    return instance.folder / NAME / "client.pem"


def client_key(instance: Instance) -> Path:
    """The key of that certificate, PEM."""
    return instance.folder / NAME / "client.key"


def service_account(instance: Instance) -> Path:
    """The key of a service account that may act for every user, as Google writes it."""
    return instance.folder / NAME / "service-account.json"


def start(instance: Instance) -> None:
    """Starts it. A persistent instance still knows the tokens that it issued before."""
    folder = instance.folder / NAME
    certificates.ensure_client(folder)
    settings = {
        "port": instance.port("issuer"),
        # The second is for tests that read the redirection and follow it nowhere.
        "redirectUris": [console.redirect_uri(instance), f"http://{LOOPBACK}/callback"],
        "certificate": str(client_certificate(instance)),
        "serviceAccount": str(service_account(instance)),
        "accessTokenSeconds": SHORT_TOKEN_SECONDS if instance.persistent else TOKEN_SECONDS,
        "issued": str(instance.folder / "issued.json") if instance.persistent else None,
    }
    written = write(folder / "settings.json", json.dumps(settings))
    install.authserver()
    node = install.program("node", "Node.js 20 or later")
    command = [node, str(install.AUTHSERVER / "server.mjs"), str(written)]
    processes.start(instance, NAME, command, {"NODE_ENV": "development"})
    processes.wait_until(lambda: processes.listens(instance.port("issuer")), instance, NAME)


def token_set(instance: Instance, user: str) -> dict[str, object]:
    """A token set for a user, as the token endpoint answers at the end of a sign-in."""
    query = urllib.parse.urlencode({"user": user, "client": CLIENT_ID})
    request = urllib.request.Request(f"{issuer(instance)}/control/token?{query}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
