"""The bill of materials of what is shipped (CycloneDX 1.5, JSON): every crate in every function, with its licence,
its checksum in Cargo.lock, and what depends on what.

`cargo-cyclonedx` writes one for each package of a workspace, beside its manifest. It is run in an empty copy of the
workspace, and what it says of the functions is put together. What is compiled for the build alone (build scripts,
procedural macros) is listed too; what only tests need is not.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from . import aws, install
from .instance import ROOT
from .processes import Failed

SPECIFICATION = "1.5"
WHOLE = "postroom"
FILE = "sbom"


def of(target: str, digests: dict[str, str], moment: int) -> str:
    """The bill for a Rust target. `digests` has each function's SHA-256, `moment` is in seconds of Unix time."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve()
        packages = _skeleton(copy)
        command = [install.cargo_tool(install.SBOM_TOOL), "cyclonedx", "--format", "json", "--quiet"]
        command += ["--spec-version", SPECIFICATION, "--target", target, "--override-filename", FILE]
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(moment)}
        result = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
        if result.returncode != 0:
            raise Failed(f"cargo-cyclonedx failed:\n{result.stderr}")
        parts = {name: _read(copy, packages[name]) for name in aws.FUNCTIONS}
    return json.dumps(_whole(parts, digests), indent=1, sort_keys=True) + "\n"


def _skeleton(copy: Path) -> dict[str, Path]:
    """Lays the workspace out without its sources: `cargo metadata` wants their files, and not what is in them.
    Answers each package's folder, relative to the workspace."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    folders = {}
    manifests = [ROOT / "Cargo.toml", ROOT / "Cargo.lock"]
    for package in metadata["packages"]:
        manifest = Path(package["manifest_path"])
        manifests.append(manifest)
        folders[package["name"]] = manifest.parent.relative_to(ROOT)
        for each in package["targets"]:
            source = copy / Path(each["src_path"]).relative_to(ROOT)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.touch()
    for manifest in manifests:
        place = copy / manifest.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(manifest.read_bytes())
    return folders


def _read(copy: Path, folder: Path) -> dict[str, Any]:
    """One package's bill, without the place where it was made."""
    text = (copy / folder / f"{FILE}.json").read_text()
    return json.loads(text.replace(copy.as_uri(), "file://"))


def _whole(parts: dict[str, dict[str, Any]], digests: dict[str, str]) -> dict[str, Any]:
    components: dict[str, Any] = {}
    dependencies: dict[str, set[str]] = {}
    for name, part in parts.items():
        function = part["metadata"]["component"]
        # The function is its program; the library beside it is none of its own.
        function.pop("components", None)
        function |= {"type": "application", "hashes": [{"alg": "SHA-256", "content": digests[name]}]}
        dependencies.setdefault(WHOLE, set()).add(function["bom-ref"])
        for component in (*part["components"], function):
            # A crate of the workspace is named with where it lies as seen from another one.
            component["purl"] = component["purl"].partition("?download_url=file:")[0]
            components[component["bom-ref"]] = component
        for each in part["dependencies"]:
            dependencies.setdefault(each["ref"], set()).update(each.get("dependsOn", []))
    first = next(iter(parts.values()))
    metadata = {key: first["metadata"][key] for key in ("timestamp", "tools") if key in first["metadata"]}
    version = first["metadata"]["component"]["version"]
    metadata["component"] = {"type": "application", "bom-ref": WHOLE, "name": WHOLE, "version": version}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": metadata,
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [{"ref": ref, "dependsOn": sorted(dependencies[ref])} for ref in sorted(dependencies)],
    }
