"""The demo's mail: some hundred messages, the same at every start.

It holds what archives stumble over: folders in a tree and with names beyond ASCII, a message that
shares its Message-ID with another but not its bytes, no Date, no Message-ID, 8-bit text, long lines,
one large message, an empty mailbox.
"""

import base64
import email.policy
import email.utils
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from . import mail
from .instance import Instance, mail_user, write

# Changes when the mail changes, so that it is made anew.
VERSION = "3"

DOMAIN = "demo.test"
FIRST = 1_767_258_000  # 2026-01-01 09:00 UTC
DAY = 24 * 3600
LARGE = 18_400_000  # bytes before base64: a message of about 25 MB

PEOPLE = ["anna", "ben", "carla", "daniel", "ewa", "François", "Gülşen", "hiro"]
SUBJECTS = [
    "Daily report, section {n}",
    "Concrete delivery {n} moved to Thursday",
    "Drawing B-{n:04} revision C",
    "Minutes of site meeting {n}",
    "Re: crane inspection {n}",
    "Rapport journalier n° {n} – équipe de nuit",
    "Prüfprotokoll {n}: Bewehrung",
    "現場写真 {n}",
]
WORDS = (
    "the crew poured section and checked level against drawing weather dry wind from west delivery was "
    "late by one hour pump stood ready formwork released inspector signed off photos attached"
).split()


@dataclass(frozen=True)
class Folder:
    """A folder of a mailbox: its name as people see it, and how many ordinary messages it gets."""

    name: str
    messages: int


@dataclass(frozen=True)
class Mailbox:
    """A mailbox of the demo. `account` is the OAuth account whose token opens it; without one it has
    a password."""

    id: str
    folders: tuple[Folder, ...]
    protocol: str = "imap"
    account: str | None = None
    starttls: bool = False
    sasl: str = "auto"
    patterns: tuple[str, ...] = ("INBOX",)
    oddities: bool = False
    large: bool = False
    attachments: bool = False

    @property
    def user(self) -> str:
        """The mailbox's user name at the server."""
        return f"{self.id}@{DOMAIN}"


def login(account: str) -> str:
    """The identity that authorised an account."""
    return f"{account}@{DOMAIN}"


ACCOUNTS = ("projects", "tenders")

MAILBOXES = (
    Mailbox("anna", (Folder("INBOX", 90),)),
    Mailbox("plant", (Folder("INBOX", 60),), starttls=True),
    Mailbox("lists", (Folder("INBOX", 40),), oddities=True),
    Mailbox("empty", (Folder("INBOX", 0),)),
    # Two shared mailboxes and the account's own, all opened with one account's token.
    Mailbox("projects", (Folder("INBOX", 50),), account="projects"),
    Mailbox("site-diary", (Folder("INBOX", 70),), account="projects", large=True, attachments=True),
    Mailbox(
        "drawings",
        (Folder("INBOX", 20), Folder("Bridge 17/Rebar", 30), Folder("Entwürfe", 15)),
        account="projects",
        patterns=("*",),
    ),
    Mailbox("tenders", (Folder("INBOX", 45),), account="tenders", sasl="xoauth2"),
    # POP3: one with a password, one with a token.
    Mailbox("invoices", (Folder("INBOX", 35),), protocol="pop3", oddities=True, attachments=True),
    Mailbox("scans", (Folder("INBOX", 25),), protocol="pop3", account="tenders", starttls=True, large=True),
)


def seed(instance: Instance) -> None:
    """Puts the demo's mail into the mail server's folders, unless it is there already."""
    stamp = instance.mail_folder() / "seeded"
    if stamp.exists() and stamp.read_text() == VERSION:
        return
    for mailbox in MAILBOXES:
        root = mail.maildir(instance, mailbox.user)
        shutil.rmtree(root.parent, ignore_errors=True)
        dice = random.Random(mailbox.id)
        for folder in mailbox.folders:
            deliver(root, folder.name, messages(mailbox, folder, dice))
        if mailbox.account and login(mailbox.account) != mailbox.user:
            mail.allow(instance, mailbox.user, login(mailbox.account))
        _give_to_mail_user(root.parent)
    write(stamp, VERSION)


def deliver(maildir: Path, folder: str, texts: Iterator[bytes]) -> None:
    """Writes messages into a folder of a Maildir, as a delivery agent does."""
    # Maildir++ keeps folders side by side, named by their path in modified UTF-7.
    place = maildir if folder == "INBOX" else maildir / ("." + modified_utf7(folder).replace("/", "."))
    for part in ("cur", "new", "tmp"):
        (place / part).mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        when = FIRST + number * 3600
        file = place / "new" / f"{when}.M{number:06}P1.demo"
        file.write_bytes(text)
        os.utime(file, (when, when))


def messages(mailbox: Mailbox, folder: Folder, dice: random.Random) -> Iterator[bytes]:
    """The messages of a folder."""
    for number in range(folder.messages):
        yield _ordinary(f"{mailbox.id}.{len(folder.name)}.{number}", number, mailbox.user, dice)
    if mailbox.oddities:
        yield from _oddities(mailbox.user)
    if mailbox.large:
        yield _with_attachment("large", mailbox.user, dice.randbytes(LARGE), dice)


def _ordinary(name: str, number: int, to: str, dice: random.Random) -> bytes:
    message = _envelope(name, number, to, dice)
    paragraphs = [" ".join(dice.choices(WORDS, k=dice.randrange(20, 120))) + "." for _ in range(4)]
    message.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
    if number % 3 == 0:
        html = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        message.add_alternative(f"<html><body>{html}</body></html>\n", subtype="html")
    if number % 5 == 0:
        data = dice.randbytes(dice.randrange(2_000, 120_000))
        message.add_attachment(data, maintype="application", subtype="pdf", filename=f"B-{number:04} ä.pdf")
    return _text(message, name)


def _with_attachment(name: str, to: str, data: bytes, dice: random.Random) -> bytes:
    message = _envelope(name, 1, to, dice)
    message.set_content("All of today's photos.\n")
    message.add_attachment(data, maintype="application", subtype="zip", filename="photos.zip")
    return _text(message, name)


def _envelope(name: str, number: int, to: str, dice: random.Random) -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    sender = dice.choice(PEOPLE)
    message["Date"] = email.utils.formatdate(FIRST + number * DAY // 4)
    message["From"] = email.utils.formataddr((sender.title(), f"{sender.encode('punycode').decode()}@example.test"))
    message["To"] = to
    message["Subject"] = dice.choice(SUBJECTS).format(n=number)
    message["Message-ID"] = f"<{name}@example.test>"
    return message


def _text(message: EmailMessage, name: str) -> bytes:
    """The message's bytes; boundaries, which Python would choose at random, come from the name."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{name}_{number}")
    return message.as_bytes()


def _oddities(to: str) -> Iterator[bytes]:
    head = f"From: a@example.test\r\nTo: {to}\r\n".encode()
    same = head + b"Date: Mon, 5 Jan 2026 10:00:00 +0100\r\nMessage-ID: <twice@example.test>\r\nSubject: "
    yield same + b"one\r\n\r\nThe first text.\r\n"
    yield same + b"two\r\n\r\nAnother text with the same Message-ID.\r\n"
    # Header and size are alike, only the body tells them apart.
    yield same + b"three\r\n\r\nThis ends in A\r\n"
    yield same + b"three\r\n\r\nThis ends in B\r\n"
    yield head + b"Subject: no date, no id\r\n\r\nText.\r\n"
    yield head + b"Subject: caf\xe9 in Latin-1, unencoded\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe9\xe8\xff\r\n"
    yield head + b"Subject: a long line\r\n\r\n" + b"x" * 70_000 + b"\r\n"
    yield head + b"Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\n"
    yield head + b"Subject: no body\r\n\r\n"
    yield head + b"Date: yesterday, perhaps\r\nSubject: a date that is none\r\n\r\nText.\r\n"


def modified_utf7(name: str) -> str:
    """A folder's name as IMAP and Maildir++ write it (RFC 3501 section 5.1.3)."""
    coded, beyond_ascii = [], ""
    for char in name + "\0":
        if " " <= char <= "~" or char == "\0":
            if beyond_ascii:
                packed = base64.b64encode(beyond_ascii.encode("utf-16-be")).decode()
                coded.append(f"&{packed.rstrip('=').replace('/', ',')}-")
                beyond_ascii = ""
            coded.append("&-" if char == "&" else char)
        else:
            beyond_ascii += char
    return "".join(coded)[:-1]


def _give_to_mail_user(folder: Path) -> None:
    owner = mail_user()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
