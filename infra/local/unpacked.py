"""What fetch unpacked, beside what Python's `email` finds in the same messages."""

import email
import email.policy
import hashlib
import json
from collections import Counter
from dataclasses import dataclass

from . import aws
from .instance import Instance


@dataclass(frozen=True)
class Unpacked:
    """The attachments of the messages of a mailbox: name, SHA-256 and size, and how often each occurs."""

    in_messages: Counter[tuple[str, str, int]]
    in_s3: Counter[tuple[str, str, int]]
    messages: int
    indexed: int

    @property
    def is_right(self) -> bool:
        """Whether every message has its index and all attachments lie beside them, as they were sent."""
        return self.in_messages == self.in_s3 and self.messages == self.indexed


def unpacked(instance: Instance, bucket: str, mailbox: str) -> Unpacked:
    """Reads a mailbox's part of the archive."""
    s3 = aws.client(instance, "s3")

    def keys(prefix: str) -> list[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/{mailbox}/")
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(key: str) -> bytes:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    in_messages: Counter[tuple[str, str, int]] = Counter()
    mail = keys("mail")
    for key in mail:
        message = email.message_from_bytes(read(key), policy=email.policy.default)
        for part in message.iter_attachments():
            in_messages[_fingerprint(str(part.get_filename()), part.get_payload(decode=True))] += 1
    in_s3: Counter[tuple[str, str, int]] = Counter()
    indexes = keys("index")
    for key in indexes:
        for part in json.loads(read(key))["parts"]:
            found = _fingerprint(part["declared_name"], read(part["key"]))
            if found[1:] == (part["sha256"], part["size"]):
                in_s3[found] += 1
    return Unpacked(in_messages, in_s3, len(mail), len(indexes))


def _fingerprint(name: str, content: bytes) -> tuple[str, str, int]:
    return name, hashlib.sha256(content).hexdigest(), len(content)
