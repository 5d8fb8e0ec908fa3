"""Resources of a test's own, taken for those of a deployed stack.

Tests run the same code in their own processes too, to give it faults that a deployed function cannot be given. They
have tables, buckets and secrets of their own there. What such a run asks for is judged as if it had asked the stack's.
"""

import re
from dataclasses import dataclass, replace

from .rights_asked import Asked

# What tests call a client of a function's, as the user agent says it.
APP = re.compile(r"\bapp/postroom-([a-z-]+)")
# Who asks, in what is written down.
IN_PROCESS = "in-process/"


@dataclass(frozen=True)
class Place:
    """The names of what a stack, or a test, has."""

    table: str
    queue: str
    key: str
    bucket: str
    transcripts: str
    secrets: str
    sender: str
    configuration_set: str

    def of(self, asked: Asked) -> Asked:
        """The same, asked of what is here."""
        service = asked.action.partition(":")[0]
        for pattern, name in NAMES.get(service, ()):
            if pattern.search(asked.resource):
                moved = pattern.sub(lambda found, name=name: found[1] + getattr(self, name) + found[2], asked.resource)
                asked = replace(asked, resource=moved)
                break
        given = ((key, (self.sender,) if key == "ses:FromAddress" else values) for key, values in asked.given)
        return replace(asked, given=tuple(given))


# Of a service: what stands before and after a name in the ARNs of its resources, and whose name it is.
NAMES = {
    "dynamodb": ((re.compile(r"(:table/)[^/]+(.*)"), "table"),),
    "kms": ((re.compile(r"(:key/).*()"), "key"),),
    "s3": (
        (re.compile(r"(:::)[^/]+(/transcripts/.*)"), "transcripts"),
        (re.compile(r"(:::)[^/]+(.*)"), "bucket"),
    ),
    "secretsmanager": (
        (re.compile(r"(:secret:).*?(/(?:account|account-password|mailbox|provider)/.*)"), "secrets"),
        (re.compile(r"(:secret:).*(/(?:console|links)-\w{6})"), "secrets"),
    ),
    "ses": (
        (re.compile(r"(:identity/).*()"), "sender"),
        (re.compile(r"(:configuration-set/).*()"), "configuration_set"),
    ),
    "sqs": ((re.compile(r"(:)[^:]+()$"), "queue"),),
}
ANYWHERE = Place(*["own"] * 8)
