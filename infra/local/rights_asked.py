"""What a request to AWS asks for, in the words of a policy: an action, a resource, and what conditions speak of.

Guarantees that nothing secret and nobody's name is in it: of values it takes the partition of an item, the names of
attributes and of a secret, the bucket and the first part of an object's key; whatever names one mailbox, person or
message becomes `…`. What it does not know gets a name that no policy has, so that it is found and not passed over.
Leaves out services that no function calls.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from .parameters import LOCAL_ACCOUNT

# AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …
CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
# What stands for a name of which nothing is to be known.
SOMETHING = "…"
# What Secrets Manager adds to a secret's name
# (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html).
SUFFIX = "-AbCdEf"

# Secrets of which there is one for each mailbox, account or provider.
OF_EACH = re.compile(r"(/(?:account|account-password|mailbox|provider)/).*")

PARTITION_KEY = "pk"
# The index whose partitions are accounts; those of others are kinds.
BY_ACCOUNT = "account"
# A transaction is no action of its own: each of its parts is asked for as what it does
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
PARTS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
# The first name of a path in an expression: no value, no part of a path, no function.
NAME = re.compile(r"(?<![:.#\w\]])(#?[A-Za-z_]\w*)(?!\w*\s*\()")
WORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}
EQUALS = re.compile(r"(#?\w+)\s*=\s*(:\w+)")


@dataclass(frozen=True)
class Asked:
    """One thing that a request asks for."""

    action: str
    resource: str
    # The values of condition keys.
    given: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def line(self, role: str) -> str:
        """As it is written down."""
        return json.dumps({"role": role, "action": self.action, "resource": self.resource, "given": dict(self.given)})

    @classmethod
    def read(cls, line: str) -> tuple[str, "Asked"]:
        """Who asked, and what, as it was written down."""
        read = json.loads(line)
        given = tuple((key, tuple(values)) for key, values in read["given"].items())
        return read["role"], cls(read["action"], read["resource"], given)


@dataclass(frozen=True)
class Request:
    """A signed request, and how it was answered."""

    method: str
    path: str
    query: str
    # By their names in lower case.
    headers: dict[str, str]
    # Empty where it is S3's: what is in an object is nobody's business.
    body: bytes = field(default=b"", repr=False)
    status: int = 200

    @property
    def region(self) -> str:
        """The region that it was signed for."""
        signed = CREDENTIAL.search(self.headers.get("authorization", ""))
        return signed[2] if signed else ""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the caller's own."""
        return f"arn:aws:{service}:{self.region}:{LOCAL_ACCOUNT}:{resource}"

    def operation(self) -> str:
        """The operation of a service that speaks JSON."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]


def signer(headers: dict[str, str]) -> tuple[str, str] | None:
    """The access key that a request was signed with, and the service that it is for."""
    signed = CREDENTIAL.search(headers.get("authorization", ""))
    return (signed[1], signed[3]) if signed else None


def asked(service: str, request: Request) -> list[Asked]:
    """What a request asks for."""
    try:
        return list(SERVICES.get(service, _other)(request))
    except (ValueError, KeyError, TypeError, AttributeError):
        return [Asked(f"{service}:{request.operation() or request.method}, which cannot be read", "*")]


def _dynamodb(request: Request) -> Iterator[Asked]:
    operation, body = request.operation(), json.loads(request.body)
    if operation.startswith("Transact"):
        for item in body["TransactItems"]:
            for part, detail in item.items():
                yield _of_items(request, PARTS[part], detail)
    elif operation == "BatchGetItem":
        for table, wanted in body["RequestItems"].items():
            yield _of_items(request, f"dynamodb:{operation}", {**wanted, "TableName": table})
    else:
        yield _of_items(request, f"dynamodb:{operation}", body)


def _of_items(request: Request, action: str, detail: dict[str, Any]) -> Asked:
    index = f"/index/{detail['IndexName']}" if "IndexName" in detail else ""
    given = {"dynamodb:LeadingKeys": _partitions(detail), "dynamodb:Attributes": _attributes(detail)}
    if "ReturnValues" in detail:
        given["dynamodb:ReturnValues"] = [detail["ReturnValues"]]
    conditions = tuple((key, tuple(sorted({*values}))) for key, values in given.items())
    return Asked(action, request.arn("dynamodb", f"table/{detail['TableName']}{index}"), conditions)


def _partitions(detail: dict[str, Any]) -> list[str]:
    """The partitions that a request names; one that is not found is one that no policy allows."""
    keys = [detail[name] for name in ("Key", "Item") if name in detail] + detail.get("Keys", [])
    if keys:
        return [_kind(key.get(PARTITION_KEY, {}).get("S", "")) for key in keys]
    names = detail.get("ExpressionAttributeNames", {})
    equal = EQUALS.search(detail.get("KeyConditionExpression", ""))
    if not equal or "IndexName" not in detail and names.get(equal[1], equal[1]) != PARTITION_KEY:
        return [""]
    value = detail["ExpressionAttributeValues"][equal[2]]["S"]
    return [SOMETHING if detail.get("IndexName") == BY_ACCOUNT else _kind(value)]


def _kind(partition: str) -> str:
    """A partition without the name that it ends with."""
    kept = 2 if partition.startswith("EPHEMERAL#") else 1
    parts = partition.split("#", kept)
    return "#".join([*parts[:kept], SOMETHING]) if len(parts) > kept else partition


def _attributes(detail: dict[str, Any]) -> list[str]:
    """The attributes that a request names, those of its key among them."""
    names = detail.get("ExpressionAttributeNames", {})
    found = {name for part in ("Key", "Item") for name in detail.get(part, {})}
    for each in EXPRESSIONS:
        named = NAME.findall(detail.get(each, ""))
        found |= {names.get(name, name) for name in named if name.upper() not in WORDS}
    return [*found]


def _s3(request: Request) -> Iterator[Asked]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    query = parse_qs(request.query, keep_blank_values=True)
    whole = f"arn:aws:s3:::{bucket}"
    first, slash, _ = key.partition("/")
    resource = (f"{whole}/{first}/{SOMETHING}" if slash else f"{whole}/{SOMETHING}") if key else whole
    match request.method, bool(key):
        case "GET" | "HEAD", True if not {*query} - {"x-id", "partNumber"}:
            yield Asked("s3:GetObject", resource)
            # Who may not list is told that it is forbidden, not that there is none
            # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
            if request.status == 404:
                yield Asked("s3:ListBucket", whole)
        case "PUT", True if not {*query} - {"x-id", "partNumber", "uploadId"}:
            yield Asked("s3:PutObject", resource, _creation(request, "uploadId" not in query))
            if "x-amz-copy-source" in request.headers:
                yield Asked("s3:GetObject", "a copy's source")
        case "POST", True if "uploads" in query or "uploadId" in query:
            yield Asked("s3:PutObject", resource, _creation(request, "uploadId" in query))
        case "DELETE", True if "uploadId" in query:
            yield Asked("s3:AbortMultipartUpload", resource)
        case "DELETE", True:
            yield Asked("s3:DeleteObject", resource)
        case "GET", False if "list-type" in query:
            yield Asked("s3:ListBucket", whole)
        case _:
            yield Asked(f"s3:{request.method} with {'&'.join(sorted(query))}", resource)


def _creation(request: Request, creates: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Whether a request makes an object, and where it may only do so
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html)."""
    given = {"s3:ObjectCreationOperation": ("true" if creates else "false",)}
    if "if-none-match" in request.headers:
        given["s3:if-none-match"] = (request.headers["if-none-match"],)
    return tuple(given.items())


def _sqs(request: Request) -> Iterator[Asked]:
    # On AWS the right to a single call covers its batch form
    # (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html).
    operation = request.operation().removesuffix("Batch")
    queue = json.loads(request.body)["QueueUrl"].rpartition("/")[2]
    yield Asked(f"sqs:{operation}", request.arn("sqs", queue))


def _kms(request: Request) -> Iterator[Asked]:
    body = json.loads(request.body)
    key = body.get("KeyId", "")
    named = key if key.startswith("arn:") else request.arn("kms", f"key/{key}")
    # What it is bound to is somebody's name.
    bound = sorted(body.get("EncryptionContext", {}))
    yield Asked(
        f"kms:{request.operation()}", named, tuple((f"kms:EncryptionContext:{name}", (SOMETHING,)) for name in bound)
    )


def _secretsmanager(request: Request) -> Iterator[Asked]:
    operation, body = request.operation(), json.loads(request.body)
    if operation == "BatchGetSecretValue":
        yield Asked("secretsmanager:BatchGetSecretValue", "*")
        for each in body["SecretIdList"]:
            yield Asked("secretsmanager:GetSecretValue", _secret(request, each))
        return
    secret = _secret(request, body.get("SecretId") or body["Name"])
    days = body.get("RecoveryWindowInDays")
    given = (("secretsmanager:RecoveryWindowInDays", (str(days),)),) if days else ()
    yield Asked(f"secretsmanager:{operation}", secret, given)
    if body.get("Tags"):
        yield Asked("secretsmanager:TagResource", secret)


def _secret(request: Request, name: str) -> str:
    """…/<name>, or …/<kind>/<id>; an id is nobody's business."""
    if name.startswith("arn:"):
        return name
    known = OF_EACH.sub(lambda found: found[1] + SOMETHING, name)
    return request.arn("secretsmanager", f"secret:{known}{SUFFIX}")


def _ses(request: Request) -> Iterator[Asked]:
    match request.method, request.path:
        case "GET", "/v2/email/account":
            yield Asked("ses:GetAccount", "*")
        case "POST", "/v2/email/outbound-emails":
            body = json.loads(request.body)
            # What is sent as it is needs a right of its own
            # (https://docs.aws.amazon.com/ses/latest/dg/sending-authorization-policies.html).
            action = "ses:SendRawEmail" if "Raw" in body["Content"] else "ses:SendEmail"
            sender = body["FromEmailAddress"]
            given = (("ses:FromAddress", (sender,)),)
            yield Asked(action, request.arn("ses", f"identity/{sender}"), given)
            if body.get("ConfigurationSetName"):
                yield Asked(action, request.arn("ses", f"configuration-set/{body['ConfigurationSetName']}"), given)
        case method, path:
            yield Asked(f"ses:{method} {path}", "*")


def _events(request: Request) -> Iterator[Asked]:
    for entry in json.loads(request.body)["Entries"]:
        bus = entry.get("EventBusName") or "default"
        named = bus if bus.startswith("arn:") else request.arn("events", f"event-bus/{bus}")
        yield Asked(f"events:{request.operation()}", named, (("events:source", (entry.get("Source", ""),)),))


def _other(request: Request) -> Iterator[Asked]:
    yield Asked(f"{request.operation() or request.method} of a service that no function calls", "*")


SERVICES: dict[str, Callable[[Request], Iterator[Asked]]] = {
    "dynamodb": _dynamodb,
    "events": _events,
    "kms": _kms,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "ses": _ses,
    "sqs": _sqs,
}
