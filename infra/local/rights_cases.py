"""Cases for the comparison of calls and policies: what requests ask for, what policies allow, what is found to differ.

Looked at by `make check`; nothing has to run for them.
"""

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

from . import rights_used
from .recorder import Message, Receive, Recorder, Send
from .rights_asked import Asked, Request, asked
from .rights_excused import Excuse
from .rights_place import Place
from .rights_policy import Statement, verdict

PLACE = "eu-central-1:000000000000"
TABLE = f"arn:aws:dynamodb:{PLACE}:table/t"
SECRET = f"arn:aws:secretsmanager:{PLACE}:secret:postroom/s"
KEYS, NAMED = "dynamodb:LeadingKeys", "dynamodb:Attributes"
ACCOUNT, DAYS = "kms:EncryptionContext:account", "secretsmanager:RecoveryWindowInDays"
CREATES, ABSENT = "s3:ObjectCreationOperation", "s3:if-none-match"

# Service, operation, body, and each action with its resource and, of a table, its partitions and attributes.
JSON_REQUESTS: list[tuple[str, str, dict[str, Any], list[tuple[str, ...]]]] = [
    (
        "dynamodb",
        "GetItem",
        {"TableName": "t", "Key": {"pk": {"S": "OWNER#ann@example.com"}, "sk": {"S": "OWNER"}}},
        [("dynamodb:GetItem", TABLE, "OWNER#…", "pk sk")],
    ),
    (
        "dynamodb",
        "UpdateItem",
        {
            "TableName": "t",
            "Key": {"pk": {"S": "EPHEMERAL#late#-"}, "sk": {"S": "EPHEMERAL"}},
            "UpdateExpression": "SET #a = if_not_exists(#a, :zero), b.c = :b REMOVE #d.#e",
            "ConditionExpression": "attribute_not_exists(f) OR g BETWEEN :x AND :y",
            "ExpressionAttributeNames": {"#a": "first", "#d": "map", "#e": "entry"},
        },
        [("dynamodb:UpdateItem", TABLE, "EPHEMERAL#late#…", "b f first g map pk sk")],
    ),
    (
        "dynamodb",
        "BatchGetItem",
        {
            "RequestItems": {
                "t": {"Keys": [{"pk": {"S": "BATCH#1"}}, {"pk": {"S": "MAILBOX#a"}}, {"pk": {"S": "BATCH#2"}}]}
            }
        },
        [("dynamodb:BatchGetItem", TABLE, "BATCH#… MAILBOX#…", "")],
    ),
    (
        "dynamodb",
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": "t", "Item": {"pk": {"S": "MAILBOX#a"}, "sk": {"S": "Q"}}}},
                {"Update": {"TableName": "t", "Key": {"pk": {"S": "MAILBOX#a"}}, "UpdateExpression": "ADD n :one"}},
            ]
        },
        [("dynamodb:PutItem", TABLE, "MAILBOX#…", "pk sk"), ("dynamodb:UpdateItem", TABLE, "MAILBOX#…", "n pk")],
    ),
    (
        "dynamodb",
        "Query",
        {
            "TableName": "t",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": "KNOWN#a"}, ":prefix": {"S": "1"}},
        },
        [("dynamodb:Query", TABLE, "KNOWN#…", "pk sk")],
    ),
    (
        "dynamodb",
        "Query",
        {
            "TableName": "t",
            "IndexName": "due",
            "KeyConditionExpression": "#partition = :partition AND #range <= :until",
            "ExpressionAttributeNames": {"#partition": "schedule", "#range": "due_at"},
            "ExpressionAttributeValues": {":partition": {"S": "batch"}, ":until": {"N": "1"}},
        },
        [("dynamodb:Query", f"{TABLE}/index/due", "batch", "due_at schedule")],
    ),
    (
        "dynamodb",
        "Query",
        {
            "TableName": "t",
            "IndexName": "account",
            "KeyConditionExpression": "account = :account",
            "ExpressionAttributeValues": {":account": {"S": "ann@example.com"}},
        },
        [("dynamodb:Query", f"{TABLE}/index/account", "…", "account")],
    ),
    # Without a partition that is known it is no partition that anybody may have.
    (
        "dynamodb",
        "Query",
        {"TableName": "t", "KeyConditionExpression": "sk = :sk"},
        [("dynamodb:Query", TABLE, "", "sk")],
    ),
    ("dynamodb", "Scan", {"TableName": "t"}, [("dynamodb:Scan", TABLE, "", "")]),
    ("dynamodb", "BatchGetItem", {}, [("dynamodb:BatchGetItem, which cannot be read", "*")]),
    (
        "secretsmanager",
        "BatchGetSecretValue",
        {"SecretIdList": ["postroom/s/mailbox/ann", "postroom/s/links"]},
        [
            ("secretsmanager:BatchGetSecretValue", "*"),
            ("secretsmanager:GetSecretValue", f"{SECRET}/mailbox/…-AbCdEf"),
            ("secretsmanager:GetSecretValue", f"{SECRET}/links-AbCdEf"),
        ],
    ),
    (
        "secretsmanager",
        "CreateSecret",
        {"Name": "postroom/s/account/a", "SecretString": "hush", "Tags": [{"Key": "a", "Value": "b"}]},
        [
            ("secretsmanager:CreateSecret", f"{SECRET}/account/…-AbCdEf"),
            ("secretsmanager:TagResource", f"{SECRET}/account/…-AbCdEf"),
        ],
    ),
    (
        "sqs",
        "SendMessageBatch",
        {"QueueUrl": "http://127.0.0.1:1/000000000000/fetch", "Entries": []},
        [("sqs:SendMessage", f"arn:aws:sqs:{PLACE}:fetch")],
    ),
    ("kms", "Decrypt", {"KeyId": "k", "CiphertextBlob": "x"}, [("kms:Decrypt", f"arn:aws:kms:{PLACE}:key/k")]),
    (
        "kms",
        "GenerateDataKey",
        {"KeyId": "k", "EncryptionContext": {"account": "ann@example.com"}},
        [("kms:GenerateDataKey", f"arn:aws:kms:{PLACE}:key/k", "…")],
    ),
    (
        "secretsmanager",
        "DeleteSecret",
        {"SecretId": "postroom/s/account/a", "RecoveryWindowInDays": 30},
        [("secretsmanager:DeleteSecret", f"{SECRET}/account/…-AbCdEf", "30")],
    ),
    (
        "secretsmanager",
        "DeleteSecret",
        {"SecretId": "postroom/s/account/a", "ForceDeleteWithoutRecovery": True},
        [("secretsmanager:DeleteSecret", f"{SECRET}/account/…-AbCdEf")],
    ),
    (
        "events",
        "PutEvents",
        {"Entries": [{"Source": "postroom"}]},
        [("events:PutEvents", f"arn:aws:events:{PLACE}:event-bus/default")],
    ),
    ("athena", "StartQuery", {}, [("StartQuery of a service that no function calls", "*")]),
]

# Method, path, query and status of a request to S3, and each action with its resource.
S3_REQUESTS: list[tuple[str, str, str, int, list[tuple[str, str]]]] = [
    ("PUT", "/b/mail/a/2026/x.eml", "x-id=PutObject", 200, [("s3:PutObject", "arn:aws:s3:::b/mail/…")]),
    ("POST", "/b/mail/a", "uploads", 200, [("s3:PutObject", "arn:aws:s3:::b/mail/…")]),
    ("PUT", "/b/mail/a", "partNumber=1&uploadId=u&x-id=UploadPart", 200, [("s3:PutObject", "arn:aws:s3:::b/mail/…")]),
    ("POST", "/b/mail/a", "uploadId=u", 200, [("s3:PutObject", "arn:aws:s3:::b/mail/…")]),
    ("DELETE", "/b/mail/a", "uploadId=u", 204, [("s3:AbortMultipartUpload", "arn:aws:s3:::b/mail/…")]),
    ("DELETE", "/b/mail/a", "", 204, [("s3:DeleteObject", "arn:aws:s3:::b/mail/…")]),
    ("HEAD", "/b/index/a", "", 200, [("s3:GetObject", "arn:aws:s3:::b/index/…")]),
    ("HEAD", "/b/a", "", 404, [("s3:GetObject", "arn:aws:s3:::b/…"), ("s3:ListBucket", "arn:aws:s3:::b")]),
    ("GET", "/b", "list-type=2&prefix=mail", 200, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("PUT", "/b/mail/a", "retention", 200, [("s3:PUT with retention", "arn:aws:s3:::b/mail/…")]),
    ("GET", "/b/mail/a", "versionId=1", 200, [("s3:GET with versionId", "arn:aws:s3:::b/mail/…")]),
    ("POST", "/b", "delete", 200, [("s3:POST with delete", "arn:aws:s3:::b")]),
]

ITEMS = {"ForAllValues:StringLike": {KEYS: ["MAILBOX#*", "EPHEMERAL#late#*"]}}
SOME = {
    "ForAllValues:StringEquals": {NAMED: ["pk", "sk", "a"]},
    "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
}
SOURCE = {"StringEquals": {"events:source": "postroom"}}

BOUND = {"Null": {ACCOUNT: "false"}}
RECOVERABLE = {"NumericGreaterThanEquals": {DAYS: "30"}}
REPLACES = {"Null": {ABSENT: "true"}, "Bool": {CREATES: "true"}}

# A condition of a statement, what a request gives, and whether the one allows the other.
CONDITIONS: list[tuple[dict[str, Any], dict[str, tuple[str, ...]], bool]] = [
    ({}, {}, True),
    (ITEMS, {KEYS: ("MAILBOX#…",)}, True),
    (ITEMS, {KEYS: ("EPHEMERAL#late#…", "MAILBOX#…")}, True),
    (ITEMS, {KEYS: ("ACCOUNT#…", "MAILBOX#…")}, False),
    (ITEMS, {KEYS: ("EPHEMERAL#session#…",)}, False),
    (ITEMS, {KEYS: ("",)}, False),
    (SOME, {NAMED: ("a", "pk", "sk")}, True),
    (SOME, {NAMED: ("b", "pk", "sk")}, False),
    (SOME, {NAMED: ("a",), "dynamodb:ReturnValues": ("NONE",)}, True),
    (SOME, {NAMED: ("a",), "dynamodb:ReturnValues": ("ALL_NEW",)}, False),
    (SOURCE, {"events:source": ("postroom",)}, True),
    (SOURCE, {"events:source": ("aws.ec2",)}, False),
    (SOURCE, {}, False),
    (BOUND, {ACCOUNT: ("…",)}, True),
    (BOUND, {"kms:EncryptionContext:other": ("…",)}, False),
    (BOUND, {}, False),
    (RECOVERABLE, {DAYS: ("30",)}, True),
    (RECOVERABLE, {DAYS: ("7",)}, False),
    (RECOVERABLE, {}, False),
]
# Method, query and header of a request to S3 that writes, and whether one may make it who may replace nothing.
WRITES: list[tuple[str, str, dict[str, str], bool]] = [
    ("PUT", "x-id=PutObject", {"if-none-match": "*"}, True),
    ("PUT", "x-id=PutObject", {}, False),
    ("PUT", "", {"x-amz-copy-source": "b/mail/b"}, False),
    ("POST", "uploads", {}, True),
    ("PUT", "partNumber=1&uploadId=u", {}, True),
    ("POST", "uploadId=u", {"if-none-match": "*"}, True),
    ("POST", "uploadId=u", {}, False),
]
# Actions and resources of a statement, those of a request, and whether the one allows the other.
NAMES: list[tuple[str, str, str, str, bool]] = [
    ("s3:PutObject", "arn:aws:s3:::b/mail/*", "s3:PutObject", "arn:aws:s3:::b/mail/…", True),
    ("s3:PutObject", "arn:aws:s3:::b/mail/*", "s3:PutObject", "arn:aws:s3:::b/index/…", False),
    ("s3:putobject", "*", "s3:PutObject", "arn:aws:s3:::b", True),
    ("s3:GetObject", "*", "s3:PutObject", "arn:aws:s3:::b", False),
    ("a:B", "links-??????", "a:B", "links-AbCdEf", True),
    ("a:B", "links-??????", "a:B", "links-AbCdEf7", False),
    ("a:B", "links.??????", "a:B", "links-AbCdEf", False),
]


def problems() -> list[str]:
    """The cases that do not come out as they should."""
    return [*_requests(), *_records(), *_moved(), *_conditions(), *_differences()]


def _requests() -> Iterator[str]:
    for service, operation, body, wanted in JSON_REQUESTS:
        headers = {"authorization": _signed(service), "x-amz-target": f"Service.{operation}"}
        request = Request("POST", "/", "", headers, json.dumps(body).encode())
        found = [_shown(each) for each in asked(service, request)]
        if found != wanted:
            yield f"{service} {operation} asks for {wanted}, and was taken for {found}"
        if any(secret in repr(found) for secret in ("hush", "example.com", "/ann")):
            yield f"{service} {operation}: something secret was written down: {found}"
    for method, path, query, status, wanted in S3_REQUESTS:
        request = Request(method, path, query, {"authorization": _signed("s3")}, status=status)
        found = [(each.action, each.resource) for each in asked("s3", request)]
        if found != wanted:
            yield f"{method} {path}?{query} asks for {wanted}, and was taken for {found}"


def _records() -> Iterator[str]:
    """A request of a function passes as it is, and is written down once; others leave no trace."""
    body = json.dumps({"TableName": "t", "Key": {"pk": {"S": "BATCH#1"}}}).encode()
    function, person = _signed("dynamodb"), _signed("dynamodb", "AKIAX")
    lines = io.StringIO()
    recorder = Recorder(_twice, lambda key: "role", lines)
    for authorization, agent in (
        (function, ""),
        (function, ""),
        (person, ""),
        (person, "app/postroom-fetch"),
        ("", ""),
    ):
        headers = {"authorization": authorization, "user-agent": agent, "x-amz-target": "Service.GetItem"}
        passed = asyncio.run(_passed(recorder, headers, body))
        if passed != (body, [200]):
            yield f"a request of {authorization!r} was passed on as {passed}"
    written = [Asked.read(line) for line in lines.getvalue().splitlines()]
    given = ((KEYS, ("BATCH#…",)), (NAMED, ("pk",)))
    wanted = [("role", TABLE), ("in-process/fetch", TABLE.replace("/t", "/own"))]
    if written != [(role, Asked("dynamodb:GetItem", table, given)) for role, table in wanted]:
        yield f"it should be written down what {wanted} asked for, and it is {written}"


async def _twice(scope: Message, receive: Receive, send: Send) -> None:
    """An application that reads a request in two parts."""
    for _ in range(2):
        scope["came"].extend((await receive())["body"])
    await send({"type": "http.response.start", "status": 200})


async def _passed(recorder: Recorder, headers: dict[str, str], body: bytes) -> tuple[bytes, list[int]]:
    """What came through the recorder: of a request, and of its answer."""
    parts, came, answers = iter([body[:9], body[9:]]), bytearray(), []

    async def receive() -> Message:
        return {"type": "http.request", "body": next(parts)}

    async def send(message: Message) -> None:
        answers.append(message["status"])

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await recorder({"type": "http", "method": "POST", "path": "/", "headers": raw, "came": came}, receive, send)
    return bytes(came), answers


def _moved() -> Iterator[str]:
    place = Place("T", "Q", "K", "B", "X", "postroom/s", "post@x", "C")
    for action, resource, wanted in (
        (
            "dynamodb:Query",
            f"arn:aws:dynamodb:{PLACE}:table/lab/index/due",
            f"arn:aws:dynamodb:{PLACE}:table/T/index/due",
        ),
        ("s3:PutObject", "arn:aws:s3:::lab/mail/…", "arn:aws:s3:::B/mail/…"),
        ("s3:PutObject", "arn:aws:s3:::lab/transcripts/…", "arn:aws:s3:::X/transcripts/…"),
        ("s3:ListBucket", "arn:aws:s3:::lab", "arn:aws:s3:::B"),
        ("sqs:SendMessage", f"arn:aws:sqs:{PLACE}:lab", f"arn:aws:sqs:{PLACE}:Q"),
        ("kms:Decrypt", f"arn:aws:kms:{PLACE}:key/1-2", f"arn:aws:kms:{PLACE}:key/K"),
        (
            "secretsmanager:A",
            f"arn:aws:secretsmanager:{PLACE}:secret:lab/l/account/…-AbCdEf",
            f"{SECRET}/account/…-AbCdEf",
        ),
        ("secretsmanager:A", f"arn:aws:secretsmanager:{PLACE}:secret:lab/l/links-AbCdEf", f"{SECRET}/links-AbCdEf"),
        ("ses:SendEmail", f"arn:aws:ses:{PLACE}:identity/a@b", f"arn:aws:ses:{PLACE}:identity/post@x"),
        ("events:PutEvents", f"arn:aws:events:{PLACE}:event-bus/default", f"arn:aws:events:{PLACE}:event-bus/default"),
    ):
        found = place.of(Asked(action, resource)).resource
        if found != wanted:
            yield f"{resource} of a test is {wanted} of a stack, and was taken for {found}"


def _signed(service: str, key: str = "ASIAX") -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/20261122/eu-central-1/{service}/aws4_request, SignedHeaders=host"


def _shown(each: Asked) -> tuple[str, ...]:
    given = dict(each.given)
    shown = (KEYS, NAMED, ACCOUNT, DAYS)
    return (each.action, each.resource, *(" ".join(given[key]) for key in shown if key in given))


def _conditions() -> Iterator[str]:
    for condition, given, wanted in CONDITIONS:
        statement = _statement("dynamodb:UpdateItem", TABLE, condition)
        if bool(verdict([statement], Asked("dynamodb:UpdateItem", TABLE, tuple(given.items())))) != wanted:
            yield f"{condition} {'allows' if wanted else 'does not allow'} {given}, and was taken for the contrary"
    for action, resource, call, on, wanted in NAMES:
        if bool(verdict([_statement(action, resource)], Asked(call, on))) != wanted:
            yield f"{call} on {on} {'is' if wanted else 'is not'} {action} on {resource}, and was taken otherwise"
    for method, query, headers, wanted in WRITES:
        request = Request(method, "/b/mail/a", query, {"authorization": _signed("s3"), **headers})
        call = next(each for each in asked("s3", request) if each.action == "s3:PutObject")
        said = [_statement("s3:PutObject", "*"), _statement("s3:PutObject", "*", REPLACES, "Deny")]
        if bool(verdict(said, call)) != wanted:
            yield f"{method} {query} with {headers} may {'' if wanted else 'not '}be made, and was taken otherwise"
    denied = [_statement("a:B", "*"), _statement("a:*", "r", effect="Deny")]
    if verdict(denied, Asked("a:B", "r")) or not verdict(denied, Asked("a:B", "s")):
        yield "what is denied stays denied, and nothing else does"
    try:
        verdict([_statement("a:B", "*", {"NumericEquals": {"s3:max-keys": "1"}})], Asked("a:B", "r"))
        yield "a condition that nobody evaluates was passed over"
    except ValueError:
        pass


def _differences() -> Iterator[str]:
    reads, writes = Asked("a:Read", "r", ((KEYS, ("MAILBOX#…",)),)), Asked("a:Write", "r")
    both = _statement(["a:Read"], ["r"], ITEMS)
    mailboxes = _statement("a:Read", "r", {"ForAllValues:StringLike": {KEYS: ["MAILBOX#*"]}})
    for statements, calls, excuses, wanted in (
        ([mailboxes], {reads}, (), []),
        ([mailboxes], {reads, writes}, (), ["X: no statement allows a:Write on r"]),
        ([both], {reads}, (), ["X: nothing uses a:Read on r, items EPHEMERAL#late#* (S)"]),
        ([both], {reads}, (Excuse(("X",), "a:Read on r, items EPHEMERAL*", "so"),), []),
        (
            [mailboxes],
            {reads},
            (Excuse(("X",), "a:Read *", "so"),),
            ["X: excused, and used or not there: a:Read * (so)"],
        ),
        (
            [_statement("a:Write", "*"), _statement("a:Write", "r")],
            {writes},
            (),
            [
                "X: other rights allow all that this one is used for: a:Write on * (S)",
                "X: other rights allow all that this one is used for: a:Write on r (S)",
            ],
        ),
    ):
        found = [*rights_used.problems({"XRole": statements}, {"XRole": calls}, excuses)]
        if found != wanted:
            yield f"of {calls} and {statements} it was said {found}, and should be {wanted}"
    named = _statement("a:Write", "r", SOME)
    found = [*rights_used.problems({"XRole": [named]}, {"XRole": {Asked("a:Write", "r", ((NAMED, ("pk", "sk")),))}})]
    if found != ["X: nothing uses a:Write on r, attribute a (S)"]:
        yield f"an attribute that nothing writes was not found: {found}"
    absent = Excuse(("X",), "a:Read *", "so", "rights::no_such_test")
    if not [*absent.problems()]:
        yield "an excuse named a test that is not there, and was taken"


def _statement(action: Any, resource: Any, condition: dict[str, Any] | None = None, effect: str = "Allow") -> Statement:
    said = {"Sid": "S", "Effect": effect, "Action": action, "Resource": resource, "Condition": condition or {}}
    return Statement.of("XRole", said)
