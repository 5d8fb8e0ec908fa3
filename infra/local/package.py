"""The functions as they are shipped: built for one architecture and zipped, with the template that deploys them,
the bill of their materials, and checksums.

The same sources give the same bytes, wherever they are built, as long as the tools are the same: Rust by
`rust-version`, the linker and Python's packages by `requirements-aws.txt`, crates by `Cargo.lock`. No time, user,
order of a file system or path of the machine gets into what is written.
"""

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from . import aws, install, sbom
from .instance import ROOT, write
from .processes import Failed

PACKAGES = ROOT / "target" / "package"
TEMPLATE = "template.yaml"
SBOM = "sbom.cdx.json"
SUMS = "SHA256SUMS"

# What the template calls an architecture: how Rust and cargo-lambda call it.
ARCHITECTURES = {
    "arm64": ("aarch64-unknown-linux-gnu", "--arm64"),
    "x86_64": ("x86_64-unknown-linux-gnu", "--x86-64"),
}
# The earliest moment that a zip can name.
MOMENT = (1980, 1, 1, 0, 0, 0)
EPOCH = 315532800
UNIX = 3  # "version made by", so that permissions count (APPNOTE.TXT 4.4.2)
PROGRAM = 0o100755 << 16


def package(architecture: str) -> Path:
    """Builds everything for an architecture, and answers the folder that it is in."""
    target, _ = ARCHITECTURES[architecture]
    install.rust_target(target)
    install.sbom_tool()
    programs = build(architecture)
    folder = PACKAGES / architecture
    shutil.rmtree(folder, ignore_errors=True)
    digests = zipped(programs, folder)
    write(folder / TEMPLATE, aws.with_code(aws.TEMPLATE.read_text(), ".zip"))
    write(folder / SBOM, sbom.of(target, digests, moment()))
    sums = (f"{_sha256(file.read_bytes())}  {file.name}\n" for file in sorted(folder.iterdir()))
    write(folder / SUMS, "".join(sums))
    print(f"\n{folder.relative_to(ROOT)}:\n{(folder / SUMS).read_text()}", end="", flush=True)
    return folder


def verify(architecture: str) -> None:
    """Fails unless there is a package as `package` left it."""
    folder = PACKAGES / architecture
    if not (folder / SUMS).exists():
        raise Failed(f"there is no package for {architecture}: make package ARCH={architecture}")
    for line in (folder / SUMS).read_text().splitlines():
        digest, name = line.split("  ")
        if not (folder / name).exists() or _sha256((folder / name).read_bytes()) != digest:
            raise Failed(f"{folder / name} is not what was packaged: make package ARCH={architecture}")


def build(architecture: str) -> Path:
    """Builds the functions, all in one go, and answers the folder with one of each name."""
    _, flag = ARCHITECTURES[architecture]
    programs = ROOT / "target" / "lambda" / architecture
    chosen = [part for function in aws.FUNCTIONS for part in ("--bin", function)]
    options = ["--release", "--locked", "--workspace", *chosen, flag, "--lambda-dir", str(programs)]
    aws.cargo_lambda("build", *options, env={"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(_flags())})
    return programs


def zipped(programs: Path, folder: Path) -> dict[str, str]:
    """Writes one zip for each function, and answers the SHA-256 of the program in each."""
    folder.mkdir(parents=True)
    digests = {}
    for function in aws.FUNCTIONS:
        content = (programs / function / "bootstrap").read_bytes()
        entry = zipfile.ZipInfo("bootstrap", MOMENT)
        entry.create_system, entry.external_attr = UNIX, PROGRAM
        with zipfile.ZipFile(folder / f"{function}.zip", "w") as archive:
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
        digests[function] = _sha256(content)
    return digests


def moment() -> int:
    """The commit's time, as the moment of what must name one; outside a repository always the same."""
    given = os.environ.get("SOURCE_DATE_EPOCH")  # https://reproducible-builds.org/specs/source-date-epoch/
    if given:
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return int(result.stdout) if result.returncode == 0 and result.stdout.strip() else EPOCH


def _flags() -> list[str]:
    """What the compiler is told, so that no path of this machine is in a program. A later one goes before an
    earlier one."""
    home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    sysroot = _answer(["rustc", "--print", "sysroot"])
    (commit,) = re.findall(r"^commit-hash: (\w+)$", _answer(["rustc", "--version", "--verbose"]), re.MULTILINE)
    built = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    places = {home: "/cargo", f"{sysroot}/lib/rustlib/src/rust": f"/rustc/{commit}", str(ROOT): "/postroom"}
    return [f"--remap-path-prefix={place}={name}" for place, name in {**places, built: "/target"}.items()]


def _answer(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
