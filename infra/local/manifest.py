"""The demo's manifest, with the secrets and token sets that go with it."""

import json
import os
from pathlib import Path

from . import authserver, mail, seed
from .instance import LOOPBACK, Instance, write

PROVIDER = "local-sso"


def folder(instance: Instance) -> Path:
    """Where the manifest and its secrets lie."""
    return instance.folder / "manifest"


def prepare(instance: Instance) -> Path:
    """Writes the manifest and its secrets, with token sets for its accounts, and says where it is."""
    place = folder(instance)
    place.mkdir(parents=True, exist_ok=True)
    os.chmod(place, 0o700)
    _secret(place / "client-secret", authserver.CLIENT_SECRET)
    for account in seed.ACCOUNTS:
        tokens = authserver.token_set(instance, seed.login(account))
        _secret(token_file(instance, account), json.dumps(tokens))
    for mailbox in seed.MAILBOXES:
        if mailbox.account is None:
            _secret(place / f"{mailbox.id}.password", mail.password(mailbox.user))
    tables = [_provider(instance), *map(_account, seed.ACCOUNTS), *(_mailbox(instance, m) for m in seed.MAILBOXES)]
    return write(place / "postroom.toml", "\n".join(tables))


def token_file(instance: Instance, account: str) -> Path:
    """The file with an account's token set."""
    return folder(instance) / f"{account}.token.json"


def _secret(file: Path, text: str) -> None:
    write(file, text + "\n", mode=0o600)


def _provider(instance: Instance) -> str:
    return f"""\
[[provider]]
id = "{PROVIDER}"
preset = "custom"
issuer = "{authserver.issuer(instance)}"
client_id = "{authserver.CLIENT_ID}"
client_secret = {{ file = "client-secret" }}
scopes = ["openid", "offline_access", "mail"]
"""


def _account(account: str) -> str:
    return f"""\
[[account]]
id = "{account}"
provider = "{PROVIDER}"
grant = "authorization_code"
login = "{seed.login(account)}"
owners = ["{seed.login(account)}"]
"""


def _mailbox(instance: Instance, mailbox: seed.Mailbox) -> str:
    lines = [
        "[[mailbox]]",
        f'id = "{mailbox.id}"',
        f'protocol = "{mailbox.protocol}"',
        f'host = "{LOOPBACK}"',
        f"port = {instance.port(mailbox.protocol if mailbox.starttls else f'{mailbox.protocol}s')}",
        f'tls = "{"starttls" if mailbox.starttls else "implicit"}"',
        f'user = "{mailbox.user}"',
        f"folders = {json.dumps(mailbox.patterns)}",
        'interval = "1m"',
        f"attachments = {json.dumps(mailbox.attachments)}",
    ]
    if mailbox.account:
        lines.append(f'auth = {{ oauth = "{mailbox.account}" }}')
        lines.append(f'sasl = "{mailbox.sasl}"')
    else:
        lines.append(f'password = {{ file = "{mailbox.id}.password" }}')
    return "\n".join(lines) + "\n"
