"""The AWS API of the local stack: MiniStack, and the project's own template deployed onto it."""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from . import install, processes, recorder
from .instance import LOOPBACK, ROOT, Instance, write

NAME = "emulator"
REGION = "eu-central-1"
TEMPLATE = ROOT / "infra" / "template.yaml"
FUNCTIONS = ("dispatch", "fetch", "token-refresh", "expiry-check", "console")
BUILT = ROOT / "target" / "lambda-local"
# Where the template says that the code of a function is.
CODE = re.compile(r"^( +CodeUri: ).*/([a-z-]+)/$", re.MULTILINE)


def endpoint(instance: Instance) -> str:
    """Where the API answers."""
    return f"http://{LOOPBACK}:{instance.port('aws')}"


def environment(instance: Instance) -> dict[str, str]:
    """What the SDKs and tools of AWS need to find the API."""
    return {
        "AWS_ENDPOINT_URL": endpoint(instance),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(instance: Instance, service: str) -> Any:
    """A client of one AWS service."""
    return boto3.client(
        service,
        endpoint_url=endpoint(instance),
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
    )


def start(instance: Instance) -> None:
    """Starts the API. A persistent instance knows what it knew when it was last stopped in good order."""
    folder = instance.folder / "aws"
    in_order = folder / "stopped"
    if not in_order.exists():
        if folder.exists() and instance.persistent:
            print("  the last run was cut off before it could write down what AWS knew: it starts empty", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
    in_order.unlink(missing_ok=True)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # secrets are written down there
    # Functions inherit this environment, so it holds what they need and nothing of the person's.
    env = {
        **environment(instance),
        "PATH": os.defpath,
        "HOME": str(folder / "tmp"),
        "TMPDIR": str(folder / "tmp"),
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(instance.port("aws")),
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Each function may do what its role says and nothing else; whoever signs with another key is root.
        "AUTH": "true",
        "PERSIST_STATE": "1" if instance.persistent else "0",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1" if instance.persistent else "0",
        "S3_DATA_DIR": str(folder / "s3"),
    }
    command = [str(install.AWS_TOOLS / "bin" / "ministack")]
    if instance.records:
        command = [str(install.AWS_TOOLS / "bin" / "python"), "-m", recorder.__name__]
        env |= {recorder.CALLS: str(calls(instance)), "PYTHONPATH": str(ROOT)}
    processes.start(instance, NAME, command, env)
    processes.wait_until(lambda: processes.listens(instance.port("aws")), instance, NAME)


def calls(instance: Instance) -> Path:
    """Where it is written down what the functions of an instance that records ask for."""
    return instance.folder / "aws" / "calls.jsonl"


def stop(instance: Instance) -> None:
    """Stops the API; a persistent instance has then written down what it knows."""
    if processes.stop(instance, NAME) and instance.persistent:
        shutil.rmtree(instance.folder / "aws" / "tmp", ignore_errors=True)
        write(instance.folder / "aws" / "stopped", "")


def cargo_lambda(*arguments: str, env: dict[str, str] | None = None) -> None:
    """Runs cargo-lambda."""
    path = f"{install.AWS_TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"
    processes.call(["cargo", "lambda", *arguments], env={**os.environ, "PATH": path, **(env or {})})


def with_code(template: str, suffix: str) -> str:
    """The template's text, with the code of each function beside it: what has its name and the suffix."""
    found = sorted(name for _, name in CODE.findall(template))
    if found != sorted(FUNCTIONS):
        raise processes.Failed(f"the template has code for {found} and not for {sorted(FUNCTIONS)}")
    return CODE.sub(rf"\1\2{suffix}", template)


def deploy(instance: Instance, programs: Path, parameters: dict[str, str]) -> bool:
    """Deploys the template with SAM, unless just that is deployed. Says whether it had to."""
    stamp = instance.folder / "deployed"
    digest = _digest(programs, parameters)
    if stamp.exists() and stamp.read_text() == digest and outputs(instance):
        return False
    template = _stage(instance, programs)
    overrides = [f"ParameterKey={key},ParameterValue={value}" for key, value in parameters.items() if value]
    command = [str(install.SAM_TOOLS / "bin" / "sam"), "deploy"]
    command += ["--template-file", str(template), "--stack-name", instance.stack, "--region", REGION]
    command += ["--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    command += ["--parameter-overrides", *overrides]
    home = instance.folder / "aws" / "tmp"
    env = {**environment(instance), "PATH": os.environ["PATH"], "HOME": str(home), "SAM_CLI_TELEMETRY": "0"}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    log = write(instance.logs / "deploy.log", result.stdout + result.stderr)
    if result.returncode != 0:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise processes.Failed(f"sam deploy failed:\n{tail}\n(whole log: {log})")
    _mend_concurrency(instance)
    _allow_plain_http(instance)
    write(stamp, digest)
    return True


def local_parameters(authorities: str, plaintext_hosts: str) -> dict[str, str]:
    """The template's parameters on this machine."""
    return {
        "Architecture": "arm64" if os.uname().machine == "aarch64" else "x86_64",
        "AllowLocalServers": "true",
        "MailCa": base64.b64encode(authorities.encode()).decode(),
        "PlaintextHosts": plaintext_hosts,
    }


def verify_sender(instance: Instance, address: str) -> None:
    """Lets mails come from an address, as a person does at SES once."""
    mails = client(instance, "sesv2")
    with contextlib.suppress(mails.exceptions.AlreadyExistsException):
        mails.create_email_identity(EmailIdentity=address)


def outputs(instance: Instance) -> dict[str, str]:
    """The deployed stack's outputs; nothing while there is no stack."""
    try:
        answer = client(instance, "cloudformation").describe_stacks(StackName=instance.stack)
    except botocore.exceptions.ClientError:
        return {}
    stack = answer["Stacks"][0]
    if not stack["StackStatus"].endswith("_COMPLETE") or "ROLLBACK" in stack["StackStatus"]:
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def function_environment(instance: Instance) -> dict[str, str]:
    """What the template gives the functions by their environment, all together."""
    functions = client(instance, "lambda")
    env: dict[str, str] = {}
    for each in FUNCTIONS:
        name = outputs(instance)[f"{each.title().replace('-', '')}FunctionName"]
        env |= functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    return env


def console_url(instance: Instance) -> str:
    """The address of the console's API in a form that needs no name resolution."""
    host = outputs(instance)["ConsoleApiEndpoint"].split("//")[1]
    return f"{endpoint(instance)}/_aws/execute-api/{host.split('.')[0]}/$default"


def _mend_concurrency(instance: Instance) -> None:
    """Sets the queue's MaximumConcurrency again, as a number: the emulator keeps a parameter's text as it
    is and cannot compare it, and then takes nothing from the queue."""
    functions = client(instance, "lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        scaling = mapping.get("ScalingConfig")
        if scaling:
            functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)


def _allow_plain_http(instance: Instance) -> None:
    """Takes away the buckets' policies, which do nothing but insist on TLS: the emulator has none."""
    for bucket in ("MailBucketName", "TranscriptBucketName"):
        client(instance, "s3").delete_bucket_policy(Bucket=outputs(instance)[bucket])


def _stage(instance: Instance, programs: Path) -> Path:
    """Lays the template and the functions out apart from the repository, so that a build that goes on
    meanwhile changes nothing here. Answers the template's place."""
    package = instance.folder / "package"
    shutil.rmtree(package, ignore_errors=True)
    for function in FUNCTIONS:
        (package / function).mkdir(parents=True)
        shutil.copy2(_program(programs, function), package / function / "bootstrap")
    return write(package / TEMPLATE.name, with_code(TEMPLATE.read_text(), "/"))


def _digest(programs: Path, parameters: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for file in (TEMPLATE, *(_program(programs, function) for function in FUNCTIONS)):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _program(programs: Path, function: str) -> Path:
    """A function's program, as cargo-lambda or as cargo lays it out."""
    for file in (programs / function / "bootstrap", programs / function):
        if file.is_file():
            return file
    raise processes.Failed(f"the function {function} is not in {programs}: it must be built first")
