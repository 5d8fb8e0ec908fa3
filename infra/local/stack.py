"""A whole local stack: the AWS API with the deployed template, the mail server, the authorization server."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import authserver, aws, console, install, mail, manifest, processes, rights
from .instance import LOCAL, LOOPBACK, ROOT, Instance, write

# Programs as people call them; `.local/env` puts the folder on the PATH.
PROGRAMS = LOCAL / "bin"
CLI = "postroom"
ENV = LOCAL / "env"

# Who administers the console of a stack with the demo's servers, where its mails come from, who runs it,
# and where it is.
ADMIN = "admin@postroom.test"
SENDER = "postroom@postroom.test"
OPERATORS = "operators@postroom.test"
TIME_ZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Wanted:
    """What a stack is to be like."""

    # Whether the demo's mail server and authorization server are part of it.
    mail: bool = True
    # A file of private certificate authorities, besides the demo mail server's own.
    ca: Path | None = None
    plaintext_hosts: str = ""
    # Parameters of the template besides those that follow from the rest.
    parameters: dict[str, str] = field(default_factory=dict)
    # The built programs.
    programs: Path = field(default_factory=lambda: aws.BUILT)

    @property
    def servers(self) -> list[str]:
        """The servers, in the order in which they are started."""
        return [*([authserver.NAME, mail.NAME] if self.mail else []), aws.NAME, console.NAME]


def prepare(mail_servers: bool) -> None:
    """Installs what is missing."""
    install.sam_tools()
    if mail_servers:
        install.authserver()
        install.dovecot()


def build() -> None:
    """Builds the functions and the command-line tool, all in one go and as for AWS."""
    programs = [part for program in (*aws.FUNCTIONS, CLI) for part in ("--bin", program)]
    aws.cargo_lambda("build", "--release", "--workspace", *programs, "--lambda-dir", str(aws.BUILT))
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    shutil.copy2(aws.BUILT / CLI / "bootstrap", PROGRAMS / f".{CLI}")
    os.replace(PROGRAMS / f".{CLI}", PROGRAMS / CLI)
    (PROGRAMS / "cargo-lambda").unlink(missing_ok=True)
    (PROGRAMS / "cargo-lambda").symlink_to(install.AWS_TOOLS / "bin" / "cargo-lambda")


def start(instance: Instance, wanted: Wanted) -> bool:
    """Starts a stack and deploys onto it. Says whether it had to start anything.

    When only a part of it runs, or something is left of a run that was killed, that is stopped first.
    """
    fresh = not all(processes.running(instance, server) for server in wanted.servers)
    if fresh:
        stop(instance)
        if not instance.persistent:
            shutil.rmtree(instance.mail_folder(), ignore_errors=True)
        instance.choose_ports()
        if wanted.mail:
            authserver.start(instance)
            mail.start(instance)
        aws.start(instance)
    deployed_with = parameters(instance, wanted)
    deployed = aws.deploy(instance, wanted.programs, deployed_with)
    if deployed:
        rights.mend(instance)
        aws.verify_sender(instance, deployed_with["SenderAddress"])
    if fresh or deployed:
        console.start(instance)
    return fresh


def stop(instance: Instance) -> None:
    """Stops whatever runs of a stack. A persistent one goes on from there at its next start."""
    processes.stop(instance, console.NAME)
    aws.stop(instance)
    for name in (mail.NAME, authserver.NAME):
        processes.stop(instance, name)
    processes.stop_stragglers(instance)


@contextlib.contextmanager
def locked(instance: Instance) -> Iterator[None]:
    """Keeps two commands from handling one stack at a time."""
    instance.folder.mkdir(parents=True, exist_ok=True)
    with (instance.folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise processes.Failed(
                f"another command is handling the stack {instance.name!r}; wait for it to end"
            ) from None
        yield


@contextlib.contextmanager
def running(instance: Instance, wanted: Wanted) -> Iterator[None]:
    """A stack for as long as the block runs; one that ran before goes on running afterwards."""
    keep = all(processes.running(instance, server) for server in wanted.servers)
    try:
        start(instance, wanted)
        yield
    finally:
        if not keep:
            with processes.undisturbed():
                stop(instance)


def parameters(instance: Instance, wanted: Wanted) -> dict[str, str]:
    """The template's parameters for a stack that uses an instance's servers."""
    local = aws.local_parameters(_authorities(instance, wanted), wanted.plaintext_hosts)
    return {**local, **_console(instance, wanted), **wanted.parameters}


def environment(instance: Instance, wanted: Wanted) -> dict[str, str]:
    """What a person, or a program, needs to use a stack."""
    env = {**aws.environment(instance), "POSTROOM_STACK": instance.stack}
    if wanted.mail:
        env |= {
            "POSTROOM_DEMO_HOST": LOOPBACK,
            "POSTROOM_DEMO_IMAP_PORT": str(instance.port("imap")),
            "POSTROOM_DEMO_IMAPS_PORT": str(instance.port("imaps")),
            "POSTROOM_DEMO_ISSUER": authserver.issuer(instance),
            "POSTROOM_DEMO_CA": str(mail.ca(instance)),
        }
    return env


def test_environment(instance: Instance) -> dict[str, str]:
    """What tests need to use a stack, under names of their own."""
    outputs = aws.outputs(instance)
    folder = instance.mail_folder()
    return {
        "POSTROOM_TEST_AWS_ENDPOINT": aws.endpoint(instance),
        "POSTROOM_TEST_AWS_REGION": aws.REGION,
        "POSTROOM_TEST_STACK": instance.stack,
        "POSTROOM_TEST_CONSOLE_URL": aws.console_url(instance),
        # The console as people reach it.
        "POSTROOM_TEST_CONSOLE": console.url(instance),
        "POSTROOM_TEST_ADMIN": ADMIN,
        "POSTROOM_TEST_ADMIN_PROVIDER": manifest.PROVIDER,
        "POSTROOM_TEST_SENDER": SENDER,
        "POSTROOM_TEST_OPERATORS": OPERATORS,
        "POSTROOM_TEST_TIME_ZONE": TIME_ZONE,
        "POSTROOM_TEST_EXPIRY_CHECK": outputs["ExpiryCheckFunctionName"],
        "POSTROOM_TEST_INCIDENT_TOPIC": outputs["IncidentTopicArn"],
        "POSTROOM_TEST_TOKEN_KEY": outputs["TokenKeyId"],
        "POSTROOM_TEST_TABLE": outputs["TableName"],
        "POSTROOM_TEST_BUCKET": outputs["MailBucketName"],
        "POSTROOM_TEST_TRANSCRIPT_BUCKET": outputs["TranscriptBucketName"],
        "POSTROOM_TEST_QUEUE_URL": outputs["FetchQueueUrl"],
        "POSTROOM_TEST_DEAD_LETTER_QUEUE_URL": outputs["DeadLetterQueueUrl"],
        "POSTROOM_TEST_SECRET_PREFIX": outputs["SecretPrefix"],
        "POSTROOM_TEST_CLI": str(ROOT / "target" / "debug" / "postroom"),
        "POSTROOM_TEST_IMAP_PORT": str(instance.port("imap")),
        "POSTROOM_TEST_IMAPS_PORT": str(instance.port("imaps")),
        "POSTROOM_TEST_POP3_PORT": str(instance.port("pop3")),
        "POSTROOM_TEST_POP3S_PORT": str(instance.port("pop3s")),
        "POSTROOM_TEST_CA": str(mail.ca(instance)),
        "POSTROOM_TEST_ISSUER": authserver.issuer(instance),
        "POSTROOM_TEST_CLIENT_ID": authserver.CLIENT_ID,
        "POSTROOM_TEST_CLIENT_SECRET": authserver.CLIENT_SECRET,
        # Of the client "postroom-certificate", PEM.
        "POSTROOM_TEST_CLIENT_CERTIFICATE": str(authserver.client_certificate(instance)),
        "POSTROOM_TEST_CLIENT_KEY": str(authserver.client_key(instance)),
        # A service account's key as Google writes it.
        "POSTROOM_TEST_SERVICE_ACCOUNT": str(authserver.service_account(instance)),
        # A user's mail lies in <root>/<user>/Maildir; the password is "pw-<user>".
        "POSTROOM_TEST_MAIL_ROOT": str(folder / "mail"),
        # A file "mailbox,account" with "mailbox:::::::nopassword" lets an account's token open another mailbox.
        "POSTROOM_TEST_SHARED_MAILBOXES": str(mail.shared_mailboxes(instance)),
        "POSTROOM_TEST_DOVEADM": install.program("doveadm", "Dovecot 2.3"),
        "POSTROOM_TEST_DOVECOT_CONF": str(folder / "dovecot.conf"),
    }


def write_env(instance: Instance, wanted: Wanted) -> None:
    """Writes `.local/env`, to be sourced by a shell."""
    lines = [f"export {name}='{value}'" for name, value in environment(instance, wanted).items()]
    lines.append(f"export PATH='{PROGRAMS}':\"$PATH\"")
    write(ENV, "\n".join(lines) + "\n", mode=0o600)


def forget_env(instance: Instance) -> None:
    """Removes `.local/env` if it speaks of this stack."""
    if ENV.exists() and f"POSTROOM_STACK='{instance.stack}'" in ENV.read_text():
        ENV.unlink()


def addresses(instance: Instance, wanted: Wanted) -> str:
    """Where things are, for people."""
    outputs = aws.outputs(instance)
    rows = {
        "AWS API": aws.endpoint(instance),
        "stack": instance.stack,
        **{name: outputs[name] for name in ("MailBucketName", "TableName", "FetchQueueUrl")},
        "console": console.url(instance),
    }
    if wanted.mail:
        rows |= {
            "administrator": f"{ADMIN}, without a password",
            "IMAP, TLS": f"{LOOPBACK}:{instance.port('imaps')}",
            "IMAP, STARTTLS": f"{LOOPBACK}:{instance.port('imap')}",
            "POP3, TLS": f"{LOOPBACK}:{instance.port('pop3s')}",
            "POP3, STLS": f"{LOOPBACK}:{instance.port('pop3')}",
            "its CA": str(mail.ca(instance)),
            "issuer": authserver.issuer(instance),
        }
    rows["logs"] = str(instance.logs.relative_to(ROOT))
    return "\n".join(f"  {name:<16} {value}" for name, value in rows.items())


def _console(instance: Instance, wanted: Wanted) -> dict[str, str]:
    """The parameters of the console and of mails."""
    parameters = {"PublicUrl": console.url(instance), "SenderAddress": SENDER}
    parameters |= {"OperatorAddresses": OPERATORS, "TimeZone": TIME_ZONE}
    if wanted.mail:
        parameters |= {"AdminProvider": manifest.PROVIDER, "AdminAddresses": ADMIN}
    return parameters


def _authorities(instance: Instance, wanted: Wanted) -> str:
    """The private authorities that functions trust, PEM."""
    files = [mail.ca(instance)] if wanted.mail else []
    if wanted.ca:
        if not wanted.ca.is_file():
            raise processes.Failed(f"MAIL_CA: there is no file {wanted.ca}")
        files.append(wanted.ca)
    return "".join(file.read_text() for file in files)
