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

DEFAULT_BUS = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
# Where a mail comes from is given by the configuration set, which only exists where mails are sent.
SET = {"Fn::If": ["HasSender", {"Ref": "ReminderMails"}, ""]}
# All that moving a reminder touches of an item.
MOVED = {"pk", "sk", "remind", "remind_at"}
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
    publishers = {
        "events.amazonaws.com": {
            "ArnEquals": {
                "aws:SourceArn": [{"Fn::GetAtt": [rule, "Arn"]} for rule in ("ExpiryRule", "IncidentRule")],
            }
        },
        "cloudwatch.amazonaws.com": OF_ACCOUNT,
    }
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
    # With a condition on its source EventBridge could not use the key
    # (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
    yield from expect("IncidentKey, events.amazonaws.com", users["events.amazonaws.com"], "Condition", None)
    yield from expect(
        "IncidentKey, cloudwatch.amazonaws.com", users["cloudwatch.amazonaws.com"], "Condition", OF_ACCOUNT
    )


def _rules(resources: dict[str, Resource]) -> Iterator[str]:
    for name, kind in (("ExpiryRule", "expiry"), ("IncidentRule", "incident")):
        rule = resources[name]["Properties"]
        schema = _schema(kind)
        yield from expect(name, rule["EventPattern"], "source", ["postroom"])
        yield from expect(name, rule["EventPattern"], "detail-type", [schema["title"]])
        yield from expect(name, rule["EventPattern"], "detail", {"stack": [{"Ref": "AWS::StackName"}]})
        (target,) = rule["Targets"]
        yield from expect(name, target, "Arn", {"Ref": "IncidentTopic"})
        transformer = target["InputTransformer"]
        for path in transformer["InputPathsMap"].values():
            field = path.removeprefix("$.detail.").split(".")[0]
            if field not in schema["required"]:
                yield f"{name}: {path} is not in every event"
        told = set(re.findall(r"<(\w+)>", transformer["InputTemplate"]))
        if told != transformer["InputPathsMap"].keys():
            yield f"{name}: its text and its fields differ"
    other = of_type(resources, "AWS::Events::Rule").keys() - {"ExpiryRule", "IncidentRule", "MailFeedbackRule"}
    if other:
        yield f"there are rules that nobody looks at: {sorted(other)}"


def _rights(resources: dict[str, Resource]) -> Iterator[str]:
    """Who may send mails or events may send its own alone."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for each in policy["PolicyDocument"]["Statement"]:
                statement = each["Fn::If"][1] if "Fn::If" in each else each
                limit = LIMITS.get(str(statement["Action"]))
                if limit:
                    yield from expect(f"{name}, {statement['Action']}", statement, "Condition", limit)


def _documented(_: dict[str, Resource]) -> Iterator[str]:
    """Every event is documented, by a schema and by examples that it takes."""
    examples = [json.loads(text) for text in EXAMPLES.findall(DOCUMENT.read_text())]
    events = [example for example in examples if "detail" in example and "id" in example]
    yield from (f"{DOCUMENT.name}: {error}" for event in events for error in errors(event))
    shown = {_kind(event) for event in events}
    kinds = {file.name.removesuffix(".schema.json") for file in SCHEMAS.glob("*.schema.json")}
    for kind in kinds:
        jsonschema.Draft202012Validator.check_schema(_schema(kind))
    if shown != kinds:
        yield f"{DOCUMENT.name}: it shows {sorted(shown)}, and there are schemas of {sorted(kinds)}"


def _kind(event: dict[str, Any]) -> str:
    return event["detail-type"].removeprefix("Postroom ").lower()


def _schema(kind: str) -> dict[str, Any]:
    return json.loads(_schema_file(kind).read_text())


def _schema_file(kind: str) -> Path:
    return SCHEMAS / f"{kind}.schema.json"


CHECKS = (_mails, _topic, _rules, _rights, _documented)
