"""What the template must say, checked on what SAM makes of it.

The emulator silently drops some of these properties, so no test that runs there would miss them; the
rest are promises that a later change could break unseen.
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from .aws import REGION, TEMPLATE

Resource = dict[str, Any]


def problems() -> list[str]:
    """Everything that is wrong with the template."""
    try:
        resources = _translate()
    except (yaml.YAMLError, ValueError) as error:
        return [f"the template cannot be read: {error}"]
    checks = (_table, _bucket, _queues, _functions, _schedule, _alarms, _rights)
    return [problem for check in checks for problem in check(resources)]


def _translate() -> dict[str, Resource]:
    """The template as CloudFormation sees it."""
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://uploaded/by-sam"
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    translated = translator.translate(template, parameter_values={})
    return translated["Resources"]


def _table(resources: dict[str, Resource]) -> Iterator[str]:
    table = resources["Table"]
    properties = table["Properties"]
    yield from _kept("Table", table)
    yield from _expect("Table", properties, "BillingMode", "PAY_PER_REQUEST")
    ttl = {"AttributeName": "expires_at", "Enabled": True}
    yield from _expect("Table", properties, "TimeToLiveSpecification", ttl)
    recovery = {"PointInTimeRecoveryEnabled": True}
    yield from _expect("Table", properties, "PointInTimeRecoverySpecification", recovery)
    yield from _expect("Table", properties, "SSESpecification", {"SSEEnabled": True})


def _bucket(resources: dict[str, Resource]) -> Iterator[str]:
    bucket = resources["MailBucket"]
    properties = bucket["Properties"]
    yield from _kept("MailBucket", bucket)
    yield from _expect("MailBucket", properties, "VersioningConfiguration", {"Status": "Enabled"})
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    yield from _expect("MailBucket", properties, "PublicAccessBlockConfiguration", dict.fromkeys(blocked, True))
    events = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    yield from _expect("MailBucket", properties, "NotificationConfiguration", events)
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
    aborts = [rule.get("AbortIncompleteMultipartUpload") for rule in rules if rule["Status"] == "Enabled"]
    if {"DaysAfterInitiation": 7} not in aborts:
        yield "MailBucket: unfinished uploads are not aborted after 7 days"
    if any("Expiration" in key for rule in rules for key in rule):
        yield "MailBucket: a lifecycle rule deletes mail"
    if not properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration"):
        yield "MailBucket: it is not encrypted"
    statements = resources["MailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    if not any(s["Effect"] == "Deny" and s.get("Condition") == insecure for s in statements):
        yield "MailBucketPolicy: it does not insist on TLS"


def _queues(resources: dict[str, Resource]) -> Iterator[str]:
    queues = _of_type(resources, "AWS::SQS::Queue")
    for name, queue in queues.items():
        yield from _expect(name, queue["Properties"], "SqsManagedSseEnabled", True)
    yield from _expect("DeadLetterQueue", queues["DeadLetterQueue"]["Properties"], "MessageRetentionPeriod", 14 * 86400)
    redrive = queues["FetchQueue"]["Properties"]["RedrivePolicy"]
    yield from _expect("FetchQueue", redrive, "maxReceiveCount", 5)
    template = yaml_parse(TEMPLATE.read_text())
    timeouts = {int(timeout): entry["Seconds"] for timeout, entry in template["Mappings"]["VisibilityTimeout"].items()}
    if set(timeouts) != set(template["Parameters"]["FetchTimeout"]["AllowedValues"]):
        yield "VisibilityTimeout: it does not have every FetchTimeout"
    if any(hidden != 6 * timeout for timeout, hidden in timeouts.items()):
        yield "VisibilityTimeout: it is not six times the function's timeout"


def _functions(resources: dict[str, Resource]) -> Iterator[str]:
    functions = _of_type(resources, "AWS::Lambda::Function")
    if set(functions) != {"DispatchFunction", "FetchFunction", "ConsoleFunction"}:
        yield f"there are other functions than three: {sorted(functions)}"
    for name, function in functions.items():
        properties = function["Properties"]
        yield from _expect(name, properties, "Runtime", "provided.al2023")
        yield from _expect(name, properties, "Architectures", [{"Ref": "Architecture"}])
        logs = resources[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        yield from _expect(f"{name}'s logs", logs["Properties"], "RetentionInDays", {"Ref": "LogRetentionDays"})
        role = name.replace("Function", "Role")
        yield from _expect(name, properties, "Role", {"Fn::GetAtt": [role, "Arn"]})
    (mapping,) = _of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    yield from _expect("Work", mapping["Properties"], "BatchSize", 1)
    yield from _expect("Work", mapping["Properties"], "FunctionResponseTypes", ["ReportBatchItemFailures"])
    concurrency = {"MaximumConcurrency": {"Ref": "FetchConcurrency"}}
    yield from _expect("Work", mapping["Properties"], "ScalingConfig", concurrency)


def _schedule(resources: dict[str, Resource]) -> Iterator[str]:
    tick = resources["Tick"]["Properties"]
    yield from _expect("Tick", tick, "ScheduleExpression", "rate(1 minute)")
    yield from _expect("Tick", tick, "FlexibleTimeWindow", {"Mode": "OFF"})


def _alarms(resources: dict[str, Resource]) -> Iterator[str]:
    alarms = _of_type(resources, "AWS::CloudWatch::Alarm")
    of_stack = [{"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}]
    for name, metric, missing in (
        ("NoTicksAlarm", "Ticks", "breaching"),
        ("LateBatchesAlarm", "OldestDueLag", "notBreaching"),
    ):
        properties = alarms[name]["Properties"]
        yield from _expect(name, properties, "Namespace", "Postroom")
        yield from _expect(name, properties, "MetricName", metric)
        yield from _expect(name, properties, "Dimensions", of_stack)
        yield from _expect(name, properties, "TreatMissingData", missing)
    topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    for name, alarm in alarms.items():
        yield from _expect(name, alarm["Properties"], "AlarmActions", topic)


def _rights(resources: dict[str, Resource]) -> Iterator[str]:
    """No right is wider than it must be, and nobody may delete mail or secrets."""
    for name, role in _of_type(resources, "AWS::IAM::Role").items():
        if role["Properties"].get("ManagedPolicyArns"):
            yield f"{name}: a managed policy gives more than is needed"
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield from _statement(name, statement)


def _statement(role: str, statement: dict[str, Any]) -> Iterator[str]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    for action in actions:
        service, _, verb = action.partition(":")
        if "*" in action:
            yield f"{role}: {action} is a wildcard"
        if verb.startswith("Delete") and service != "sqs" or verb.startswith("Put") and "Policy" in verb:
            yield f"{role}: {action} is not needed by any function"
    # AWS takes no narrower resource for this one.
    if statement["Resource"] == "*" and actions != ["secretsmanager:BatchGetSecretValue"]:
        yield f"{role}: {', '.join(actions)} on every resource"


def _of_type(resources: dict[str, Resource], kind: str) -> dict[str, Resource]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


def _kept(name: str, resource: Resource) -> Iterator[str]:
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        yield from _expect(name, resource, key, "Retain")


def _expect(name: str, properties: dict[str, Any], key: str, value: object) -> Iterator[str]:
    found = properties.get(key)
    if json.dumps(found, sort_keys=True) != json.dumps(value, sort_keys=True):
        yield f"{name}: {key} is {found!r} and should be {value!r}"
