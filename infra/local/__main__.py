"""The commands behind the Makefile: `python3 -m infra.local COMMAND`."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from . import install, processes


def main() -> int:
    """Runs a command and answers its exit status."""
    arguments = _arguments()
    _end_in_order()
    try:
        install.aws_tools()
        _continue_in(install.AWS_TOOLS / "bin" / "python")
        # These need what has just been installed.
        from . import commands

        return commands.run(arguments)
    except processes.Failed as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m infra.local", description="The local stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "demo": "fetch mail from real servers into S3, compare, and live through a year of reminders",
        "down": "stop what `up` started",
        "check": "formatting, lints, the template, the dependency policy",
        "advisories": "look for known vulnerabilities among the dependencies (needs the network)",
        "test": "all tests, against real servers",
        "browser": "the tests in a browser alone",
        "watch": "run one function from its sources, and again at every change, against the stack of `up`",
        "package": "build and zip the functions for AWS",
    }.items():
        command = commands.add_parser(name, help=text)
        if name == "test":
            command.add_argument("arguments", nargs="*", help="for `cargo test`")
        if name == "browser":
            command.add_argument("--screenshots", action="store_true", help="take the documentation's pictures instead")
            command.add_argument("arguments", nargs="*", help="for `node --test`")
        if name == "package":
            _architecture(command)
    made_up = commands.add_parser("fuzz", help="make up what servers and senders can say")
    made_up.add_argument("--seconds", type=int, default=600, help="for how long each target; 600 if not said")
    made_up.add_argument("--target", help="only this one")
    deploy = commands.add_parser("deploy", help="package, and deploy to an AWS account")
    _architecture(deploy)
    deploy.add_argument("--stack", default="", help="the stack's name; `postroom` if nothing says another")
    deploy.add_argument("--settings", type=Path, help="a file like infra/parameters.example.toml")
    deploy.add_argument("--tags", nargs="+", type=_pair, default=[], help="tags of the stack: name=value")
    deploy.add_argument("--yes", action="store_true", help="change without asking")
    deploy.add_argument("--built", action="store_true", help="deploy what `package` has left, without building")
    deploy.add_argument("parameters", nargs="*", type=_pair, help="the template's parameters: Name=value")
    up = commands.add_parser("up", help="start a local stack and leave it running")
    up.add_argument("--no-mail", action="store_true", help="without the demo's mail and authorization servers")
    up.add_argument("--mail-ca", type=Path, help="PEM file of private certificate authorities to trust")
    up.add_argument("--plaintext-hosts", default="", help="hosts that may be spoken to without TLS")
    up.add_argument("parameters", nargs="*", type=_pair, help="the template's parameters: Name=value")
    return parser.parse_args()


def _architecture(command: argparse.ArgumentParser) -> None:
    command.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return name, value


def _continue_in(python: Path) -> None:
    """Goes on in the virtual environment that has the emulator and boto3."""
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), "-m", "infra.local", *sys.argv[1:]])


def _end_in_order() -> None:
    """Makes every request to end look like Ctrl-C, so that what was started is stopped. Ctrl-C is among
    them because a shell starts what it puts into the background with that ignored."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)


if __name__ == "__main__":
    sys.exit(main())
