"""Postroom's functions as Lambda runs them: the deployed programs, each as a process of its own."""

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path

from ..local import aws, mail
from ..local.instance import LOOPBACK
from ..local.processes import Failed
from . import rig, usage
from .runtime import REQUEST, Runtime

TABLE, STACK, PREFIX = "postroom-bench", "postroom-bench", "postroom/bench"


def program(function: str) -> Path:
    """A function's program for this machine."""
    return aws.BUILT / function / "bootstrap"


def create_resources() -> None:
    """The table and the queue that `fetch` uses; the bucket is the rig's."""
    keys = {"pk": "HASH", "sk": "RANGE"}
    aws.client(rig.RIG, "dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    aws.client(rig.RIG, "sqs").create_queue(QueueName=STACK)


def register(mailbox: str, user: str, port: int, protocol: str = "imap", attachments: bool = False) -> None:
    """Puts a mailbox and its password where `postroom apply` puts them, as the registry stores them."""
    item = {
        "pk": {"S": f"MAILBOX#{mailbox}"},
        "sk": {"S": "CONFIG"},
        "kind": {"S": "mailbox"},
        "v": {"N": "1"},
        "id": {"S": mailbox},
        "protocol": {"S": protocol},
        "host": {"S": LOOPBACK},
        "port": {"N": str(port)},
        "tls": {"S": "implicit"},
        "user": {"S": user},
        "interval": {"S": "5m"},
        "attachments": {"BOOL": attachments},
    }
    aws.client(rig.RIG, "dynamodb").put_item(TableName=TABLE, Item=item)
    secrets = aws.client(rig.RIG, "secretsmanager")
    name, value = (
        f"{PREFIX}/mailbox/{mailbox}",
        f'{{"v":1,"password":"{mail.password(user)}"}}',
    )
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=value)


def forget(mailbox: str) -> None:
    """Lets a mailbox be as if it had never been fetched."""
    table = aws.client(rig.RIG, "dynamodb")
    table.delete_item(TableName=TABLE, Key={"pk": {"S": f"MAILBOX#{mailbox}"}, "sk": {"S": "STATE"}})
    pages = table.get_paginator("query").paginate(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"KNOWN#{mailbox}"}},
        ProjectionExpression="pk, sk",
    )
    for known in [item for page in pages for item in page["Items"]]:
        table.delete_item(TableName=TABLE, Key=known)


def fetch_anew(mailbox: str, user: str | None = None) -> usage.Usage:
    """Fetches a mailbox into an empty bucket as if for the first time. The messages that have arrived are
    counted, and their bytes."""
    rig.empty_bucket()
    forget(mailbox)
    used = fetch(mailbox)
    stored, held = rig.stored("mail"), rig.mail_of(user or mailbox)
    if stored != held:
        raise Failed(f"fetch stored {stored}, and the mailbox holds {held}")
    return used


def fetch(mailbox: str) -> usage.Usage:
    """Starts `fetch`, lets it fetch one mailbox, and ends it. The time is from the start of the process to
    the function's answer."""
    body = f'{{"mailbox":{{"id":"{mailbox}","cause":{{"demand":"bench"}}}}}}'
    record = {
        "messageId": "bench",
        "receiptHandle": "bench",
        "body": body,
        "eventSource": "aws:sqs",
        "awsRegion": aws.REGION,
    }
    with Runtime({"Records": [record]}) as runtime:
        server = _start("fetch", runtime)
        _wait(runtime, server, lambda: runtime.answer is not None)
        assert runtime.answered is not None
        used = server.end(runtime.answered - server.started)
    if runtime.answer != {"path": "response", "body": {"batchItemFailures": []}}:
        raise Failed(f"fetch answered {runtime.answer}; its log is {_log('fetch')}")
    return used


def cold_start(function: str) -> float:
    """Seconds from the start of a function's process to its first request for work."""
    with Runtime() as runtime:
        server = _start(function, runtime)
        _wait(runtime, server, lambda: runtime.asked is not None)
        assert runtime.asked is not None
        server.end(0)
        return runtime.asked - server.started


def _start(function: str, runtime: Runtime) -> usage.Server:
    return usage.Server([program(function)], _environment(function, runtime), _log(function))


def _wait(runtime: Runtime, server: usage.Server, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + usage.LIMIT
    while not done():
        runtime.changed.wait(0.2)
        runtime.changed.clear()
        if not server.running() or time.monotonic() > deadline:
            raise Failed(f"a function ended or hung; its log is in {rig.RIG.logs}")


def _log(function: str) -> Path:
    rig.RIG.logs.mkdir(exist_ok=True)
    return rig.RIG.logs / f"{function}.log"


def _environment(function: str, runtime: Runtime) -> dict[str, str]:
    """What the template and Lambda set."""
    queue = f"{aws.endpoint(rig.RIG)}/000000000000/{STACK}"
    return {
        "PATH": os.defpath,
        **aws.environment(rig.RIG),
        "AWS_ENDPOINT_URL_S3": rig.s3_endpoint(),
        "AWS_LAMBDA_RUNTIME_API": runtime.address,
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": REQUEST,
        "STACK_NAME": STACK,
        "LOG_LEVEL": "info",
        "TABLE_NAME": TABLE,
        "QUEUE_URL": queue,
        "BUCKET_NAME": rig.BUCKET,
        "TRANSCRIPT_BUCKET_NAME": rig.BUCKET,
        "SECRET_PREFIX": PREFIX,
        "TOKEN_KEY_ID": "bench",
        "REFRESH_LEAD_MINUTES": "10",
        "PUBLIC_URL": "https://console.bench.test",
        "LANGUAGE": "en",
        "MAIL_CA": base64.b64encode(mail.ca(rig.RIG).read_bytes()).decode(),
        "ALLOW_LOCAL_SERVERS": "true",
    }
