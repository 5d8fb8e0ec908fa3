"""Whether a deployed stack is what its template says, asked of the services themselves.

Leaves out what the emulator does not keep, and so could not be asked: the table's expiry and backups, lifecycles,
throttling of routes, retries of ticks. Those are checked on the translated template (template.py, options.py).
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from . import aws, inputs, template
from .expect import expect, of_type
from .instance import Instance
from .parameters import Template, complete
from .resolved import PSEUDO, Resolved, Resolver

# How long the next tick of a schedule that fires every minute may take.
TICK_SECONDS = 90
# Requests that no route has. The API itself answers, and no function starts.
NOWHERE = (
    ("GET", "/accounts"),
    ("GET", "/nowhere"),
    ("GET", "/assets/style.css/more"),
    ("GET", "/accounts/a/revoke"),
    ("POST", "/"),
    ("POST", "/health"),
    ("PUT", "/accounts/a"),
    ("DELETE", "/mailboxes/a"),
    ("PATCH", "/mailboxes/a"),
    ("HEAD", "/health"),
)
# What API Gateway says of them.
NO_ROUTE = {"message": "Not Found"}


@dataclass(frozen=True)
class Stack:
    """A deployed stack, and what it should be."""

    instance: Instance
    wanted: Resolved
    # The names of its resources.
    names: dict[str, str]

    def client(self, service: str) -> Any:
        """A client of a service that the stack is deployed to."""
        return aws.client(self.instance, service)

    def properties(self, name: str) -> dict[str, Any]:
        """What the template says of a resource."""
        return self.wanted.resources[name]["Properties"]

    def of_type(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each resource of a type: what the template calls it, what the service calls it, what it should be."""
        for name, resource in of_type(self.wanted.resources, kind).items():
            yield name, self.names[name], resource["Properties"]


def problems(instance: Instance, given: dict[str, str]) -> list[str]:
    """Everything in which a stack that was deployed with these parameters differs from the template."""
    whole = template.translated()
    listed = aws.client(instance, "cloudformation").describe_stack_resources(StackName=instance.stack)
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed["StackResources"]}
    place = {**PSEUDO, "AWS::AccountId": "000000000000", "AWS::Region": aws.REGION, "AWS::StackName": instance.stack}
    values = {**complete(whole, given), **place}
    wanted = Resolver(whole, values, lambda name, attribute: names.get(name) if attribute is None else None).resolved()
    different = sorted(wanted.resources.keys() ^ names.keys())
    if different:
        return [f"these are deployed and should not be, or should and are not: {', '.join(different)}"]
    stack = Stack(instance, wanted, names)
    return [*(problem for check in CHECKS for problem in check(stack)), *_refusals(instance, whole)]


def check(instance: Instance, given: dict[str, str]) -> int:
    """Says what is wrong with a stack, and answers an exit status."""
    found = problems(instance, given)
    print(
        "\n".join(["", *found, f"deployed stack: {len(found)} problems" if found else "deployed stack: ok"]), flush=True
    )
    return 1 if found else 0


def _outputs(stack: Stack) -> Iterator[str]:
    pages = stack.client("cloudformation").get_paginator("list_exports").paginate()
    exported = {each["Name"]: each["Value"] for page in pages for each in page["Exports"]}
    for name, value in aws.outputs(stack.instance).items():
        yield from expect("the exports", exported, f"{stack.instance.stack}-{name}", value)
    yield from expect(
        "the outputs", {"names": sorted(aws.outputs(stack.instance))}, "names", sorted(stack.wanted.outputs)
    )


def _table(stack: Stack) -> Iterator[str]:
    table = stack.client("dynamodb").describe_table(TableName=stack.names["Table"])["Table"]
    wanted = stack.properties("Table")
    yield from expect("Table", table["BillingModeSummary"], "BillingMode", wanted["BillingMode"])
    yield from expect("Table", table, "KeySchema", wanted["KeySchema"])
    there = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    for index in wanted["GlobalSecondaryIndexes"]:
        found = there.pop(index["IndexName"], {})
        yield from expect(f"the index {index['IndexName']}", found, "KeySchema", index["KeySchema"])
        yield from expect(f"the index {index['IndexName']}", found, "Projection", index["Projection"])
    yield from (f"there is an index {name} that the template has not" for name in there)


def _buckets(stack: Stack) -> Iterator[str]:
    s3 = stack.client("s3")
    for name, bucket, wanted in stack.of_type("AWS::S3::Bucket"):
        blocked = s3.get_public_access_block(Bucket=bucket)
        yield from expect(name, blocked, "PublicAccessBlockConfiguration", wanted["PublicAccessBlockConfiguration"])
        owned = s3.get_bucket_ownership_controls(Bucket=bucket)
        yield from expect(name, owned, "OwnershipControls", wanted["OwnershipControls"])
        versions = s3.get_bucket_versioning(Bucket=bucket).get("Status")
        yield from expect(
            name, {"versions": versions}, "versions", wanted.get("VersioningConfiguration", {}).get("Status")
        )
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        (encryption,) = wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ApplyServerSideEncryptionByDefault"]
        yield from expect(name, {"encryption": default}, "encryption", encryption["ServerSideEncryptionByDefault"])
        tells = "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
        if tells != ("NotificationConfiguration" in wanted):
            yield f"{name}: it {'tells' if tells else 'does not tell'} of new objects"


def _queues(stack: Stack) -> Iterator[str]:
    sqs = stack.client("sqs")
    there = {
        name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for name, url, _ in stack.of_type("AWS::SQS::Queue")
    }
    for name, _, wanted in stack.of_type("AWS::SQS::Queue"):
        for key in ("MessageRetentionPeriod", "SqsManagedSseEnabled", "VisibilityTimeout"):
            if key in wanted:
                yield from expect(name, there[name], key, str(wanted[key]).lower())
    redrive = json.loads(there["FetchQueue"].get("RedrivePolicy", "{}"))
    yield from expect("FetchQueue", redrive, "deadLetterTargetArn", there["DeadLetterQueue"]["QueueArn"])
    yield from expect(
        "FetchQueue", redrive, "maxReceiveCount", stack.properties("FetchQueue")["RedrivePolicy"]["maxReceiveCount"]
    )
    mappings = stack.client("lambda").list_event_source_mappings(FunctionName=stack.names["FetchFunction"])
    (mapping,) = mappings["EventSourceMappings"]
    yield from expect("Work", mapping, "EventSourceArn", there["FetchQueue"]["QueueArn"])
    yield from expect("Work", mapping, "State", "Enabled")
    ((_, _, wanted),) = stack.of_type("AWS::Lambda::EventSourceMapping")
    for key in ("BatchSize", "FunctionResponseTypes"):
        yield from expect("Work", mapping, key, wanted[key])


def _functions(stack: Stack) -> Iterator[str]:
    functions = stack.client("lambda")
    for name, function, wanted in stack.of_type("AWS::Lambda::Function"):
        there = functions.get_function_configuration(FunctionName=function)
        for key in ("Runtime", "Handler", "Architectures"):
            yield from expect(name, there, key, wanted[key])
        for key in ("MemorySize", "Timeout"):
            yield from expect(name, there, key, int(wanted[key]))
        yield from expect(name, there["LoggingConfig"], "LogGroup", wanted["LoggingConfig"]["LogGroup"])
        yield from expect(name, there["TracingConfig"], "Mode", wanted["TracingConfig"]["Mode"])
        role = stack.names[name.replace("Function", "Role")]
        if there["Role"].rpartition("/")[2] != role:
            yield f"{name}: its role is {there['Role']} and should be {role}"
        variables = there["Environment"]["Variables"]
        for key in variables.keys() | wanted["Environment"]["Variables"].keys():
            yield from expect(f"{name}'s environment", variables, key, wanted["Environment"]["Variables"].get(key))


def _logs(stack: Stack) -> Iterator[str]:
    logs = stack.client("logs")
    for name, group, wanted in stack.of_type("AWS::Logs::LogGroup"):
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        retention = next((each.get("retentionInDays") for each in found if each["logGroupName"] == group), None)
        yield from expect(name, {"days": retention}, "days", int(wanted["RetentionInDays"]))


def _watched(stack: Stack) -> Iterator[str]:
    watch = stack.client("cloudwatch")
    alarms = {alarm["AlarmName"]: alarm for alarm in watch.describe_alarms()["MetricAlarms"]}
    for name, alarm, wanted in stack.of_type("AWS::CloudWatch::Alarm"):
        found = alarms.get(alarm, {})
        for key in ("MetricName", "Namespace", "TreatMissingData", "AlarmActions"):
            yield from expect(name, found, key, wanted[key])
    body = watch.get_dashboard(DashboardName=stack.names["Dashboard"])["DashboardBody"]
    for widget in json.loads(body)["widgets"]:
        if "${" in json.dumps(widget).replace("${PROP", ""):
            yield f"Dashboard: something in {widget['properties']['title']!r} is not filled in"


def _keys(stack: Stack) -> Iterator[str]:
    for name, key, wanted in stack.of_type("AWS::KMS::Key"):
        rotation = stack.client("kms").get_key_rotation_status(KeyId=key)
        yield from expect(name, rotation, "KeyRotationEnabled", wanted["EnableKeyRotation"])


def _schedules(stack: Stack) -> Iterator[str]:
    schedules = stack.client("scheduler")
    functions = stack.client("lambda")
    for name, schedule, wanted in stack.of_type("AWS::Scheduler::Schedule"):
        there = schedules.get_schedule(Name=schedule)
        yield from expect(name, there, "State", "ENABLED")
        for key in ("ScheduleExpression", "FlexibleTimeWindow"):
            yield from expect(name, there, key, wanted[key])
        target = stack.names[wanted["Target"]["Arn"]["Fn::GetAtt"][0]]
        arn = functions.get_function_configuration(FunctionName=target)["FunctionArn"]
        yield from expect(name, there["Target"], "Arn", arn)
    yield from _ticks(stack)


def _ticks(stack: Stack) -> Iterator[str]:
    """A schedule fires: nothing else starts dispatch on this stack."""
    logs = stack.client("logs")
    deadline = time.monotonic() + TICK_SECONDS
    while time.monotonic() < deadline:
        found = logs.filter_log_events(logGroupName=stack.names["DispatchLogs"], filterPattern='"Ticks"', limit=1)
        if found["events"]:
            return
        time.sleep(2)
    yield f"Tick: it has not fired for {TICK_SECONDS} s"


def _routes(stack: Stack) -> Iterator[str]:
    routes = stack.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=stack.names["ConsoleApi"])
    there = sorted(route["RouteKey"] for page in routes for route in page["Items"])
    wanted = sorted(route["RouteKey"] for _, _, route in stack.of_type("AWS::ApiGatewayV2::Route"))
    yield from expect("the console's API", {"routes": there}, "routes", wanted)
    address = aws.console_url(stack.instance)
    for method, path in NOWHERE:
        code, body = _asked(method, address + path)
        if code != 404 or method != "HEAD" and body != NO_ROUTE:
            yield f"{method} {path}: the API should know no such route, and the answer is {code} {body}"
    for key in (key for key in wanted if key.startswith("GET ")):
        path = key.removeprefix("GET ").replace("{id}", "a").replace("{token}", "a").replace("{file}", "style.css")
        code, body = _asked("GET", address + path)
        if body == NO_ROUTE or code >= 500:
            yield f"{key}: the function should answer, and the answer is {code} {body}"


def _asked(method: str, address: str) -> tuple[int, Any]:
    """Status and, where it is JSON, body of an answer; redirections are not followed."""
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(urllib.request.Request(address, method=method), timeout=30) as answer:
            code, body = answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        code, body = answer.code, answer.read()
    try:
        return code, json.loads(body)
    except ValueError:
        return code, None


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Does not follow."""


def _refusals(instance: Instance, whole: Template) -> Iterator[str]:
    """Wrong parameters fail when a change set is made, with the template's own sentence."""
    formation = aws.client(instance, "cloudformation")
    # Patterns and rules are judged before any resource, so one will do.
    judged = {key: whole[key] for key in ("Parameters", "Rules")}
    body = json.dumps({**judged, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    single = [
        ({name: value}, whole["Parameters"][name].get("ConstraintDescription", name))
        for name, value, _ in inputs.REFUSED
    ]
    # Of several, the first is said.
    several = [(given, sentences[0]) for given, sentences in inputs.CONTRADICTORY]
    # This stack is a local one.
    for given, sentence in (case for case in [*single, *several] if "AllowLocalServers" not in case[0]):
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
        names = {"StackName": f"{instance.stack}-refused", "ChangeSetName": "refused", "ChangeSetType": "CREATE"}
        try:
            formation.create_change_set(**names, TemplateBody=body, Parameters=parameters)
            said = "nothing"
        except botocore.exceptions.ClientError as error:
            said = error.response["Error"]["Message"]
        if sentence not in said:
            yield f"{given}: the change set says {said!r} and should say {sentence!r}"


CHECKS: tuple[Callable[[Stack], Iterator[str]], ...] = (
    _outputs,
    _table,
    _buckets,
    _queues,
    _functions,
    _logs,
    _watched,
    _keys,
    _schedules,
    _routes,
)
