"""`make deploy`: puts a package into somebody's AWS account.

It says first where it goes and what will change, and asks. What the stack is to be like stands in a file of
settings, or in the command; anything that would fail late is looked at early: region, credentials, parameters.
"""

import difflib
import json
import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from samtranslator.yaml_helper import yaml_parse

from . import aws, install, late, package
from .instance import write
from .parameters import ACCOUNT, LOCAL_ACCOUNT, complete, contradictions, wrong
from .processes import Failed, status

STACK = "postroom"
TABLES = {"parameters", "tags"}
TEXTS = {"stack", "region", "bucket", "role"}
SIGN_IN = "Sign in (aws sso login), choose a profile (AWS_PROFILE) or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


@dataclass(frozen=True)
class Wanted:
    """What is to be deployed."""

    architecture: str
    # A file of settings; what it does not name becomes the template's default.
    settings: Path | None = None
    # These go before what the file says.
    stack: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    # Whether a person is asked before anything changes.
    asks: bool = True
    # Whether it is built first; otherwise what `package` has left is deployed.
    builds: bool = True


def deploy(wanted: Wanted) -> int:
    """Deploys to the account of the person's AWS environment."""
    folder = package.PACKAGES / wanted.architecture
    if not wanted.builds:
        package.verify(wanted.architecture)
    settings = _settings(wanted.settings)
    stack = wanted.stack or settings.get("stack", STACK)
    template = aws.TEMPLATE if wanted.builds else folder / package.TEMPLATE
    parameters = _parameters(wanted, settings, stack, template)
    region = _place(stack, settings.get("region"))
    if refused := [*late.elsewhere(parameters, region)]:
        raise Failed("\n".join(refused))
    if wanted.asks and not sys.stdin.isatty():
        raise Failed("nobody is here to confirm what will change: CONFIRM=no deploys without asking")
    if wanted.builds:
        package.package(wanted.architecture)
    install.sam_tools()
    # JSON is YAML, which is what SAM reads.
    file = write(package.PACKAGES / "parameters.yaml", json.dumps(parameters, indent=1) + "\n", mode=0o600)
    command = [str(install.SAM_TOOLS / "bin" / "sam"), "deploy", "--region", region]
    command += ["--template-file", str(folder / package.TEMPLATE), "--stack-name", stack]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--no-progressbar"]
    command += ["--confirm-changeset" if wanted.asks else "--no-confirm-changeset"]
    command += ["--s3-bucket", settings["bucket"], "--s3-prefix", stack] if "bucket" in settings else ["--resolve-s3"]
    command += ["--role-arn", settings["role"]] if "role" in settings else []
    command += ["--parameter-overrides", f"file://{file}"]
    tags = {**settings.get("tags", {}), **wanted.tags}
    command += ["--tags", *(f'"{key}"="{value}"' for key, value in tags.items())] if tags else []
    return status(command, env={**os.environ, "SAM_CLI_TELEMETRY": "0"})


def _settings(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        settings = tomllib.loads(file.read_text())
    except OSError as error:
        raise Failed(f"the settings cannot be read: {file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise Failed(f"the settings cannot be read: {file}: {error}") from None
    for key, value in settings.items():
        if key not in TABLES | TEXTS:
            raise Failed(f"{file}: there is no setting {key!r}{_alike(key, TABLES | TEXTS)}")
        if key in TABLES and not isinstance(value, dict) or key in TEXTS and not isinstance(value, str):
            raise Failed(f"{file}: {key!r} must be a {'table' if key in TABLES else 'text'}")
    return {**settings, **{table: _texts(file, table, settings[table]) for table in TABLES & settings.keys()}}


def _texts(file: Path, table: str, entries: dict[str, Any]) -> dict[str, str]:
    """The entries of a table as CloudFormation takes them: lists are separated by commas."""
    texts = {}
    for key, value in entries.items():
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
            raise Failed(f"{file}: {table}.{key} must be a text, a whole number or a list of them")
        texts[key] = ",".join(map(str, parts))
    return texts


def _parameters(wanted: Wanted, settings: dict[str, Any], stack: str, template: Path) -> dict[str, str]:
    """All parameters that are sent. What is not sent stays as the stack has it, so with a file everything is:
    a line that was taken out of the file takes its effect back."""
    whole = yaml_parse(template.read_text())
    known = whole["Parameters"]
    given = {**settings.get("parameters", {}), **wanted.parameters}
    for name in given:
        if name not in known:
            raise Failed(f"the template has no parameter {name!r}{_alike(name, known)}")
    if given.get("Architecture", wanted.architecture) != wanted.architecture:
        raise Failed(f"Architecture follows from the package: leave it out, or say ARCH={given['Architecture']}")
    given["Architecture"] = wanted.architecture
    # What a stack has already is not known here, so without a file its rules are left to CloudFormation.
    parameters = complete(whole, given) if wanted.settings else given
    is_local = "AWS_ENDPOINT_URL" in os.environ
    account = LOCAL_ACCOUNT if is_local else ACCOUNT
    refused = [*wrong(whole, given), *(contradictions(whole, given, account) if wanted.settings else ())]
    refused = refused or [*late.problems(whole, given, stack, is_local)]
    if refused:
        raise Failed("\n".join(refused))
    for sentence in late.without_effect(parameters) if wanted.settings else ():
        print(f"note: {sentence}", flush=True)
    return parameters


def _alike(word: str, words: Any) -> str:
    close = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(words))}"


def _place(stack: str, region: str | None) -> str:
    """Says which account and region it is going to; answers the region."""
    try:
        # Of all tools of AWS, those in Python do not read AWS_REGION.
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)
        if not session.region_name:
            raise Failed(
                "no region is chosen: export AWS_REGION=eu-central-1, for example, or name one in the settings"
            )
        identity = session.client("sts").get_caller_identity()
    except botocore.exceptions.NoCredentialsError:
        raise Failed(f"there are no AWS credentials. {SIGN_IN}") from None
    except botocore.exceptions.ClientError as error:
        said = error.response["Error"]
        raise Failed(f"AWS does not take these credentials ({said['Code']}: {said['Message']}). {SIGN_IN}") from None
    except botocore.exceptions.BotoCoreError as error:
        raise Failed(f"AWS cannot be asked who you are: {error}") from None
    print(
        f"\nThe stack {stack} in the account {identity['Account']}, region {session.region_name},"
        f"\nas {identity['Arn']}\n",
        flush=True,
    )
    return session.region_name
