"""What the template must say, checked on what SAM makes of it.

The emulator silently drops some of these properties, so no test that runs there would miss them; the
rest are promises that a later change could break unseen.
"""

import re
from collections.abc import Iterator

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from . import alarms, inputs, options, roles, telling
from .aws import FUNCTIONS, REGION, TEMPLATE
from .expect import Resource, expect, of_type
from .instance import ROOT
from .parameters import Template

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
# Where variables are told apart by the parameters that set them.
ENVIRONMENTS = "shared/lambda/src/environment.rs"
TAKES = r'"{}", ([\d_]+)\.\.=([\d_]+), ([\d_]+),'

# What outlives the stack. Logs and the secrets of the console do not, because their names would stand in the way of the
# next stack of the same name.
KEPT = {"Table", "MailBucket", "TranscriptBucket", "TokenKey", "SenderMailIdentity"}
# Whose bill and owner people look for.
TAGGED = {
    "AWS::ApiGatewayV2::Api",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}
TAG = ("postroom:stack", {"Ref": "AWS::StackName"})
# Whoever takes fetch over may add to the archive, and replace nothing of it
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
CREATES_ONLY = {
    "Sid": "FetchReplacesNothing",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": {"Fn::Sub": "${MailBucket.Arn}/*"},
    "Condition": {
        "ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["FetchRole", "Arn"]}},
        "Null": {"s3:if-none-match": "true"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    },
}
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
        whole = translated()
    except (yaml.YAMLError, ValueError) as error:
        return [f"the template cannot be read: {error}"]
    parts = (_kept, _tagged, _table, _bucket, _keys, _queues, _functions, _environments, _schedules, _routes)
    checks = (*parts, *roles.CHECKS, *alarms.CHECKS, *telling.CHECKS)
    found = [problem for check in checks for problem in check(whole["Resources"])]
    return [*found, *_outputs(whole), *inputs.problems(whole), *options.problems(whole)]


def translated() -> Template:
    """The template as CloudFormation sees it."""
    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://uploaded/by-sam"
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    return translator.translate(template, parameter_values={})


def _kept(resources: dict[str, Resource]) -> Iterator[str]:
    """What people would miss is kept when the stack goes, or when a change replaces it."""
    for name, resource in resources.items():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            keeps = resource.get(policy) in {"Retain", "RetainExceptOnCreate"}
            if keeps != (name in KEPT):
                yield f"{name}: its {policy} is {resource.get(policy)}"
        # A protected table cannot be deleted when a stack that could not be made is rolled back.
        leaves = resource.get("DeletionPolicy") == "Retain"
        if leaves != bool(resource.get("Properties", {}).get("DeletionProtectionEnabled")):
            yield f"{name}: what is left of a stack that could not be made"


def _tagged(resources: dict[str, Resource]) -> Iterator[str]:
    for name, resource in resources.items():
        if resource["Type"] in TAGGED:
            tags = resource["Properties"].get("Tags", [])
            pairs = tags.items() if isinstance(tags, dict) else [(tag["Key"], tag["Value"]) for tag in tags]
            if TAG not in pairs:
                yield f"{name}: it has no tag {TAG[0]}"


def _outputs(template: Template) -> Iterator[str]:
    """Each is described, and can be imported by another stack."""
    for name, output in template["Outputs"].items():
        yield from expect(f"the output {name}", output, "Export", {"Name": {"Fn::Sub": f"${{AWS::StackName}}-{name}"}})
        if not output.get("Description", "").endswith("."):
            yield f"the output {name}: it is not described"


def _table(resources: dict[str, Resource]) -> Iterator[str]:
    properties = resources["Table"]["Properties"]
    yield from expect("Table", properties, "BillingMode", "PAY_PER_REQUEST")
    ttl = {"AttributeName": "expires_at", "Enabled": True}
    yield from expect("Table", properties, "TimeToLiveSpecification", ttl)
    recovery = {"PointInTimeRecoveryEnabled": True}
    yield from expect("Table", properties, "PointInTimeRecoverySpecification", recovery)
    indexes = {index["IndexName"]: index for index in properties["GlobalSecondaryIndexes"]}
    for name, hash_key, range_key, projection in (
        ("due", "schedule", "due_at", "KEYS_ONLY"),
        ("kind", "kind", "id", "ALL"),
        ("ending", "ending", "ends_at", "KEYS_ONLY"),
        ("remind", "remind", "remind_at", "KEYS_ONLY"),
        ("account", "account", "id", "ALL"),
    ):
        keys = [(hash_key, "HASH"), (range_key, "RANGE")]
        schema = [{"AttributeName": attribute, "KeyType": kind} for attribute, kind in keys]
        yield from expect(f"the index {name}", indexes[name], "KeySchema", schema)
        yield from expect(f"the index {name}", indexes[name], "Projection", {"ProjectionType": projection})


def _bucket(resources: dict[str, Resource]) -> Iterator[str]:
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    for name in ("MailBucket", "TranscriptBucket"):
        properties = resources[name]["Properties"]
        yield from expect(name, properties, "PublicAccessBlockConfiguration", dict.fromkeys(blocked, True))
        ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        yield from expect(name, properties, "OwnershipControls", ownership)
        statements = resources[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        if not any(s["Effect"] == "Deny" and s.get("Condition") == insecure for s in statements):
            yield f"{name}Policy: it does not insist on TLS"
    # fetch writes only where nothing is; people are not bound to that.
    if CREATES_ONLY not in resources["MailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        yield "MailBucketPolicy: fetch may write over mail"
    properties = resources["MailBucket"]["Properties"]
    yield from expect("MailBucket", properties, "VersioningConfiguration", {"Status": "Enabled"})
    events = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    yield from expect("MailBucket", properties, "NotificationConfiguration", events)
    stated = properties["LifecycleConfiguration"]["Rules"]
    rules = [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in stated]
    aborts = [rule.get("AbortIncompleteMultipartUpload") for rule in rules if rule["Status"] == "Enabled"]
    if {"DaysAfterInitiation": 7} not in aborts:
        yield "MailBucket: unfinished uploads are not aborted after 7 days"
    if any("Expiration" in key for rule in rules for key in rule):
        yield "MailBucket: a lifecycle rule deletes mail"
    forgets = {"Rules": [{"Id": "forget", "Status": "Enabled", "ExpirationInDays": 7}]}
    transcripts = resources["TranscriptBucket"]["Properties"]
    yield from expect("TranscriptBucket", transcripts, "LifecycleConfiguration", forgets)
    # An old version would outlive the seven days.
    yield from expect("TranscriptBucket", transcripts, "VersioningConfiguration", None)


def _keys(resources: dict[str, Resource]) -> Iterator[str]:
    yield from expect("TokenKey", resources["TokenKey"]["Properties"], "EnableKeyRotation", True)
    for key, name in (("ConsoleKey", "console"), ("LinkKey", "links")):
        secret = resources[key]["Properties"]
        yield from expect(key, secret, "Name", {"Fn::Sub": f"postroom/${{AWS::StackName}}/{name}"})
        if secret.get("GenerateSecretString", {}).get("PasswordLength", 0) < 64:
            yield f"{key}: it is generated with fewer than 64 characters"


def _queues(resources: dict[str, Resource]) -> Iterator[str]:
    queues = of_type(resources, "AWS::SQS::Queue")
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
    # What a function says of a wrong variable begins with the parameter's name.
    told = dict(re.findall(r'^    \("(\w+)", "(\w+)"\),$', (ROOT / ENVIRONMENTS).read_text(), re.MULTILINE))
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        variables = function["Properties"]["Environment"]["Variables"]
        for variable, value in variables.items():
            parameter = value.get("Ref") if isinstance(value, dict) else None
            if parameter in parameters and told.get(variable) != parameter:
                yield f"{ENVIRONMENTS}: {variable} is the parameter {parameter}"
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
