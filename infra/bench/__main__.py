"""`make bench`: `python3 -m infra.bench [--runs N] [--only NAME,…]`."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from ..local import install, processes


def main() -> int:
    """Measures, and answers the exit status."""
    arguments = _arguments()
    try:
        install.aws_tools()
        _continue_in(install.AWS_TOOLS / "bin" / "python")
        return _measure(arguments)
    except processes.Failed as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures Postroom beside other programs.")
    parser.add_argument("--runs", type=int, default=5, help="how often each contender runs (default: 5)")
    parser.add_argument("--only", default="", help="names of measurements, separated by commas")
    parser.add_argument(
        "--arm",
        action="store_true",
        help="build the functions for arm64 too, for their size",
    )
    parser.add_argument("--no-build", action="store_true", help="measure what was built before")
    return parser.parse_args()


def _continue_in(python: Path) -> None:
    """Goes on in the virtual environment that has the emulator and boto3."""
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), "-m", "infra.bench", *sys.argv[1:]])


def _measure(arguments: argparse.Namespace) -> int:
    from . import function, measurements, peers, report, rig

    every = measurements.MEASUREMENTS | measurements.WITHOUT_MAIL
    wanted = [name for name in arguments.only.split(",") if name] or list(measurements.MEASUREMENTS)
    unknown = set(wanted) - set(every)
    if unknown or arguments.runs < 1:
        raise processes.Failed(f"there is no measurement {unknown}; there are {list(every)}")
    with_mail = not set(wanted) <= set(measurements.WITHOUT_MAIL)
    processes.adopt_orphans()
    signal.signal(signal.SIGTERM, _interrupt)
    if with_mail:
        install.dovecot()
        peers.ensure()
        if not arguments.no_build:
            measurements.build(arguments.arm)
    tables = []
    began = time.monotonic()
    try:
        _say("starting the servers and making mail" if with_mail else "starting the AWS API")
        rig.start(with_mail)
        if with_mail:
            function.create_resources()
        for name in wanted:
            _say(name)
            tables += every[name](arguments.runs)
    finally:
        with processes.undisturbed():
            rig.stop()
    versions = peers.versions() if with_mail else {}
    versions = "".join(f"; {name} {version}" for name, version in sorted(versions.items()))
    print(f"{report.today()}, {report.machine()}{versions}.")
    if with_mail:
        print(f"Medians of {arguments.runs} turns, in brackets the smallest and the largest.")
    print(f"Load before: {LOAD[0]:.1f}.\n")
    print("\n".join(table.markdown() for table in tables))
    _say(f"done in {time.monotonic() - began:.0f} s")
    return 0


# What else the machine did in the minute before.
LOAD = os.getloadavg()


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
