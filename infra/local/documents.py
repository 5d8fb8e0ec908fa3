"""What is written about the template, held against it: no alarm without its entry in the runbook, no parameter without
its row, no example that could not be deployed."""

import re
import tomllib
from collections.abc import Iterator, Set
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from .aws import TEMPLATE
from .instance import ROOT

RUNBOOK = ROOT / "docs" / "operations.md"
GUIDE = ROOT / "docs" / "deploy.md"
EXAMPLE = ROOT / "infra" / "parameters.example.toml"


def problems() -> list[str]:
    """Everything in which a document and the template differ."""
    template = yaml_parse(TEMPLATE.read_text())
    return [*_alarms(template["Resources"]), *_parameters(template["Parameters"]), *_example(template["Parameters"])]


def _alarms(resources: dict[str, Any]) -> Iterator[str]:
    alarms = {name for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    entries = re.findall(r"^### (\w+Alarm)$", RUNBOOK.read_text(), re.MULTILINE)
    yield from _differences("alarm", alarms, {*entries}, "docs/operations.md")


def _parameters(parameters: dict[str, Any]) -> Iterator[str]:
    (section,) = re.findall(r"^## Parameters$(.*?)^## ", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    yield from _differences("parameter", {*parameters}, {*rows}, "docs/deploy.md")


def _example(parameters: dict[str, Any]) -> Iterator[str]:
    for name in tomllib.loads(EXAMPLE.read_text())["parameters"].keys() - parameters.keys():
        yield f"{EXAMPLE.name}: the template has no parameter {name}"


def _differences(what: str, there: Set[str], written: Set[str], document: str) -> Iterator[str]:
    for name in sorted(there - written):
        yield f"{document}: the {what} {name} is not in it"
    for name in sorted(written - there):
        yield f"{document}: the template has no {what} {name}"
