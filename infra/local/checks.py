"""`make check`: what is looked at without running anything."""

import os
import subprocess
import sys
from pathlib import Path

from . import documents, fuzz, install, replaced, replaced_cases, rights_cases, template
from .aws import REGION, TEMPLATE
from .instance import ROOT

# Only what failed is printed, and nothing is fetched. What the template passes over, it explains where it does.
CHECKOV = ("--framework", "cloudformation", "--compact", "--quiet", "--skip-download")


def check() -> int:
    """Runs every check, also after one has failed, and answers the exit status."""
    install.sam_tools()
    install.checkov()
    install.cargo_tools()
    sam_tools = install.SAM_TOOLS / "bin"
    deny = install.cargo_tool("cargo-deny")
    folders = (Path(__file__).parent / "authserver", ROOT / "tests" / "browser")
    scripts = [str(script) for folder in folders for script in sorted(folder.glob("*.mjs"))]
    results = [
        _run("formatting (Rust)", ["cargo", "fmt", "--all", "--check"]),
        _run("formatting (fuzz targets)", ["cargo", "fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]),
        _run("clippy", ["cargo", "clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
        _run("unused dependencies", [install.cargo_tool("cargo-machete")]),
        _run("dependency policy", [deny, "--log-level", "error", "--locked", "check", "bans", "licenses", "sources"]),
        _run("template (SAM)", [str(sam_tools / "sam"), "validate", "--template", str(TEMPLATE)]),
        _run("template (cfn-lint)", [str(sam_tools / "cfn-lint"), "--regions", REGION, "--", str(TEMPLATE)]),
        _run("template (checkov)", [str(install.CHECKOV / "bin" / "checkov"), *CHECKOV, "--file", str(TEMPLATE)]),
        _report("template (promises)", template.problems()),
        _report("template (documents)", documents.problems()),
        _report("template (upgrade)", replaced.problems()),
        _report("template (how upgrades are judged)", replaced_cases.problems()),
        _report("rights (how calls are judged)", rights_cases.problems()),
        _run("formatting (Python)", [str(sam_tools / "ruff"), "format", "--quiet", "--check", "infra"]),
        _run("lint (Python)", [str(sam_tools / "ruff"), "check", "--quiet", "infra"]),
        *(_run(f"syntax ({Path(script).name})", ["node", "--check", script]) for script in scripts),
        *(_verdict(f"fuzzing ({run.target})", run.passed, run.summary()) for run in fuzz.short()),
    ]
    return 0 if all(results) else 1


def advisories() -> int:
    """Looks for known vulnerabilities; fetches the advisory database."""
    install.cargo_tools()
    return 0 if _run("advisories", [install.cargo_tool("cargo-deny"), "check", "advisories"]) else 1


def _report(name: str, problems: list[str]) -> bool:
    return _verdict(name, not problems, "\n".join(problems))


def _run(name: str, command: list[str]) -> bool:
    env = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION}
    result = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return _verdict(name, result.returncode == 0, result.stdout)


def _verdict(name: str, passed: bool, output: str) -> bool:
    print(f"{'ok' if passed else 'FAILED':<7} {name}", flush=True)
    if not passed:
        sys.stdout.write(output.rstrip() + "\n")
    return passed
