"""Contenders that take turns, and what their samples say."""

from collections.abc import Callable
from typing import TypeVar

from .report import Samples
from .usage import Usage

Name = TypeVar("Name")


def take_turns(contenders: dict[Name, Callable[[], Usage]], runs: int) -> dict[Name, list[Usage]]:
    """Runs all contenders, then all again, and so on."""
    results: dict[Name, list[Usage]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            results[name].append(run())
    return results


def one_after_another(first: list[Usage], second: list[Usage]) -> list[Usage]:
    """What two programs took together, of which the second works on what the first has left."""
    return [one + other for one, other in zip(first, second, strict=True)]


def ratio(ours: list[Usage], theirs: list[Usage], what: str) -> Samples:
    """How much of the others' time or CPU ours is. Neighbours in time are compared, so that a slow moment of
    the machine counts for both."""
    return Samples([getattr(one, what) / getattr(other, what) for one, other in zip(ours, theirs, strict=True)])


def wall(samples: list[Usage]) -> str:
    """The time."""
    return Samples([sample.wall for sample in samples]).text("s")


def cpu(samples: list[Usage]) -> str:
    """The CPU time."""
    return Samples([sample.cpu for sample in samples]).text("s")


def peak(samples: list[Usage]) -> str:
    """The highest resident memory of each run."""
    return Samples([sample.peak / (1 << 20) for sample in samples]).text("MiB", 1)
