"""`make fuzz`, and its short run in `make check`: see docs/fuzzing.md."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import install
from .instance import LOCAL, ROOT
from .processes import Failed, call

FUZZ = ROOT / "fuzz"
TARGETS = sorted(source.stem for source in (FUZZ / "fuzz_targets").glob("*.rs"))

# What `make fuzz` has come upon, from one run to the next, and what a target failed at.
GROWN = LOCAL / "fuzz" / "grown"
FOUND = LOCAL / "fuzz" / "found"

# Seeds that lie elsewhere, because tests of their own use them.
ELSEWHERE = {"attachments": ROOT / "shared" / "attachments" / "tests" / "corpus"}

# The short run makes up the same on every machine and every time: a check that fails by chance is none.
SHORT = ["-seed=1", "-runs=20000"]
# An input that takes so many seconds, or so much memory, has failed.
LIMITS = ["-timeout=10", "-rss_limit_mb=1024"]
# The longest input that is made up, in bytes; kept ones may be longer where they are put as they are.
LONGEST = "-max_len=20000"


@dataclass(frozen=True)
class Run:
    """How a target fared."""

    target: str
    passed: bool
    output: str

    def summary(self) -> str:
        """What it did, in a few words; of one that failed, what it said."""
        done = re.search(r"Done (\d+) runs in (\d+) second", self.output)
        reached = re.findall(r" cov: (\d+) ", self.output)
        if not self.passed or done is None or not reached:
            panicked = self.output.find("panicked at")
            return self.output[panicked:][:3000] if panicked >= 0 else self.output[-3000:]
        return f"{int(done[1]):,} inputs in {done[2]} s, {reached[-1]} places reached"


def fuzz(seconds: int, target: str | None) -> int:
    """Fuzzes every target, or one, for so long each, and answers the exit status."""
    if target not in (None, *TARGETS):
        raise Failed(f"there is no target {target}; there are {', '.join(TARGETS)}")
    build()
    duration = [f"-max_total_time={seconds}"]
    runs = [_report(_run(name, duration, GROWN / name)) for name in TARGETS if target in (None, name)]
    return 0 if all(run.passed for run in runs) else 1


def short() -> Iterator[Run]:
    """Builds the targets, puts every kept input to them and some thousands that each makes up, always the
    same: as many side by side as there are processors."""
    build()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda name: _run(name, SHORT, Path(scratch) / name), TARGETS)


def build() -> None:
    """Builds the targets; what they are built with is in fuzz/.cargo/config.toml."""
    install.cpp_compiler()
    call(["cargo", "build", "--release", "--locked", "--quiet"], cwd=FUZZ)


def _run(target: str, length: list[str], grown: Path) -> Run:
    """Puts the kept inputs to a target as they are, then what the fuzzer makes of them."""
    seeds = [FUZZ / "corpus" / target, *([ELSEWHERE[target]] if target in ELSEWHERE else [])]
    regressions = FUZZ / "regressions" / target
    kept = [str(file) for folder in (regressions, *seeds) for file in sorted(folder.glob("*")) if file.is_file()]
    again = _call(target, kept)
    if not again.passed:
        return again
    grown.mkdir(parents=True, exist_ok=True)
    dictionary = FUZZ / "dictionaries" / f"{target}.dict"
    words = [f"-dict={dictionary}"] if dictionary.exists() else []
    folders = [str(folder) for folder in (grown, *seeds, regressions) if folder.exists()]
    return _call(target, [*length, LONGEST, *words, *folders])


def _call(target: str, arguments: list[str]) -> Run:
    found = FOUND / target
    found.mkdir(parents=True, exist_ok=True)
    command = [str(_program(target)), *LIMITS, f"-artifact_prefix={found}/", *arguments]
    env = {**os.environ, "RUST_BACKTRACE": "0"}
    result = subprocess.run(command, cwd=FUZZ, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return Run(target, result.returncode == 0, result.stdout.decode(errors="replace"))


def _program(target: str) -> Path:
    """Cargo puts what it builds for a target that it is told into that target's folder."""
    programs = [*FUZZ.glob(f"target/*/release/{target}")]
    if len(programs) != 1:
        raise Failed(f"there are {len(programs)} programs for {target} in fuzz/target, and one is expected")
    return programs[0]


def _report(run: Run) -> Run:
    print(f"{'ok' if run.passed else 'FAILED':<7} {run.target}: {run.summary()}", flush=True)
    if not run.passed:
        print(f"The input is in {FOUND.relative_to(ROOT)}/{run.target}; docs/fuzzing.md says what to do with it.")
    return run
