"""What the template must say of those who tell people and machines: mails, their feedback, events, the topic.

The emulator keeps no key of a topic and no configuration set of a mail, sends no feedback of mails as
events, and enforces no condition on a table's attributes.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

from .expect import Resource, expect, of_type
from .instance import ROOT

DOCUMENT = ROOT / "docs" / "events.md"
SCHEMAS = ROOT / "docs" / "events"
EXAMPLES = re.compile(r"```json\n(.*?)```", re.DOTALL)

# The sources of expiry-check, and where they name the kinds of their short-lived items; what is public is
# of another kind.
SOURCES = ROOT / "functions" / "expiry-check" / "src"
KINDS = re.compile(r'(?<!pub )const \w+: (?:&str|\(&str, &str\)) = \(?"([a-z]+)"')
# Where it is noted that an address takes no mail, and which attributes that touches.
REJECTIONS = ROOT / "shared" / "registry" / "src" / "person.rs"
NOTES = re.compile(r"fn record_undeliverable.*?\n    }\n", re.DOTALL)
ATTRIBUTES = re.compile(r'\.(?:set|set_if_absent|add|remove|name)\("(\w+)"')
# What of the table is found by these indexes, expiry-check may find.
INDEXES = {"account", "due", "remind"}
# And what of these kinds there is.
FOUND_BY_KIND = {"account", "provider"}
SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:postroom/${AWS::StackName}"
LINKS = SECRETS + "/links-??????"

DEFAULT_BUS = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
# Where a mail comes from is given by the configuration set, which only exists where mails are sent.
SET = {"Fn::If": ["HasSender", {"Ref": "ReminderMails"}, ""]}
# All that moving a reminder touches of an item.
MOVED = {"pk", "sk", "v", "remind", "remind_at"}
LIMITS = {
    "ses:SendEmail": {"StringEqualsIfExists": {"ses:FromAddress": {"Ref": "SenderAddress"}}},
    "events:PutEvents": {"StringEquals": {"events:source": "postroom"}},
}
OF_ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def moves_reminders_only(statement: dict[str, Any]) -> bool:
    """Whether a right to write items is limited to the attributes that say when they are looked at."""
    condition = statement.get("Condition", {})
    attributes = condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes", [])
    # Otherwise the rest of an item could be read by the way.
    answers = condition.get("StringEqualsIfExists", {}).get("dynamodb:ReturnValues")
    return bool(attributes) and set(attributes) <= MOVED and answers == "NONE"


def errors(event: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an event by the schema of its kind."""
    kind = _kind(event)
    if not _schema_file(kind).exists():
        yield f"no schema is of {event['detail-type']}"
        return
    checker = jsonschema.Draft202012Validator(_schema(kind))
    yield from (f"{event['detail-type']}: {error.message}" for error in checker.iter_errors(event["detail"]))


def _mails(resources: dict[str, Resource]) -> Iterator[str]:
    suppressed = {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    yield from expect("ReminderMails", resources["ReminderMails"]["Properties"], "SuppressionOptions", suppressed)
    events = resources["ReminderMailEvents"]["Properties"]
    yield from expect("ReminderMailEvents", events, "ConfigurationSetName", {"Ref": "ReminderMails"})
    destination = events["EventDestination"]
    yield from expect("ReminderMailEvents", destination, "Enabled", True)
    kinds = ["bounce", "complaint", "delivery", "reject"]
    yield from expect("ReminderMailEvents", destination, "MatchingEventTypes", kinds)
    yield from expect("ReminderMailEvents", destination, "EventBridgeDestination", {"EventBusArn": DEFAULT_BUS})
    rule = resources["MailFeedbackRule"]["Properties"]
    of_set = {"mail": {"tags": {"ses:configuration-set": [{"Ref": "ReminderMails"}]}}}
    yield from expect("MailFeedbackRule", rule["EventPattern"], "source", ["aws.ses"])
    yield from expect("MailFeedbackRule", rule["EventPattern"], "detail", of_set)
    (target,) = rule["Targets"]
    yield from expect("MailFeedbackRule", target, "Arn", {"Fn::GetAtt": ["ExpiryCheckFunction", "Arn"]})
    permission = resources["MailFeedbackPermission"]["Properties"]
    yield from expect("MailFeedbackPermission", permission, "SourceArn", {"Fn::GetAtt": ["MailFeedbackRule", "Arn"]})
    for name in ("ReminderMails", "ReminderMailEvents", "MailFeedbackRule", "MailFeedbackPermission"):
        yield from expect(name, resources[name], "Condition", "HasSender")
    for name in ("ExpiryCheckFunction", "ConsoleFunction"):
        variables = resources[name]["Properties"]["Environment"]["Variables"]
        yield from expect(name, variables, "CONFIGURATION_SET", SET)


def _topic(resources: dict[str, Resource]) -> Iterator[str]:
    topic = resources["IncidentTopic"]["Properties"]
    yield from expect("IncidentTopic", topic, "KmsMasterKeyId", {"Ref": "IncidentKey"})
    key = resources["IncidentKey"]["Properties"]
    yield from expect("IncidentKey", key, "EnableKeyRotation", True)
    # With a condition EventBridge could neither publish
    # (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions) nor use
    # the key (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
    publishers = {"events.amazonaws.com": None, "cloudwatch.amazonaws.com": OF_ACCOUNT}
    policy = resources["IncidentTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = {statement["Principal"]["Service"]: statement for statement in policy}
    if allowed.keys() != publishers.keys():
        yield f"IncidentTopicPolicy: it lets {sorted(allowed)} publish"
    users = {s["Principal"]["Service"]: s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"]}
    if users.keys() != publishers.keys():
        yield f"IncidentKey: it lets {sorted(users)} use it"
    for service, condition in publishers.items():
        yield from expect(f"IncidentTopicPolicy, {service}", allowed[service], "Action", "sns:Publish")
        yield from expect(f"IncidentTopicPolicy, {service}", allowed[service], "Condition", condition)
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        yield from expect(f"IncidentKey, {service}", users[service], "Action", actions)
        yield from expect(f"IncidentKey, {service}", users[service], "Condition", condition)


def _rules(resources: dict[str, Resource]) -> Iterator[str]:
    rule = resources["AnnouncementRule"]["Properties"]
    schemas = [_schema(kind) for kind in _kinds()]
    yield from expect("AnnouncementRule", rule["EventPattern"], "source", ["postroom"])
    yield from expect("AnnouncementRule", rule["EventPattern"], "detail-type", [each["title"] for each in schemas])
    yield from expect("AnnouncementRule", rule["EventPattern"], "detail", {"stack": [{"Ref": "AWS::StackName"}]})
    (target,) = rule["Targets"]
    yield from expect("AnnouncementRule", target, "Arn", {"Ref": "IncidentTopic"})
    # EventBridge reaches an encrypted topic by the topic's policy alone (as above).
    yield from expect("AnnouncementRule", target, "RoleArn", None)
    transformer = target["InputTransformer"]
    for path in transformer["InputPathsMap"].values():
        field = path.removeprefix("$.detail.")
        if not all(field in schema["required"] for schema in schemas):
            yield f"AnnouncementRule: {path} is not in every event"
    told = set(re.findall(r"<(\w+)>", transformer["InputTemplate"]))
    if told != transformer["InputPathsMap"].keys():
        yield "AnnouncementRule: its text and its fields differ"
    other = of_type(resources, "AWS::Events::Rule").keys() - {"AnnouncementRule", "MailFeedbackRule"}
    if other:
        yield f"there are rules that nobody looks at: {sorted(other)}"


def _knowledge(resources: dict[str, Resource]) -> Iterator[str]:
    """Who writes to people all day long knows no way into the console, no token and no consent under way."""
    own = {f"EPHEMERAL#{kind}#*" for source in SOURCES.glob("*.rs") for kind in KINDS.findall(source.read_text())}
    used: set[str] = set()
    for statement in _statements(resources["ExpiryCheckRole"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        services = {action.split(":")[0] for action in actions}
        if "kms" in services:
            yield "ExpiryCheckRole: it can open tokens that lie in the table"
        if "secretsmanager" in services:
            yield from expect("ExpiryCheckRole, secrets", statement, "Action", "secretsmanager:GetSecretValue")
            yield from expect("ExpiryCheckRole, secrets", statement, "Resource", {"Fn::Sub": LINKS})
        if "dynamodb" not in services:
            continue
        if statement["Resource"] != {"Fn::GetAtt": ["Table", "Arn"]}:
            listed = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            kinds = statement.get("Condition", {}).get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys", [])
            found = INDEXES | {"kind"} if kinds and {*kinds} <= FOUND_BY_KIND else INDEXES
            wide = {each["Fn::Sub"].rpartition("/")[2] for each in listed} - found
            yield from (f"ExpiryCheckRole: it reads the index {index}" for index in wide)
            continue
        keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        if not keys or any(key.startswith("*") for key in keys):
            yield f"ExpiryCheckRole: {', '.join(actions)} on every item"
        used |= {key for key in keys if key.startswith("EPHEMERAL")}
    if used != own:
        yield f"ExpiryCheckRole: of what is short-lived it has rights to {sorted(used)}, and its own are {sorted(own)}"


def _rejections(resources: dict[str, Resource]) -> Iterator[str]:
    """What is noted of an address that takes no mail is just what may be written of a person."""
    (noted,) = NOTES.findall(REJECTIONS.read_text())
    touched = sorted({*ATTRIBUTES.findall(noted), *MOVED})
    for statement in _statements(resources["ExpiryCheckRole"]):
        condition = statement.get("Condition", {})
        keys = condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        if statement["Action"] == "dynamodb:UpdateItem" and "OWNER#*" in keys:
            named = condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes", [])
            if sorted(named) != touched:
                yield f"ExpiryCheckRole: of a person it may write {sorted(named)}, and it writes {touched}"


def _rights(resources: dict[str, Resource]) -> Iterator[str]:
    """Who may send mails or events may send its own alone."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for statement in _statements(role):
            limit = LIMITS.get(str(statement["Action"]))
            if limit:
                yield from expect(f"{name}, {statement['Action']}", statement, "Condition", limit)


def _documented(_: dict[str, Resource]) -> Iterator[str]:
    """Every event is documented, by a schema and by examples that it takes."""
    examples = [json.loads(text) for text in EXAMPLES.findall(DOCUMENT.read_text())]
    events = [example for example in examples if "detail" in example and "id" in example]
    yield from (f"{DOCUMENT.name}: {error}" for event in events for error in errors(event))
    shown = {_kind(event) for event in events}
    kinds = _kinds()
    for kind in kinds:
        jsonschema.Draft202012Validator.check_schema(_schema(kind))
    if shown != set(kinds):
        yield f"{DOCUMENT.name}: it shows {sorted(shown)}, and there are schemas of {kinds}"


def _statements(role: Resource) -> list[dict[str, Any]]:
    """What a role may do, also on a condition."""
    policies = role["Properties"].get("Policies", [])
    every = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in every]


def _kinds() -> list[str]:
    return sorted(file.name.removesuffix(".schema.json") for file in SCHEMAS.glob("*.schema.json"))


def _kind(event: dict[str, Any]) -> str:
    return event["detail-type"].removeprefix("Postroom ").lower()


def _schema(kind: str) -> dict[str, Any]:
    return json.loads(_schema_file(kind).read_text())


def _schema_file(kind: str) -> Path:
    return SCHEMAS / f"{kind}.schema.json"


CHECKS = (_mails, _topic, _rules, _knowledge, _rejections, _rights, _documented)
