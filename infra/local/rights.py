"""Rights that the emulator asks for and AWS does not.

Functions run with their roles' rights. Where the emulator has another name for one, another resource, or
does not know what a condition is about, the deployed roles get that besides, so that the template can say
what AWS wants.
"""

import json
from typing import Any

from . import aws
from .instance import Instance

# On AWS the right to a single call covers its batch form
# (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html).
BATCHES = {"sqs:SendMessage": "sqs:SendMessageBatch", "sqs:DeleteMessage": "sqs:DeleteMessageBatch"}
# The emulator does not look up the identity that a mail comes from.
WITHOUT_RESOURCE = {"ses:SendEmail"}
# The emulator looks up neither the source of an event, nor what a key is to bind, nor for how long a secret can be had
# back, and so no condition on that can hold.
WITHOUT_CONDITION = {"events:PutEvents", "kms:Decrypt", "kms:GenerateDataKey", "secretsmanager:DeleteSecret"}


def mend(instance: Instance) -> None:
    """Adds to the roles of a stack what the emulator asks for."""
    iam = aws.client(instance, "iam")
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        if not name.startswith(f"{instance.stack}-"):
            continue
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                _widen(statement)
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _widen(statement: dict[str, Any]) -> None:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    statement["Action"] = sorted({*actions, *(BATCHES[action] for action in actions if action in BATCHES)})
    if set(actions) <= WITHOUT_RESOURCE:
        statement["Resource"] = "*"
    if set(actions) <= WITHOUT_CONDITION:
        statement.pop("Condition", None)
