"""Who should get which mail in the demo's year, and whether they did."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .year_manifest import ANNA, BEN, CARLA, DANIEL, OPERATORS, READS_GERMAN, SHARED, SHARED_MAILBOXES

# What people should get: the day, who, and what has reached which stage.
EXPECTED: tuple[tuple[str, tuple[str, ...], dict[str, str]], ...] = (
    # Nobody owns `fax`, whose server gave it 60 days.
    ("2027-02-05", (OPERATORS,), {"account:fax": "month"}),
    # Revoked at 13:20 and said at 14:00; and again after seven days.
    ("2027-02-10", (BEN,), {"account:permits": "overdue-0"}),
    ("2027-02-17", (BEN,), {"account:permits": "overdue-1"}),
    ("2027-02-26", (OPERATORS,), {"account:fax": "week"}),
    # 90 days after the last renewal `archive` ends. One message for Daniel, whose password ends then too.
    ("2027-03-04", (ANNA, BEN, CARLA), {"account:archive": "month"}),
    ("2027-03-04", (DANIEL,), {"account:archive": "month", "password:plant": "month"}),
    ("2027-03-04", (OPERATORS,), {"account:fax": "day"}),
    ("2027-03-05", (OPERATORS,), {"account:fax": "overdue-0"}),
    # The day on which clocks go forward; the hour that Daniel's password stands for does not exist.
    ("2027-03-28", (ANNA, BEN, CARLA), {"account:archive": "week"}),
    ("2027-03-28", (DANIEL,), {"account:archive": "week", "password:plant": "week"}),
    ("2027-04-03", (ANNA, BEN, CARLA), {"account:archive": "day"}),
    ("2027-04-03", (DANIEL,), {"account:archive": "day", "password:plant": "day"}),
    ("2027-04-04", (ANNA, BEN, CARLA), {"account:archive": "overdue-0"}),
    ("2027-04-04", (DANIEL,), {"account:archive": "overdue-0", "password:plant": "overdue-0"}),
    # From 6 April on `archive` is renewed as it should be, and nobody hears of it any more.
    # The server gave `drawings` 180 days, and an administrator wants `tenders` anew every six months.
    ("2027-06-03", (CARLA,), {"account:drawings": "month"}),
    ("2027-06-04", (BEN,), {"account:tenders": "month"}),
    ("2027-06-26", (CARLA,), {"account:drawings": "week"}),
    ("2027-06-27", (BEN,), {"account:tenders": "week"}),
    ("2027-07-02", (CARLA,), {"account:drawings": "day"}),
    ("2027-07-03", (CARLA,), {"account:drawings": "overdue-0"}),
    ("2027-07-03", (BEN,), {"account:tenders": "day"}),
    ("2027-07-04", (BEN,), {"account:tenders": "overdue-0"}),
    # Ben consents on 5 July, Carla a week later than she should.
    ("2027-07-10", (CARLA,), {"account:drawings": "overdue-1"}),
    # The client secret of all of these.
    ("2027-08-30", (OPERATORS,), {"provider:sso": "month"}),
    ("2027-09-23", (OPERATORS,), {"provider:sso": "week"}),
    ("2027-09-29", (OPERATORS,), {"provider:sso": "day"}),
    ("2027-09-30", (OPERATORS,), {"provider:sso": "overdue-0"}),
    ("2027-10-07", (OPERATORS,), {"provider:sso": "overdue-1"}),
    # Six months after Ben's new consent.
    ("2027-12-05", (BEN,), {"account:tenders": "month"}),
    ("2027-12-29", (BEN,), {"account:tenders": "week"}),
)

# One row of the timeline: the day, who, and what has reached which stage.
Row = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass
class Told:
    """What people got over the year."""

    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    events: int = 0

    @classmethod
    def by(
        cls,
        mails: list[tuple[str, dict[str, Any]]],
        records: list[dict[str, str]],
        events: list[dict[str, Any]],
        problems: list[str],
    ) -> "Told":
        """What these mails told, each with its day: what is on record by a mail's id, if its texts say so; and
        whether machines heard the same."""
        told = cls(problems=problems, events=len(events))
        for day, got in mails:
            to = ", ".join(got["To"])
            mine = [record for record in records if record.get("message_id") == got["MessageId"]]
            what = tuple(sorted((record["subject"], record["stage"]) for record in mine))
            told.rows.append((day, to, what))
            told.problems += [f"{day}, to {to}: {problem}" for problem in _problems(got, to, what)]
            others = {record["recipient"] for record in mine} - {to}
            told.problems += [f"{day}, to {to}: it is on record as one to {other}" for other in others]
        mailed = Counter({(day, *each) for day, _, what in told.rows for each in what})
        published = Counter(_stage(event["detail"]) for event in events if "stage" in event["detail"])
        told.problems += [f"{day}: no event of {of} ({stage})" for day, of, stage in mailed - published]
        told.problems += [f"{day}: an event too much of {of} ({stage})" for day, of, stage in published - mailed]
        return told

    @property
    def is_right(self) -> bool:
        """Whether everybody got what they should."""
        return not self.problems and sorted(self.rows) == sorted(_expected())

    def report(self) -> str:
        """The timeline, with what is missing or too much, and what was wrong with the mails."""
        expected, got = set(_expected()), set(self.rows)
        lines = [f"{'':<10}{'day':<12}{'to':<26}what, and how near its end"]
        for row in sorted(expected | got):
            day, to, what = row
            verdict = "" if row in expected & got else "MISSING" if row in expected else "TOO MUCH"
            stages = ", ".join(f"{subject} ({stage})" for subject, stage in what)
            lines.append(f"{verdict:<10}{day:<12}{to:<26}{stages}")
        twice = len(self.rows) - len(got)
        lines += [f"FAILED: {twice} mails came twice"] * bool(twice)
        lines += [f"FAILED: {problem}" for problem in self.problems]
        lines.append(f"\n{len(self.rows)} mails and {self.events} events in a year.")
        return "\n".join(lines)


def _expected() -> list[Row]:
    return [(day, to, tuple(sorted(what.items()))) for day, people, what in EXPECTED for to in people]


def _stage(detail: dict[str, Any]) -> tuple[str, str, str]:
    """The day of an event, and what has reached which stage by it, in the words of the records."""
    stage = f"overdue-{detail['repeat']}" if detail["stage"] == "overdue" else detail["stage"]
    return detail["at"][: len("2027-01-01")], f"{detail['subject']['kind']}:{detail['subject']['id']}", stage


def _problems(got: dict[str, Any], to: str, what: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """What is wrong with a mail's texts."""
    for form in ("BodyText", "BodyHtml"):
        text = got[form]
        for subject, _ in what:
            kind, name = subject.split(":")
            if name not in text:
                yield f"{form} does not name {subject}"
            if kind == "account" and to != OPERATORS and "/link/" not in text:
                yield f"{form} has no link"
        own = [mailbox for mailbox, of in SHARED_MAILBOXES.items() if to in of]
        if f"account:{SHARED}" in dict(what) and not all(mailbox in text for mailbox in own):
            yield f"{form} does not name {to}'s mailboxes"
        if (to == READS_GERMAN) != ("Guten Tag" in text):
            yield f"{form} is in the wrong language"
