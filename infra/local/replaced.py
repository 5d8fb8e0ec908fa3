"""Whether today's template, deployed over one of an earlier release, leaves in place what that one holds.

Each folder of `tests/upgrade` has in `template.json` what matters of the template that its data was written under, as
CloudFormation saw it. What CloudFormation replaces at a change, AWS's own schemas say, as the linter has them. The
local AWS API neither replaces nor refuses anything, so this is not seen there.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import install, template
from .aws import REGION
from .expect import Resource
from .instance import ROOT, write
from .parameters import Template
from .processes import Failed

FOLDERS = ROOT / "tests" / "upgrade"
FILE = "template.json"
# Names the folder that is to be written, to `make test` too.
NEW_FOLDER = "POSTROOM_NEW_FIXTURE"

# What holds something that another one in its place would lack: data, messages, logs, a key, who has subscribed, an
# address that is registered elsewhere.
HOLDS = {
    "AWS::ApiGatewayV2::Api",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}
# What there can be once, and by which properties it is known. CloudFormation makes the new before it deletes the old,
# so a resource that is only called otherwise in the template stands in its own way.
ONCE = {
    "AWS::ApiGatewayV2::DomainName": ("DomainName",),
    "AWS::ApiGatewayV2::Route": ("ApiId", "RouteKey"),
    "AWS::ApiGatewayV2::Stage": ("ApiId", "StageName"),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::Lambda::EventInvokeConfig": ("FunctionName", "Qualifier"),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn", "FunctionName"),
    "AWS::Route53::RecordSet": ("HostedZoneId", "Name", "Type"),
    "AWS::S3::BucketPolicy": ("Bucket",),
    "AWS::SNS::TopicPolicy": ("Topics",),
}
# The policies by which a resource outlives its stack.
KEEPS = {"Retain", "RetainExceptOnCreate"}


def problems() -> list[str]:
    """Everything that today's template would take from a stack of an earlier release."""
    folders = sorted(path for path in FOLDERS.iterdir() if path.is_dir())
    missing = [f"{folder.name}: it has no {FILE}" for folder in folders if not (folder / FILE).exists()]
    if missing:
        return missing
    today = template.translated()
    earlier = {folder.name: json.loads((folder / FILE).read_text()) for folder in folders}
    found = [f"{name}: {problem}" for name, before in earlier.items() for problem in lost(before, today)]
    newest = folders[-1].name
    # Whoever has left releases out deploys them in their order.
    return [*found, *(f"{newest}: {problem}" for problem in indexes_at_once(earlier[newest], today))]


def keep(folder: str) -> None:
    """Writes what matters of today's template into a folder."""
    write(FOLDERS / folder / FILE, json.dumps(kept(template.translated()), indent=2, sort_keys=True) + "\n")


def kept(whole: Template) -> Template:
    """What matters of a template."""
    resources = {name: each for name, each in whole["Resources"].items() if each["Type"] in HOLDS | ONCE.keys()}
    return {
        "Resources": {name: _kept(each) for name, each in resources.items()},
        "Parameters": sorted(whole["Parameters"]),
        "Outputs": sorted(whole["Outputs"]),
    }


def lost(before: Template, after: Template) -> Iterator[str]:
    """What of one template the other, deployed over it, would take away, and what CloudFormation would refuse."""
    old, new = before["Resources"], after["Resources"]
    for name, resource in old.items():
        now = new.get(name)
        if now is None or now["Type"] != resource["Type"]:
            others = [other for other in new if other not in old and _same(resource, new[other])]
            if resource["Type"] in HOLDS:
                yield f"{name}: it would be gone"
            elif others:
                yield f"{name}: it is {others[0]} now, and CloudFormation would make that while {name} is still there"
        elif resource["Type"] in HOLDS:
            yield from _changed(name, resource, now)
    if "Table" in old and "Table" in new:
        yield from _indexes(old["Table"]["Properties"], new["Table"]["Properties"])
    parameters = after["Parameters"]
    for name in sorted({*before["Parameters"]} - parameters.keys()):
        yield f"{name}: the parameter is gone, and whoever has set it cannot deploy"
    for name in sorted(parameters.keys() - {*before["Parameters"]}):
        if "Default" not in parameters[name]:
            yield f"{name}: the parameter is new and has no default"
    for name in sorted({*before["Outputs"]} - after["Outputs"].keys()):
        yield f"{name}: the output is gone, and other stacks may import it"


def indexes_at_once(before: Template, after: Template) -> Iterator[str]:
    """Whether DynamoDB would have to make or delete more than one index of the table at a time
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html)."""
    old, new = (_by_name(each["Resources"]["Table"]["Properties"]) for each in (before, after))
    changed = sorted(old.keys() ^ new.keys())
    if len(changed) > 1:
        yield f"Table: CloudFormation changes one index at a time, and these are {', '.join(changed)}"


def _kept(resource: Resource) -> Resource:
    """What of a resource is compared later, in full where another release of AWS's schemas may judge it anew."""
    policies = {key: resource[key] for key in ("Condition", "DeletionPolicy") if key in resource}
    properties = resource.get("Properties", {})
    if resource["Type"] not in HOLDS:
        properties = {key: properties[key] for key in ONCE[resource["Type"]] if key in properties}
    return {"Type": resource["Type"], **policies, "Properties": properties}


def _same(one: Resource, other: Resource) -> bool:
    """Whether two resources would be one and the same thing in AWS."""
    known_by = ONCE.get(one["Type"])
    if known_by is None or one["Type"] != other["Type"]:
        return False
    return all(one["Properties"].get(key) == other["Properties"].get(key) for key in known_by)


def _changed(name: str, old: Resource, new: Resource) -> Iterator[str]:
    """What is wrong with what a resource that holds something has become."""
    before, after = (each.get("Properties", {}) for each in (old, new))
    for key in sorted(_replacing(old["Type"])):
        if before.get(key) != after.get(key):
            yield f"{name}: it would be replaced, because {key} is another"
    if new.get("Condition") not in (None, old.get("Condition")):
        yield f"{name}: it would be gone unless {new['Condition']}"
    if old.get("DeletionPolicy") in KEEPS and new.get("DeletionPolicy") not in KEEPS:
        yield f"{name}: it would no longer outlive the stack"


def _indexes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Which indexes are others under the same name. CloudFormation changes none in its place."""
    old, new = _by_name(before), _by_name(after)
    for name in sorted(old.keys() & new.keys()):
        if old[name] != new[name]:
            yield f"Table: the index {name} is another, and CloudFormation refuses that"


def _by_name(table: dict[str, Any]) -> dict[str, Any]:
    """Keys with their types, and projection, of each index of a table."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    return {
        index["IndexName"]: (
            [(key["AttributeName"], types[key["AttributeName"]], key["KeyType"]) for key in index["KeySchema"]],
            index["Projection"],
        )
        for index in table["GlobalSecondaryIndexes"]
    }


@functools.cache
def _replacing(kind: str) -> set[str]:
    """The properties of a type that CloudFormation replaces a resource for
    (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html)."""
    schemas = _schemas()
    name = json.loads((schemas / "providers" / f"{REGION}.json").read_text())[kind]
    schema = json.loads((schemas / "resources" / f"{name}.json").read_text())
    stated = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return {path.split("/")[2] for path in stated}


def _schemas() -> Path:
    """Where the linter keeps the schemas that AWS publishes."""
    found = [*install.SAM_TOOLS.glob("lib/python*/site-packages/cfnlint/data/schemas")]
    if len(found) != 1:
        raise Failed("the linter no longer keeps AWS's schemas where it did: mend infra/local/replaced.py")
    return found[0]
