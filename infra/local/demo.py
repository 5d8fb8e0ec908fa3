"""`make demo`: mail from real servers into S3, by the schedule, and the proof that it is all there; then a
year of reminders, and the proof that everybody heard in time."""

import contextlib
import datetime
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import authserver, aws, mail, manifest, seed, stack, unpacked, year
from .instance import DEV, ROOT, Instance
from .processes import Failed

# The schedule ticks every minute, and a new batch is first due within a minute.
PATIENCE = 360


@dataclass
class Stages:
    """How long each stage took."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times one stage, and says that it begins."""
        print(f"· {name} …", flush=True)
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began


@dataclass(frozen=True)
class Contents:
    """The messages of a mailbox: how often each occurs, by its SHA-256 and size."""

    messages: Counter[tuple[str, int]]

    @property
    def count(self) -> int:
        """How many there are."""
        return self.messages.total()

    @property
    def bytes(self) -> int:
        """How large they are together."""
        return sum(size * times for (_, size), times in self.messages.items())


def demo() -> int:
    """Runs the demo and answers its exit status."""
    stages = Stages()
    wanted = stack.Wanted()
    with stages.stage("install what is missing"):
        stack.prepare(mail_servers=True)
    with stages.stage("build the functions and the command-line tool"):
        stack.build()
    with stack.locked(DEV), contextlib.ExitStack() as running:
        with stages.stage("start the servers and deploy infra/template.yaml"):
            running.enter_context(stack.running(DEV, wanted))
        print(stack.addresses(DEV, wanted), flush=True)
        with stages.stage("put mail into the mail server"):
            seed.seed(DEV)
        bucket = aws.outputs(DEV)["MailBucketName"]
        before = _objects(DEV, bucket)
        began = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        with stages.stage("apply the manifest and import the accounts' tokens"):
            file = manifest.prepare(DEV)
            _postroom(wanted, "apply", str(file))
            for account in seed.ACCOUNTS:
                _postroom(wanted, "token", "import", account, "--from", str(manifest.token_file(DEV, account)))
        with stages.stage("let the schedule fetch"):
            _wait(wanted, bucket, began)
        with stages.stage("compare S3 with the mail server, byte for byte"):
            rows, equal = _compare(bucket)
        with stages.stage("compare the attachments with what Python's email finds"):
            parts = {each.id: unpacked.unpacked(DEV, bucket, each.id) for each in seed.MAILBOXES if each.attachments}
        with stages.stage("let a year go by, and read the reminders that were sent"):
            told = year.a_year_goes_by(wanted)
        versions = _versions(DEV, bucket)
        after = _objects(DEV, bucket)
        _report(rows, bucket, stages)
        new = len(after - before)
        print(f"\n{new} new objects; {len(before)} were there before this run." if new else
              f"\nNothing new to store: all {len(after)} objects were there before this run.")  # fmt: skip
        if versions != len(after):
            print(f"FAILED: {len(after)} objects have {versions} versions: something was stored twice.")
            return 1
        print("Every message in S3 is byte for byte what the mail server holds." if equal else
              "FAILED: S3 and the mail server differ.")  # fmt: skip
        for name, found in parts.items():
            print(f"{name}: {found.in_s3.total()} attachments of {found.indexed} messages, each beside its message" if
                  found.is_right else f"FAILED: the attachments of {name} differ.")  # fmt: skip
        print(f"\n{told.report()}")
        print("Everybody heard of what ends in time, once, and of nothing else." if told.is_right else
              "FAILED: the year's mails are not what people should have got.")  # fmt: skip
        return 0 if equal and told.is_right and all(each.is_right for each in parts.values()) else 1


def _postroom(wanted: stack.Wanted, *arguments: str, quiet: bool = False) -> str:
    """Runs the command-line tool as a person would."""
    env = {**os.environ, **stack.environment(DEV, wanted)}
    command = [str(stack.PROGRAMS / "postroom"), *arguments]
    result = subprocess.run(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if not quiet:
        print("".join(f"    {line}\n" for line in result.stdout.splitlines()), end="", flush=True)
    if result.returncode != 0:
        raise Failed(f"this failed: postroom {' '.join(arguments)}")
    return result.stdout


def _wait(wanted: stack.Wanted, bucket: str, began: datetime.datetime) -> None:
    """Waits until the schedule has worked every mailbox once since `began`, showing how it goes on."""
    expected = {mailbox.id for mailbox in seed.MAILBOXES}
    deadline = time.monotonic() + PATIENCE
    shown: set[str] = set()
    while True:
        report = json.loads(_postroom(wanted, "status", "--json", quiet=True))
        mine = [mailbox for mailbox in report["mailboxes"] if mailbox["id"] in expected]
        done = [mailbox for mailbox in mine if _is_done(mailbox, began)]
        objects = len(_objects(DEV, bucket))
        lines = [f"{len(done)} of {len(expected)} mailboxes done, {objects} messages in S3"]
        lines += [f"{each['id']}: {each['failure']['reason']}" for each in mine if "failure" in each]
        for line in lines:
            if line not in shown:
                print(f"    {line}", flush=True)
        shown |= set(lines)
        if len(done) == len(expected):
            return
        if time.monotonic() > deadline:
            raise Failed(f"the schedule has not fetched everything in {PATIENCE} s. The functions' logs:\n{_logs()}")
        time.sleep(2)


def _is_done(mailbox: dict[str, str], began: datetime.datetime) -> bool:
    success = mailbox.get("last_success")
    fresh = success is not None and datetime.datetime.fromisoformat(success) >= began
    return fresh and mailbox["status"] == "working" and not mailbox["backlog"]


def _logs(lines: int = 20) -> str:
    logs = aws.client(DEV, "logs")
    text = []
    for function in aws.FUNCTIONS:
        events = logs.filter_log_events(logGroupName=f"/postroom/{DEV.stack}/{function}")["events"]
        text += [f"{function}: {event['message'].rstrip()}" for event in events[-lines:]]
    return "\n".join(text)


def _compare(bucket: str) -> tuple[list[tuple[str, Contents, Contents]], bool]:
    """What the mail server and what S3 holds, per mailbox, and whether that is the same. Neither is read
    through Postroom."""
    rows = [(each.id, _at_server(each), _in_s3(bucket, each.id)) for each in seed.MAILBOXES]
    return rows, all(server == archived for _, server, archived in rows)


def _at_server(mailbox: seed.Mailbox) -> Contents:
    token = None
    if mailbox.account:
        token = str(authserver.token_set(DEV, seed.login(mailbox.account))["access_token"])
    read = _by_pop3 if mailbox.protocol == "pop3" else _by_imap
    return Contents(Counter(map(_fingerprint, read(mailbox, token))))


def _by_imap(mailbox: seed.Mailbox, token: str | None) -> Iterator[bytes]:
    connection = mail.sign_in(DEV, mailbox.user, token)
    for folder in mailbox.folders:
        selected, _ = connection.select(f'"{seed.modified_utf7(folder.name)}"', readonly=True)
        if selected != "OK":
            raise Failed(f"the mail server has no folder {folder.name!r} in {mailbox.user}")
        for uid in connection.uid("SEARCH", "ALL")[1][0].split():
            _, answer = connection.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
            yield answer[0][1]
    connection.logout()


def _by_pop3(mailbox: seed.Mailbox, token: str | None) -> Iterator[bytes]:
    connection = mail.sign_in_pop3(DEV, mailbox.user, token)
    messages, _ = connection.stat()
    for number in range(1, messages + 1):
        _, lines, _ = connection.retr(number)
        yield b"".join(line + b"\r\n" for line in lines)
    connection.quit()


def _in_s3(bucket: str, mailbox: str) -> Contents:
    s3 = aws.client(DEV, "s3")
    found: Counter[tuple[str, int]] = Counter()
    for key in _objects(DEV, bucket, f"mail/{mailbox}/"):
        found[_fingerprint(s3.get_object(Bucket=bucket, Key=key)["Body"].read())] += 1
    return Contents(found)


def _fingerprint(text: bytes) -> tuple[str, int]:
    return hashlib.sha256(text).hexdigest(), len(text)


def _objects(instance: Instance, bucket: str, prefix: str = "mail/") -> set[str]:
    pages = aws.client(instance, "s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


def _versions(instance: Instance, bucket: str) -> int:
    pages = aws.client(instance, "s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="mail/")
    return sum(len(page.get("Versions", [])) for page in pages)


def _report(rows: list[tuple[str, Contents, Contents]], bucket: str, stages: Stages) -> None:
    out = sys.stdout
    out.write(f"\n{'mailbox':<12}{'at the server':>16}{'in S3':>8}{'bytes':>14}  objects under s3://{bucket}/\n")
    for name, server, archived in rows:
        verdict = "" if server == archived else "   DIFFERENT"
        out.write(f"{name:<12}{server.count:>16}{archived.count:>8}{archived.bytes:>14,}  mail/{name}/{verdict}\n")
    total = [sum(part) for part in zip(*((s.count, a.count, a.bytes) for _, s, a in rows), strict=True)]
    out.write(f"{'all':<12}{total[0]:>16}{total[1]:>8}{total[2]:>14,}\n\n")
    for name, seconds in stages.seconds.items():
        out.write(f"{seconds:>7.1f} s  {name}\n")
    out.flush()
