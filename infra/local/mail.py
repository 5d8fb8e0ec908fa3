"""The mail server of the local stack: a private Dovecot.

Every user exists. A user's password is `pw-` and the user's name; a token opens the mailbox of its
account, and other mailboxes as `allow` says.
"""

import base64
import contextlib
import imaplib
import os
import poplib
import shutil
import ssl
import stat
from pathlib import Path
from string import Template

from . import authserver, certificates, install, processes
from .instance import LOOPBACK, Instance, mail_user, write

NAME = "dovecot"
# What it serves, each on a port of its own; those that end with an s over TLS from the first byte.
SERVICES = ("imap", "imaps", "pop3", "pop3s")
HERE = Path(__file__).parent
# poplib refuses lines beyond 2 kB, and mail has them.
poplib._MAXLINE = 1 << 20


def password(user: str) -> str:
    """A user's password."""
    return f"pw-{user}"


def ca(instance: Instance) -> Path:
    """The certificate authority that the server's certificate is of."""
    return instance.mail_folder() / "tls" / "ca.pem"


def maildir(instance: Instance, user: str) -> Path:
    """Where a user's mail lies."""
    return instance.mail_folder() / "mail" / user / "Maildir"


def start(instance: Instance) -> None:
    """Starts the server; mail of earlier runs is still there."""
    install.dovecot()
    conf = _configure(instance)
    command = [install.program("dovecot", "Dovecot 2.3"), "-F", "-c", str(conf)]
    processes.start(instance, NAME, command, {"PATH": os.defpath})
    ports = [instance.port(service) for service in SERVICES]
    processes.wait_until(lambda: all(map(processes.listens, ports)), instance, NAME)


def shared_mailboxes(instance: Instance) -> Path:
    """Where files named `mailbox,account` let an account's token open another mailbox."""
    return instance.mail_folder() / "shared-mailboxes"


def allow(instance: Instance, mailbox: str, account: str) -> None:
    """Lets an account's token open another mailbox, from now on."""
    write(shared_mailboxes(instance) / f"{mailbox},{account}", f"{mailbox}:::::::nopassword\n")


def sign_in(instance: Instance, user: str, token: str | None = None) -> imaplib.IMAP4_SSL:
    """An IMAP connection over TLS, signed in by password or with a token (XOAUTH2)."""
    trust = ssl.create_default_context(cafile=str(ca(instance)))
    connection = imaplib.IMAP4_SSL(LOOPBACK, instance.port("imaps"), ssl_context=trust)
    if token is None:
        connection.login(user, password(user))
    else:
        connection.authenticate("XOAUTH2", lambda _: f"user={user}\1auth=Bearer {token}\1\1".encode())
    return connection


def sign_in_pop3(instance: Instance, user: str, token: str | None = None) -> poplib.POP3_SSL:
    """A POP3 connection over TLS, signed in by password or with a token (XOAUTH2)."""
    trust = ssl.create_default_context(cafile=str(ca(instance)))
    connection = poplib.POP3_SSL(LOOPBACK, instance.port("pop3s"), context=trust)
    if token is None:
        connection.user(user)
        connection.pass_(password(user))
    else:
        # poplib knows no SASL: the mechanism, and what is said when the server goes on with "+".
        initial = base64.b64encode(f"user={user}\1auth=Bearer {token}\1\1".encode()).decode()
        connection._shortcmd("AUTH XOAUTH2")
        connection._shortcmd(initial)
    return connection


def _configure(instance: Instance) -> Path:
    folder = _own_folder(instance)
    certificates.ensure(folder / "tls")
    shutil.rmtree(folder / "run", ignore_errors=True)  # sockets of a server that was killed
    owner = mail_user()
    as_root = os.geteuid() == 0
    common = {
        "folder": folder,
        **{f"{service}_port": instance.port(service) for service in SERVICES},
        "issuer_port": instance.port("issuer"),
        "client": authserver.MAIL_SERVER,
        "uid": owner.pw_uid,
        "gid": owner.pw_gid,
        "internal_user": "dovecot" if as_root else owner.pw_name,
        "internal_group": "dovecot" if as_root else "",
        "login_user": "dovenull" if as_root else owner.pw_name,
        "chroot": "empty" if as_root else "",
        "login_chroot": "login" if as_root else "",
    }
    # Tokens are compared with the user by name, or, for shared mailboxes, not at all.
    for name, username_format in {"own.conf.ext": "%Lu", "shared.conf.ext": "any"}.items():
        values = {**common, "username_format": username_format}
        _fill("oauth2.conf.ext", folder / name, values, mode=0o600)  # with the mail server's client secret
    shared_mailboxes(instance).mkdir(exist_ok=True)
    mail = folder / "mail"
    mail.mkdir(exist_ok=True)
    os.chown(mail, owner.pw_uid, owner.pw_gid)
    return _fill("dovecot.conf", folder / "dovecot.conf", common)


def _own_folder(instance: Instance) -> Path:
    """The mail folder, made if it is not there. It may lie where anybody can make one of its name first,
    and whoever can write in it decides what Dovecot runs."""
    folder = instance.mail_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o711)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise processes.Failed(
            f"{folder} is not a folder that only you can write in, and the local mail server would trust what "
            "lies there. Please look who made it, and delete it."
        )
    return folder


def _fill(template: str, target: Path, values: dict[str, object], mode: int = 0o644) -> Path:
    return write(target, Template((HERE / template).read_text()).substitute(values), mode)
