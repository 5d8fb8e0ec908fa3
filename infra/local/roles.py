"""What roles may do: no right is wider than it must be, and nobody can delete mail or change what people defined."""

from collections.abc import Iterator
from typing import Any

from . import telling
from .expect import Resource, expect, of_type

# The rights that all functions have where a parameter asks for it.
SHARED = [
    {"Fn::If": [condition, {"Ref": policy}, {"Ref": "AWS::NoValue"}]}
    for condition, policy in (("IsTraced", "TracingPolicy"), ("IsInNetwork", "NetworkPolicy"))
]
# What they allow, for which AWS takes no narrower resource.
ALLOWED = {
    "TracingPolicy": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
    "NetworkPolicy": {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    },
}

TABLE = {"Fn::GetAtt": ["Table", "Arn"]}
# Actions that may name no partition of the table, for which a limit to some of them is none.
WITHOUT_PARTITIONS = {"dynamodb:Scan"}
PARTIQL = "dynamodb:PartiQL"
# What of a role is limited by what a request says, beside its resources.
BOUND = {"Null": {"kms:EncryptionContext:account": "false"}}
RECOVERABLE = {"NumericGreaterThanEquals": {"secretsmanager:RecoveryWindowInDays": "30"}}


def _rights(resources: dict[str, Resource]) -> Iterator[str]:
    """No right is wider than it must be, and nobody may delete mail or what people defined."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        # The schedules' role is none of a function.
        yield from expect(name, role["Properties"], "ManagedPolicyArns", None if name == "TickRole" else SHARED)
        for policy in role["Properties"].get("Policies", []):
            for each in policy["PolicyDocument"]["Statement"]:
                # One that is there on a condition.
                yield from _statement(name, each["Fn::If"][1] if "Fn::If" in each else each)
    for name, policy in of_type(resources, "AWS::IAM::ManagedPolicy").items():
        allowed, *denied = policy["Properties"]["PolicyDocument"]["Statement"]
        if {*allowed["Action"]} != ALLOWED.get(name):
            yield f"{name}: it allows {', '.join(allowed['Action'])}"
        # Lambda places functions in a network; what runs in them has no use for that.
        refused = [{*each["Action"]} for each in denied if each["Effect"] == "Deny"]
        if name == "NetworkPolicy" and refused != [ALLOWED[name]]:
            yield f"{name}: functions themselves may use it"


def _statement(role: str, statement: dict[str, Any]) -> Iterator[str]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    for action in actions:
        service, _, verb = action.partition(":")
        if "*" in action:
            yield f"{role}: {action} is a wildcard"
        may_delete = service == "sqs" or _names_what_it_deletes(action, statement)
        if verb.startswith("Delete") and not may_delete or verb.startswith("Put") and "Policy" in verb:
            yield f"{role}: {action} is not needed by any function"
        if service == "kms" and verb not in {"GenerateDataKey", "Decrypt"}:
            yield f"{role}: {action} is more than sealing and opening"
        if service == "kms" and statement.get("Condition") != BOUND:
            yield f"{role}: {action} is not bound to an account"
        if action in WITHOUT_PARTITIONS or action.startswith(PARTIQL):
            yield f"{role}: {action} cannot be limited to partitions of the table"
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(actions)
    # Who could write a provider could have every refresh token sent to a server of its own.
    keys = _leading_keys(statement)
    may_write_all = not keys or any(key.startswith(("*", "PROVIDER")) for key in keys)
    if writes and may_write_all and not telling.moves_reminders_only(statement):
        yield f"{role}: {', '.join(sorted(writes))} may write providers"
    if statement["Resource"] == TABLE and (not keys or any(key.startswith("*") for key in keys)):
        yield f"{role}: {', '.join(actions)} on every item of the table"
    # AWS takes no narrower resource for these.
    if statement["Resource"] == "*" and not {*actions} <= {"secretsmanager:BatchGetSecretValue", "ses:GetAccount"}:
        yield f"{role}: {', '.join(actions)} on every resource"


def _names_what_it_deletes(action: str, statement: dict[str, Any]) -> bool:
    """Whether a right to delete is one to what a function itself has put there."""
    if action == "dynamodb:DeleteItem":
        keys = _leading_keys(statement)
        return bool(keys) and all(key.startswith(("EPHEMERAL#", "INCIDENT#", "KNOWN#", "OWNER#")) for key in keys)
    if action == "secretsmanager:DeleteSecret":
        of_accounts = str(statement["Resource"].get("Fn::Sub")).endswith("/account/*")
        return of_accounts and statement.get("Condition") == RECOVERABLE
    return False


def _leading_keys(statement: dict[str, Any]) -> list[str]:
    """The partitions of the table that a right is limited to; none: it is not limited."""
    return statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])


CHECKS = (_rights,)
