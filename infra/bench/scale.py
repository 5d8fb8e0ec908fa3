"""What the functions ask of AWS with many mailboxes (tests/scale)."""

import json
import subprocess
from pathlib import Path
from typing import Any

from ..local import aws, processes
from ..local.instance import ROOT
from . import rig
from .report import Table

# It is built as tests are: what is claimed is requests, and the time is the emulator's.
PROGRAM = ROOT / "target" / "debug" / "postroom-scale"
# Operations as tables call them, where that is shorter.
SHORT = {
    "BatchGetItem": "BatchGet",
    "GenerateDataKey": "DataKey",
    "PutSecretValue": "PutSecret",
    "UpdateSecretVersionStage": "Stage",
    "GetSecretValue": "GetSecret",
    "SendMessageBatch": "SendBatch",
    "UpdateItem": "Update",
    "GetItem": "Get",
}
Figures = dict[str, Any]


def scale(_runs: int) -> list[Table]:
    """Ticks, pages and runs among 10,000 and among 100,000 mailboxes. Requests are the same at every run, so
    that one is enough."""
    processes.call(["cargo", "build", "--package", "postroom-scale"])
    report = rig.RIG.folder / "scale.json"
    log = rig.RIG.logs / "scale.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as out:
        command = [str(PROGRAM), "--endpoint", aws.endpoint(rig.RIG), "--report", str(report)]
        if subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode:
            raise processes.Failed(f"the measurement failed:\n{log.read_text()[-2000:]}")
    return tables(report)


def tables(report: Path) -> list[Table]:
    """What the program reported, of a small deployment and of a large one."""
    small, large = (json.loads(line) for line in report.read_text().splitlines())
    return [_table(title, small, large, key) for title, key in PARTS.items()]


PARTS = {
    "A tick of dispatch": "dispatch",
    "A page of the console": "console",
    "A run of expiry-check": "expiry-check",
    "A run of token-refresh": "token-refresh",
}


def _table(title: str, small: Figures, large: Figures, key: str) -> Table:
    sizes = [f"{figures['mailboxes']:,}" for figures in (small, large)]
    requests = [f"requests among {size}" for size in sizes]
    columns = ["due" if key != "console" else "page", *requests, "of which", "items read", "write units", "time"]
    before = {step["of"]: step for step in small[key]}
    rows = [_row(before.get(step["of"]), step) for step in large[key]]
    return Table(title, columns, rows)


def _row(small: Figures | None, large: Figures) -> list[str]:
    used = large["used"]
    calls = ", ".join(f"{SHORT.get(name, name)} {count:,}" for name, count in sorted(used["calls"].items()))
    written = ", ".join(f"{name} {units:,}" for name, units in sorted(used["written"].items()))
    items = f"{used['items']:,}"
    if small and small["used"]["items"] != used["items"]:
        items += f" ({small['used']['items']:,})"
    return [
        large["of"],
        f"{_total(small):,}" if small else "",
        f"{_total(large):,}",
        calls,
        items,
        written,
        f"{large['seconds']:.1f} s",
    ]


def _total(step: Figures) -> int:
    return sum(step["used"]["calls"].values())
