"""Cases for the comparison with templates of earlier releases: changes of today's, and what is found of each.

Looked at by `make check`; nothing has to run for them.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from . import replaced, template
from .parameters import Template


def _of(name: str, **properties: object) -> Callable[[Template], None]:
    """Gives a resource these properties."""
    return lambda whole: whole["Resources"][name]["Properties"].update(properties)


def _called(name: str, other: str) -> Callable[[Template], None]:
    """Gives a resource another logical id."""

    def change(whole: Template) -> None:
        whole["Resources"][other] = whole["Resources"].pop(name)

    return change


def _without(part: str, name: str) -> Callable[[Template], None]:
    """Leaves something out."""
    return lambda whole: whole[part].pop(name)


def _index(number: int, **changed: object) -> Callable[[Template], None]:
    """Gives an index of the table other properties."""
    return lambda whole: _indexes(whole)[number].update(changed)


def _more_indexes(number: int) -> Callable[[Template], None]:
    """Gives the table more indexes."""

    def change(whole: Template) -> None:
        indexes = _indexes(whole)
        indexes += [{**indexes[0], "IndexName": f"more-{n}"} for n in range(number)]

    return change


def _typed(attribute: str, kind: str) -> Callable[[Template], None]:
    """Gives an attribute of the table another type."""

    def change(whole: Template) -> None:
        stated = whole["Resources"]["Table"]["Properties"]["AttributeDefinitions"]
        next(each for each in stated if each["AttributeName"] == attribute)["AttributeType"] = kind

    return change


def _indexes(whole: Template) -> list[dict[str, Any]]:
    return whole["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"]


def _resource(name: str, **changed: object) -> Callable[[Template], None]:
    return lambda whole: whole["Resources"][name].update(changed)


def _parameter(**stated: object) -> Callable[[Template], None]:
    return lambda whole: whole["Parameters"].update(New={"Type": "String", **stated})


KEYS = [{"AttributeName": "sk", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"}]
OTHER_INDEX = [{"AttributeName": "kind", "KeyType": "HASH"}]

# A change, and whose name is found, if any.
CASES: list[tuple[str, Callable[[Template], None], str | None]] = [
    ("nothing", lambda _: None, None),
    ("another name for the archive", _called("MailBucket", "Archive"), "MailBucket"),
    ("a name for the bucket", _of("MailBucket", BucketName="archive"), "MailBucket"),
    ("another lifecycle", _of("MailBucket", LifecycleConfiguration={"Rules": []}), None),
    ("an archive that goes with the stack", _resource("MailBucket", DeletionPolicy="Delete"), "MailBucket"),
    ("an archive that is kept otherwise", _resource("MailBucket", DeletionPolicy="Retain"), None),
    ("an archive for some", _resource("MailBucket", Condition="HasSender"), "MailBucket"),
    ("another kind of queue", _of("FetchQueue", FifoQueue=True), "FetchQueue"),
    ("a queue that waits longer", _of("FetchQueue", VisibilityTimeout=1), None),
    ("another name for the key", _called("TokenKey", "Key"), "TokenKey"),
    ("the links' key by another name", _of("LinkKey", Name="links"), "LinkKey"),
    ("another name for the topic", _called("IncidentTopic", "Topic"), "IncidentTopic"),
    ("other logs", _of("ConsoleLogs", LogGroupName="console"), "ConsoleLogs"),
    ("another name for the console's API", _called("ConsoleApi", "Api"), "ConsoleApi"),
    ("another name for a route", _called("OverviewRoute", "FrontRoute"), "OverviewRoute"),
    ("a route less", _without("Resources", "OverviewRoute"), None),
    ("an alarm less", _without("Resources", "VolumeAlarm"), None),
    ("another name for an alarm", _called("VolumeAlarm", "ManyAlarm"), None),
    ("a name for the table", _of("Table", TableName="registry"), "Table"),
    ("other keys", _of("Table", KeySchema=KEYS), "Table"),
    ("another key of an index", _index(0, KeySchema=OTHER_INDEX), "Table"),
    ("more in an index", _index(0, Projection={"ProjectionType": "ALL"}), "Table"),
    ("another type of an index's key", _typed("due_at", "S"), "Table"),
    ("another name for an index", _index(0, IndexName="soon"), "Table"),
    ("an index more", _more_indexes(1), None),
    ("two indexes more", _more_indexes(2), "Table"),
    ("an output less", _without("Outputs", "TableName"), "TableName"),
    ("a parameter less", _without("Parameters", "LogLevel"), "LogLevel"),
    ("a parameter more", _parameter(Default=""), None),
    ("a parameter that must be given", _parameter(), "New"),
]


def problems() -> list[str]:
    """Every change of which something else is found than should be."""
    return list(_wrong())


def _wrong() -> Iterator[str]:
    whole = template.translated()
    before = replaced.kept(whole)
    for what, change, name in CASES:
        changed = copy.deepcopy(whole)
        change(changed)
        found = [*replaced.lost(before, changed), *replaced.indexes_at_once(before, changed)]
        if {problem.partition(":")[0] for problem in found} != ({name} if name else set()):
            yield f"{what}: {found or 'nothing is found'}"
