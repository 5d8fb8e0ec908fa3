"""What each parameter adds to a stack and what it changes, and that nothing is missing, in any two of them together.

The emulator drops some of these properties, and others no stack of this machine has: a domain, a lock, a key of one's
own, a private network.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import inputs, parameters
from .expect import Resource, expect, of_type
from .parameters import Template
from .resolved import resolve

KEY = "arn:aws:kms:eu-central-1:111122223333:key/0f3a-1"
MAILS = {"ReminderMails", "ReminderMailEvents", "MailFeedbackRule", "MailFeedbackPermission", "MailFeedbackAlarm"}
# What a stack without any of the options below is.
PLAIN = {"Tracing": "no"}
BUCKETS = ("MailBucket", "TranscriptBucket")
SECRETS = ("ConsoleKey", "LinkKey")
# Alarms on several metrics, which the emulator does not know.
COMPOSED = ("FunctionErrorsAlarm", "ThrottlesAlarm", "VolumeAlarm")


@dataclass(frozen=True)
class Option:
    """Something that a person may choose."""

    given: dict[str, str]
    # The resources that only then are there.
    adds: set[str]
    # What is then wrong with the resources.
    check: Callable[[dict[str, Resource]], Iterator[str]] = lambda resources: iter(())
    # The resources that then are not there.
    removes: frozenset[str] = frozenset()


def problems(template: Template) -> Iterator[str]:
    """Everything that is wrong with the template under one option, or under two."""
    plain = resolve(template, PLAIN).resources
    yield from _plain(plain)
    for name, option in OPTIONS.items():
        resources = resolve(template, {**PLAIN, **option.given}).resources
        yield from (f"{name}: {problem}" for problem in option.check(resources))
    for pair in itertools.combinations_with_replacement(OPTIONS, 2):
        options = [OPTIONS[name] for name in pair]
        given = {key: value for option in options for key, value in option.given.items()}
        # Two ways to say where the console is.
        if any(parameters.contradictions(template, given, parameters.LOCAL_ACCOUNT)):
            continue
        resolved = resolve(template, {**PLAIN, **given})
        wanted = (plain.keys() | options[0].adds | options[1].adds) - options[0].removes - options[1].removes
        different = sorted(resolved.resources.keys() ^ wanted)
        if different:
            yield f"{' and '.join(pair)}: these should be there or should not: {', '.join(different)}"
        yield from (f"{' and '.join(pair)}: {problem}" for problem in resolved.dangling())


def _plain(resources: dict[str, Resource]) -> Iterator[str]:
    for name in BUCKETS:
        encryption = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        yield from expect(name, _encryption(resources[name]), "ServerSideEncryptionConfiguration", encryption)
    archive = resources["MailBucket"]["Properties"]
    for absent in ("ObjectLockEnabled", "ObjectLockConfiguration"):
        yield from expect("MailBucket", archive, absent, None)
    if any("Transitions" in rule for rule in archive["LifecycleConfiguration"]["Rules"]):
        yield "MailBucket: mail moves to another class though nobody asked for that"
    yield from expect("ConsoleApi", resources["ConsoleApi"]["Properties"], "DisableExecuteApiEndpoint", False)
    table = resources["Table"]["Properties"]
    yield from expect("Table", table, "SSESpecification", {"SSEEnabled": True})
    yield from expect("Table", table, "DeletionProtectionEnabled", True)
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        yield from expect(name, queue["Properties"], "SqsManagedSseEnabled", True)
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        yield from expect(name, function["Properties"], "VpcConfig", None)
        yield from expect(name, function["Properties"], "TracingConfig", {"Mode": "PassThrough"})
    for name in resources:
        if name.endswith("Role"):
            yield from expect(name, resources[name]["Properties"], "ManagedPolicyArns", _own(name, []))


def _locked(resources: dict[str, Resource]) -> Iterator[str]:
    archive = resources["MailBucket"]["Properties"]
    yield from expect("MailBucket", archive, "ObjectLockEnabled", True)
    retention = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": "10"}}}
    yield from expect("MailBucket", archive, "ObjectLockConfiguration", retention)
    # What is forgotten after a week cannot be locked.
    yield from expect("TranscriptBucket", resources["TranscriptBucket"]["Properties"], "ObjectLockEnabled", None)


def _cold(resources: dict[str, Resource]) -> Iterator[str]:
    rules = resources["MailBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    wanted = {"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": "90"}
    if [rule.get("Transitions") for rule in rules if rule["Id"] == "cool-down"] != [[wanted]]:
        yield f"MailBucket: mail does not move as it should: {rules}"


def _own_key(resources: dict[str, Resource]) -> Iterator[str]:
    for name in BUCKETS:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        encryption = [{"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        yield from expect(name, _encryption(resources[name]), "ServerSideEncryptionConfiguration", encryption)
    sealed = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    yield from expect("Table", resources["Table"]["Properties"], "SSESpecification", sealed)
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        yield from expect(name, queue["Properties"], "KmsMasterKeyId", KEY)
        yield from expect(name, queue["Properties"], "SqsManagedSseEnabled", None)
    for name in (*of_type(resources, "AWS::Logs::LogGroup"), *SECRETS):
        yield from expect(name, resources[name]["Properties"], "KmsKeyId", KEY)


def _traced(resources: dict[str, Resource]) -> Iterator[str]:
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        yield from expect(name, function["Properties"], "TracingConfig", {"Mode": "Active"})
        role = name.replace("Function", "Role")
        yield from expect(role, resources[role]["Properties"], "ManagedPolicyArns", [{"Ref": "TracingPolicy"}])


def _in_network(resources: dict[str, Resource]) -> Iterator[str]:
    subnets = inputs.NETWORK["SubnetIds"].split(",")
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        placed = {"SubnetIds": subnets, "SecurityGroupIds": [inputs.NETWORK["SecurityGroupIds"]]}
        yield from expect(name, function["Properties"], "VpcConfig", placed)
        role = name.replace("Function", "Role")
        yield from expect(role, resources[role]["Properties"], "ManagedPolicyArns", [{"Ref": "NetworkPolicy"}])


def _own_domain(resources: dict[str, Resource]) -> Iterator[str]:
    yield from _at("https://post.example.com")(resources)
    # Nothing answers elsewhere.
    yield from expect("ConsoleApi", resources["ConsoleApi"]["Properties"], "DisableExecuteApiEndpoint", True)


def _at(address: Any) -> Callable[[dict[str, Resource]], Iterator[str]]:
    """Functions that make links make them to an address."""

    def check(resources: dict[str, Resource]) -> Iterator[str]:
        for name in ("ConsoleFunction", "ExpiryCheckFunction"):
            variables = resources[name]["Properties"]["Environment"]["Variables"]
            yield from expect(name, variables, "PUBLIC_URL", address)

    return check


def _mailed(resources: dict[str, Resource]) -> Iterator[str]:
    wanted = {"TopicArn": {"Ref": "IncidentTopic"}, "Protocol": "email", "Endpoint": "it@example.com"}
    for key, value in wanted.items():
        yield from expect("AlarmSubscription", resources["AlarmSubscription"]["Properties"], key, value)


def _told(resources: dict[str, Resource]) -> Iterator[str]:
    topic = "arn:aws:sns:eu-central-1:111122223333:alarms"
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        yield from expect(name, alarm["Properties"], "AlarmActions", [{"Ref": "IncidentTopic"}, topic])


def _identified(resources: dict[str, Resource]) -> Iterator[str]:
    identity = resources["SenderMailIdentity"]
    yield from expect("SenderMailIdentity", identity["Properties"], "EmailIdentity", "post@example.com")
    yield from expect("SenderMailIdentity", identity, "DeletionPolicy", "RetainExceptOnCreate")


def _local(resources: dict[str, Resource]) -> Iterator[str]:
    yield from expect("Table", resources["Table"]["Properties"], "DeletionProtectionEnabled", False)


def _own(role: str, policies: list[Any]) -> list[Any] | None:
    """The schedules' role is none of a function."""
    return None if role == "TickRole" else policies


def _encryption(bucket: Resource) -> dict[str, Any]:
    return bucket["Properties"]["BucketEncryption"]


OPTIONS = {
    "mails": Option({"SenderAddress": "post@example.com"}, MAILS),
    "an identity": Option(
        {"SenderAddress": "post@example.com", "SenderIdentity": "yes"}, {*MAILS, "SenderMailIdentity"}, _identified
    ),
    "a domain": Option(inputs.DOMAIN, {"ConsoleName", "ConsoleNameMapping"}, _own_domain),
    "a domain in Route 53": Option(
        {**inputs.DOMAIN, "ConsoleHostedZoneId": "Z0123456789ABC"},
        {"ConsoleName", "ConsoleNameMapping", "ConsoleNameRecord"},
        _own_domain,
    ),
    "an address in front": Option({"PublicUrl": "https://mail.example.com"}, set(), _at("https://mail.example.com")),
    "the API's address": Option({}, set(), _at({"Fn::GetAtt": ["ConsoleApi", "ApiEndpoint"]})),
    "a locked archive": Option({"ArchiveLock": "COMPLIANCE", "ArchiveLockYears": "10"}, set(), _locked),
    "a colder class": Option({"ArchiveColdAfterDays": "90", "ArchiveColdClass": "DEEP_ARCHIVE"}, set(), _cold),
    "a key of one's own": Option({"DataKeyArn": KEY}, set(), _own_key),
    "alarms by mail": Option({"AlarmAddress": "it@example.com"}, {"AlarmSubscription"}, _mailed),
    "alarms elsewhere": Option({"AlarmTopicArn": "arn:aws:sns:eu-central-1:111122223333:alarms"}, set(), _told),
    "tracing": Option({"Tracing": "yes"}, {"TracingPolicy"}, _traced),
    "a network": Option(inputs.NETWORK, {"NetworkPolicy"}, _in_network),
    "a local stack": Option({"AllowLocalServers": "true"}, set(), _local, frozenset(COMPOSED)),
}
