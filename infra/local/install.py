"""Installs what the local stack needs and the machine lacks.

Everything is pinned by a lock file with hashes and lies in `.local/`; only Dovecot and Chromium come
from the distribution. An installation that fits its lock file is left alone, which takes no time.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from .instance import LOCAL, ROOT, write
from .processes import Failed, call

HERE = Path(__file__).parent

# The emulator, cargo-lambda with its linker, and boto3.
AWS_TOOLS = LOCAL / "aws-tools"
# The SAM CLI and the linters, apart because they pin other versions of the same libraries.
SAM_TOOLS = LOCAL / "sam-tools"
# checkov, apart again for the same reason.
CHECKOV = LOCAL / "checkov"
AUTHSERVER = LOCAL / "authserver"
BROWSER_TESTS = LOCAL / "browser-tests"
CARGO_TOOLS = LOCAL / "cargo-tools"

# Built without optimisation, which takes a fraction of the time; they look at one small workspace.
CARGO_PACKAGES = {"cargo-deny": "0.20.2", "cargo-machete": "0.9.2"}
SBOM_TOOL = "cargo-cyclonedx"
SBOM_TOOL_VERSION = "0.5.9"

POLICY = Path("/usr/sbin/policy-rc.d")


def aws_tools() -> None:
    """The emulator, cargo-lambda and boto3."""
    environment(AWS_TOOLS, HERE / "requirements-aws.txt")


def sam_tools() -> None:
    """The SAM CLI, cfn-lint and ruff."""
    environment(SAM_TOOLS, HERE / "requirements-sam.txt")


def checkov() -> None:
    """What looks at the template as a security reviewer does."""
    environment(CHECKOV, HERE / "requirements-checkov.txt")


def authserver() -> None:
    """The authorization server's packages."""
    _node_packages("authorization server", HERE / "authserver", AUTHSERVER)


def browser_tests() -> None:
    """Chromium from the distribution, which brings a font along, and what drives it."""
    if not shutil.which("chromium"):
        debian_packages("Chromium", ["chromium"])
    _node_packages("browser tests", ROOT / "tests" / "browser", BROWSER_TESTS)


def _node_packages(what: str, source: Path, target: Path) -> None:
    key = _key(source / "package-lock.json")
    if not _installed(target, key):
        npm = program("npm", "Node.js 20 or later with npm")
        _say(f"{what} (npm)")
        target.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, target)
        call([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=target)
        _stamp(target, key)
    # Node looks for packages beside a script, so the scripts are beside them.
    for old in target.glob("*.mjs"):
        old.unlink()
    for script in source.glob("*.mjs"):
        shutil.copy(script, target)


def cargo_tools() -> None:
    """The tools that check the dependency policy."""
    for package, version in CARGO_PACKAGES.items():
        features = ["--no-default-features"] if package == "cargo-deny" else []
        cargo_package(package, version, "--debug", *features)


def sbom_tool() -> None:
    """The tool that says what is in a package: OWASP's own for Cargo, Apache-2.0."""
    cargo_package(SBOM_TOOL, SBOM_TOOL_VERSION, "--debug")


def cargo_package(package: str, version: str, *options: str) -> None:
    """A program from crates.io, for `cargo_tool`."""
    folder = CARGO_TOOLS / package
    if _installed(folder, version):
        return
    _say(f"{package} {version} (crates.io; a few minutes, once)")
    command = ["cargo", "install", "--locked", "--root", str(folder), f"{package}@{version}", *options]
    call(command, env={**os.environ, "CARGO_PROFILE_DEV_DEBUG": "0"})
    _stamp(folder, version)


def cargo_tool(package: str) -> str:
    """Where a program of `cargo_package` lies."""
    return str(CARGO_TOOLS / package / "bin" / package)


def cpp_compiler() -> None:
    """What compiles libFuzzer's runtime, from the distribution where there is none."""
    if not (os.environ.get("CXX") or shutil.which("c++")):
        debian_packages("a C++ compiler", ["g++"])


def dovecot() -> None:
    """The mail server, from the distribution."""
    parts = (Path("/usr/lib/dovecot/imap"), Path("/usr/lib/dovecot/pop3"))
    if not (shutil.which("dovecot", path=_PATH) and all(part.exists() for part in parts)):
        debian_packages("Dovecot 2.3", ["dovecot-core", "dovecot-imapd", "dovecot-pop3d"])
    command = [program("dovecot", "Dovecot 2.3"), "--version"]
    version = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    if not version.startswith("2.3."):  # 2.4 has another configuration language
        raise Failed(
            f"The local mail server needs Dovecot 2.3, and this machine has {version or 'one of unknown version'}. "
            "Debian 12 has 2.3, for example in a container."
        )


def debian_packages(what: str, packages: list[str]) -> None:
    """Packages from the distribution; servers among them are not started."""
    if not shutil.which("apt-get"):
        raise Failed(f"{what} is needed and there is no apt-get to install it: please install {packages}.")
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and subprocess.run([*root, "true"], capture_output=True).returncode != 0:
        raise Failed(
            f"{what} is needed and installing it takes root. Please run:\n"
            f"  sudo apt-get install -y --no-install-recommends {' '.join(packages)}\n"
            "and, if that starts a server that you do not want: sudo systemctl disable --now NAME"
        )
    _say(f"{what} (apt)")
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    ours = not POLICY.exists()
    if ours:  # keeps the packages from starting a server of their own (invoke-rc.d(8))
        call([*root, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}"])
    try:
        call([*apt, "update"])
        call([*apt, "install", "-y", "--no-install-recommends", *packages])
    finally:
        if ours:
            call([*root, "rm", "-f", str(POLICY)])


def rust_target(target: str) -> None:
    """A compilation target of the Rust toolchain."""
    listed = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True)
    if target not in listed.stdout.split():
        call(["rustup", "target", "add", target])


def program(command: str, what: str) -> str:
    """Where a program of the machine lies; system folders may be missing from a person's PATH."""
    found = shutil.which(command, path=_PATH)
    if found is None:
        raise Failed(f"{what} is needed: there is no {command} on the PATH")
    return found


_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def environment(folder: Path, lock: Path) -> None:
    """A virtual environment with what a lock file names."""
    key = _key(lock)
    if _installed(folder, key):
        return
    _say(f"{folder.name} (PyPI)")
    if importlib.util.find_spec("ensurepip") is None:  # Debian's Python has it in a package of its own
        debian_packages("Python's venv module", ["python3-venv"])
    try:
        venv.create(folder, clear=True, with_pip=True)
    except subprocess.CalledProcessError:
        raise Failed(
            f"Python's venv module does not work with {sys.executable}: "
            "please install it, with Debian's Python by sudo apt-get install python3-venv"
        ) from None
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The lock file names every package, so nothing is left to resolve.
    call([*pip, "--no-deps", "--require-hashes", "--requirement", str(lock)])
    _stamp(folder, key)


def _key(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()


def _installed(folder: Path, key: str) -> bool:
    stamp = folder / "installed"
    return stamp.exists() and stamp.read_text() == key


def _stamp(folder: Path, key: str) -> None:
    write(folder / "installed", key)


def _say(what: str) -> None:
    print(f"installing {what} …", flush=True)
