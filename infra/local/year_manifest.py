"""The manifest of the demo's year: who owns what, and what ends when."""

import json
from pathlib import Path

from . import authserver, mail, stack
from .instance import DEV, LOOPBACK, Instance, write

DOMAIN = "year.test"
ANNA, BEN, CARLA, DANIEL = (f"{name}@{DOMAIN}" for name in ("anna", "ben", "carla", "daniel"))
READS_GERMAN = CARLA
EVERYBODY = (ANNA, BEN, CARLA, DANIEL)
OPERATORS = stack.OPERATORS

# The account whose ten mailboxes belong to four people, two each.
SHARED = "archive"
SHARED_MAILBOXES = {f"section-{n + 1:02}": (EVERYBODY[n % 4], EVERYBODY[(n + 1) % 4]) for n in range(10)}


def prepare(instance: Instance, secret_ends: str, password_ends: str) -> Path:
    """Writes the manifest and its secrets, and says where it is. The days are those on which the client
    secret of `sso` and the password of `plant` end."""
    place = folder(instance)
    write(place / "client-secret", authserver.CLIENT_SECRET, mode=0o600)
    write(place / "plant.password", mail.password(f"plant@{DOMAIN}"), mode=0o600)
    return write(place / "postroom.toml", _manifest(secret_ends, password_ends))


def folder(instance: Instance) -> Path:
    """Where the manifest and its secrets lie."""
    place = instance.folder / "manifest"
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    return place


def login(account: str) -> str:
    """The identity that authorises an account, and the user of the mailbox of that name."""
    return f"{account}@{DOMAIN}"


def _manifest(secret_ends: str, password_ends: str) -> str:
    owners = {SHARED: [ANNA], "drawings": [CARLA], "tenders": [BEN], "permits": [BEN], "fax": []}
    more = {"tenders": 'reauthorise_every = "6mo"\n'}
    tables = [
        _provider("sso", f"client_secret_expires = {secret_ends}\n"),
        _provider("idle", "idle_days = 90\n"),
        f'[[owner]]\naddress = "{READS_GERMAN}"\nlanguage = "de"\n',
    ]
    for account, of in owners.items():
        provider = "idle" if account == SHARED else "sso"
        tables.append(_account(account, provider, of) + more.get(account, ""))
        if account != SHARED:
            tables.append(_mailbox(account, f'auth = {{ oauth = "{account}" }}\n'))
    for mailbox, of in SHARED_MAILBOXES.items():
        tables.append(_mailbox(mailbox, f'auth = {{ oauth = "{SHARED}" }}\nowners = {json.dumps(of)}\n'))
    password = f'password = {{ file = "plant.password" }}\npassword_expires = {password_ends}\n'
    tables.append(_mailbox("plant", password + f'owners = ["{DANIEL}"]\n'))
    return "\n".join(tables)


def _provider(name: str, more: str) -> str:
    return f"""\
[[provider]]
id = "{name}"
preset = "custom"
issuer = "{authserver.issuer(DEV)}"
client_id = "{authserver.CLIENT_ID}"
client_secret = {{ file = "client-secret" }}
scopes = ["openid", "offline_access", "mail"]
{more}"""


def _account(name: str, provider: str, owners: list[str]) -> str:
    return f"""\
[[account]]
id = "{name}"
provider = "{provider}"
grant = "authorization_code"
login = "{login(name)}"
owners = {json.dumps(owners)}
"""


def _mailbox(name: str, more: str) -> str:
    return f"""\
[[mailbox]]
id = "{name}"
protocol = "imap"
host = "{LOOPBACK}"
port = {DEV.port("imaps")}
user = "{login(name)}"
interval = "1d"
{more}"""
