"""What was measured, as tables that people and Markdown can read."""

import datetime
import platform
import statistics
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Samples:
    """One figure, measured several times."""

    values: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def text(self, unit: str, digits: int = 2) -> str:
        """The median, and in brackets the smallest and the largest."""
        low, high = (f"{value:.{digits}f}" for value in (min(self.values), max(self.values)))
        spread = f" ({low}–{high})" if low != high else ""
        return f"{self.median:.{digits}f} {unit}".rstrip() + spread


@dataclass
class Table:
    """One measurement's result."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""

    def markdown(self) -> str:
        """The table in Markdown, with its columns aligned for people."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.columns))]

        def line(cells: list[str]) -> str:
            return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        note = f"\n{self.note}\n" if self.note else ""
        return "\n".join(
            [
                f"## {self.title}",
                "",
                line(self.columns),
                rule,
                *map(line, self.rows),
                note,
            ]
        )


def machine() -> str:
    """The machine, in a line."""
    cpu = _field("/proc/cpuinfo", "model name")
    cores = Path("/proc/cpuinfo").read_text().count("processor\t:")
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{cores} cores ({cpu}), {memory:.0f} GiB of memory, {system}, Linux {platform.release()}"


def today() -> str:
    """The date."""
    return datetime.date.today().isoformat()


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"
