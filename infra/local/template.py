"""What the template must say, checked on what SAM makes of it.

The emulator silently drops some of these properties, so no test that runs there would miss them; the
rest are promises that a later change could break unseen.
"""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from . import telling
from .aws import FUNCTIONS, REGION, TEMPLATE
from .expect import Resource, expect, of_type
from .instance import ROOT

# What Lambda takes as the names and values of one function's environment, in bytes
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
ENVIRONMENT = 4096
# Of that, room for the values that have no longest length here: names of the stack, hosts, a group.
OTHER_VALUES = 500
# Where numbers are read, from which on to which they are taken, and what they are otherwise.
READS = {
    "RefreshLeadMinutes": ("REFRESH_LEAD_MINUTES", "shared/lambda/src/environment.rs"),
    "FetchLagLimitSeconds": ("FETCH_LAG_LIMIT_SECONDS", "functions/expiry-check/src/settings.rs"),
    "OverdueRepeatDays": ("OVERDUE_REPEAT_DAYS", "functions/expiry-check/src/settings.rs"),
}
TAKES = r'"{}", ([\d_]+)\.\.=([\d_]+), ([\d_]+),'

# What a function needs that renews tokens.
TOKEN_VARIABLES = {
    "TABLE_NAME",
    "SECRET_PREFIX",
    "TOKEN_KEY_ID",
    "REFRESH_LEAD_MINUTES",
    "MAIL_CA",
    "PLAINTEXT_HOSTS",
    "ALLOW_LOCAL_SERVERS",
}


def problems() -> list[str]:
    """Everything that is wrong with the template."""
    try:
        resources = _translate()
    except (yaml.YAMLError, ValueError) as error:
        return [f"the template cannot be read: {error}"]
    parts = (_table, _bucket, _keys, _queues, _functions, _environments, _schedules, _routes, _alarms, _rights)
    return [problem for check in (*parts, *telling.CHECKS) for problem in check(resources)]


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
    yield from expect("Table", properties, "BillingMode", "PAY_PER_REQUEST")
    ttl = {"AttributeName": "expires_at", "Enabled": True}
    yield from expect("Table", properties, "TimeToLiveSpecification", ttl)
    recovery = {"PointInTimeRecoveryEnabled": True}
    yield from expect("Table", properties, "PointInTimeRecoverySpecification", recovery)
    yield from expect("Table", properties, "SSESpecification", {"SSEEnabled": True})
    indexes = {index["IndexName"]: index for index in properties["GlobalSecondaryIndexes"]}
    for name, hash_key, range_key, projection in (
        ("due", "schedule", "due_at", "KEYS_ONLY"),
        ("kind", "kind", "id", "ALL"),
        ("ending", "ending", "ends_at", "KEYS_ONLY"),
        ("remind", "remind", "remind_at", "KEYS_ONLY"),
        ("account", "account", "id", "ALL"),
        ("remind", "remind", "remind_at", "KEYS_ONLY"),
    ):
        keys = [(hash_key, "HASH"), (range_key, "RANGE")]
        schema = [{"AttributeName": attribute, "KeyType": kind} for attribute, kind in keys]
        yield from expect(f"the index {name}", indexes[name], "KeySchema", schema)
        yield from expect(f"the index {name}", indexes[name], "Projection", {"ProjectionType": projection})


def _bucket(resources: dict[str, Resource]) -> Iterator[str]:
    bucket = resources["MailBucket"]
    properties = bucket["Properties"]
    yield from _kept("MailBucket", bucket)
    yield from expect("MailBucket", properties, "VersioningConfiguration", {"Status": "Enabled"})
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    yield from expect("MailBucket", properties, "PublicAccessBlockConfiguration", dict.fromkeys(blocked, True))
    events = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    yield from expect("MailBucket", properties, "NotificationConfiguration", events)
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
    aborts = [rule.get("AbortIncompleteMultipartUpload") for rule in rules if rule["Status"] == "Enabled"]
    if {"DaysAfterInitiation": 7} not in aborts:
        yield "MailBucket: unfinished uploads are not aborted after 7 days"
    # Transcripts are no mail.
    if any("Expiration" in key for rule in rules if rule.get("Prefix") != "transcripts/" for key in rule):
        yield "MailBucket: a lifecycle rule deletes mail"
    if not properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration"):
        yield "MailBucket: it is not encrypted"
    statements = resources["MailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    if not any(s["Effect"] == "Deny" and s.get("Condition") == insecure for s in statements):
        yield "MailBucketPolicy: it does not insist on TLS"


def _keys(resources: dict[str, Resource]) -> Iterator[str]:
    key = resources["TokenKey"]
    yield from _kept("TokenKey", key)
    yield from expect("TokenKey", key["Properties"], "EnableKeyRotation", True)
    for key, name in (("ConsoleKey", "console"), ("LinkKey", "links")):
        secret = resources[key]["Properties"]
        yield from expect(key, secret, "Name", {"Fn::Sub": f"postroom/${{AWS::StackName}}/{name}"})
        if secret.get("GenerateSecretString", {}).get("PasswordLength", 0) < 64:
            yield f"{key}: it is generated with fewer than 64 characters"


def _queues(resources: dict[str, Resource]) -> Iterator[str]:
    queues = of_type(resources, "AWS::SQS::Queue")
    for name, queue in queues.items():
        yield from expect(name, queue["Properties"], "SqsManagedSseEnabled", True)
    yield from expect("DeadLetterQueue", queues["DeadLetterQueue"]["Properties"], "MessageRetentionPeriod", 14 * 86400)
    redrive = queues["FetchQueue"]["Properties"]["RedrivePolicy"]
    yield from expect("FetchQueue", redrive, "maxReceiveCount", 5)
    template = yaml_parse(TEMPLATE.read_text())
    timeouts = {int(timeout): entry["Seconds"] for timeout, entry in template["Mappings"]["VisibilityTimeout"].items()}
    if set(timeouts) != set(template["Parameters"]["FetchTimeout"]["AllowedValues"]):
        yield "VisibilityTimeout: it does not have every FetchTimeout"
    if any(hidden != 6 * timeout for timeout, hidden in timeouts.items()):
        yield "VisibilityTimeout: it is not six times the function's timeout"


def _functions(resources: dict[str, Resource]) -> Iterator[str]:
    functions = of_type(resources, "AWS::Lambda::Function")
    expected = {f"{name.title().replace('-', '')}Function" for name in FUNCTIONS}
    if set(functions) != expected:
        yield f"there are other functions than {sorted(expected)}: {sorted(functions)}"
    for name, function in functions.items():
        properties = function["Properties"]
        yield from expect(name, properties, "Runtime", "provided.al2023")
        yield from expect(name, properties, "Architectures", [{"Ref": "Architecture"}])
        logs = resources[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        yield from expect(f"{name}'s logs", logs["Properties"], "RetentionInDays", {"Ref": "LogRetentionDays"})
        role = name.replace("Function", "Role")
        yield from expect(name, properties, "Role", {"Fn::GetAtt": [role, "Arn"]})
    for name in ("FetchFunction", "TokenRefreshFunction", "ConsoleFunction"):
        variables = functions[name]["Properties"]["Environment"]["Variables"]
        missing = TOKEN_VARIABLES - variables.keys()
        if missing:
            yield f"{name}: it renews tokens and lacks {', '.join(sorted(missing))}"
    (mapping,) = of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    yield from expect("Work", mapping["Properties"], "BatchSize", 1)
    yield from expect("Work", mapping["Properties"], "FunctionResponseTypes", ["ReportBatchItemFailures"])
    concurrency = {"MaximumConcurrency": {"Ref": "FetchConcurrency"}}
    yield from expect("Work", mapping["Properties"], "ScalingConfig", concurrency)


def _environments(resources: dict[str, Resource]) -> Iterator[str]:
    """What the template lets in, the functions take."""
    parameters = yaml_parse(TEMPLATE.read_text())["Parameters"]
    for name, (variable, source) in READS.items():
        (taken,) = re.findall(TAKES.format(variable), (ROOT / source).read_text())
        given = [parameters[name][bound] for bound in ("MinValue", "MaxValue", "Default")]
        if given != [int(number.replace("_", "")) for number in taken]:
            yield f"{name}: the functions take {taken[0]} to {taken[1]}, and {taken[2]} by default"
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        variables = function["Properties"]["Environment"]["Variables"]
        refs = [value.get("Ref") for value in variables.values() if isinstance(value, dict)]
        limited = sum(parameters.get(ref, {}).get("MaxLength", 0) for ref in refs)
        longest = sum(map(len, variables)) + limited + OTHER_VALUES
        if longest > ENVIRONMENT:
            yield f"{name}: its environment may have {longest} bytes, and Lambda takes {ENVIRONMENT}"


def _schedules(resources: dict[str, Resource]) -> Iterator[str]:
    for name, rate, function in (
        ("Tick", "rate(1 minute)", "DispatchFunction"),
        ("RefreshTick", "rate(5 minutes)", "TokenRefreshFunction"),
        ("ExpiryTick", "rate(1 hour)", "ExpiryCheckFunction"),
    ):
        tick = resources[name]["Properties"]
        yield from expect(name, tick, "ScheduleExpression", rate)
        yield from expect(name, tick, "FlexibleTimeWindow", {"Mode": "OFF"})
        yield from expect(name, tick["Target"], "Arn", {"Fn::GetAtt": [function, "Arn"]})


def _routes(resources: dict[str, Resource]) -> Iterator[str]:
    routes = {name: route["Properties"] for name, route in of_type(resources, "AWS::ApiGatewayV2::Route").items()}
    keys = [route["RouteKey"] for route in routes.values()]
    if len(set(keys)) != len(keys) or "$default" in keys:
        yield "the console's routes: each must be there once and name its path"
    for name, route in routes.items():
        yield from expect(name, route, "Target", {"Fn::Sub": "integrations/${ConsoleIntegration}"})
    stage = resources["ConsoleStage"]
    limited = stage["Properties"]["RouteSettings"]
    everything = stage["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    # The stage cannot be made before a route that it names.
    named = {routes[name]["RouteKey"] for name in stage["DependsOn"]}
    if named != set(limited):
        yield f"ConsoleStage: it depends on {sorted(named)} and limits {sorted(limited)}"
    for key in ("GET /callback", "GET /sign-in", "POST /link"):
        if limited.get(key, {}).get("ThrottlingRateLimit", everything) >= everything:
            yield f"ConsoleStage: {key} is not limited further than the rest"


def _alarms(resources: dict[str, Resource]) -> Iterator[str]:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    of_stack = [{"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}]
    for name, metric, missing in (
        ("NoTicksAlarm", "Ticks", "breaching"),
        ("LateBatchesAlarm", "OldestDueLag", "notBreaching"),
        ("LateTokensAlarm", "OldestRefreshLag", "breaching"),
        ("AppRegistrationAlarm", "RefreshFailures", "notBreaching"),
        ("NoReminderRunAlarm", "ReminderRuns", "breaching"),
        ("RemindersFailedAlarm", "RemindersFailed", "notBreaching"),
    ):
        properties = alarms[name]["Properties"]
        yield from expect(name, properties, "Namespace", "Postroom")
        yield from expect(name, properties, "MetricName", metric)
        of_class = [{"Name": "Class", "Value": "app_registration"}] if name == "AppRegistrationAlarm" else []
        yield from expect(name, properties, "Dimensions", of_stack + of_class)
        yield from expect(name, properties, "TreatMissingData", missing)
    limit = {"Ref": "FetchLagLimitSeconds"}
    yield from expect("LateBatchesAlarm", alarms["LateBatchesAlarm"]["Properties"], "Threshold", limit)
    other = {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]}
    for name, alarm in alarms.items():
        yield from expect(name, alarm["Properties"], "AlarmActions", [{"Ref": "IncidentTopic"}, other])


def _rights(resources: dict[str, Resource]) -> Iterator[str]:
    """No right is wider than it must be, and nobody may delete mail or what people defined."""
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        if role["Properties"].get("ManagedPolicyArns"):
            yield f"{name}: a managed policy gives more than is needed"
        for policy in role["Properties"].get("Policies", []):
            for each in policy["PolicyDocument"]["Statement"]:
                # One that is there on a condition.
                yield from _statement(name, each["Fn::If"][1] if "Fn::If" in each else each)


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
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"} & set(actions)
    # Who could write a provider could have every refresh token sent to a server of its own.
    keys = _leading_keys(statement)
    may_write_all = not keys or any(key.startswith(("*", "PROVIDER")) for key in keys)
    if writes and may_write_all and not telling.moves_reminders_only(statement):
        yield f"{role}: {', '.join(sorted(writes))} may write providers"
    # AWS takes no narrower resource for these.
    if statement["Resource"] == "*" and not {*actions} <= {"secretsmanager:BatchGetSecretValue", "ses:GetAccount"}:
        yield f"{role}: {', '.join(actions)} on every resource"


def _names_what_it_deletes(action: str, statement: dict[str, Any]) -> bool:
    """Whether a right to delete is one to what a function itself has put there."""
    if action == "dynamodb:DeleteItem":
        keys = _leading_keys(statement)
        return bool(keys) and all(key.startswith(("EPHEMERAL#", "INCIDENT#", "OWNER#")) for key in keys)
    if action == "secretsmanager:DeleteSecret":
        return str(statement["Resource"].get("Fn::Sub")).endswith("/account/*")
    return False


def _leading_keys(statement: dict[str, Any]) -> list[str]:
    """The partitions of the table that a right is limited to; none: it is not limited."""
    return statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])


def _kept(name: str, resource: Resource) -> Iterator[str]:
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        yield from expect(name, resource, key, "Retain")
