"""The demo's second chapter: a year of reminders in a minute.

A stack of its own, because its clock goes wrong: the deployed `expiry-check` is invoked with one date
after the other, and the mail that the local SES took is compared with what people should have got. What
happens meanwhile happens for real, at the authorization server and by the command line; only its moment is
then moved to the day that the calendar shows.
"""

import contextlib
import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from . import authserver, aws, mail, processes, rights, stack, year_manifest
from .instance import DEV, ROOT, Instance, write
from .listener import Listener
from .processes import Failed
from .timeline import EXPECTED, Told
from .year_manifest import DOMAIN, SHARED, SHARED_MAILBOXES, login

# Its mail server and authorization server are the demo's.
YEAR = Instance("year", persistent=False)

# Everybody consents on this day at nine o'clock in Berlin, and the last run is on the other.
BEGIN = datetime(2027, 1, 4, 8, tzinfo=UTC)
END = date(2027, 12, 31)
# When `expiry-check` runs, on the days on which it does. People consent at noon.
DAILY = time(14, tzinfo=UTC)
NOON = time(12, tzinfo=UTC)
REVOKED_AT = datetime(2027, 2, 10, 13, 20, tzinfo=UTC)


def a_year_goes_by(wanted: stack.Wanted) -> Told:
    """Lets a year go by, and tells who got what."""
    with stack.locked(YEAR), _deployed(wanted):
        story = _Story(wanted)
        story.begin()
        return story.run()


@contextlib.contextmanager
def _deployed(wanted: stack.Wanted) -> Iterator[None]:
    parameters = stack.parameters(DEV, wanted)
    aws.stop(YEAR)
    processes.stop_stragglers(YEAR)
    YEAR.choose_ports()
    try:
        aws.start(YEAR)
        aws.deploy(YEAR, wanted.programs, parameters)
        rights.mend(YEAR)
        aws.verify_sender(YEAR, parameters["SenderAddress"])
        yield
    finally:
        with processes.undisturbed():
            aws.stop(YEAR)
            processes.stop_stragglers(YEAR)


class _Story:
    """What happens in the year, and to whom."""

    def __init__(self, wanted: stack.Wanted) -> None:
        self.env = {**os.environ, **stack.environment(DEV, wanted), **aws.environment(YEAR)}
        self.env["POSTROOM_STACK"] = YEAR.stack
        outputs = aws.outputs(YEAR)
        self.table = outputs["TableName"]
        self.expiry_check = outputs["ExpiryCheckFunctionName"]
        self.token_refresh = outputs["TokenRefreshFunctionName"]
        self.dynamodb = aws.client(YEAR, "dynamodb")
        self.lambda_ = aws.client(YEAR, "lambda")
        self.listener = Listener(YEAR)
        self.mails_seen = 0
        # When the tokens were had in truth.
        self.obtained: dict[str, datetime] = {}
        self.renewed = False

    def begin(self) -> None:
        """Defines everything, and has everybody consent."""
        for mailbox in SHARED_MAILBOXES:
            mail.allow(DEV, f"{mailbox}@{DOMAIN}", login(SHARED))
        self._apply(secret_ends="2027-09-30", password_ends="2027-04-04")
        for account, days in ((SHARED, None), ("drawings", 180), ("tenders", None), ("permits", None), ("fax", 60)):
            self._consent(account, BEGIN, days)

    def run(self) -> Told:
        """Goes through the year, day by day where something happens."""
        got: list[tuple[str, dict[str, Any]]] = []
        happenings = self._happenings()
        for moment in _moments():
            while happenings and happenings[0][0] <= moment:
                _, happens = happenings.pop(0)
                happens()
            if self.renewed:
                self._date(SHARED, moment)
            self._invoke(self.expiry_check, {"at": moment.strftime("%Y-%m-%dT%H:%M:%SZ")})
            got += [(f"{moment:%Y-%m-%d}", each) for each in self._new_mails()]
        return Told.by(got, self._records(), *self.listener.heard())

    def _happenings(self) -> list[tuple[datetime, Callable[[], None]]]:
        return [
            (REVOKED_AT, self._revoke),
            (_noon("2027-02-18"), lambda: self._consent("permits", _noon("2027-02-18"))),
            (_noon("2027-03-06"), lambda: self._consent("fax", _noon("2027-03-06"))),
            (_noon("2027-04-06"), self._everything_is_mended),
            (_noon("2027-07-05"), lambda: self._consent("tenders", _noon("2027-07-05"))),
            (_noon("2027-07-12"), lambda: self._consent("drawings", _noon("2027-07-12"), 365)),
            (_noon("2027-10-10"), lambda: self._apply(secret_ends="2029-09-30", password_ends="2028-10-01")),
        ]

    def _everything_is_mended(self) -> None:
        """Anna consents, from now on renewals work, and Daniel has a new password."""
        self._consent(SHARED, _noon("2027-04-06"))
        self.renewed = True
        self._apply(secret_ends="2027-09-30", password_ends="2028-10-01")

    def _revoke(self) -> None:
        """Somebody revokes `permits` at the server, which the next renewal finds out."""
        # For that, it is today.
        self._set("permits", {"obtained_at": self.obtained["permits"], "due_at": datetime.now(UTC)})
        user = urllib.request.quote(login("permits"))
        address = f"{authserver.issuer(DEV)}/control/revoke?user={user}"
        urllib.request.urlopen(urllib.request.Request(address, method="POST"), timeout=10).close()
        self._invoke(self.token_refresh, {})
        if "refused_at" not in self._status("permits"):
            raise Failed("a revoked account was not found out")
        self._set("permits", {"refused_at": REVOKED_AT})

    def _consent(self, account: str, at: datetime, days: int | None = None) -> None:
        """A person consents. `days` are those that the server gives the refresh token, if it says so."""
        tokens = authserver.token_set(DEV, login(account))
        if days:
            tokens["refresh_token_expires_in"] = days * 24 * 3600
        file = write(year_manifest.folder(YEAR) / f"{account}.token.json", json.dumps(tokens), mode=0o600)
        self._postroom("token", "import", account, "--from", str(file))
        self.obtained[account] = self._status(account)["obtained_at"]
        self._date(account, at)

    def _date(self, account: str, at: datetime) -> None:
        """Moves what is known of an account's tokens, as if they were of that moment."""
        status = self._status(account)
        by = at - status["obtained_at"]
        names = ("obtained_at", "authorised_at", "refresh_expires_at", "refresh_expires_since")
        self._set(account, {name: status[name] + by for name in names if name in status})

    def _status(self, account: str) -> dict[str, Any]:
        item = self.dynamodb.get_item(TableName=self.table, Key=_key(account), ConsistentRead=True).get("Item", {})
        numbers = {
            name: int(value["N"]) for name, value in item.items() if name.endswith(("_at", "_since")) and "N" in value
        }
        return {name: datetime.fromtimestamp(number, UTC) for name, number in numbers.items()}

    def _set(self, account: str, moments: dict[str, datetime]) -> None:
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(account),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in moments),
            ExpressionAttributeValues={f":{name}": {"N": str(int(at.timestamp()))} for name, at in moments.items()},
        )

    def _invoke(self, function: str, event: dict[str, str]) -> None:
        answer = self.lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
        said = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise Failed(f"{function} failed on {event}: {said}")

    def _new_mails(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{aws.endpoint(YEAR)}/_ministack/ses/messages", timeout=10) as answer:
            mails = [each for of_account in json.load(answer)["messages"].values() for each in of_account]
        new = mails[self.mails_seen :]
        self.mails_seen = len(mails)
        return new

    def _records(self) -> list[dict[str, str]]:
        """What the stack itself has on record of what it told."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="kind",
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": "reminder"}},
        )
        return [{name: value.get("S", "") for name, value in item.items()} for page in pages for item in page["Items"]]

    def _apply(self, secret_ends: str, password_ends: str) -> None:
        self._postroom("apply", str(year_manifest.prepare(YEAR, secret_ends, password_ends)))

    def _postroom(self, *arguments: str) -> None:
        command = [str(stack.PROGRAMS / stack.CLI), *arguments]
        result = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True)
        if result.returncode != 0:
            raise Failed(f"this failed: postroom {' '.join(arguments)}\n{result.stdout}{result.stderr}")


def _moments() -> list[datetime]:
    """When `expiry-check` runs: every Monday, and every day around those on which something should happen."""
    days = {date.fromisoformat(day) for day, _, _ in EXPECTED}
    around = {day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}
    begin = BEGIN.date()
    mondays = {begin + timedelta(weeks=week) for week in range(52)}
    daily = [datetime.combine(day, DAILY) for day in around | mondays | {END} if begin <= day <= END]
    return sorted(daily)


def _noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), NOON)


def _key(account: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"ACCOUNT#{account}"}, "sk": {"S": "STATUS"}}
