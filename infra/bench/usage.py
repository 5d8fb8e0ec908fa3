"""Programs that are run to be measured."""

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ..local.processes import Failed
from .rig import PROGRAM, SCRATCH

# The longest that one program may take.
LIMIT = 600


@dataclass(frozen=True)
class Usage:
    """What a program took; of several that ran one after another, the sum and the highest peak."""

    wall: float
    cpu: float
    peak: int
    output: str = ""

    def __add__(self, other: "Usage") -> "Usage":
        peak = max(self.peak, other.peak)
        return Usage(
            self.wall + other.wall,
            self.cpu + other.cpu,
            peak,
            self.output + other.output,
        )


def run(
    command: list[object],
    env: dict[str, str] | None = None,
    accept: tuple[int, ...] = (0,),
) -> Usage:
    """Runs a program to its end."""
    report = _report()
    result = subprocess.run(
        [PROGRAM, "usage", "--report", report, "--", *map(str, command)],
        env={**os.environ, **(env or {})},
        cwd=SCRATCH,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    if result.returncode != 0:
        raise Failed(f"{command[0]} could not be run: {result.stderr}")
    found = json.loads(report.read_text())
    if found["status"] not in accept:
        raise Failed(f"{command[0]} failed with {found['status']}:\n{result.stdout}{result.stderr}"[-3000:])
    return _usage(found, found["wall_seconds"], result.stdout)


class Server:
    """A program that runs until it is told to end."""

    def __init__(self, command: list[object], env: dict[str, str], log: Path) -> None:
        self._report = _report()
        self._pid = self._report.with_suffix(".pid")
        with log.open("ab") as output:
            self.started = time.perf_counter()
            self._process = subprocess.Popen(
                [
                    PROGRAM,
                    "usage",
                    "--report",
                    self._report,
                    "--pid",
                    self._pid,
                    "--",
                    *map(str, command),
                ],
                env=env,
                cwd=SCRATCH,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self, wall: float) -> Usage:
        """Ends it and says what it took; for how long it was of use, the caller knows."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int(self._pid.read_text()), signal.SIGTERM)
        self._process.wait(timeout=30)
        return _usage(json.loads(self._report.read_text()), wall, "")


_number = iter(range(1, 1 << 30))


def _report() -> Path:
    SCRATCH.mkdir(exist_ok=True)
    return SCRATCH / f"usage-{next(_number)}.json"


def _usage(found: dict[str, float], wall: float, output: str) -> Usage:
    return Usage(
        wall,
        found["user_seconds"] + found["system_seconds"],
        int(found["peak_bytes"]),
        output,
    )
