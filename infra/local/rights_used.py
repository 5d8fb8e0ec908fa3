"""What functions asked AWS for in a run of the tests, held against their policies, both ways: each call is allowed, and
each right is used.

Policies are the template's own, as CloudFormation resolves them for the deployed stack, and not the emulator's copy
(rights.py). Each call is judged here again, because the emulator does not know what a table's leading keys are. A right
counts as used where nothing else allows the call. Calls are those of the deployed functions, and those of the same code
in the processes of tests, as if it had asked for the stack's resources. What no run can use is in rights_excused.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from . import aws, rights_excused, template
from .expect import of_type
from .instance import Instance
from .parameters import LOCAL_ACCOUNT, complete
from .resolved import PSEUDO, Resolver
from .rights_asked import Asked
from .rights_excused import Excuse
from .rights_place import IN_PROCESS, Place
from .rights_policy import Right, Statement, short, verdict

# The ARNs of what roles speak of, by what the service calls it.
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
}
Calls = dict[str, set[Asked]]


def check(instance: Instance, given: dict[str, str]) -> int:
    """Says in what calls and policies differ, and answers an exit status."""
    resources, names = _deployed(instance, given)
    statements = _statements(resources, names)
    calls = _calls(instance, {name: role for role, name in names.items() if role in statements}, _place(resources))
    calls |= {role: calls.get(role, set()) | asked for role, asked in _ticks(resources, names).items()}
    found = [*problems(statements, calls, rights_excused.EXCUSES)]
    print("\nrights:")
    for role, said in statements.items():
        rights = {right for statement in said if statement.allows for right in statement.rights()}
        print(
            f"  {role.removesuffix('Role'):<14} {len(rights):>3} rights  {len(calls.get(role, ())):>3} kinds of calls"
        )
    print("\n".join([*found, f"rights: {len(found)} problems" if found else "rights: ok"]), flush=True)
    return 1 if found else 0


def problems(statements: dict[str, list[Statement]], calls: Calls, excuses: Iterable[Excuse] = ()) -> Iterator[str]:
    """A sentence for each call that is not allowed, each right that is not used, each excuse that excuses nothing."""
    yield from (f"{role}: it has no policy, and asks for something" for role in calls.keys() - statements.keys())
    unneeded = [(function, excuse) for excuse in excuses for function in excuse.functions]
    for role, said in statements.items():
        function = role.removesuffix("Role")
        needed, fitting = _needed(said, calls.get(role, set()))
        refused = [asked for asked in calls.get(role, ()) if not verdict(said, asked)]
        yield from sorted(f"{function}: no statement allows {_sentence(asked)}" for asked in refused)
        for right in (right for statement in said if statement.allows for right in statement.rights()):
            if right in needed:
                continue
            excused = [excuse for excuse in excuses if excuse.covers(right)]
            unneeded = [(of, excuse) for of, excuse in unneeded if of != function or excuse not in excused]
            if not excused and right in fitting:
                yield f"{function}: other rights allow all that this one is used for: {right}"
            elif not excused:
                yield f"{function}: nothing uses {right}"
    yield from (f"{of}: excused, and used or not there: {excuse.rights} ({excuse.reason})" for of, excuse in unneeded)
    yield from (problem for excuse in excuses for problem in excuse.problems())


def _needed(statements: list[Statement], calls: Iterable[Asked]) -> tuple[set[Right], set[Right]]:
    """The rights without which a call would be refused, and those that would do for one."""
    needed: set[Right] = set()
    fitting: set[Right] = set()
    for asked in calls:
        covering = verdict(statements, asked)
        for rights in (rights for statement in covering for rights in statement.used(asked)):
            fitting |= rights
            if len(covering) == len(rights) == 1:
                needed |= rights
    return needed, fitting


def _sentence(asked: Asked) -> str:
    given = "".join(f", {key.rpartition(':')[2]} {' '.join(values)}" for key, values in asked.given)
    return f"{asked.action} on {short(asked.resource)}{given}"


def _deployed(instance: Instance, given: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The stack's resources as the template has them, and what the services call them."""
    whole = template.translated()
    listed = aws.client(instance, "cloudformation").describe_stack_resources(StackName=instance.stack)
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed["StackResources"]}

    def found(name: str, attribute: str | None) -> str | None:
        if attribute is None:
            return names.get(name)
        arn = ARNS.get(whole["Resources"].get(name, {}).get("Type")) if attribute == "Arn" else None
        # A queue's name to CloudFormation is its address.
        called = names.get(name, "").rpartition("/")[2] if arn and ":sqs:" in arn else names.get(name)
        return arn.format(region=aws.REGION, account=LOCAL_ACCOUNT, name=called) if arn and called else None

    place = {"AWS::AccountId": LOCAL_ACCOUNT, "AWS::Region": aws.REGION, "AWS::StackName": instance.stack}
    values = {**complete(whole, given), **PSEUDO, **place}
    return Resolver(whole, values, found).resolved().resources, names


def _statements(resources: dict[str, Any], names: dict[str, str]) -> dict[str, list[Statement]]:
    """What the roles of a stack may do, by their names in the template."""
    policies = of_type(resources, "AWS::IAM::ManagedPolicy").items()
    shared = {names[name]: policy["Properties"]["PolicyDocument"] for name, policy in policies}
    statements = {}
    for role, resource in of_type(resources, "AWS::IAM::Role").items():
        said = resource["Properties"]
        documents = [policy["PolicyDocument"] for policy in said.get("Policies", [])]
        documents += [shared[arn] for arn in said.get("ManagedPolicyArns", [])]
        said_of_it = [each for document in documents for each in document["Statement"]]
        statements[role] = [Statement.of(role, each) for each in (*said_of_it, *_of_buckets(resources, names[role]))]
    return statements


def _of_buckets(resources: dict[str, Any], role: str) -> Iterator[dict[str, Any]]:
    """What buckets themselves say of one role. That everybody must come over TLS is not asked here: functions do."""
    principal = ARNS["AWS::IAM::Role"].format(account=LOCAL_ACCOUNT, name=role)
    for policy in of_type(resources, "AWS::S3::BucketPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            conditions = dict(statement["Condition"])
            if conditions.pop("ArnEquals", None) == {"aws:PrincipalArn": principal}:
                yield {**statement, "Condition": conditions}


def _calls(instance: Instance, roles: dict[str, str], place: Place) -> Calls:
    """What was written down, by the roles' names in the template."""
    calls: Calls = defaultdict(set)
    for line in aws.calls(instance).read_text().splitlines():
        role, asked = Asked.read(line)
        if role.startswith(IN_PROCESS):
            function = role.removeprefix(IN_PROCESS).title().replace("-", "")
            calls[f"{function}Role"].add(place.of(asked))
        else:
            calls[roles.get(role, role)].add(asked)
    return calls


def _place(resources: dict[str, Any]) -> Place:
    """What the deployed functions use, by its names."""
    variables = {}
    for function in of_type(resources, "AWS::Lambda::Function").values():
        variables |= function["Properties"]["Environment"]["Variables"]
    return Place(
        table=variables["TABLE_NAME"],
        queue=variables["QUEUE_URL"].rpartition("/")[2],
        key=variables["TOKEN_KEY_ID"],
        bucket=variables["BUCKET_NAME"],
        transcripts=variables["TRANSCRIPT_BUCKET_NAME"],
        secrets=variables["SECRET_PREFIX"],
        sender=variables["SENDER_ADDRESS"],
        configuration_set=variables["CONFIGURATION_SET"],
    )


def _ticks(resources: dict[str, Any], names: dict[str, str]) -> Calls:
    """What the scheduler asks for, with a role of the stack, which the emulator does without asking."""
    calls: Calls = defaultdict(set)
    roles = {f"role/{name}": role for role, name in names.items()}
    for schedule in of_type(resources, "AWS::Scheduler::Schedule").values():
        target = schedule["Properties"]["Target"]
        calls[roles[target["RoleArn"].rpartition(":")[2]]].add(Asked("lambda:InvokeFunction", target["Arn"]))
    return calls
